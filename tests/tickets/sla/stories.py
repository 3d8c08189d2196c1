"""What the stories about promises have in common: times on the customer's wall, and looking at a ticket's clocks."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import User
from tickets import actions
from tickets.models import EventKind, Priority, SlaClock, Ticket
from tickets.sla.promises import Promise
from tickets.states import Status

BERLIN, NEW_YORK, SYDNEY = "Europe/Berlin", "America/New_York", "Australia/Sydney"
FIRST, NEXT, UPDATE, RESOLUTION = Promise


def wall(text: str, zone: str = BERLIN) -> datetime:
    """The instant (UTC) at which the wall's clock shows "Tue 2026-11-10 10:00"; a wrong weekday is a mistake here."""
    local = datetime.strptime(text, "%a %Y-%m-%d %H:%M").replace(tzinfo=ZoneInfo(zone))
    assert local.strftime("%a %Y-%m-%d %H:%M") == text
    return local.astimezone(UTC)


def fresh(ticket: Ticket) -> Ticket:
    return Ticket.objects.get(pk=ticket.pk)


def clocks(ticket: Ticket, promise: Promise) -> list[SlaClock]:
    return list(SlaClock.objects.filter(ticket=ticket, promise=promise).order_by("started_at", "pk"))


def clock_of(ticket: Ticket, promise: Promise = FIRST) -> SlaClock:
    """The promise's newest clock."""
    return clocks(ticket, promise)[-1]


def due(ticket: Ticket, promise: Promise = FIRST) -> datetime | None:
    found = clocks(ticket, promise)
    return found[-1].due_at if found else None


def is_running(ticket: Ticket, promise: Promise) -> bool:
    return any(clock.ended_at is None and clock.running_since is not None for clock in clocks(ticket, promise))


def told(kind: EventKind, *tickets: Ticket) -> list[dict[str, Any]]:
    """What the events of a kind say, in the order in which they were recorded."""
    from tickets.models import TicketEvent

    return [event.data for event in TicketEvent.objects.filter(ticket__in=tickets, kind=kind).order_by("pk")]


def answerer(by: User) -> Callable[..., None]:
    def answer(ticket: Ticket, at: datetime, submit_as: Status = Status.OPEN) -> None:
        actions.answer(ticket, by=by, body="Please restart it.", submit_as=submit_as, at=at)

    return answer


def prioritise(ticket: Ticket, priority: Priority, *, by: User, at: datetime) -> None:
    actions.change_fields(ticket, by=by, changes={"priority": priority}, at=at)
