"""A ticket's clocks worked out anew from all that happened to it, by another road than the one that keeps them. Pure.

`clocks` carries each clock on from event to event; here the whole history lies open: first the cycles of each promise
(from what began it to what met or ended it), then, stretch by stretch, the time used and where the deadline fell.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tickets.sla.clocks import Moment
from tickets.sla.promises import FINISHED, Promise, runs

Range = tuple[int, int | None]
"""From the moment of this index up to that of the other (None: still)."""

State = tuple[bool, int, Any]
"""Whether a clock runs, for which priority and on which terms."""

Stretch = tuple[datetime, datetime | None, State]
"""From when to when (None: still), and how it was."""


@dataclass
class Cycle:
    """From what began a promise to what met or ended it, with the ranges of moments in which it was open."""

    promise: Promise
    started_at: datetime
    ranges: list[Range]
    met_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass
class Derived:
    """What a clock should say; `used` is the time used up to when this was asked."""

    promise: Promise
    started_at: datetime
    priority: int
    terms: Any
    used: timedelta = timedelta()
    due_at: datetime | None = None
    breached_at: datetime | None = None
    met_at: datetime | None = None
    ended_at: datetime | None = None
    stretches: list[Stretch] = field(default_factory=list)

    def lay(self, start: datetime, end: datetime | None, state: State) -> None:
        """Add a stretch; one like the last, with nothing in between, only makes that one longer."""
        if self.stretches and self.stretches[-1][1:] == (start, state):
            start = self.stretches.pop()[0]
        self.stretches.append((start, end, state))


def derive(history: Sequence[Moment], *, now: datetime) -> list[Derived]:
    """All clocks that a ticket should have after `history` (in order), as they stand `now`."""
    if not history:
        return []
    cycles = [*_first_reply(history), *_next_replies(history), *_updates(history), *_resolution(history)]
    return [_worked_out(cycle, history, now) for cycle in cycles]


# --- Cycles --------------------------------------------------------------------------------------------------------


def _first_reply(history: Sequence[Moment]) -> Iterator[Cycle]:
    begun = history[0]
    if not begun.opened or begun.terms is None:
        return
    reply = next((place for place, moment in enumerate(history) if moment.answered), None)
    ranges = _unfinished(history, 0, reply)
    met = history[reply].at if reply is not None else None
    open_still = bool(ranges) and ranges[-1][1] is None
    ended = met or (None if open_still else history[ranges[-1][1] or 0].at)
    yield Cycle(Promise.FIRST_REPLY, begun.at, ranges, met, ended)


def _next_replies(history: Sequence[Moment]) -> Iterator[Cycle]:
    answered, since = False, None
    for place, moment in enumerate(history):
        if since is not None and (moment.answered or moment.status in FINISHED):
            yield _closed(Promise.NEXT_REPLY, history, since, place)
            since = None
        waits = moment.asked and answered and moment.status not in FINISHED
        if waits and since is None and moment.terms is not None:
            since = place
        answered = answered or moment.answered
    if since is not None:
        yield Cycle(Promise.NEXT_REPLY, history[since].at, [(since, None)])


def _updates(history: Sequence[Moment]) -> Iterator[Cycle]:
    answered, since = False, None
    for place, moment in enumerate(history):
        if since is not None and (moment.answered or moment.status in FINISHED):
            yield _closed(Promise.REGULAR_UPDATE, history, since, place)
            since = None
        answered = answered or moment.answered
        begins = moment.answered or (moment.retargeted and answered)
        promised = moment.terms is not None and moment.terms.promises(Promise.REGULAR_UPDATE)
        if since is None and begins and promised and moment.status not in FINISHED:
            since = place
    if since is not None:
        yield Cycle(Promise.REGULAR_UPDATE, history[since].at, [(since, None)])


def _resolution(history: Sequence[Moment]) -> Iterator[Cycle]:
    promised = (
        place
        for place, moment in enumerate(history)
        if (moment.opened or moment.retargeted)
        and moment.status not in FINISHED
        and moment.terms is not None
        and moment.terms.promises(Promise.RESOLUTION)
    )
    begun = next(promised, None)
    if begun is None:
        return
    ranges = _unfinished(history, begun, None)
    last = ranges[-1][1]
    solved = history[last].at if last is not None else None
    yield Cycle(Promise.RESOLUTION, history[begun].created_at or history[begun].at, ranges, solved, solved)


def _closed(promise: Promise, history: Sequence[Moment], since: int, until: int) -> Cycle:
    end = history[until]
    return Cycle(promise, history[since].at, [(since, until)], end.at if end.answered else None, end.at)


def _unfinished(history: Sequence[Moment], begun: int, until: int | None) -> list[Range]:
    """The ranges from `begun` up to `until` in which the ticket was neither Solved nor Closed."""
    last = len(history) if until is None else until
    ranges: list[Range] = []
    since: int | None = begun
    for place in range(begun, last):
        if history[place].status in FINISHED:
            if since is not None:
                ranges.append((since, place))
            since = None
        elif since is None:
            since = place
    if since is not None and (until is None or since < until):
        ranges.append((since, until))
    return ranges


# --- Time used and deadlines ---------------------------------------------------------------------------------------


def _worked_out(cycle: Cycle, history: Sequence[Moment], now: datetime) -> Derived:
    first = history[cycle.ranges[0][0]] if cycle.ranges else history[0]
    clock = Derived(cycle.promise, cycle.started_at, first.priority, first.terms)
    clock.met_at, clock.ended_at = cycle.met_at, cycle.ended_at
    if cycle.started_at < first.at:  # before anything was promised
        clock.lay(cycle.started_at, first.at, (False, first.priority, first.terms))
    for number, (begun, until) in enumerate(cycle.ranges):
        if number and history[begun].terms is not None:
            clock.terms = history[begun].terms
        _walk(clock, history, begun, until, now)
    return clock


def _walk(clock: Derived, history: Sequence[Moment], begun: int, until: int | None, now: datetime) -> None:
    """Cut one range into stretches of the same target that run or don't, and count each."""
    stretches: list[tuple[datetime, State]] = []
    terms = clock.terms
    for place in range(begun, len(history) if until is None else until):
        moment = history[place]
        terms = moment.moved(terms) if place > begun else terms
        if stretches and stretches[-1][0] == moment.at:
            stretches.pop()  # nothing lasted no time
        state = (_is_running(clock.promise, moment, terms), moment.priority, terms)
        if not stretches or stretches[-1][1] != state:
            stretches.append((moment.at, state))
    ends = [start for start, _ in stretches[1:]] + [history[until].at if until is not None else None]
    for (start, state), end in zip(stretches, ends, strict=True):
        running, clock.priority, clock.terms = state
        if end is None or end > start:
            clock.lay(start, end, state)
            _count(clock, start, end, running, now)
    if until is not None:
        clock.due_at = None


def _is_running(promise: Promise, moment: Moment, terms: Any) -> bool:
    promised = terms.target(promise, moment.priority) is not None
    return promised and runs(promise, moment.status, kept_open=moment.kept_open)


def _count(clock: Derived, start: datetime, end: datetime | None, running: bool, now: datetime) -> None:
    """Count a stretch, and date the breach that falls into it."""
    target = clock.terms.target(clock.promise, clock.priority) if running else None
    if target is None:
        clock.due_at = None
        return
    if clock.used < target.length:
        clock.due_at = target.due(start, used=clock.used)
    else:
        clock.due_at = clock.breached_at or start
    if clock.breached_at is None and clock.due_at is not None and clock.due_at < (end or now):
        clock.breached_at = clock.due_at
    clock.used += target.hours.elapsed(start, end or now)
