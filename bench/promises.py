"""How fast promises are computed, looked after and moved: hours, the sweep, and putting clocks on other terms."""

import itertools
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from django.db.models import Sum
from django.utils import timezone

from accounts.models import Role, User
from bench import policies
from bench.client import median, percentile
from bench.report import Figure, ms
from tickets.models import Retargeting, SlaClock, SlaPolicy
from tickets.models.sla import targets_of
from tickets.sla import drafts, preview, retarget, sweep
from tickets.sla.calendar import Rule, WorkingTime
from tickets.sla.publish import day_of

_DEADLINES = 120_000
_IDLE_SWEEPS = 50
_DUE = 100
_BUSY_SWEEPS = 7
_PLACES = {
    "Europe/Berlin": ("DE", "BE"),
    "America/New_York": ("US", "NY"),
    "America/Los_Angeles": ("US", "CA"),
    "Australia/Sydney": ("AU", "NSW"),
    "Australia/Lord_Howe": ("AU", "NSW"),
    "Asia/Kolkata": ("IN", ""),
    "Asia/Kathmandu": ("", ""),
    "America/Santiago": ("CL", ""),
    "Africa/Cairo": ("EG", ""),
    "Africa/Casablanca": ("MA", ""),
    "Asia/Singapore": ("SG", ""),
    "UTC": ("", ""),
}


def promise_figures() -> list[Figure]:
    """All of them; the sweep that is busy is the last, because it goes ahead of the time."""
    return [*_arithmetic(), *_idle_sweep(), *_preview(), *_retargeting(), *_busy_sweep()]


# --- Hours ---------------------------------------------------------------------------------------------------------


def _arithmetic() -> list[Figure]:
    """Deadlines within three years, on split shifts with public holidays in twelve zones, on one core."""
    hours = [WorkingTime(rule) for rule in _rules()]
    starts = datetime(2024, 1, 1, tzinfo=UTC)
    first = _timed(lambda: [one.add(starts, timedelta(hours=4)) for one in hours]) / len(hours)
    dice = random.Random(7)
    wanted = [
        (one, starts + timedelta(seconds=dice.randrange(3 * 365 * 86_400)), timedelta(minutes=dice.randrange(1, 5_000)))
        for one in itertools.islice(itertools.cycle(hours), _DEADLINES)
    ]
    for one in hours:
        one.elapsed(starts, starts + timedelta(days=4 * 365))
    rate = _DEADLINES / _timed(lambda: [one.add(start, amount) for one, start, amount in wanted])
    return [
        Figure(f"deadlines on one core, {len(hours)} zones", "≥ 20,000/s", f"{rate:,.0f}/s", rate >= 20_000),
        Figure("a calendar's first deadline (its year worked out)", "", ms(first)),
    ]


def _rules() -> Iterator[Rule]:
    split, short = day_of(("08:30", "12:00"), ("13:00", "17:30")), day_of(("08:30", "12:00"))
    week = (split, split, split, split, short, (), ())
    for zone, (country, subdivision) in _PLACES.items():
        yield Rule(zone, week, country, subdivision)


# --- The sweep -----------------------------------------------------------------------------------------------------


def _idle_sweep() -> list[Figure]:
    now = timezone.now()
    _clear(now)
    took = [_timed(lambda: sweep.act(now=now)) for _ in range(_IDLE_SWEEPS)]
    running, found = SlaClock.objects.running().count(), median(took)
    what = f"sweep with nothing due, {running:,} clocks running"
    return [Figure(what, "≤ 5 ms", f"p50 {ms(found)}, p95 {ms(percentile(took, 95))}", found <= 0.005)]


def _busy_sweep() -> list[Figure]:
    """Sweeps at the instants at which the next hundred clocks come due: their warnings and breaches really are told.

    A kept desk is ahead of its time by them afterwards.
    """
    _clear(timezone.now())
    took, told = [], []
    for _ in range(_BUSY_SWEEPS):
        ahead = SlaClock.objects.exclude(next_action_at=None).order_by("next_action_at")
        due = list(ahead.values_list("next_action_at", flat=True)[:_DUE])
        if len(due) < _DUE:
            break
        now = due[-1] + timedelta(microseconds=1)
        began = time.perf_counter()
        told.append(sweep.act(now=now))
        took.append(time.perf_counter() - began)
    what = f"sweep with {_DUE} due"
    if not took:
        return [Figure(what, "≤ 500 ms", "not measured: too few clocks are running")]
    found, events = median(took), median([float(one) for one in told])
    measured = f"p50 {ms(found)}, longest {ms(max(took))} of {len(took)}, {events:.0f} events each"
    return [Figure(what, "≤ 500 ms", measured, found <= 0.5)]


def _clear(now: datetime) -> None:
    while sweep.act(now=now):
        pass


# --- Other terms ---------------------------------------------------------------------------------------------------


def _preview() -> list[Figure]:
    """What an edit of every plan's policy would do to all open clocks, as its page counts them."""
    now, admin = timezone.now(), User.objects.filter(role=Role.ADMIN)[0]
    edits = {}
    for policy in SlaPolicy.objects.exclude(plan=None).with_content():
        if policy.current is not None and targets_of(policy.current.pk):
            edit = drafts.Edit.of(policy.current)
            longer = {key: (minutes + 30, hours) for key, (minutes, hours) in edit.targets.items()}
            edits[policy.pk] = replace(edit, targets=longer)
    draft = drafts.begin(edits, by=admin, at=now)
    began = time.perf_counter()
    found = preview.preview(draft, now=now)
    took = time.perf_counter() - began
    draft.delete()
    moved = sum(one.counts().moves for one in found)
    return [Figure("preview of an edit of every plan", "", f"{took:.1f} s for {moved:,} open clocks")]


def _retargeting() -> list[Figure]:
    """An edit of every plan's policy, for all open clocks, until the last of them runs on it."""
    now = timezone.now()
    running = SlaClock.objects.running().count()
    jobs = [
        retarget.ask(Retargeting.Scope.POLICY, policy.pk, by=None, at=now)
        for policy in policies.edit(at=now, more=True, longer=30)
    ]
    mine = Retargeting.objects.filter(pk__in=[job.pk for job in jobs])
    took = 0.0
    while mine.filter(finished_at=None).exists():
        took += _timed(lambda: retarget.work(now=now, seconds=1.0))
        so_far = mine.aggregate(done=Sum("done"), total=Sum("total"), moved=Sum("moved"), broken=Sum("broken"))
        print(
            f"  {took:4.1f} s: {so_far['done']:,} of {so_far['total']:,} tickets, {so_far['moved']:,} clocks moved",
            flush=True,
        )
    what = f"re-targeting all open clocks, {running:,} of them running"
    measured = f"{took:.1f} s for {so_far['moved']:,} clocks of {so_far['total']:,} tickets"
    return [Figure(what, "≤ 30 s", measured, took <= 30)]


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
