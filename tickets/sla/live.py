"""Clocks follow events: called for each that is recorded, in its transaction, under the ticket's lock."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

from django.db.models import Max

from supportdesk.lib import bulk
from tickets.models import EventKind, ServiceTerms, SlaClock, Ticket, TicketEvent
from tickets.sla import clocks
from tickets.sla.lookup import bargain
from tickets.sla.moments import MATTERING, STARTING, moment
from tickets.sla.promises import FINISHED, Promise

COLUMNS = (
    *("priority", "terms", "running_since", "used", "due_at", "next_action_at"),
    *("breached_at", "met_at", "ended_at", "spans"),
)


def not_before(ticket: Ticket, kind: EventKind, at: datetime) -> datetime:
    """`at`, or when the locked ticket's last event was, if that is later: clocks can't go back."""
    if kind is EventKind.CREATED or kind not in MATTERING:
        return at
    last = TicketEvent.objects.filter(ticket=ticket).aggregate(at=Max("at"))["at"]
    return max(at, last) if last else at


def terms_for(ticket: Ticket, kind: EventKind) -> ServiceTerms | None:
    """The terms that an event of `kind` carries: those in force now, where it may begin a clock."""
    found = bargain(ticket.requester, ticket.organization) if kind in STARTING else None
    return found.kept_terms() if found else None


def first_due(ticket: Ticket, terms: ServiceTerms | None) -> datetime | None:
    """When the first of the promises is due that begin with a ticket which is about to be saved."""
    opening = TicketEvent(ticket=ticket, kind=EventKind.CREATED, at=ticket.created_at)
    opening.data = {"answered": ticket.is_answered}
    return earliest(carry_on(ticket, [], meaning(ticket, opening, terms)))


def follow(ticket: Ticket, event: TicketEvent, terms: ServiceTerms | None) -> list[SlaClock]:
    """Let the ticket's clocks follow `event`; those whose breach was noticed only now are returned."""
    if event.kind not in MATTERING:
        return []
    found = _concerned(ticket, event)
    unbroken = [clock for clock in found if clock.breached_at is None]
    save(ticket, found, carry_on(ticket, found, meaning(ticket, event, terms)), at=event.at)
    return [clock for clock in unbroken if clock.breached_at is not None]


def meaning(ticket: Ticket, event: TicketEvent, terms: Any, moves: Mapping[Any, Any] | None = None) -> clocks.Moment:
    """What `event` means to the clocks of a ticket as it stands after it."""
    return moment(
        event,
        status=ticket.state,
        priority=ticket.priority,
        kept_open=ticket.do_not_close,
        was_answered=ticket.is_answered,
        ticket=ticket,
        terms=terms,
        moves=moves,
    )


def carry_on(ticket: Ticket, found: Sequence[SlaClock], now: clocks.Moment) -> list[SlaClock]:
    """Let these clocks of the ticket follow a moment; the ones it starts, not saved yet."""

    def make(promise: Promise, at: datetime, terms: Any) -> SlaClock:
        return SlaClock(ticket=ticket, promise=promise.value, started_at=at, terms=terms)

    return cast(list[SlaClock], clocks.follow(cast(list[clocks.Clock], list(found)), now, make))


def _concerned(ticket: Ticket, event: TicketEvent) -> list[SlaClock]:
    """The open clocks; where the ticket was finished, those too that a reopening or an answer takes up."""
    if event.kind == EventKind.CREATED:
        return []
    rows = SlaClock.objects.filter(ticket=ticket)
    if event.from_status not in FINISHED:
        rows = rows.open()
    return [clock for clock in rows.with_terms() if clock.is_open or clocks.goes_on(clock)]


def save(ticket: Ticket, kept: Iterable[SlaClock], started: Iterable[SlaClock], *, at: datetime) -> None:
    """Write the clocks, and on the ticket when the next of them is due."""
    kept, started = list(kept), list(started)
    for clock in (*kept, *started):
        clock.next_action_at = next_action(clock, at)
    bulk.update(kept, COLUMNS)
    if started:
        SlaClock.objects.bulk_create(started)
    due = earliest((*kept, *started))
    if ticket.next_due_at != due:
        ticket.next_due_at = due
        Ticket.objects.filter(pk=ticket.pk).update(next_due_at=due)


def earliest(found: Iterable[SlaClock]) -> datetime | None:
    """The deadline that comes first."""
    return min((clock.due_at for clock in found if clock.due_at is not None), default=None)


def next_action(clock: SlaClock, now: datetime) -> datetime | None:
    """When the sweep is to look at a running clock next: at the first warning not given yet, else when it breaks."""
    if clock.due_at is None or clock.breached_at is not None or clock.running_since is None:
        return None
    ahead = [at for point, at in warning_points(clock) if point not in clock.warned]
    return min(ahead, default=clock.due_at) if clock.due_at > now else clock.due_at


def warning_points(clock: SlaClock) -> list[tuple[int, datetime]]:
    """The points before its deadline at which the staff is warned of a running clock, and when each is reached.

    A point is a percentage of the target used up, or minutes before the deadline as a negative number.
    """
    target = clocks.target_of(clock)
    if target is None or clock.due_at is None or clock.running_since is None:
        return []
    terms, points = clock.terms.agreed, []
    for percent in terms.warn_percent:
        ahead = target.length * percent / 100 - clock.used
        points.append((percent, target.hours.add(clock.running_since, max(ahead, timedelta()))))
    points += [(-minutes, clock.due_at - timedelta(minutes=minutes)) for minutes in terms.warn_before]
    return [(point, at) for point, at in points if at < clock.due_at]
