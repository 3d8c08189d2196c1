"""Who is on call at an instant. Pure: no Django, no database, no clock.

The intent is stored (zone, anchor date, local hand-over time, length in days, members in order), never an offset or a
duration: a shift ends where the next begins, and one function, `boundary`, computes both, so gaps can't arise. The
arithmetic is on naive local dates, converted once with `zoneinfo`, and compared in UTC.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

_LOOK_AHEAD = timedelta(days=366)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Layer:
    """A rotation: each member in turn for `days` days from the local hand-over time.

    A member None is a turn that nobody takes (somebody who left): a lower layer shows through.
    """

    priority: int
    zone: str
    anchor: date
    hand_over: time
    days: int
    members: tuple[int | None, ...]


@dataclass(frozen=True)
class Override:
    """Somebody takes the schedule from `starts` until `ends` (aware), whatever its layers say."""

    person: int
    starts: datetime
    ends: datetime
    order: int = 0


@dataclass(frozen=True)
class Shift:
    """`person` (None: nobody) is on call from `starts` until `ends`, in UTC."""

    person: int | None
    starts: datetime
    ends: datetime


def to_utc(local: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a naive local time: the first of two when ambiguous, the first after the jump when skipped."""
    instant = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
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
    """The layer's own shift that `at` (aware) falls into; ValueError when the layer has no members."""
    if not layer.members:
        raise ValueError("a layer without members has no shifts")
    local = at.astimezone(ZoneInfo(layer.zone))
    turn = (local.date() - layer.anchor).days // layer.days
    while boundary(layer, turn) > at:
        turn -= 1
    while boundary(layer, turn + 1) <= at:
        turn += 1
    person = layer.members[turn % len(layer.members)]
    return Shift(person, boundary(layer, turn), boundary(layer, turn + 1))


def on_call(layers: Sequence[Layer], overrides: Sequence[Override], at: datetime) -> int | None:
    """Who has the schedule at `at`: the latest override that holds, else the highest layer that names somebody."""
    holding = [override for override in overrides if override.starts <= at < override.ends]
    if holding:
        return max(holding, key=lambda override: override.order).person
    for layer in sorted(layers, key=lambda layer: -layer.priority):
        if layer.members and (person := layer_shift(layer, at).person) is not None:
            return person
    return None


def _next_change(layers: Sequence[Layer], overrides: Sequence[Override], at: datetime) -> datetime | None:
    """The first instant after `at` at which the answer may differ; None when it never will."""
    ends = [layer_shift(layer, at).ends for layer in layers if layer.members]
    edges = [edge for override in overrides for edge in (override.starts, override.ends) if edge > at]
    return min([*ends, *edges], default=None)


def shifts(layers: Sequence[Layer], overrides: Sequence[Override], since: datetime, until: datetime) -> Iterator[Shift]:
    """The final schedule from `since` until `until`, without holes (a gap is a shift of nobody), neighbours merged."""
    start, at, person = since, since, on_call(layers, overrides, since)
    while at < until:
        change = _next_change(layers, overrides, at)
        at = until if change is None else min(change, until)
        follower = on_call(layers, overrides, at)
        if follower != person and at < until:
            yield Shift(person, start, at)
            start, person = at, follower
    yield Shift(person, start, until)


def current_shift(layers: Sequence[Layer], overrides: Sequence[Override], at: datetime) -> Shift:
    """Who has it at `at` and until when; a shift that has no end within a year is given as ending then."""
    return next(shifts(layers, overrides, at, at + _LOOK_AHEAD))
