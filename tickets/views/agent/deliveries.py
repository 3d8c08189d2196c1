"""To whom a message was mailed, and what became of each mail: for the staff, beside the message."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from tickets.models import Message, OutgoingMail
from tickets.querysets import MessageQuerySet

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
        """Whether it could not be sent at once."""
        return self.state == _State.QUEUED and self.said != _QUEUED

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
        return any(mail.is_waiting for mail in self.mails)


def with_mails(messages: MessageQuerySet) -> MessageQuerySet:
    """Each message with `mails`, what was mailed of it to customers, in the same query."""
    mails = OutgoingMail.objects.filter(event__message=OuterRef("pk")).exclude(kind__startswith="staff_")
    told = JSONObject(**{name: name for name in _TOLD})
    return messages.annotate(mails=ArraySubquery(mails.order_by("pk").values(told=told)))


def deliveries(messages: Iterable[Message]) -> dict[int, Deliveries]:
    """What was mailed of the staff's public messages (of `with_mails`), by message; nothing where nothing was."""
    found: dict[int, list[dict[str, Any]]] = {
        message.pk: message.mails  # type: ignore[attr-defined]
        for message in messages
        if message.is_public and message.from_staff
    }
    return {pk: Deliveries([_delivery(mail) for mail in mails]) for pk, mails in found.items() if mails}


_TOLD = (
    *("pk", "to_email", "state", "last_error", "bounce"),
    *("sent_at", "delivered_at", "bounced_at", "next_attempt_at"),
)
_QUEUED = "about to be sent"


def _delivery(mail: dict[str, Any]) -> Delivery:
    said, at = _what_became(mail)
    when = datetime.fromisoformat(mail[at]) if at and mail[at] else None
    return Delivery(mail["pk"], mail["to_email"], said, when, mail["state"])


def _what_became(mail: dict[str, Any]) -> tuple[str, str]:
    """In words, and the field that says when."""
    match mail["state"]:
        case _State.SENT:
            return ("delivered", "delivered_at") if mail["delivered_at"] else ("sent", "sent_at")
        case _State.BOUNCED:
            return f"bounced: {mail['bounce'] or 'the other side gave no reason'}", "bounced_at"
        case _State.FAILED:
            return f"failed: {mail['last_error'] or 'nobody knows why'}", ""
        case _State.CANCELLED:
            return f"not sent: {mail['last_error'] or 'they may not read it any more'}", ""
    return (f"waiting: {mail['last_error']}", "next_attempt_at") if mail["last_error"] else (_QUEUED, "")
