"""Mails that gather news for one person: written for one reader after the other, each by one worker."""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime

from accounts.models import User
from supportdesk.lib import queue

logger = logging.getLogger(__name__)


def mail_each(readers: Iterable[int], mail_to: Callable[..., bool], *, what: str, now: datetime) -> int:
    """Let `mail_to` write the mail of each of `readers` (keys); the number of mails. Whose fails is logged and stepped
    over, and met again by the next pass."""
    written = 0
    for pk in list(readers):
        try:
            written += mail_to(pk, now=now)
        except Exception:
            logger.exception("the %s of person %s could not be mailed", what, pk)
    if written:
        queue.wake("mail")
    return written


def locked_reader(pk: int) -> User | None:
    """The person's row, locked, so that two workers don't share one's news out between two mails; None when another
    worker has it."""
    people = User.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    return people.select_related("region").filter(pk=pk).first()
