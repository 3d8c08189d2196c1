"""The one place that assigns a status, with the deadlines that come and go with it."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import User
from supportdesk.lib.errors import Conflict, NotAllowed
from tickets.models import Ticket, WorkflowSettings
from tickets.sla import lookup
from tickets.sla.calendar import add_business_days
from tickets.states import Status, Verb, target


def locked(ticket: Ticket, *, by: User | None) -> Ticket:
    """The ticket's row, fresh and locked; NotAllowed when the person no longer sees it."""
    rows = Ticket.objects.select_for_update(of=("self",)).select_related("organization__plan", "requester")
    if by is None:
        return rows.get(pk=ticket.pk)
    found = rows.visible_to(by).filter(pk=ticket.pk).first()
    if found is None:
        raise NotAllowed("You no longer have access to this request.", code="access_lost")
    return found


def require(allowed: bool, what: str) -> None:
    """NotAllowed, naming what was wanted, unless `allowed`."""
    if not allowed:
        raise NotAllowed(f"You may not {what}.")


def check(ticket: Ticket, verb: Verb) -> Status:
    """The status that `verb` leads to; Conflict when the ticket's status refuses it."""
    to = target(verb, ticket.state, answered=ticket.is_answered, escalated=ticket.is_escalated)
    if to is None:
        waits = " and waits for engineering" if ticket.is_escalated and ticket.state is Status.ON_HOLD else ""
        raise Conflict(
            f"Request #{ticket.number} is {ticket.state.label} now{waits}, so this can't be done.", code="wrong_status"
        )
    return to


def require_seen(ticket: Ticket, seen: Status | None) -> None:
    """Conflict when a colleague has changed the status that the agent had before their eyes (S090)."""
    if seen is not None and seen is not ticket.state:
        sentence = f"The status was changed from {seen.label} to {ticket.state.label} meanwhile."
        raise Conflict(sentence, code="changed_meanwhile", field="status")


def move(ticket: Ticket, verb: Verb, *, at: datetime, **changes: Any) -> Status:
    """Carry out `verb` on the locked `ticket` together with `changes` to other columns; return the former status."""
    former, to = ticket.state, check(ticket, verb)
    if to is not former:
        ticket.status = to
        # While it is escalated it comes On-hold again by itself, for the same reason.
        reason = ticket.hold_reason if ticket.is_escalated else ""
        changes = {"status_changed_at": at, "hold_reason": reason, **_deadlines(ticket, to, at), **changes}
        changes.setdefault("public_updated_at", at)
    write(ticket, at=at, **changes)
    return former


def write(ticket: Ticket, *, at: datetime, **changes: Any) -> None:
    """Save `changes` and that the ticket was touched `at`."""
    changes["updated_at"] = max(at, ticket.updated_at)
    for name, value in changes.items():
        setattr(ticket, name, value)
    ticket.save(update_fields=["status", *changes])


def zone_of(ticket: Ticket) -> ZoneInfo:
    """The customer's time zone: the person's own before the organisation's."""
    return lookup.zone_of(ticket.requester, ticket.organization)


def _deadlines(ticket: Ticket, to: Status, at: datetime) -> dict[str, Any]:
    """When the system acts next in the status that the ticket goes to. A finished ticket waits for nobody."""
    columns: dict[str, Any] = {"close_due_at": None, "pending_due_at": None, "reminders_sent": 0}
    if to is Status.SOLVED:
        columns["close_due_at"] = at + timedelta(hours=WorkflowSettings.current().close_after_hours)
    if to is Status.PENDING:
        columns |= waiting_anew(ticket, at)
    if to in {Status.SOLVED, Status.CLOSED}:
        columns |= {"waiting_since": None, "raised_at": None}
    return columns


def waiting_anew(ticket: Ticket, at: datetime) -> dict[str, Any]:
    """The deadlines of a ticket that waits for its customer from `at` on: the first reminder is next."""
    first = WorkflowSettings.current().pending_days[0]
    return {"pending_due_at": add_business_days(at, first, zone_of(ticket)), "reminders_sent": 0}
