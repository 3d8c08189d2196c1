"""Putting open clocks on the terms that hold now, after an edit of a policy, a calendar, a plan or a place.

The work is a row (`Retargeting`), done batch by batch in transactions of their own: a worker that is killed loses
nothing, and the next goes on where it stopped. A ticket that can't be moved is logged and stepped over. The time that
clocks have used is kept.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import Exists, F, Max, OuterRef, Q

from accounts.models import User
from supportdesk.lib import bulk, queue
from tickets.events import breach_data
from tickets.models import (
    EventKind,
    PolicyDraft,
    Retargeting,
    ServiceTerms,
    SlaClock,
    SlaPolicy,
    Ticket,
    TicketEvent,
)
from tickets.querysets import TicketQuerySet
from tickets.sla import live
from tickets.sla.clocks import Clock
from tickets.sla.lookup import Bargain, bargain, bargain_under, place_of, policies_of
from tickets.sla.querysets import SlaClockQuerySet

logger = logging.getLogger(__name__)

BATCH = 200
_BEGINNING = (Retargeting.Scope.POLICY, Retargeting.Scope.ORGANIZATION)
"""By these something may be promised that wasn't before."""
Moves = Mapping[ServiceTerms, Any]
_STRAGGLERS_FOR = timedelta(minutes=10)
"""So long after an edit a request may still commit that was begun under what held before."""


def ask(
    scope: Retargeting.Scope,
    subject: int,
    *,
    by: User | None,
    at: datetime,
    tickets: Sequence[int] | None = None,
    draft: PolicyDraft | None = None,
) -> Retargeting:
    """Have the open clocks that `scope` and `subject` name (or only those of `tickets`) put on what holds now."""
    job = Retargeting(scope=scope, subject=subject, made_by=by, made_at=at, draft=draft)
    job.tickets = sorted(tickets) if tickets is not None else None
    job.total = tickets_of(job).count()
    job.save(force_insert=True)
    queue.wake("sla")
    return job


def ask_if_open(scope: Retargeting.Scope, subject: int, *, by: User | None, at: datetime) -> Retargeting | None:
    """The same, unless no unfinished ticket is concerned."""
    if not tickets_of(Retargeting(scope=scope, subject=subject)).exists():
        return None
    return ask(scope, subject, by=by, at=at)


def is_moving(policies: Iterable[int]) -> bool:
    """Whether an edit of one of these policies (keys) is still being applied to open clocks."""
    return Retargeting.objects.filter(
        scope=Retargeting.Scope.POLICY, subject__in=list(policies), finished_at=None
    ).exists()


def concerned(job: Retargeting) -> SlaClockQuerySet:
    """The open clocks that the job is about."""
    clocks = SlaClock.objects.open().filter(_scope(job))
    return clocks if job.tickets is None else clocks.filter(ticket__in=job.tickets)


def _scope(job: Retargeting) -> Q:
    match job.scope:
        case Retargeting.Scope.POLICY:
            policy = SlaPolicy.objects.filter(pk=job.subject).first()
            if policy is None:  # deleted meanwhile, so that nothing ran on it
                return Q(pk__in=[])
            if policy.organization_id:
                return Q(ticket__organization=policy.organization_id)
            return Q(terms__policy_version__policy=policy)
        case Retargeting.Scope.CALENDAR:
            return Q(terms__calendar_version__calendar=job.subject)
        case Retargeting.Scope.ORGANIZATION:
            return Q(ticket__organization=job.subject)
        case Retargeting.Scope.PERSON:
            return Q(ticket__requester=job.subject)
    return Q(terms__plan=job.subject)


def tickets_of(job: Retargeting) -> TicketQuerySet:
    """The unfinished tickets to look at: those with such clocks, and those on which one may begin by the edit."""
    wanted = Q(Exists(SlaClock.objects.open().filter(_scope(job), ticket=OuterRef("pk")))) | _may_begin(job)
    rows = Ticket.objects.unfinished().filter(wanted)
    return rows if job.tickets is None else rows.filter(pk__in=job.tickets)


def _may_begin(job: Retargeting) -> Q:
    """A policy may promise something for the first time, to tickets without any open clock too."""
    if job.scope == Retargeting.Scope.ORGANIZATION:
        return Q(organization=job.subject)
    policy = SlaPolicy.objects.filter(pk=job.subject).first() if job.scope == Retargeting.Scope.POLICY else None
    if policy is None:
        return Q(pk__in=[])
    if policy.organization_id:
        return Q(organization=policy.organization_id)
    without = Q(organization=None) if policy.plan is not None and policy.plan.is_default else Q(pk__in=[])
    return Q(organization__plan=policy.plan_id, organization__sla_policy=None) | without


def work(*, now: datetime, seconds: float = 10.0) -> int:
    """Do what is to be done for at most about `seconds`, so that sweeps aren't kept waiting; wakes itself for the rest.

    Returns the number of tickets that jobs looked at.
    """
    until, looked = time.monotonic() + seconds, 0
    _look_for_stragglers(now)
    for pk in list(Retargeting.objects.filter(finished_at=None).order_by("pk").values_list("pk", flat=True)):
        try:
            while time.monotonic() < until and (done := _go_on(pk, now)):
                looked += done
        except Exception:
            logger.exception("re-targeting %s could not go on", pk)
    if looked and time.monotonic() >= until:
        queue.wake("sla")
    return looked


def _look_for_stragglers(now: datetime) -> None:
    """Move what slipped by the last job of its kind, because it began in transactions then under way."""
    versioned = (Retargeting.Scope.POLICY, Retargeting.Scope.CALENDAR)
    late = Retargeting.objects.filter(finished_at__gt=now - _STRAGGLERS_FOR, scope__in=versioned, tickets=None)
    for job in late.order_by("scope", "subject", "-pk").distinct("scope", "subject"):
        try:
            for number in _left_behind(job):
                _take_along(number, job, now)
        except Exception:
            logger.exception("what slipped by re-targeting %s could not be looked for", job.pk)


def _left_behind(job: Retargeting) -> list[int]:
    """Tickets that a finished job should have moved."""
    if _is_overtaken(job):
        return []
    lately = job.made_at - _STRAGGLERS_FOR
    began = concerned(job).filter(Q(started_at__gte=lately) | Q(running_since__gte=lately))
    rows = began.exclude(_on_current_version(job)).order_by("ticket").values_list("ticket", flat=True)
    return list(rows.distinct()[:BATCH])


def _take_along(number: int, job: Retargeting, now: datetime) -> None:
    """Move one ticket after its job is finished; the job itself stays so, lest a bad ticket begin it without end."""
    try:
        with transaction.atomic():
            outcome = _move([number], job, now)
            counts = {"moved": F("moved") + outcome.moved, "broken": F("broken") + outcome.broken}
            Retargeting.objects.filter(pk=job.pk).update(**counts)
    except Exception:
        logger.exception("the promises of request #%s could not be taken along", number)


def _is_overtaken(job: Retargeting) -> bool:
    """Whether a later version came, perhaps for new clocks or a selection only: it isn't this job's to move to it."""
    if job.scope != Retargeting.Scope.POLICY:
        return False
    return SlaPolicy.objects.filter(pk=job.subject, current__made_at__gt=job.made_at).exists()


def _on_current_version(job: Retargeting) -> Q:
    if job.scope == Retargeting.Scope.CALENDAR:
        return Q(terms__calendar_version=F("terms__calendar_version__calendar__current"))
    return Q(terms__policy_version=F("terms__policy_version__policy__current"))


def _go_on(pk: int, now: datetime) -> int:
    """Look at the next tickets of one job; where one of them fails, at each alone."""
    try:
        return _batch(pk, now)
    except Exception:
        logger.exception("a batch of re-targeting %s could not be moved", pk)
    looked = 0
    while looked < BATCH and (done := _alone(pk, now)):
        looked += done
    return looked


def _alone(pk: int, now: datetime) -> int:
    """Look at the next ticket, or step over it; what the database refuses for now isn't the ticket's fault."""
    try:
        return _batch(pk, now, most=1)
    except OperationalError:
        raise
    except Exception:
        logger.exception("re-targeting %s could not move a request", pk)
        return _step_over(pk)


@transaction.atomic
def _batch(pk: int, now: datetime, most: int | None = None) -> int:
    """Look at the next tickets of one job; 0 when another worker has it or it is done."""
    job = _locked(pk)
    if job is None:
        return 0
    numbers = _next(job, most or BATCH)
    if not numbers:
        job.finished_at = now
        job.save(update_fields=["finished_at"])
        return 0
    outcome = _move(numbers, job, now)
    job.moved += outcome.moved
    job.broken += outcome.broken
    return _passed(job, numbers)


@transaction.atomic
def _step_over(pk: int) -> int:
    """Leave the next ticket of one job as it is."""
    job = _locked(pk)
    numbers = _next(job, 1) if job else []
    if job is None or not numbers:
        return 0
    logger.error("request #%s stays on the promises it has: re-targeting %s steps over it", numbers[0], pk)
    return _passed(job, numbers)


def _locked(pk: int) -> Retargeting | None:
    return Retargeting.objects.select_for_update(skip_locked=True).filter(pk=pk, finished_at=None).first()


def _next(job: Retargeting, most: int) -> list[int]:
    # All that are left, by the index of what is unfinished: with a limit the planner walks through all there are.
    return sorted(tickets_of(job).filter(pk__gt=job.position).values_list("pk", flat=True))[:most]


def _passed(job: Retargeting, numbers: Sequence[int]) -> int:
    """Keep that these tickets have been looked at; how many they are."""
    job.position = numbers[-1]
    job.done += len(numbers)
    job.total = max(job.total, job.done)
    job.save(update_fields=["position", "done", "total", "moved", "broken"])
    return len(numbers)


@dataclass
class Outcome:
    """How many clocks run on other terms now, and how many of them broke at once."""

    moved: int = 0
    broken: int = 0


def _move(numbers: Sequence[int], job: Retargeting, now: datetime) -> Outcome:
    tickets = Ticket.objects.select_for_update(of=("self",), no_key=True).filter(pk__in=numbers).order_by("pk")
    found = list(tickets.select_related("requester", "organization__plan"))
    rows = SlaClock.objects.open().of(found).select_related("terms__policy_version__policy")
    open_clocks = rows.by_ticket()
    outcome, lookup = Outcome(), Lookup(moves_version=job.scope == Retargeting.Scope.POLICY)
    lookup.prepare(found)
    last = dict(TicketEvent.objects.filter(ticket__in=found).values_list("ticket").annotate(at=Max("at")))
    done: list[tuple[Ticket, TicketEvent, list[SlaClock], list[SlaClock]]] = []
    for ticket in found:
        clocks = open_clocks.get(ticket.pk, [])
        former = [clock.terms for clock in clocks]
        # A verb that was quicker with the lock may have a later time: what happens to a ticket never goes back.
        at = max(now, last.get(ticket.pk, now))
        one = _move_one(ticket, clocks, lookup, job, at)
        if one is not None:
            done.append((ticket, *one))
            outcome.moved += sum(clock.terms != terms for clock, terms in zip(clocks, former, strict=True))
            outcome.broken += sum(breaks(clock, at) for clock in clocks)
    _save(done, now)
    return outcome


def breaks(clock: Clock, now: datetime) -> bool:
    """Whether the deadline that a clock has just been given is over already."""
    return clock.breached_at is None and clock.due_at is not None and clock.due_at <= now


class Lookup:
    """The bargains and terms of a batch, each looked up once."""

    def __init__(self, *, moves_version: bool) -> None:
        self._moves_version = moves_version
        self._policies: dict[int, SlaPolicy | None] = {}
        self._terms: dict[object, Any] = {}

    def prepare(self, tickets: Iterable[Ticket]) -> None:
        """Look up the policies of these tickets' organisations in one query."""
        companies = {ticket.organization for ticket in tickets if ticket.organization}
        unknown = [company for company in companies if company.pk not in self._policies]
        self._policies |= policies_of(unknown) if unknown else {}

    def bargain(self, ticket: Ticket) -> Bargain | None:
        company = ticket.organization
        if company is None:
            return bargain(ticket.requester, None)
        return bargain_under(self._policies[company.pk], company.plan, place_of(ticket.requester, company))

    def moved(self, terms: ServiceTerms, found: Bargain) -> Any:
        """What clocks on `terms` run on from now; their policy's version stays, unless it is that which is moved."""
        if self._moves_version or terms.policy_version.policy != found.policy:
            return self._kept(found)
        return self._kept(found.at_version(terms.policy_version))

    def current(self, found: Bargain) -> Any:
        return self._kept(found)

    def _kept(self, found: Bargain) -> Any:
        key = (found.plan.pk, found.version.pk, found.place)
        if key not in self._terms:
            self._terms[key] = self.made(found)
        return self._terms[key]

    def made(self, found: Bargain) -> Any:
        """The terms of a bargain that is met for the first time; a preview imagines them instead."""
        return found.kept_terms()


def planned(ticket: Ticket, terms: Iterable[ServiceTerms], lookup: Lookup) -> tuple[Moves, Any] | None:
    """What clocks on `terms` move to, and the terms of those that begin by it; None without any policy."""
    found = lookup.bargain(ticket)
    if found is None:
        return None
    moves = {old: lookup.moved(old, found) for old in terms}
    moves = {old: new for old, new in moves.items() if old != new}
    return moves, lookup.current(found)


def _move_one(
    ticket: Ticket, clocks: list[SlaClock], lookup: Lookup, job: Retargeting, at: datetime
) -> tuple[TicketEvent, list[SlaClock], list[SlaClock]] | None:
    """The event of one ticket, its clocks as they follow it, and those that it starts; None where nothing changes."""
    plan = planned(ticket, [clock.terms for clock in clocks], lookup)
    if plan is None:
        return None
    moves, current = plan
    data: dict[str, Any] = {
        "cause": job.scope,
        "terms": current.pk,
        "moves": {old.pk: new.pk for old, new in moves.items()},
    }
    # Nobody is mailed of it: thousands of such events must not stand before those that somebody waits for.
    event = TicketEvent(ticket=ticket, kind=EventKind.RETARGETED, actor=job.made_by, data=data, at=at, notified_at=at)
    started = live.carry_on(ticket, clocks, live.meaning(ticket, event, current, moves))
    if not moves and not (started and job.scope in _BEGINNING):
        return None
    return event, clocks, started


def _save(done: Sequence[tuple[Ticket, TicketEvent, list[SlaClock], list[SlaClock]]], now: datetime) -> None:
    """Write a whole batch in a few statements."""
    kept = [clock for _, _, clocks, _ in done for clock in clocks]
    started = [clock for _, _, _, new in done for clock in new]
    broke = {clock.pk for clock in kept if clock.breached_at and clock.next_action_at is not None}
    for clock in (*kept, *started):
        clock.next_action_at = live.next_action(clock, now)
    TicketEvent.objects.bulk_create(event for _, event, _, _ in done)
    bulk.update(kept, live.COLUMNS)
    SlaClock.objects.bulk_create(started)
    TicketEvent.objects.bulk_create(
        TicketEvent(ticket_id=clock.ticket_id, kind=EventKind.SLA_BREACHED, data=breach_data(clock), at=now)
        for clock in kept
        if clock.pk in broke
    )
    for ticket, _, clocks, new in done:
        ticket.next_due_at = live.earliest((*clocks, *new))
    bulk.update([ticket for ticket, *_ in done], ["next_due_at"])
