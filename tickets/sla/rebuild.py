"""Clocks from events alone: to compare with those that are kept, or to write them anew."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

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


def compare_one(
    ticket: Ticket, events: Sequence[TicketEvent], kept: Sequence[SlaClock], *, now: datetime
) -> Iterator[Difference]:
    history, wrong = read(ticket, events)
    yield from (Difference(ticket.pk, what) for what in wrong)
    derived = {(clock.promise.value, clock.started_at): clock for clock in derive(history, now=now)}
    found = {(clock.promise, clock.started_at): clock for clock in kept}
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
    stretches = [(one["from"], one["to"], one["runs"]) for one in kept.spans]
    expected = [(a.isoformat(), b.isoformat() if b else None, ran) for a, b, ran in derived.stretches]
    if stretches != expected:
        yield f"spans are {stretches}, not {expected}"


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
        if event.from_status and event.from_status != status:
            wrong.append(f"an event is missing: it was {status}, and {event.kind} found it {event.from_status}")
        if event.kind == EventKind.PRIORITY_CHANGED:
            if event.data["old"] != priority:
                wrong.append(f"an event is missing: the priority was {priority}, then {event.data['old']}")
            priority = event.data["new"]
        status = event.to_status or status
        kept_open = event.data["to"] if event.kind == EventKind.DO_NOT_CLOSE_CHANGED else kept_open
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


def _terms(pk: int | None) -> ServiceTerms | None:
    if pk is None:
        return None
    if pk not in _kept:
        _kept[pk] = ServiceTerms.objects.select_related("policy_version", "calendar_version").get(pk=pk)
    return _kept[pk]


_kept: dict[int, ServiceTerms] = {}
"""Terms never change, and there are few."""


def _batches(numbers: Iterable[int]) -> Iterator[list[int]]:
    batch: list[int] = []
    for number in numbers:
        batch.append(number)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def loaded(numbers: list[int]) -> Iterator[tuple[Ticket, list[TicketEvent], list[SlaClock]]]:
    """Tickets with their events in the order they were recorded, and their clocks: three queries."""
    events: dict[int, list[TicketEvent]] = {}
    for event in TicketEvent.objects.filter(ticket__in=numbers, kind__in=MATTERING).order_by("id"):
        events.setdefault(event.ticket_id, []).append(event)
    clocks: dict[int, list[SlaClock]] = {}
    for clock in SlaClock.objects.filter(ticket__in=numbers).order_by("id"):
        clocks.setdefault(clock.ticket_id, []).append(clock)
    tickets = Ticket.objects.filter(pk__in=numbers).select_related("requester", "organization__plan").order_by("pk")
    for ticket in tickets:
        yield ticket, events.get(ticket.pk, []), clocks.get(ticket.pk, [])


# --- Writing anew --------------------------------------------------------------------------------------------------


def rebuild(numbers: Iterable[int], *, now: datetime) -> Iterator[Difference]:
    """Make the kept clocks of these tickets what their events give, and tell what was different.

    Tickets from before there were clocks first get the terms that hold now; what had broken until then is dated, and
    nobody is warned of it any more.
    """
    for number in numbers:
        with transaction.atomic():
            Ticket.objects.select_for_update(of=("self",), no_key=True).get(pk=number)
            ticket, events, kept = next(loaded([number]))
            _backfill(ticket, events)
            yield from compare_one(ticket, events, kept, now=now)
            _write(ticket, read(ticket, events)[0], kept, now=now)


def _backfill(ticket: Ticket, events: Sequence[TicketEvent]) -> None:
    """Give events from before there were clocks what later ones carry."""
    opening = next((event for event in events if event.kind == EventKind.CREATED), None)
    if opening is None or "terms" in opening.data:
        return
    found = bargain(ticket.requester, ticket.organization)
    changes = [event for event in events if event.kind == EventKind.PRIORITY_CHANGED]
    opening.data |= {
        "priority": changes[0].data["old"] if changes else ticket.priority,
        "answered": ticket.first_replied_at == ticket.created_at,
    }
    terms = found.kept_terms().pk if found else None
    for event in events:
        if terms is not None and event.kind in STARTING:
            event.data["terms"] = terms
        if event.kind == EventKind.REOPENED:
            event.data.setdefault("waits", event.message_id is not None or event.actor_id == ticket.requester_id)
    TicketEvent.objects.bulk_update(events, ["data"])


def _write(ticket: Ticket, history: Sequence[Moment], kept: Sequence[SlaClock], *, now: datetime) -> None:
    """Replay the history by the verbs' own road; rows that stand already keep their keys and what was warned of."""
    warned = {(clock.promise, clock.started_at): clock for clock in kept}
    clocks_now: list[SlaClock] = []
    for one in history:
        clocks_now += live.carry_on(ticket, [clock for clock in clocks_now if concerns(clock, one)], one)
    for clock in clocks_now:
        former = warned.pop((clock.promise, clock.started_at), None)
        if former is not None:
            clock.pk, clock.warned, clock.warned_at = former.pk, former.warned, former.warned_at
        if clock.is_open:
            note_breach(clock, now)
        clock.next_action_at = live.next_action(clock, now)
    SlaClock.objects.filter(pk__in=[clock.pk for clock in warned.values()]).delete()
    SlaClock.objects.filter(pk__in=[clock.pk for clock in clocks_now if clock.pk]).delete()
    SlaClock.objects.bulk_create(clocks_now)
    due = min((clock.due_at for clock in clocks_now if clock.due_at is not None), default=None)
    Ticket.objects.filter(pk=ticket.pk).update(next_due_at=due)
