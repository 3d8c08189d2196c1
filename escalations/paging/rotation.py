"""Who is on call at an instant. Pure: no Django, no database, no clock.

The intent is stored (zone, anchor date, local hand-over time, length in days, members in order, windows), never an
offset or a duration: a shift ends where the next begins, and one function, `boundary`, computes both, so gaps can't
arise. The arithmetic is on naive local dates, converted once with `zoneinfo`, and compared in UTC.

A layer is a line of *stretches*: from its hand-overs, cut to its windows and by its members' leave. The final schedule
lays the layers over each other by priority, then the overrides on top.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from heapq import heappop, heappush
from itertools import pairwise
from zoneinfo import ZoneInfo

_LOOK_AHEAD = timedelta(days=366)
_SECOND = timedelta(seconds=1)
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Window:
    """Hours of the layer's zone in which it names somebody.

    It begins at `starts` on each ISO weekday of `weekdays` and ends `ends_after_days` days later at `ends`.
    """

    weekdays: frozenset[int]
    starts: time
    ends: time
    ends_after_days: int = 0


@dataclass(frozen=True)
class Layer:
    """A rotation: each member in turn for `days` days from the local hand-over time, within its windows if it has any.

    A member None is a turn that nobody takes (somebody who left): a lower layer shows through.
    """

    priority: int
    zone: str
    anchor: date
    hand_over: time
    days: int
    members: tuple[int | None, ...]
    windows: tuple[Window, ...] = ()


@dataclass(frozen=True)
class Override:
    """Somebody takes the schedule from `starts` until `ends` (aware), whatever its layers say."""

    person: int
    starts: datetime
    ends: datetime
    order: int = 0


@dataclass(frozen=True)
class Absence:
    """Somebody takes no turn from `starts` until `ends` (aware)."""

    person: int
    starts: datetime
    ends: datetime


@dataclass(frozen=True)
class Shift:
    """`person` (None: nobody) is on call from `starts` until `ends`, in UTC.

    `missing`: nobody, though a layer's turn is somebody's who is away or has left.
    """

    person: int | None
    starts: datetime
    ends: datetime
    is_override: bool = False
    missing: bool = False


@dataclass
class Plan:
    """What a schedule is computed from."""

    layers: Sequence[Layer] = ()
    overrides: Sequence[Override] = ()
    absences: Sequence[Absence] = field(default_factory=tuple)


def to_utc(local: datetime, zone: ZoneInfo, *, last: bool = False) -> datetime:
    """The instant of a naive local time: of two when ambiguous the first (or `last`), the first after a skip."""
    instant = local.replace(tzinfo=zone, fold=int(last)).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local:
        return instant
    return _jump(local, zone)


def _jump(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant of the clock's jump over `local`, found by halving: the offset differs before and after it."""
    before = local.replace(tzinfo=zone, fold=1).astimezone(UTC) - _SECOND
    after = local.replace(tzinfo=zone, fold=0).astimezone(UTC) + _SECOND
    offset = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + ((after - before) / 2)
        middle = middle.replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


@lru_cache(maxsize=4096)
def boundary(layer: Layer, turn: int) -> datetime:
    """The instant, in UTC, at which turn number `turn` of the layer begins; turn 0 begins on the anchor date."""
    day = layer.anchor + timedelta(days=turn * layer.days)
    return to_utc(datetime.combine(day, layer.hand_over), ZoneInfo(layer.zone))


def layer_shift(layer: Layer, at: datetime) -> Shift:
    """The layer's own turn that `at` (aware) falls into, whatever its windows; ValueError without members."""
    turn = _turn(layer, at)
    return Shift(layer.members[turn % len(layer.members)], boundary(layer, turn), boundary(layer, turn + 1))


def _turn(layer: Layer, at: datetime) -> int:
    if not layer.members:
        raise ValueError("a layer without members has no shifts")
    local = at.astimezone(ZoneInfo(layer.zone))
    turn = (local.date() - layer.anchor).days // layer.days
    while boundary(layer, turn) > at:
        turn -= 1
    while boundary(layer, turn + 1) <= at:
        turn += 1
    return turn


def open_hours(layer: Layer, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """When the layer names somebody, in order and without overlap, cut to `since` and `until`.

    In an ambiguous hour a window begins at the first and ends at the last occurrence.
    """
    if not layer.windows:
        return [(since, until)]
    zone = ZoneInfo(layer.zone)
    found = []
    for window in layer.windows:
        day = since.astimezone(zone).date() - timedelta(days=window.ends_after_days + 1)
        last = until.astimezone(zone).date() + _DAY
        while day <= last:
            if day.isoweekday() in window.weekdays:
                starts = to_utc(datetime.combine(day, window.starts), zone)
                ends_on = day + timedelta(days=window.ends_after_days)
                ends = to_utc(datetime.combine(ends_on, window.ends), zone, last=True)
                found.append((max(starts, since), min(ends, until)))
            day += _DAY
    return _merged(found)


def _merged(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    merged: list[tuple[datetime, datetime]] = []
    for starts, ends in sorted(span for span in spans if span[0] < span[1]):
        if merged and starts <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
        else:
            merged.append((starts, ends))
    return merged


def _stretches(layer: Layer, plan: Plan, since: datetime, until: datetime) -> Iterator[Shift]:
    """The layer by itself: whose turn it is within its windows; None where its person is away or has left."""
    if not layer.members:
        return
    away: dict[int, list[tuple[datetime, datetime]]] = {}
    for absence in plan.absences:
        away.setdefault(absence.person, []).append((absence.starts, absence.ends))
    for opens, closes in open_hours(layer, since, until):
        turn, at = _turn(layer, opens), opens
        while at < closes:
            ends = min(boundary(layer, turn + 1), closes)
            person = layer.members[turn % len(layer.members)]
            yield from _without(person, at, ends, away.get(person, []) if person is not None else [])
            at, turn = ends, turn + 1


def _without(
    person: int | None, starts: datetime, ends: datetime, away: list[tuple[datetime, datetime]]
) -> Iterator[Shift]:
    at = starts
    for gone, back in _merged([(max(gone, starts), min(back, ends)) for gone, back in away]):
        if at < gone:
            yield Shift(person, at, gone)
        yield Shift(None, gone, back)
        at = back
    if at < ends:
        yield Shift(person, at, ends)


def shifts(plan: Plan, since: datetime, until: datetime) -> list[Shift]:
    """The final schedule from `since` until `until`, without holes (a gap is a shift of nobody), neighbours merged."""
    lines = [
        list(_stretches(layer, plan, since, until)) for layer in sorted(plan.layers, key=lambda one: -one.priority)
    ]
    held = [
        Shift(override.person, max(override.starts, since), min(override.ends, until), is_override=True)
        for override in sorted(plan.overrides, key=lambda override: -override.order)
        if override.starts < until and override.ends > since
    ]
    # Each override is a line of its own: of two that hold, the later one goes first.
    return list(_joined(_laid_over([*([one] for one in held), *lines], since, until)))


def _laid_over(lines: Sequence[Sequence[Shift]], since: datetime, until: datetime) -> Iterator[Shift]:
    """Of each piece between two edges the first line that names somebody: one sweep over the edges of all of them."""
    edges: dict[datetime, list[tuple[int, Shift | None]]] = {since: [], until: []}
    for rank, line in enumerate(lines):
        for stretch in line:
            edges.setdefault(stretch.starts, []).append((rank, stretch))
            edges.setdefault(stretch.ends, []).append((rank, None))
    now: list[Shift | None] = [None] * len(lines)
    naming: list[int] = []  # a heap of the lines that name somebody; one that no longer does is dropped at the top
    missing = 0
    for starts, ends in pairwise(sorted(edges)):
        # What ends here comes before what begins: a line's next stretch may begin where the last one ends.
        for rank, begins in sorted(edges[starts], key=lambda edge: edge[1] is not None):
            missing += _is_missing(begins) - _is_missing(now[rank])
            now[rank] = begins
            if _names(begins):
                heappush(naming, rank)
        while naming and not _names(now[naming[0]]):
            heappop(naming)
        found = now[naming[0]] if naming else None
        if found is None:
            yield Shift(None, starts, ends, missing=missing > 0)
        else:
            yield Shift(found.person, starts, ends, is_override=found.is_override)


def _names(stretch: Shift | None) -> bool:
    return stretch is not None and stretch.person is not None


def _is_missing(stretch: Shift | None) -> bool:
    return stretch is not None and stretch.person is None


def _joined(pieces: Iterator[Shift]) -> Iterator[Shift]:
    before: Shift | None = None
    for piece in pieces:
        if before is not None and _alike(before, piece):
            before = Shift(before.person, before.starts, piece.ends, before.is_override, before.missing)
            continue
        if before is not None:
            yield before
        before = piece
    if before is not None:
        yield before


def _alike(one: Shift, other: Shift) -> bool:
    return (one.person, one.is_override, one.missing) == (other.person, other.is_override, other.missing)


def on_call(plan: Plan, at: datetime) -> int | None:
    """Who has the schedule at `at`: the latest override that holds, else the highest layer that names somebody."""
    return shifts(plan, at, at + _SECOND)[0].person


def current_shift(plan: Plan, at: datetime) -> Shift:
    """Who has it at `at` and until when; a shift that has no end within a year is given as ending then."""
    return shifts(plan, at, at + _LOOK_AHEAD)[0]
