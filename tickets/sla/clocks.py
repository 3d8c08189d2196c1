"""How clocks follow what happens to a ticket: start, pause, run on, aim anew, be met, end, break. Pure.

A clock keeps how much time it has used. Whatever changes its target (priority, terms) or lets it go on after a pause
leaves that untouched and aims at a new deadline with what is left. Where the target is used up already, it is due since
it broke, or else now. A breach is dated by the deadline, whenever it is noticed, and stays: a clock breaks once.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Protocol

from tickets.sla.promises import FINISHED, MEASURED, Promise, runs
from tickets.sla.terms import Target
from tickets.states import Status


class HasTargets(Protocol):
    """Terms, or the row that keeps them."""

    def target(self, promise: Promise, priority: int) -> Target | None: ...
    def promises(self, promise: Promise) -> bool: ...


class Clock(Protocol):
    """One promise of one ticket: running while `running_since` is set, open until `ended_at` is.

    `used` is the time used before `running_since`; `spans` tells of each stretch whether it ran, and why.
    """

    promise: str
    priority: int
    terms: Any
    started_at: datetime
    running_since: datetime | None
    used: timedelta
    due_at: datetime | None
    breached_at: datetime | None
    met_at: datetime | None
    ended_at: datetime | None
    spans: list[dict[str, Any]]


@dataclass
class LooseClock:
    """A clock in memory only, for who asks what would be."""

    promise: str
    started_at: datetime
    terms: Any
    priority: int = 0
    running_since: datetime | None = None
    used: timedelta = timedelta()
    due_at: datetime | None = None
    breached_at: datetime | None = None
    met_at: datetime | None = None
    ended_at: datetime | None = None
    spans: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def of(cls, clock: Clock) -> "LooseClock":
        """A copy, which may follow what hasn't happened."""
        values = {one.name: getattr(clock, one.name) for one in fields(cls)}
        return cls(**{**values, "spans": list(clock.spans)})


@dataclass(frozen=True)
class Moment:
    """What one event means to clocks: how the ticket stands after it, and what it brought.

    `priority` is that which counts (High where none is set). `terms` are those in force for clocks that start; `moves`
    names, by the terms that open clocks run on, those that they run on from now; `retargeted`: what is promised anew
    begins. `asked`: a customer began to wait;
    `answered`: a person of the staff replied publicly; `was_answered`: somebody has, ever.
    """

    at: datetime
    why: str
    status: Status
    priority: int
    kept_open: bool = False
    terms: HasTargets | None = None
    moves: Mapping[Any, Any] = field(default_factory=dict)
    retargeted: bool = False
    opened: bool = False
    asked: bool = False
    answered: bool = False
    was_finished: bool = False
    was_answered: bool = False
    created_at: datetime | None = None

    def moved(self, terms: Any) -> Any:
        """The terms that a clock on `terms` runs on from now."""
        return self.moves.get(terms, terms)


Make = Callable[[Promise, datetime, HasTargets], Clock]


def follow(clocks: list[Clock], moment: Moment, make: Make) -> list[Clock]:
    """Let a ticket's clocks follow `moment`; the clocks that it starts are made, appended to `clocks` and returned.

    `clocks` are the open ones and, where the moment reopens, also those that go on after a reopening.
    """
    for clock in clocks:
        note_breach(clock, moment.at)
    if moment.answered:
        _answer(clocks, moment)
    if moment.was_finished and moment.status not in FINISHED:
        _take_up_again(clocks, moment)
    for clock in clocks:
        if clock.ended_at is None:
            _aim_anew(clock, moment)
    if moment.status in FINISHED:
        _finish(clocks, moment)
    started = [_started(promise, moment, make) for promise in _to_start(clocks, moment)]
    clocks += started
    for clock in clocks:
        if clock.ended_at is None:
            _run_or_pause(clock, moment)
    return started


def concerns(clock: Clock, moment: Moment) -> bool:
    """Whether `moment` may change the clock: an open one always; an ended one where the ticket was finished before."""
    return clock.ended_at is None or (moment.was_finished and goes_on(clock))


def goes_on(clock: Clock) -> bool:
    """Whether a reopening takes the clock up again with the time used: a resolution, and a first reply never given."""
    if clock.ended_at is None:
        return False
    return clock.promise == Promise.RESOLUTION or (clock.promise == Promise.FIRST_REPLY and clock.met_at is None)


def note_breach(clock: Clock, now: datetime) -> bool:
    """Date the breach of a clock that has run over its deadline; False when there is none to note."""
    if clock.ended_at is not None or clock.breached_at is not None or clock.due_at is None or clock.due_at >= now:
        return False
    clock.breached_at = clock.due_at
    return True


def used_by(clock: Clock, now: datetime) -> timedelta:
    """The time used up to `now`, on the hours of the clock's target."""
    if clock.running_since is None:
        return clock.used
    target = target_of(clock)
    return clock.used + (target.hours.elapsed(clock.running_since, now) if target else timedelta())


def left(clock: Clock, now: datetime) -> timedelta | None:
    """The time left (less than nothing when late), None where nothing is promised."""
    target = target_of(clock)
    return target.length - used_by(clock, now) if target else None


def target_of(clock: Clock) -> Target | None:
    found: Target | None = clock.terms.target(Promise(clock.promise), clock.priority)
    return found


# --- What a moment does --------------------------------------------------------------------------------------------


def _answer(clocks: Iterable[Clock], moment: Moment) -> None:
    """A public reply meets what was owed until now; a regular update begins anew with each.

    The first reply to a ticket that was solved without one comes late to an ended clock, and meets it all the same.
    """
    for clock in clocks:
        if clock.promise == Promise.RESOLUTION:
            continue
        if clock.ended_at is None:
            _end(clock, moment.at)
            clock.met_at = moment.at
        elif goes_on(clock):
            clock.met_at = clock.ended_at = moment.at


def _take_up_again(clocks: Iterable[Clock], moment: Moment) -> None:
    for clock in clocks:
        if goes_on(clock):
            clock.ended_at = clock.met_at = None
            if moment.terms is not None:
                clock.terms = moment.terms


def _aim_anew(clock: Clock, moment: Moment) -> None:
    """Take over a changed priority or changed terms; what has been used so far is kept."""
    terms = moment.moved(clock.terms)
    if clock.priority == moment.priority and clock.terms == terms:
        return
    _stop(clock, moment.at)
    clock.priority, clock.terms = moment.priority, terms


def _finish(clocks: Iterable[Clock], moment: Moment) -> None:
    """Solved or Closed: a resolution is met, what else was owed ends without having been given."""
    for clock in clocks:
        if clock.ended_at is None:
            _end(clock, moment.at)
            if clock.promise == Promise.RESOLUTION:
                clock.met_at = moment.at


def _to_start(clocks: list[Clock], moment: Moment) -> list[Promise]:
    """The promises whose clocks begin now."""
    if moment.terms is None:
        return []
    have = {clock.promise for clock in clocks if clock.ended_at is None}
    begins = {
        Promise.FIRST_REPLY: moment.opened,
        Promise.NEXT_REPLY: moment.asked and moment.was_answered,
        Promise.REGULAR_UPDATE: moment.answered or (moment.retargeted and moment.was_answered),
        Promise.RESOLUTION: moment.opened or moment.retargeted,
    }
    is_finished = moment.status in FINISHED
    return [
        promise
        for promise, now in begins.items()
        if now
        and promise not in have
        and (promise in MEASURED or moment.terms.promises(promise))
        and (not is_finished or promise is Promise.FIRST_REPLY)
    ]


def _started(promise: Promise, moment: Moment, make: Make) -> Clock:
    assert moment.terms is not None  # noqa: S101 - `_to_start` asks for them
    from_creation = promise is Promise.RESOLUTION and moment.created_at is not None
    clock = make(promise, moment.created_at if from_creation and moment.created_at else moment.at, moment.terms)
    clock.priority = moment.priority
    if clock.started_at < moment.at:
        clock.spans.append(_span(clock.started_at, moment.at, runs=False, why="unpromised", clock=clock))
    if promise is Promise.FIRST_REPLY and moment.was_answered:
        # The agent who opened it said something at once: that is the first reply.
        clock.met_at = clock.ended_at = moment.at
    return clock


# --- Stretches -----------------------------------------------------------------------------------------------------


def _run_or_pause(clock: Clock, moment: Moment) -> None:
    target = target_of(clock)
    wanted = target is not None and runs(Promise(clock.promise), moment.status, kept_open=moment.kept_open)
    if wanted and clock.running_since is None:
        _close_span(clock, moment.at)
        clock.running_since = moment.at
        _open_span(clock, _span(moment.at, None, runs=True, why=moment.why, clock=clock))
        clock.due_at = _due(clock, target, moment.at)
    elif not wanted and (clock.running_since is not None or not clock.spans or clock.spans[-1]["to"] is not None):
        _stop(clock, moment.at)
        _open_span(clock, _span(moment.at, None, runs=False, why=_why_not(clock, target, moment), clock=clock))


def _why_not(clock: Clock, target: Target | None, moment: Moment) -> str:
    if target is None:
        return "unpromised"
    if moment.status is Status.PENDING:
        return "kept_open" if moment.kept_open else "pending"
    return "not_begun"


def _due(clock: Clock, target: Target | None, at: datetime) -> datetime | None:
    if target is None:
        return None
    if clock.used >= target.length:
        return clock.breached_at or at
    return target.due(at, used=clock.used)


def _stop(clock: Clock, at: datetime) -> None:
    """Stop running, or waiting, and keep the time used."""
    if clock.running_since is not None:
        clock.used = used_by(clock, at)
        clock.running_since = None
    clock.due_at = None
    _close_span(clock, at)


def _end(clock: Clock, at: datetime) -> None:
    _stop(clock, at)
    clock.ended_at = at


def _open_span(clock: Clock, span: dict[str, Any]) -> None:
    """Begin a stretch; one just like the last, after nothing in between, only goes on."""
    same = ("runs", "priority", "terms")
    last = clock.spans[-1] if clock.spans else None
    if last is not None and last["to"] == span["from"] and all(last[name] == span[name] for name in same):
        clock.spans = [*clock.spans[:-1], {**last, "to": None}]
    else:
        clock.spans = [*clock.spans, span]


def _close_span(clock: Clock, at: datetime) -> None:
    if clock.spans and clock.spans[-1]["to"] is None:
        last = {**clock.spans[-1], "to": at.isoformat(), "used": clock.used.total_seconds()}
        clock.spans = [*clock.spans[:-1], *([last] if last["from"] != last["to"] else [])]


def _span(start: datetime, end: datetime | None, *, runs: bool, why: str, clock: Clock) -> dict[str, Any]:
    """One stretch, as JSON keeps it; `used` is the clock's whole time used when it ended."""
    return {
        "from": start.isoformat(),
        "to": end.isoformat() if end else None,
        "runs": runs,
        "why": why,
        "priority": clock.priority,
        "terms": getattr(clock.terms, "pk", None),
        "used": clock.used.total_seconds(),
    }
