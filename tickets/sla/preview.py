"""What a draft would do to the clocks that are open now: counted by the engine that will do it, on copies."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from tickets.models import EventKind, PolicyDraft, Retargeting, ServiceTerms, SlaClock, SlaPolicy, Ticket, TicketEvent
from tickets.sla import clocks
from tickets.sla.clocks import LooseClock
from tickets.sla.drafts import Drafts
from tickets.sla.live import earliest, meaning
from tickets.sla.lookup import Bargain
from tickets.sla.promises import Promise
from tickets.sla.retarget import Lookup, breaks, planned, tickets_of

_BATCH = 1000


@dataclass(frozen=True)
class Counts:
    """How many tickets and clocks move to the new terms, of those how many to another deadline, and how many break at
    once; `begins` are the clocks of what is promised for the first time."""

    tickets: int = 0
    moves: int = 0
    redated: int = 0
    begins: int = 0
    breaks: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(
            self.tickets + other.tickets,
            self.moves + other.moves,
            self.redated + other.redated,
            self.begins + other.begins,
            self.breaks + other.breaks,
        )


@dataclass(frozen=True)
class Affected:
    """One ticket, and what becomes of its clocks."""

    ticket: Ticket
    counts: Counts
    now_due: datetime | None
    then_due: datetime | None


@dataclass(frozen=True)
class Preview:
    """What happens to open clocks of one policy."""

    policy: SlaPolicy
    affected: Sequence[Affected]

    def counts(self, tickets: Collection[int] | None = None) -> Counts:
        """Of all, or only of `tickets` (keys)."""
        return total(one.counts for one in self.affected if tickets is None or one.ticket.pk in tickets)


def total(counts: Iterable[Counts]) -> Counts:
    return sum(counts, Counts())


def preview(draft: PolicyDraft, *, now: datetime) -> list[Preview]:
    """What would happen if the draft were applied to all open clocks `now`, by policy in the order of applying."""
    drafts = Drafts(draft)
    lookup = _Imagined(drafts)
    policies = SlaPolicy.objects.with_content().in_bulk(drafts.edits)
    seen: set[int] = set()
    found = []
    for pk in drafts.edits:
        job = Retargeting(scope=Retargeting.Scope.POLICY, subject=pk)
        affected = [one for one in _affected(job, lookup, now) if one.ticket.pk not in seen]
        seen |= {one.ticket.pk for one in affected}
        found.append(Preview(policies[pk], affected))
    return found


class _Imagined(Lookup):
    """Terms as they would be; those of a policy that isn't edited are as they are."""

    def __init__(self, drafts: Drafts) -> None:
        super().__init__(moves_version=True)
        self._drafts = drafts

    def made(self, found: Bargain) -> Any:
        if found.policy.pk in self._drafts.edits:
            return self._drafts.terms(found.policy.pk, found.place, covers_weekends=found.plan.covers_weekends)
        terms = found.terms()
        return ServiceTerms.objects.filter(**found.columns()).first() or terms


def _affected(job: Retargeting, lookup: Lookup, now: datetime) -> Iterator[Affected]:
    numbers = sorted(tickets_of(job).values_list("pk", flat=True))
    for start in range(0, len(numbers), _BATCH):
        batch = numbers[start : start + _BATCH]
        rows = Ticket.objects.filter(pk__in=batch).select_related("requester", "organization__plan").order_by("pk")
        open_clocks = SlaClock.objects.open().filter(ticket__in=batch)
        by_ticket = open_clocks.select_related("terms__policy_version__policy").by_ticket()
        lookup.prepare(rows)
        for ticket in rows:
            one = _look_at(ticket, by_ticket.get(ticket.pk, []), lookup, now)
            if one is not None:
                yield one


def _look_at(ticket: Ticket, rows: list[SlaClock], lookup: Lookup, now: datetime) -> Affected | None:
    plan = planned(ticket, [row.terms for row in rows], lookup)
    if plan is None:
        return None
    moves, current = plan
    event = TicketEvent(ticket=ticket, kind=EventKind.RETARGETED, data={}, at=now)
    copies = [LooseClock.of(row) for row in rows]
    kept = list(copies)
    started = clocks.follow(cast(list[clocks.Clock], copies), meaning(ticket, event, current, moves), _copy)
    if not moves and not started:
        return None
    counts = Counts(
        tickets=1,
        moves=sum(copy.terms != row.terms for copy, row in zip(kept, rows, strict=True)),
        redated=sum(copy.due_at != row.due_at for copy, row in zip(kept, rows, strict=True)),
        begins=sum(clocks.target_of(copy) is not None for copy in started),
        breaks=sum(breaks(copy, now) for copy in kept),
    )
    return Affected(ticket, counts, earliest(rows), earliest(cast(list[SlaClock], copies)))


def _copy(promise: Promise, at: datetime, terms: Any) -> LooseClock:
    return LooseClock(promise.value, at, terms)
