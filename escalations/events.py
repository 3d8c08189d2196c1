"""Recording what happened to a page."""

from datetime import datetime
from typing import Any

from accounts.models import User
from escalations.models import Page, PageEvent


def record(page: Page, kind: PageEvent.Kind, *, at: datetime, by: User | None = None, **data: Any) -> PageEvent:
    """Append what happened, in the caller's transaction; `by` None is the engine."""
    return PageEvent.objects.create(page=page, kind=kind, actor=by, at=at, data=data)
