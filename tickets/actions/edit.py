"""Changing what a ticket says of itself: priority, category, subject and the other fields."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from supportdesk.lib import text
from supportdesk.lib.errors import Conflict, Invalid
from tickets import access
from tickets.actions.customer import raised
from tickets.actions.moves import check, locked, require, waiting_anew, write
from tickets.actions.submit import SUBJECT_LENGTH, VERSION_LENGTH
from tickets.events import record
from tickets.models import EventKind, Priority, Ticket
from tickets.states import Status, Verb

FIELDS = (
    *("subject", "priority", "category", "environment"),
    *("product_version", "mobile_version", "mobile_device"),
)
_LENGTHS = {"subject": SUBJECT_LENGTH, "product_version": VERSION_LENGTH, "mobile_version": VERSION_LENGTH}


@transaction.atomic
def change_fields(
    ticket: Ticket, *, by: User, changes: Mapping[str, Any], at: datetime, seen: Mapping[str, Any] | None = None
) -> list[str]:
    """Write the fields of `changes` that differ and return their names; others stay as colleagues have set them.

    `seen` holds the values the agent had before their eyes: where a colleague has changed a field to something else
    since, nothing is written and Conflict says what it is now (S090). Raises NotAllowed, Invalid, Conflict.
    """
    ticket = locked(ticket, by=by)
    require(access.may_work(by, ticket), "edit this request")
    check(ticket, Verb.EDIT)
    wanted = {name: _checked(name, value) for name, value in changes.items()}
    changed = {name: value for name, value in wanted.items() if getattr(ticket, name) != value}
    for name in changed:
        if seen is not None and name in seen and seen[name] != getattr(ticket, name):
            raise Conflict(
                f"A colleague changed this to {shown(getattr(ticket, name))!r} meanwhile.",
                code="changed_meanwhile",
                field=name,
            )
    if not changed:
        return []
    columns = dict(changed)
    if "priority" in changed:
        columns |= raised(ticket, changed["priority"], at)
    former = {name: getattr(ticket, name) for name in changed}
    write(ticket, at=at, public_updated_at=at, **columns)
    _record(ticket, former, changed, by=by, at=at)
    return list(changed)


def shown(value: Any) -> str:
    """A field's value in words."""
    if isinstance(value, int):
        return Priority(value).label
    return str(value) if value else "nothing"


@transaction.atomic
def set_do_not_close(ticket: Ticket, *, by: User, to: bool, at: datetime) -> None:
    """Keep the system from solving or closing the ticket, or let it again.

    A Pending ticket then waits for its customer as from now; a Solved one whose time is over is closed.
    """
    ticket = locked(ticket, by=by)
    require(access.may_work(by, ticket), "change this request")
    check(ticket, Verb.EDIT)
    if ticket.do_not_close == to:
        return
    waits = waiting_anew(ticket, at) if ticket.state is Status.PENDING and not to else {}
    write(ticket, at=at, do_not_close=to, **waits)
    record(ticket, EventKind.DO_NOT_CLOSE_CHANGED, by=by, at=at, to=to)


def _checked(name: str, value: Any) -> Any:
    if name not in FIELDS:
        raise Invalid("There is no such field.", code="unknown_field", field=name)
    if name not in _LENGTHS:
        return value
    value = text.one_line(value, field=name, most=_LENGTHS[name])
    if name == "subject" and not value:
        raise Invalid("Please give a subject.", code="required", field="subject")
    return value


def _record(ticket: Ticket, former: dict[str, Any], changed: dict[str, Any], *, by: User, at: datetime) -> None:
    for name, value in changed.items():
        if name == "priority":
            new = None if value is None else int(value)
            record(ticket, EventKind.PRIORITY_CHANGED, by=by, at=at, old=former[name], new=new)
        else:
            record(
                ticket, EventKind.FIELD_CHANGED, by=by, at=at, field=name, old=_plain(former[name]), new=_plain(value)
            )


def _plain(value: Any) -> str:
    return "" if value is None else str(value)
