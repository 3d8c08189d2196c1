"""What the attainment of the last 90 days would have been under a draft: the tickets' histories, replayed.

The work is a row (the draft), done batch by batch in transactions of their own; who goes on after a killed worker finds
where it stopped. *Before* counts the clocks that are kept, *after* those that the same events give under the draft,
with the place of each customer and the weekend coverage that held then. Both count what was settled in these days.
A draft that can't be reckoned says why instead, and isn't tried again.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from supportdesk.lib import queue
from supportdesk.lib.errors import Conflict, DomainError
from tickets.models import BusinessCalendar, PolicyDraft, ServiceTerms, SlaClock, SlaPolicy, Ticket, TicketEvent
from tickets.sla.clocks import Moment
from tickets.sla.drafts import Drafted, Drafts
from tickets.sla.promises import Promise
from tickets.sla.rebuild import loaded, read
from tickets.sla.replay import Derived, derive
from tickets.sla.terms import Place
from tickets.states import UNFINISHED

logger = logging.getLogger(__name__)

DAYS = 90
BATCH = 200
FAILED = "failed"
"""Stands in a draft's `backtest` before the sentence that says why it could not be reckoned."""
_KEPT, _BROKEN = 0, 1
_BEFORE, _AFTER = 0, 2


def work(*, now: datetime, seconds: float = 10.0) -> int:
    """Look back for at most about `seconds`, waking itself for the rest; the number of tickets looked at."""
    until, looked = time.monotonic() + seconds, 0
    for pk in list(PolicyDraft.objects.filter(backtested_at=None).order_by("pk").values_list("pk", flat=True)):
        try:
            while time.monotonic() < until and (done := batch(pk, now=now)):
                looked += done
        except OperationalError:
            logger.exception("draft %s is looked back on by the next sweep", pk)
        except Exception as failure:
            logger.exception("draft %s could not be looked back on", pk)
            _give_up(pk, failure, now)
    if looked and time.monotonic() >= until:
        queue.wake("sla")
    return looked


def _give_up(pk: int, failure: Exception, now: datetime) -> None:
    """Say on the draft why it can't be reckoned: what failed once would fail with every sweep."""
    unforeseen = "Something unforeseen stood in the way; the workers' log tells what."
    why = failure.sentence if isinstance(failure, DomainError) else unforeseen
    PolicyDraft.objects.filter(pk=pk, backtested_at=None).update(backtest={FAILED: why}, backtested_at=now)


@transaction.atomic
def batch(pk: int, *, now: datetime) -> int:
    """Look at the next tickets of one draft; 0 when another worker has it or it is done."""
    row = PolicyDraft.objects.select_for_update(skip_locked=True).filter(pk=pk, backtested_at=None).first()
    if row is None:
        return 0
    scope = Scope.of(row)
    tickets = scope.tickets(row.made_at)
    if row.backtest_total is None:
        row.backtest_total = tickets.count()
    numbers = list(tickets.filter(pk__gt=row.backtest_position).order_by("pk").values_list("pk", flat=True)[:BATCH])
    if numbers:
        row.backtest = _counted(row.backtest, scope, numbers, row.made_at)
        row.backtest_position = numbers[-1]
        row.backtest_done += len(numbers)
        row.backtest_total = max(row.backtest_total, row.backtest_done)
    else:
        row.backtested_at = now
    row.save(
        update_fields=["backtest", "backtest_position", "backtest_done", "backtest_total", "backtested_at"],
    )
    return len(numbers)


@dataclass(frozen=True)
class Scope:
    """Which clocks are a draft's: those on the terms of a plan's policy, and all of an organisation with its own."""

    drafts: Drafts
    own: Mapping[int, int]
    """The policies of organisations, by organisation."""

    @classmethod
    def of(cls, draft: PolicyDraft) -> "Scope":
        """Raises Conflict where the hours of an edit are gone."""
        drafts = Drafts(draft)
        calendars = {edit.calendar for edit in drafts.edits.values()}
        if BusinessCalendar.objects.filter(pk__in=calendars, current__isnull=False).count() < len(calendars):
            raise Conflict("A calendar that this draft names is gone.", code="gone")
        rows = SlaPolicy.objects.filter(pk__in=drafts.edits, organization__isnull=False)
        return cls(drafts, {row.organization_id: row.pk for row in rows if row.organization_id})

    def tickets(self, until: datetime) -> QuerySet[Ticket]:
        """What may have settled in the days before `until`."""
        on_policy = SlaClock.objects.filter(
            ticket=OuterRef("pk"), terms__policy_version__policy__in=list(self.drafts.edits)
        )
        since = until - timedelta(days=DAYS)
        recent = Q(updated_at__gte=since) | Q(status__in=[status.value for status in UNFINISHED])
        return Ticket.objects.filter(recent).filter(Q(organization__in=self.own) | Exists(on_policy))

    def policy(self, ticket: Ticket, terms: ServiceTerms) -> int | None:
        """The edited policy that counts for a clock of `ticket` on `terms`."""
        own = self.own.get(ticket.organization_id) if ticket.organization_id else None
        policy = own or terms.policy_version.policy_id
        return policy if policy in self.drafts.edits else None

    def instead(self, ticket: Ticket, terms: Any) -> Any:
        """The terms that would have held where `terms` did."""
        policy = self.policy(ticket, terms) if terms is not None else None
        if policy is None:
            return terms
        place = Place(terms.time_zone, terms.country, terms.subdivision)
        return self.drafts.terms(policy, place, covers_weekends=terms.covers_weekends)


def _counted(counts: dict[str, Any], scope: Scope, numbers: list[int], until: datetime) -> dict[str, Any]:
    """The counts with those of some tickets added."""
    since = until - timedelta(days=DAYS)
    rows = SlaClock.objects.filter(ticket__in=numbers).settled_between(since, until).promised()
    kept = rows.select_related("terms__policy_version").by_ticket()
    for ticket, events, _ in loaded(numbers):
        for clock in kept.get(ticket.pk, []):
            policy = scope.policy(ticket, clock.terms)
            if policy is not None:
                _count(counts, policy, clock, _BEFORE)
        for derived in _replayed_or_none(ticket, events, scope, until):
            if _settled(derived, since, until):
                _count(counts, derived.terms.policy, derived, _AFTER)
    return counts


def _replayed_or_none(ticket: Ticket, events: Sequence[TicketEvent], scope: Scope, until: datetime) -> list[Derived]:
    """A history that can't be read is logged and stepped over, so that the rest is looked at."""
    try:
        return replayed(ticket, events, scope, until=until)
    except Exception:
        logger.exception("request #%s could not be looked back at", ticket.pk)
        return []


def replayed(ticket: Ticket, events: Sequence[TicketEvent], scope: Scope, *, until: datetime) -> list[Derived]:
    """The clocks that the ticket would have had under the draft and that are its own, as they stood `until`."""
    history, _ = read(ticket, events)
    imagined = [_imagined(moment, ticket, scope) for moment in history if moment.at <= until]
    found = derive(imagined, now=until)
    return [clock for clock in found if isinstance(clock.terms, Drafted) and _is_promised(clock)]


def _imagined(moment: Moment, ticket: Ticket, scope: Scope) -> Moment:
    moves = {scope.instead(ticket, old): scope.instead(ticket, new) for old, new in moment.moves.items()}
    return replace(moment, terms=scope.instead(ticket, moment.terms), moves=moves)


def _is_promised(clock: Derived) -> bool:
    return clock.terms.target(clock.promise, clock.priority) is not None


def _settled(clock: Derived, since: datetime, until: datetime) -> bool:
    return any(at is not None and since <= at < until for at in (clock.ended_at, clock.breached_at))


def _count(counts: dict[str, Any], policy: int, clock: SlaClock | Derived, side: int) -> None:
    """Add a settled clock; what ended without having been kept or broken counts for neither."""
    if clock.breached_at is not None:
        place = side + _BROKEN
    elif clock.met_at is not None:
        place = side + _KEPT
    else:
        return
    key = f"{Promise(clock.promise).value}/{clock.priority}"
    counts.setdefault(str(policy), {}).setdefault(key, [0, 0, 0, 0])[place] += 1


# --- To show -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Share:
    """Kept and broken promises."""

    kept: int
    broken: int

    @property
    def percent(self) -> float | None:
        settled = self.kept + self.broken
        return round(100 * self.kept / settled, 1) if settled else None


@dataclass(frozen=True)
class Compared:
    """One row: a promise for a priority (0: all of a policy), before and after."""

    promise: Promise | None
    priority: int
    before: Share
    after: Share


def results(draft: PolicyDraft) -> dict[int, list[Compared]]:
    """What has been counted so far, by policy; the whole of each first."""
    return {int(policy): list(_rows(counts)) for policy, counts in draft.backtest.items() if policy != FAILED}


def _rows(counts: Mapping[str, list[int]]) -> Iterable[Compared]:
    whole = [sum(column) for column in zip(*counts.values(), strict=True)]
    yield Compared(None, 0, Share(*whole[:_AFTER]), Share(*whole[_AFTER:]))
    for promise in Promise:
        for priority in (1, 2, 3, 4):
            if found := counts.get(f"{promise.value}/{priority}"):
                yield Compared(promise, priority, Share(*found[:_AFTER]), Share(*found[_AFTER:]))
