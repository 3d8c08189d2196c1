"""To whom a message was mailed, and what became of each mail: for the staff, beside the message."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tickets.models import Message, OutgoingMail

_State = OutgoingMail.State
_BAD = {_State.FAILED, _State.BOUNCED}


@dataclass(frozen=True)
class Delivery:
    """One mail: `at` is when it came to that, or, while it waits, when it is tried next."""

    pk: int
    to: str
    said: str
    at: datetime | None
    state: str

    @property
    def is_bad(self) -> bool:
        """Whether the person was told nothing, and somebody should do something about it."""
        return self.state in _BAD

    @property
    def is_waiting(self) -> bool:
        return self.state == _State.QUEUED

    @property
    def may_be_retried(self) -> bool:
        return self.state == _State.FAILED


@dataclass(frozen=True)
class Deliveries:
    """The mails of one message."""

    mails: list[Delivery]

    @property
    def bad(self) -> int:
        return sum(mail.is_bad for mail in self.mails)

    @property
    def is_waiting(self) -> bool:
        """Whether a mail waits because it could not be sent at once."""
        return any(mail.is_waiting and mail.said != _QUEUED for mail in self.mails)


def deliveries(messages: Iterable[Message]) -> dict[int, Deliveries]:
    """What was mailed of the staff's public messages, by message: one query; nothing where nothing was."""
    keys = [message.pk for message in messages if message.is_public and message.from_staff]
    if not keys:
        return {}
    rows = OutgoingMail.objects.filter(event__message__in=keys).exclude(kind__startswith="staff_")
    found = defaultdict(list)
    for mail in rows.select_related("event").defer("text", "html").order_by("pk"):
        assert mail.event is not None  # noqa: S101 - it was found by it
        found[mail.event.message_id].append(_delivery(mail))
    return {key: Deliveries(mails) for key, mails in found.items() if key is not None}


_QUEUED = "about to be sent"


def _delivery(mail: OutgoingMail) -> Delivery:
    said, at = _what_became(mail)
    return Delivery(mail.pk, mail.to_email, said, at, mail.state)


def _what_became(mail: OutgoingMail) -> tuple[str, datetime | None]:
    match mail.state:
        case _State.SENT:
            return ("delivered", mail.delivered_at) if mail.delivered_at else ("sent", mail.sent_at)
        case _State.BOUNCED:
            return f"bounced: {mail.bounce or 'the other side gave no reason'}", mail.bounced_at
        case _State.FAILED:
            return f"failed: {mail.last_error or 'nobody knows why'}", None
        case _State.CANCELLED:
            return f"not sent: {mail.last_error or 'they may not read it any more'}", None
    return (f"waiting: {mail.last_error}", mail.next_attempt_at) if mail.last_error else (_QUEUED, None)
