"""Where a request stands, in one line of the customer's words: what we owe them, or what they owe us."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from supportdesk.lib.tags import deadline
from tickets.models import Ticket
from tickets.models.sla import span_in_words
from tickets.sla.promises import HoursKind
from tickets.sla.terms import Target
from tickets.states import Status


@dataclass(frozen=True)
class Standing:
    """A line, the look of its notice, its drawing, and who is to act next: "us", "you" or nobody."""

    line: str
    look: str
    drawing: str
    turn: str = ""


def standing_of(ticket: Ticket, *, now: datetime) -> Standing:
    """The line for `ticket`, with the time of what is owed next in the viewer's zone."""
    status = ticket.state_for_customer
    if status is Status.PENDING:
        return Standing(
            "We asked you something and wait for your answer.", "warn", "message-circle-question-mark", "you"
        )
    if status is Status.SOLVED:
        return Standing("Solved. If it isn't, reopen this request or just reply.", "ok", "circle-check")
    if status is Status.CLOSED:
        return Standing("Closed. A reply opens a follow-up request.", "", "archive")
    if not ticket.is_answered:
        return Standing(f"We owe you a first answer{_by(ticket, now)}.", "info", "clock", "us")
    if ticket.waiting_since is not None:
        return Standing(f"You wrote last: we owe you a reply{_by(ticket, now)}.", "info", "clock", "us")
    if ticket.next_due_at is not None:
        return Standing(f"We are working on it and owe you news{_by(ticket, now)}.", "info", "wrench", "us")
    return Standing("We are working on it. Nothing is needed from you now.", "info", "wrench", "us")


def _by(ticket: Ticket, now: datetime) -> str:
    """` by Tue 24 Nov, 14:30`; a deadline that has passed is said to have."""
    if ticket.next_due_at is None:
        return ""
    told = deadline(timezone.localtime(ticket.next_due_at), timezone.localtime(now))
    return f" since {told}" if ticket.next_due_at < now else f" by {told}"


def target_in_words(target: Target) -> str:
    """`1 hour, around the clock`; spans in business time name it themselves."""
    span = span_in_words(target.minutes, target.kind)
    if target.kind is HoursKind.BUSINESS:
        return span
    return f"{span}, {'day and night on weekdays' if target.is_weekdays else 'around the clock'}"
