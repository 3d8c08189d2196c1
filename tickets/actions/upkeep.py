"""What the system does by itself: close after Solved, remind in Pending, solve for want of an answer."""

from datetime import datetime

from django.db import transaction

from tickets.actions.moves import move, zone_of
from tickets.actions.survey import owe_survey
from tickets.events import record
from tickets.models import EventKind, Ticket, WorkflowSettings
from tickets.querysets import TicketQuerySet
from tickets.sla.calendar import add_business_days
from tickets.states import Status, Verb


@transaction.atomic
def close_solved(number: int, *, now: datetime) -> bool:
    """Close one ticket whose time in Solved is over; False when, under the lock, it no longer is to be closed."""
    ticket = _still_due(Ticket.objects.close_due(now), number)
    if ticket is None:
        return False
    former = move(ticket, Verb.CLOSE, at=now)
    record(ticket, EventKind.CLOSED, by=None, at=now, from_status=former, to_status=ticket.status)
    owe_survey(ticket, at=now)
    return True


@transaction.atomic
def follow_up_pending(number: int, *, now: datetime) -> bool:
    """Remind of one Pending ticket, or solve it after the last reminder; False when it is no longer due."""
    ticket = _still_due(Ticket.objects.pending_due(now), number)
    if ticket is None:
        return False
    step, following = _step(ticket, now)
    if following is None:
        former = move(ticket, Verb.GIVE_UP_WAITING, at=now)
        record(ticket, EventKind.GAVE_UP_WAITING, by=None, at=now, from_status=former, to_status=Status.SOLVED)
        return True
    move(ticket, Verb.REMIND, at=now, reminders_sent=step + 1, pending_due_at=following)
    record(ticket, EventKind.REMINDED, by=None, at=now, reminder=step + 1)
    return True


def _step(ticket: Ticket, now: datetime) -> tuple[int, datetime | None]:
    """Which of the steps in Pending is due now, and when the next one is; None after the last, which solves.

    After an outage the steps whose time has passed altogether are skipped: nobody gets three mails at once.
    """
    days, due = WorkflowSettings.current().pending_days, ticket.pending_due_at or now
    step = min(ticket.reminders_sent, len(days) - 1)
    while step < len(days) - 1:
        following = add_business_days(due, days[step + 1] - days[step], zone_of(ticket))
        if following > now:
            return step, following
        step, due = step + 1, following
    return step, None


def _still_due(due: TicketQuerySet, number: int) -> Ticket | None:
    """The row locked, unless another sweep has it or it is no longer due."""
    rows = due.select_for_update(of=("self",), skip_locked=True).select_related("organization__plan", "requester")
    return rows.filter(pk=number).first()
