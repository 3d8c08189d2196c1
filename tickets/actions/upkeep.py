"""What the system does by itself: close after Solved, remind in Pending, solve for want of an answer."""

from datetime import datetime

from django.db import transaction

from tickets.actions.moves import move, next_pending_deadline
from tickets.events import record
from tickets.models import EventKind, Ticket, WorkflowSettings
from tickets.querysets import TicketQuerySet
from tickets.states import Status, Verb


@transaction.atomic
def close_solved(number: int, *, now: datetime) -> bool:
    """Close one ticket whose time in Solved is over; False when, under the lock, it no longer is to be closed."""
    ticket = _still_due(Ticket.objects.close_due(now), number)
    if ticket is None:
        return False
    former = move(ticket, Verb.CLOSE, at=now)
    record(ticket, EventKind.CLOSED, by=None, at=now, from_status=former, to_status=ticket.status)
    return True


@transaction.atomic
def follow_up_pending(number: int, *, now: datetime) -> bool:
    """Remind of one Pending ticket, or solve it after the last reminder; False when it is no longer due."""
    ticket = _still_due(Ticket.objects.pending_due(now), number)
    if ticket is None:
        return False
    settings = WorkflowSettings.current()
    if ticket.reminders_sent >= len(settings.remind_after_days):
        former = move(ticket, Verb.GIVE_UP_WAITING, at=now)
        record(ticket, EventKind.GAVE_UP_WAITING, by=None, at=now, from_status=former, to_status=Status.SOLVED)
        return True
    sent = ticket.reminders_sent + 1
    due = next_pending_deadline(ticket, settings, since=ticket.status_changed_at, reminders_sent=sent)
    move(ticket, Verb.REMIND, at=now, reminders_sent=sent, pending_due_at=due)
    record(ticket, EventKind.REMINDED, by=None, at=now, reminder=sent)
    return True


def _still_due(due: TicketQuerySet, number: int) -> Ticket | None:
    """The row locked, unless another sweep has it or it is no longer due."""
    rows = due.select_for_update(of=("self",), skip_locked=True).select_related("organization", "requester")
    return rows.filter(pk=number).first()
