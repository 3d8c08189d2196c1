"""Clocks from events alone: to compare with those that are kept, or to write them anew."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import transaction
from django.db.models import prefetch_related_objects

from supportdesk.lib import bulk
from tickets.models import EventKind, ServiceTerms, SlaClock, Ticket, TicketEvent
from tickets.sla import live
from tickets.sla.clocks import Moment, concerns, note_breach, used_by
from tickets.sla.lookup import bargain
from tickets.sla.moments import MATTERING, STARTING, moment
from tickets.sla.replay import Derived, derive
from tickets.states import Status

NOTICED_WITHIN = timedelta(minutes=1)
"""So long may a breach that is over already wait for its sweep."""
_BATCH = 500
_LOCKED_AT_ONCE = 100
_Clock = TypeVar("_Clock", SlaClock, Derived)

Loaded = tuple[Ticket, list[TicketEvent], list[SlaClock]]


@dataclass(frozen=True)
class Difference:
    """What is kept of a ticket doesn't follow from its events."""

    ticket: int
    what: str

    def __str__(self) -> str:
        return f"#{self.ticket}: {self.what}"


def compare(numbers: Iterable[int], *, now: datetime) -> Iterator[Difference]:
    """What differs between the clocks that are kept and those that the events of these tickets (keys) give."""
    for batch in _batches(numbers):
        for ticket, events, kept in loaded(batch):
            yield from compare_one(ticket, events, kept, now=now)


@transaction.atomic
def compare_again(number: int, *, now: datetime) -> list[Difference]:
    """The same for one ticket under its lock: what was only being written meanwhile is no difference."""
    list(Ticket.objects.select_for_update(of=("self",), no_key=True).filter(pk=number))
    return [difference for one in loaded([number]) for difference in compare_one(*one, now=now)]


def compare_one(
    ticket: Ticket, events: Sequence[TicketEvent], kept: Sequence[SlaClock], *, now: datetime
) -> Iterator[Difference]:
    try:
        history, wrong = read(ticket, events)
    except (KeyError, ValueError, ServiceTerms.DoesNotExist) as failure:
        yield Difference(ticket.pk, f"its events can't be read: {failure!r}")
        return
    yield from (Difference(ticket.pk, what) for what in wrong)
    derived = _numbered(derive(history, now=now))
    found = _numbered(kept)
    for key in derived.keys() - found.keys():
        yield Difference(ticket.pk, f"{key[0]} of {key[1]:%Y-%m-%d %H:%M:%S} is missing")
    for key in found.keys() - derived.keys():
        yield Difference(ticket.pk, f"{key[0]} of {key[1]:%Y-%m-%d %H:%M:%S} follows from no event")
    for key in derived.keys() & found.keys():
        for what in _differing(found[key], derived[key], now):
            yield Difference(ticket.pk, f"{key[0]} of {key[1]:%Y-%m-%d %H:%M:%S}: {what}")
    due = min((clock.due_at for clock in derived.values() if clock.due_at is not None), default=None)
    if ticket.next_due_at != due:
        yield Difference(ticket.pk, f"the ticket says {ticket.next_due_at} as next deadline, not {due}")


def _numbered(clocks: Iterable[_Clock]) -> dict[tuple[str, datetime, int], _Clock]:
    """By promise and beginning; of several that began in the same instant the first is 0."""
    found: dict[tuple[str, datetime, int], _Clock] = {}
    for clock in clocks:
        name, number = str(clock.promise), 0
        while (name, clock.started_at, number) in found:
            number += 1
        found[name, clock.started_at, number] = clock
    return found


def _differing(kept: SlaClock, derived: Derived, now: datetime) -> Iterator[str]:
    if used_by(kept, now) != derived.used:
        yield f"{used_by(kept, now)} are used up, not {derived.used}"
    for name in ("priority", "due_at", "met_at", "ended_at", "breached_at"):
        is_, should = getattr(kept, name), getattr(derived, name)
        if is_ == should:
            continue
        if name == "breached_at" and is_ is None and should is not None and now - should < NOTICED_WITHIN:
            continue
        yield f"{name} is {is_}, not {should}"
    if kept.terms_id != derived.terms.pk:
        yield f"terms are {kept.terms_id}, not {derived.terms.pk}"
    spans = [tuple(one.get(name) for name in ("from", "to", "runs", "priority", "terms")) for one in kept.spans]
    if spans != (expected := list(_spans(derived))):
        yield f"spans are {spans}, not {expected}"
    if kept.next_action_at not in (actions := _actions(kept, now)):
        yield f"next_action_at is {kept.next_action_at}, not {' or '.join(map(str, actions))}"


def _spans(derived: Derived) -> Iterator[tuple[Any, ...]]:
    """As a clock keeps them."""
    for start, end, (ran, priority, terms) in derived.stretches:
        yield start.isoformat(), end.isoformat() if end else None, ran, priority, getattr(terms, "pk", None)


def _actions(kept: SlaClock, now: datetime) -> list[datetime | None]:
    """When the sweep may be to look at the clock: the next point, also where its deadline is over and no sweep came."""
    actions = [live.next_action(kept, now)]
    if kept.due_at is not None and kept.due_at <= now:
        before = live.next_action(kept, kept.due_at - timedelta(microseconds=1))
        actions += [before] if before not in actions else []
    return actions


def read(ticket: Ticket, events: Sequence[TicketEvent]) -> tuple[list[Moment], list[str]]:
    """The ticket's history, and where its events don't lead from one to the next, or not to how it stands."""
    history: list[Moment] = []
    wrong: list[str] = []
    status, priority, kept_open, answered = "", None, False, False
    for event in events:
        if event.kind == EventKind.CREATED:
            priority, answered = event.data.get("priority"), bool(event.data.get("answered"))
        elif not history:
            return [], ["its first event is missing"]
        wrong += _gaps(event, status, priority, kept_open)
        priority = event.data["new"] if event.kind == EventKind.PRIORITY_CHANGED else priority
        kept_open = event.data["to"] if event.kind == EventKind.DO_NOT_CLOSE_CHANGED else kept_open
        status = event.to_status or status
        answered = answered or event.kind == EventKind.ANSWERED
        if event.kind in MATTERING:
            history.append(
                moment(
                    event,
                    status=Status(status),
                    priority=priority,
                    kept_open=kept_open,
                    was_answered=answered,
                    ticket=ticket,
                    terms=_terms(event.data.get("terms")),
                    moves={_terms(int(old)): _terms(new) for old, new in event.data.get("moves", {}).items()},  # type: ignore[misc]
                )
            )
    stands = (ticket.status, ticket.priority, ticket.do_not_close, ticket.is_answered)
    if stands != (status, priority, kept_open, answered):
        wrong.append(f"its events lead to {(status, priority, kept_open, answered)}, but it is {stands}")
    return history, wrong


def _gaps(event: TicketEvent, status: str, priority: int | None, kept_open: bool) -> Iterator[str]:
    """What `event` found otherwise than the events before it left it."""
    if event.from_status and event.from_status != status:
        yield f"an event is missing: it was {status}, and {event.kind} found it {event.from_status}"
    if event.kind == EventKind.PRIORITY_CHANGED and event.data["old"] != priority:
        yield f"an event is missing: the priority was {priority}, then {event.data['old']}"
    if event.kind == EventKind.DO_NOT_CLOSE_CHANGED and event.data["to"] == kept_open:
        yield f"an event is missing: do not close was {kept_open} already"


def _terms(pk: int | None) -> ServiceTerms | None:
    if pk is None:
        return None
    if pk not in _kept:
        _kept[pk] = ServiceTerms.objects.select_related("policy_version", "calendar_version").get(pk=pk)
    return _kept[pk]


_kept: dict[int, ServiceTerms] = {}
"""Terms never change, and there are few."""


def _batches(numbers: Iterable[int], *, most: int = _BATCH) -> Iterator[list[int]]:
    batch: list[int] = []
    for number in numbers:
        batch.append(number)
        if len(batch) == most:
            yield batch
            batch = []
    if batch:
        yield batch


def loaded(numbers: list[int], *, have_clocks: bool = True) -> Iterator[Loaded]:
    """Tickets with their events in the order they were recorded, and their clocks: three queries."""
    events: dict[int, list[TicketEvent]] = {}
    for event in TicketEvent.objects.filter(ticket__in=numbers, kind__in=MATTERING).order_by("id"):
        events.setdefault(event.ticket_id, []).append(event)
    clocks = SlaClock.objects.filter(ticket__in=numbers).order_by("id").by_ticket() if have_clocks else {}
    for ticket in Ticket.objects.filter(pk__in=numbers).order_by("pk"):
        yield ticket, events.get(ticket.pk, []), clocks.get(ticket.pk, [])


# --- Writing anew --------------------------------------------------------------------------------------------------


def rebuild(numbers: Iterable[int], *, now: datetime) -> Iterator[Difference]:
    """Make the kept clocks of these tickets what their events give, and tell what was different.

    Tickets from before there were clocks first get the terms that hold now; what had broken until then is dated, and
    nobody is warned of it any more. A few at a time, each few a transaction.
    """
    for batch in _batches(numbers, most=_LOCKED_AT_ONCE):
        yield from _rebuild(batch, now)


@transaction.atomic
def _rebuild(numbers: list[int], now: datetime) -> list[Difference]:
    list(Ticket.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=numbers).order_by("pk"))
    found = list(loaded(numbers))
    _backfill(found)
    differences = [difference for one in found for difference in compare_one(*one, now=now)]
    _write(found, now)
    return differences


def build(numbers: Iterable[int], *, now: datetime) -> None:
    """Write the first clocks of tickets that came with their events, terms and all, and that nobody knows of yet."""
    for batch in _batches(numbers):
        with transaction.atomic():
            _write(loaded(batch, have_clocks=False), now)


def _backfill(found: Sequence[Loaded]) -> None:
    """Give events from before there were clocks what later ones carry."""
    older = [(ticket, events) for ticket, events, _ in found if _is_older(events)]
    prefetch_related_objects([ticket for ticket, _ in older], "requester", "organization__plan")
    for ticket, events in older:
        _fill(ticket, events)
    bulk.update([event for _, events in older for event in events], ["data"])


def _is_older(events: Sequence[TicketEvent]) -> bool:
    return any(event.kind == EventKind.CREATED and "terms" not in event.data for event in events)


def _fill(ticket: Ticket, events: Sequence[TicketEvent]) -> None:
    opening = next(event for event in events if event.kind == EventKind.CREATED)
    found = bargain(ticket.requester, ticket.organization)
    changes = [event for event in events if event.kind == EventKind.PRIORITY_CHANGED]
    opening.data |= {
        "priority": changes[0].data["old"] if changes else ticket.priority,
        "answered": ticket.first_replied_at == ticket.created_at,
    }
    terms = found.kept_terms().pk if found else None
    for event in events:
        if terms is not None and event.kind in STARTING:
            event.data.setdefault("terms", terms)
        if event.kind == EventKind.REOPENED:
            event.data.setdefault("waits", event.message_id is not None or event.actor_id == ticket.requester_id)


def _write(found: Iterable[Loaded], now: datetime) -> None:
    """Replay the histories by the verbs' own road; rows that stand already keep their keys and what was warned of.

    A breach that isn't noted yet is left to the sweep, which tells of it. Nothing is written over what can't be read.
    """
    written: list[SlaClock] = []
    gone: list[SlaClock] = []
    tickets: list[Ticket] = []
    for ticket, events, kept in found:
        clocks = _replayed(ticket, events, kept, now)
        if clocks is None:
            continue
        due = live.earliest(clocks)
        if ticket.next_due_at != due:
            ticket.next_due_at = due
            tickets.append(ticket)
        written += clocks
        gone += kept
    if gone:
        SlaClock.objects.filter(pk__in=[clock.pk for clock in gone]).delete()
    SlaClock.objects.bulk_create(written)
    bulk.update(tickets, ["next_due_at"])


def _replayed(ticket: Ticket, events: list[TicketEvent], kept: list[SlaClock], now: datetime) -> list[SlaClock] | None:
    try:
        history, _ = read(ticket, events)
    except (KeyError, ValueError, ServiceTerms.DoesNotExist):
        return None
    if not history:
        return None
    former = _numbered(kept)
    clocks: list[SlaClock] = []
    for one in history:
        clocks += live.carry_on(ticket, [clock for clock in clocks if concerns(clock, one)], one)
    for key, clock in _numbered(clocks).items():
        if (same := former.get(key)) is not None:
            clock.pk, clock.warned, clock.warned_at = same.pk, same.warned, same.warned_at
        if clock.is_open and (same is None or same.breached_at is not None):
            note_breach(clock, now)
        clock.next_action_at = live.next_action(clock, now)
    return clocks
