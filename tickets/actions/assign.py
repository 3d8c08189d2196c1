"""Whose ticket it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import transaction

from accounts.models import User
from supportdesk.lib.errors import Conflict, DomainError, Invalid
from tickets import access
from tickets.actions.moves import check, locked, move, require
from tickets.events import record
from tickets.models import EventKind, Ticket
from tickets.states import Verb

_ANYBODY = object()


@transaction.atomic
def assign(ticket: Ticket, *, by: User, to: User, at: datetime, seen_assignee: object = _ANYBODY) -> None:
    """Give the ticket to an agent; a New one becomes Open. To whom it already belongs: nothing happens.

    `seen_assignee` is the assignee's id (or None) that `by` had before their eyes: Conflict when it is another by now.
    """
    ticket = locked(ticket, by=by)
    require(access.may_work(by, ticket), "assign this request")
    if not (to.is_active and to.is_agent):
        raise Invalid("Choose an agent.", code="not_an_agent", field="assignee")
    check(ticket, Verb.ASSIGN)
    _check_seen(ticket, seen_assignee, to)
    if ticket.assignee_id == to.pk:
        return
    former_assignee = ticket.assignee_id
    former = move(ticket, Verb.ASSIGN, at=at, assignee=to)
    record(
        ticket,
        EventKind.ASSIGNED,
        by=by,
        at=at,
        from_status=former,
        to_status=ticket.status,
        to=to.pk,
        to_name=to.display_name,
        former=former_assignee,
    )


def take(ticket: Ticket, *, by: User, at: datetime, seen_assignee: object = _ANYBODY) -> None:
    """Assign the ticket to oneself."""
    assign(ticket, by=by, to=by, at=at, seen_assignee=seen_assignee)


@transaction.atomic
def unassign(ticket: Ticket, *, by: User, at: datetime, seen_assignee: object = _ANYBODY) -> None:
    """Give the ticket back to the team; one that nobody has answered is New again."""
    ticket = locked(ticket, by=by)
    require(access.may_work(by, ticket), "assign this request")
    if ticket.assignee is None:
        return
    _check_seen(ticket, seen_assignee, None)
    name, former_assignee = ticket.assignee.display_name, ticket.assignee_id
    former = move(ticket, Verb.UNASSIGN, at=at, assignee=None)
    record(
        ticket,
        EventKind.UNASSIGNED,
        by=by,
        at=at,
        from_status=former,
        to_status=ticket.status,
        former=former_assignee,
        former_name=name,
    )


@dataclass
class BulkResult:
    """What became of a bulk action: how many it changed, and the refusals by ticket number."""

    changed: int = 0
    refused: dict[int, str] = field(default_factory=dict)


def assign_many(
    tickets: Sequence[Ticket], *, by: User, to: User | None, at: datetime, seen: Mapping[int, int | None] | None = None
) -> BulkResult:
    """Assign (or, with `to` None, unassign) each ticket in its own transaction; one refusal doesn't stop the others.

    `seen` tells, by ticket number, the assignee's id that `by` had before their eyes; who isn't in it is not compared.
    """
    result = BulkResult()
    for ticket in tickets:
        seen_assignee = (seen or {}).get(ticket.number, _ANYBODY)
        try:
            if to is None:
                unassign(ticket, by=by, at=at, seen_assignee=seen_assignee)
            else:
                assign(ticket, by=by, to=to, at=at, seen_assignee=seen_assignee)
            result.changed += 1
        except DomainError as refusal:
            result.refused[ticket.number] = refusal.sentence
    return result


def _check_seen(ticket: Ticket, seen: object, to: User | None) -> None:
    if seen is _ANYBODY or seen == ticket.assignee_id or (to is not None and ticket.assignee_id == to.pk):
        return
    who = ticket.assignee.display_name if ticket.assignee else "nobody"
    raise Conflict(f"This request was assigned to {who} meanwhile.", code="assigned_meanwhile", field="assignee")
