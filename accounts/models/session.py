"""Sessions that know whose they are, so that a person's can be ended at once, all of them."""

from typing import ClassVar

from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models


class Session(AbstractBaseSession):
    """One browser; `user_id` is None until somebody logs in there."""

    user_id = models.BigIntegerField(null=True, db_index=True)

    objects: ClassVar[BaseSessionManager] = BaseSessionManager()  # type: ignore[type-arg]

    @classmethod
    def get_session_store_class(cls) -> type:
        from accounts.sessions import SessionStore

        return SessionStore
