"""The algebra of schedules against a naive reading of them, minute by minute; changes of clocks; speed."""

import itertools
import time as stopwatch
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.schedules import plan_of_fifty
from escalations.paging.rotation import (
    Absence,
    Layer,
    Override,
    Plan,
    Shift,
    Window,
    open_hours,
    shifts,
)

EVERY_DAY = frozenset(range(1, 8))
ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney", "America/Santiago"),
    *("Australia/Lord_Howe", "Asia/Kolkata"),
)
CHANGES = [
    # The clocks of one of ZONES change within two days of each.
    datetime(2026, 10, 25, tzinfo=UTC),  # Berlin back
    datetime(2026, 11, 1, tzinfo=UTC),  # New York back
    datetime(2027, 3, 14, tzinfo=UTC),  # New York on
    datetime(2027, 3, 28, tzinfo=UTC),  # Berlin on
    datetime(2026, 10, 4, tzinfo=UTC),  # Sydney and Lord Howe on
    datetime(2027, 4, 4, tzinfo=UTC),  # Sydney, Lord Howe and Santiago back
    datetime(2026, 9, 6, tzinfo=UTC),  # Santiago on, at midnight
]
MINUTE = timedelta(minutes=1)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


# --- The naive reading: a clock on the wall of each zone, looked at every minute ------------------------------------


class Wall:
    """The local times of a zone, minute by minute, as somebody sees them who only looks at the clock."""

    def __init__(self, zone: str, around: datetime) -> None:
        start = around - timedelta(days=12)
        self.shown: dict[datetime, list[datetime]] = {}
        for number in range(24 * 60 * 24):
            at = start + MINUTE * number
            self.shown.setdefault(at.astimezone(ZoneInfo(zone)).replace(tzinfo=None), []).append(at)

    def first(self, local: datetime) -> datetime:
        """When the clock first shows `local` or, where it skips that, what comes after it."""
        while local not in self.shown:
            local += MINUTE
        return self.shown[local][0]

    def end(self, local: datetime) -> datetime:
        """When the clock shows `local` for the last time, or first shows more where it skips it."""
        return self.shown[local][-1] if local in self.shown else self.first(local)


def naive_person(layer: Layer, at: datetime, wall: Wall) -> tuple[bool, int | None]:
    """Whether the layer has hours at `at`, and whose turn it is."""
    if layer.windows and not any(
        wall.first(datetime.combine(day, window.starts))
        <= at
        < wall.end(datetime.combine(day + timedelta(days=window.ends_after_days), window.ends))
        for window in layer.windows
        for day in (at.date() + timedelta(days=number) for number in range(-8, 3))
        if day.isoweekday() in window.weekdays
    ):
        return False, None
    days = (at.date() + timedelta(days=number) - layer.anchor for number in range(-2, 3))
    begun = [day.days for day in days if wall.first(datetime.combine(layer.anchor + day, layer.hand_over)) <= at]
    return True, layer.members[max(begun) // layer.days % len(layer.members)]


def naive(plan: Plan, at: datetime, walls: dict[str, Wall]) -> Shift:
    for override in sorted(plan.overrides, key=lambda one: -one.order):
        if override.starts <= at < override.ends:
            return Shift(override.person, at, at, is_override=True)
    missing = False
    for layer in sorted(plan.layers, key=lambda one: -one.priority):
        has_hours, person = naive_person(layer, at, walls[layer.zone])
        away = any(one.person == person and one.starts <= at < one.ends for one in plan.absences)
        if has_hours and person is not None and not away:
            return Shift(person, at, at)
        missing |= has_hours
    return Shift(None, at, at, missing=missing)


# --- Random plans around changes of clocks ---------------------------------------------------------------------------

minutes = st.times().map(lambda moment: moment.replace(second=0, microsecond=0))
weekdays = st.frozensets(st.integers(1, 7), min_size=1)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    starts, ends, later = draw(minutes), draw(minutes), draw(st.integers(0, 3))
    return Window(draw(weekdays), starts, ends, later if later or ends > starts else 1)


def layers_of(priorities: Sequence[int]) -> st.SearchStrategy[list[Layer]]:
    return st.tuples(
        *(
            st.builds(
                Layer,
                st.just(priority),
                st.sampled_from(ZONES),
                st.dates(date(2026, 8, 1), date(2026, 8, 20)),
                minutes,
                st.integers(1, 3),
                st.lists(st.integers(1, 4) | st.none(), min_size=1, max_size=3).map(tuple),
                st.lists(windows(), max_size=2).map(tuple),
            )
            for priority in priorities
        )
    ).map(list)


def spans(of: datetime, kind: type, people: st.SearchStrategy[int]) -> st.SearchStrategy[list[object]]:
    hour = st.integers(-60, 60)
    made = st.builds(
        lambda person, start, length: kind(
            person, of + timedelta(hours=start), of + timedelta(hours=start, minutes=17 + 60 * length)
        ),
        people,
        hour,
        st.integers(0, 50),
    )
    return st.lists(made, max_size=3)


@st.composite
def plans(draw: st.DrawFn) -> tuple[Plan, datetime]:
    change = draw(st.sampled_from(CHANGES))
    count = draw(st.integers(0, 3))
    taken = draw(spans(change, Override, st.integers(7, 8)))
    ordered = [Override(one.person, one.starts, one.ends, number) for number, one in enumerate(taken)]  # type: ignore[attr-defined]
    plan = Plan(draw(layers_of(range(count))), ordered, draw(spans(change, Absence, st.integers(1, 4))))  # type: ignore[arg-type]
    return plan, change


@settings(max_examples=60, deadline=None)
@given(plans(), st.integers(0, 16))
def test_the_final_schedule_is_what_a_naive_reading_finds_at_every_minute(
    drawn: tuple[Plan, datetime], offset: int
) -> None:
    """Also that no gap is found that the plan doesn't have, nor one of its missed."""
    plan, change = drawn
    since, until = change - timedelta(hours=36), change + timedelta(hours=60)
    tiles = shifts(plan, since, until)
    assert (tiles[0].starts, tiles[-1].ends) == (since, until)
    assert all(one.ends == following.starts for one, following in itertools.pairwise(tiles))
    walls = {layer.zone: _wall(layer.zone, change) for layer in plan.layers}
    # Each edge with the minutes beside it, and a sample between: what lies between two edges is alike.
    at_edges = {edge + MINUTE * number for tile in tiles for edge in (tile.starts, tile.ends) for number in (-1, 0, 1)}
    sampled = {since + MINUTE * number for number in range(offset, 96 * 60, 17)}
    for at in sorted(at_edges | sampled):
        if since <= at < until:
            tile = next(tile for tile in tiles if tile.starts <= at < tile.ends)
            found = naive(plan, at, walls)
            assert (tile.person, tile.is_override, tile.missing) == (found.person, found.is_override, found.missing), at


_walls: dict[tuple[str, datetime], Wall] = {}


def _wall(zone: str, around: datetime) -> Wall:
    return _walls.setdefault((zone, around), Wall(zone, around))


# --- Changes of clocks -----------------------------------------------------------------------------------------------


def hours(zone: str, starts: time, ends: time, later: int = 0) -> Layer:
    return Layer(0, zone, date(2026, 1, 5), time(0), 7, (1,), (Window(EVERY_DAY, starts, ends, later),))


@pytest.mark.parametrize(
    ("zone", "starts", "ends", "begins", "finishes"),
    [
        # Berlin, 25 October 2026: 02:30 comes twice. A window begins at the first and ends at the last of them.
        ("Europe/Berlin", time(2, 30), time(8), utc(2026, 10, 25, 0, 30), utc(2026, 10, 25, 7)),
        ("Europe/Berlin", time(0), time(2, 30), utc(2026, 10, 24, 22), utc(2026, 10, 25, 1, 30)),
        ("America/New_York", time(1, 30), time(9), utc(2026, 11, 1, 5, 30), utc(2026, 11, 1, 14)),
        ("America/New_York", time(0), time(1, 30), utc(2026, 11, 1, 4), utc(2026, 11, 1, 6, 30)),
        ("Australia/Sydney", time(2, 30), time(9), utc(2027, 4, 3, 15, 30), utc(2027, 4, 3, 23)),
        # Skipped: 02:30 is the first instant after the jump, be it a beginning or an end.
        ("America/New_York", time(2, 30), time(9), utc(2027, 3, 14, 7), utc(2027, 3, 14, 13)),
        ("Europe/Berlin", time(2, 30), time(9), utc(2027, 3, 28, 1), utc(2027, 3, 28, 7)),
        ("Europe/Berlin", time(0), time(2, 30), utc(2027, 3, 27, 23), utc(2027, 3, 28, 1)),
        ("Australia/Sydney", time(2, 15), time(9), utc(2026, 10, 3, 16), utc(2026, 10, 3, 22)),
        # Santiago jumps at midnight, Lord Howe by half an hour.
        ("America/Santiago", time(0), time(8), utc(2026, 9, 6, 4), utc(2026, 9, 6, 11)),
        ("Australia/Lord_Howe", time(2, 15), time(9), utc(2026, 10, 3, 15, 30), utc(2026, 10, 3, 22)),
        ("Australia/Lord_Howe", time(1, 45), time(9), utc(2027, 4, 3, 14, 45), utc(2027, 4, 3, 22, 30)),
        ("Australia/Lord_Howe", time(0), time(1, 45), utc(2027, 4, 3, 13), utc(2027, 4, 3, 15, 15)),
    ],
)
def test_a_window_over_a_change_of_clocks(
    zone: str, starts: time, ends: time, begins: datetime, finishes: datetime
) -> None:
    around = begins - timedelta(hours=1), finishes + timedelta(hours=1)
    assert open_hours(hours(zone, starts, ends), *around) == [(begins, finishes)]


@pytest.mark.parametrize("zone", ZONES)
def test_local_hours_that_tile_one_zone_leave_nothing_out_in_it(zone: str) -> None:
    tiles = [hours(zone, time(0), time(8)), hours(zone, time(8), time(16)), hours(zone, time(16), time(0), 1)]
    plan = Plan([Layer(number, *_rest(one)) for number, one in enumerate(tiles)])
    found = shifts(plan, utc(2026, 9, 1), utc(2027, 9, 1))
    assert {tile.person for tile in found} == {1}


def _rest(layer: Layer) -> tuple[object, ...]:
    return layer.zone, layer.anchor, layer.hand_over, layer.days, layer.members, layer.windows


def follow_the_sun(*local: tuple[str, int, int]) -> Plan:
    """A layer for each zone with its hours, from and until."""
    made = (
        Layer(
            number,
            zone,
            date(2026, 1, 5),
            time(9),
            7,
            (number,),
            (Window(EVERY_DAY, time(starts % 24), time(ends % 24), int(ends >= 24)),),
        )
        for number, (zone, starts, ends) in enumerate(local)
    )
    return Plan(list(made))


def uncovered(plan: Plan, since: datetime) -> float:
    gaps = (tile.ends - tile.starts for tile in shifts(plan, since, since + timedelta(days=365)) if tile.person is None)
    return sum(gaps, timedelta()).total_seconds() / 3600


@pytest.mark.parametrize("since", [utc(2026, month, 20) for month in range(1, 13)])
def test_only_bare_local_hours_leave_gaps(since: datetime) -> None:
    bare = (("Australia/Sydney", 11, 19), ("Europe/Berlin", 9, 17), ("America/New_York", 11, 19))
    assert 148 <= uncovered(follow_the_sun(*bare), since) <= 420
    assert uncovered(follow_the_sun(*((zone, starts - 1, ends + 1) for zone, starts, ends in bare)), since) == 0
    assert uncovered(follow_the_sun(("UTC", 0, 8), ("UTC", 8, 16), ("UTC", 16, 24)), since) == 0


# --- Speed -----------------------------------------------------------------------------------------------------------


def test_fifty_layers_over_half_a_year_are_worked_out_at_once() -> None:
    """0.4 s of a core; the bound is for one that does much else."""
    plan, since = plan_of_fifty()
    began = stopwatch.process_time()
    found = shifts(plan, since, since + timedelta(days=180))
    assert stopwatch.process_time() - began < 4
    assert len(found) > 1000
