"""Agents' moves that need no words: solve, hold, off hold, reopen.

Each takes the status that the agent saw, `seen_status`, and is a Conflict when a colleague has changed it since.
"""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from supportdesk.lib import text
from supportdesk.lib.errors import Invalid
from tickets import access
from tickets.actions.moves import locked, move, require, require_seen
from tickets.events import record
from tickets.models import EventKind, Ticket
from tickets.states import Status, Verb


@transaction.atomic
def solve(ticket: Ticket, *, by: User, at: datetime, seen_status: Status | None = None) -> None:
    """Solve without a reply; an unassigned ticket is taken. Raises NotAllowed, Conflict."""
    ticket = locked(ticket, by=by)
    require(access.may_work(by, ticket), "solve this request")
    require_seen(ticket, seen_status)
    takes = {} if ticket.assignee_id else {"assignee": by}
    former = move(ticket, Verb.SOLVE, at=at, **takes)
    record(ticket, EventKind.SOLVED, by=by, at=at, from_status=former, to_status=ticket.status, took=bool(takes))


@transaction.atomic
def hold(ticket: Ticket, *, by: User, reason: str, at: datetime, seen_status: Status | None = None) -> None:
    """Wait for somebody inside; the customer goes on seeing Open. Raises NotAllowed, Invalid, Conflict."""
    ticket = locked(ticket, by=by)
    require(access.may_work(by, ticket), "put this request on hold")
    require_seen(ticket, seen_status)
    reason = text.one_line(reason, field="reason", most=200)
    if not reason:
        raise Invalid("Please say what the request waits for.", code="required", field="reason")
    # From Open the customer is not to notice (S050); from Pending they see Open again.
    shown = ticket.public_updated_at if ticket.state is Status.OPEN else at
    former = move(ticket, Verb.HOLD, at=at, hold_reason=reason, public_updated_at=shown)
    record(ticket, EventKind.HELD, by=by, at=at, from_status=former, to_status=ticket.status, reason=reason)


@transaction.atomic
def unhold(ticket: Ticket, *, by: User, at: datetime, seen_status: Status | None = None) -> None:
    """Take off hold. Raises NotAllowed, Conflict."""
    ticket = locked(ticket, by=by)
    require(access.may_work(by, ticket), "take this request off hold")
    require_seen(ticket, seen_status)
    former = move(ticket, Verb.UNHOLD, at=at, public_updated_at=ticket.public_updated_at)
    record(ticket, EventKind.UNHELD, by=by, at=at, from_status=former, to_status=ticket.status)


@transaction.atomic
def reopen(ticket: Ticket, *, by: User, at: datetime, seen_status: Status | None = None) -> None:
    """Solved is Open again, by an agent or the customer; a customer who reopens waits for an answer."""
    ticket = locked(ticket, by=by)
    require(access.may_reopen(by, ticket), "reopen this request")
    require_seen(ticket, seen_status)
    waits = {} if by.is_desk else {"waiting_since": ticket.waiting_since or at}
    former = move(ticket, Verb.REOPEN, at=at, **waits)
    record(ticket, EventKind.REOPENED, by=by, at=at, from_status=former, to_status=ticket.status, waits=bool(waits))
