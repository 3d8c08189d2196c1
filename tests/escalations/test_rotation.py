"""Who is on call: the arithmetic, over changes of clocks too."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from escalations.paging.rotation import (
    Layer,
    Override,
    Plan,
    boundary,
    current_shift,
    layer_shift,
    on_call,
    shifts,
    to_utc,
)

ZONES = (
    "UTC",
    *("Europe/Berlin", "America/New_York", "Australia/Sydney", "America/Santiago", "Australia/Lord_Howe"),
    *("Asia/Kolkata", "Pacific/Apia", "Africa/Casablanca"),
)


def layer(zone: str, *members: int | None, days: int = 7, hand_over: time = time(9), priority: int = 0) -> Layer:
    return Layer(priority, zone, date(2026, 1, 5), hand_over, days, members)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("zone", "local", "instant"),
    [
        # Berlin, 25 October 2026: 02:30 comes twice, the first is meant.
        ("Europe/Berlin", datetime(2026, 10, 25, 2, 30), utc(2026, 10, 25, 0, 30)),
        ("America/New_York", datetime(2026, 11, 1, 1, 30), utc(2026, 11, 1, 5, 30)),
        # New York, 14 March 2027: 02:30 is skipped, the first instant after the jump is meant.
        ("America/New_York", datetime(2027, 3, 14, 2, 30), utc(2027, 3, 14, 7, 0)),
        ("Europe/Berlin", datetime(2027, 3, 28, 2, 0), utc(2027, 3, 28, 1, 0)),
        ("Europe/Berlin", datetime(2027, 3, 28, 2, 59), utc(2027, 3, 28, 1, 0)),
        ("Australia/Sydney", datetime(2026, 10, 4, 2, 30), utc(2026, 10, 3, 16, 0)),
        ("Australia/Sydney", datetime(2027, 4, 4, 2, 30), utc(2027, 4, 3, 15, 30)),
        # Santiago jumps at midnight: the day begins at one.
        ("America/Santiago", datetime(2026, 9, 6, 0, 0), utc(2026, 9, 6, 4, 0)),
        # Lord Howe moves by half an hour.
        ("Australia/Lord_Howe", datetime(2026, 10, 4, 2, 15), utc(2026, 10, 3, 15, 30)),
        ("Australia/Lord_Howe", datetime(2027, 4, 4, 1, 45), utc(2027, 4, 3, 14, 45)),
    ],
)
def test_a_local_time_is_converted_once(zone: str, local: datetime, instant: datetime) -> None:
    assert to_utc(local, ZoneInfo(zone)) == instant


def test_a_week_over_the_change_of_clocks_ends_at_the_same_local_time() -> None:
    shift = layer_shift(layer("Europe/Berlin", 1, 2), utc(2026, 10, 25, 12))
    assert shift.ends - shift.starts == timedelta(days=7, hours=1)
    assert shift.starts.astimezone(ZoneInfo("Europe/Berlin")).time() == time(9)
    assert shift.ends.astimezone(ZoneInfo("Europe/Berlin")).time() == time(9)


layers = st.builds(
    layer,
    st.sampled_from(ZONES),
    st.integers(1, 3),
    st.integers(4, 6) | st.none(),
    days=st.integers(1, 21),
    hand_over=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    priority=st.integers(0, 3),
)
instants = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)).map(
    lambda naive: naive.replace(microsecond=0, tzinfo=UTC)
)


@given(layers, instants)
def test_a_layer_has_no_gaps_and_no_overlaps(rotation: Layer, at: datetime) -> None:
    shift = layer_shift(rotation, at)
    assert shift.starts <= at < shift.ends
    assert layer_shift(rotation, shift.ends).starts == shift.ends
    assert layer_shift(rotation, shift.starts - timedelta(seconds=1)).ends == shift.starts


@given(layers, st.integers(-50, 50))
def test_hand_overs_are_at_the_local_time_or_the_first_instant_after_a_jump(rotation: Layer, turn: int) -> None:
    begins = boundary(rotation, turn)
    assert boundary(rotation, turn + 1) > begins
    local = begins.astimezone(ZoneInfo(rotation.zone)).replace(tzinfo=None)
    wanted = datetime.combine(rotation.anchor + timedelta(days=turn * rotation.days), rotation.hand_over)
    assert local >= wanted
    assert local == wanted or to_utc(wanted - timedelta(hours=25), ZoneInfo(rotation.zone)) < begins


overrides = st.builds(
    lambda person, start, hours, order: Override(person, start, start + timedelta(hours=hours), order),
    st.integers(7, 9),
    instants,
    st.integers(1, 200),
    st.integers(0, 99),
)


@given(st.lists(layers, max_size=3), st.lists(overrides, max_size=4), instants)
def test_the_final_schedule_tiles_time_and_agrees_with_the_instant(
    rotations: list[Layer], taken: list[Override], since: datetime
) -> None:
    until = since + timedelta(days=40)
    tiles = list(shifts(Plan(rotations, taken), since, until))
    assert tiles[0].starts == since
    assert tiles[-1].ends == until
    for tile, following in itertools.pairwise(tiles):
        assert tile.ends == following.starts
        assert tile.person != following.person
    for tile in tiles:
        for at in (tile.starts, tile.starts + (tile.ends - tile.starts) / 2):
            assert on_call(Plan(rotations, taken), at) == tile.person


def test_the_higher_layer_goes_first_and_lower_ones_fill_its_gaps() -> None:
    low = layer("UTC", 1, days=1)
    high = layer("UTC", 2, None, days=1, priority=1)
    assert on_call(Plan([low, high], []), utc(2026, 1, 5, 12)) == 2
    assert on_call(Plan([low, high], []), utc(2026, 1, 6, 12)) == 1


def test_an_override_goes_before_every_layer_and_the_latest_before_the_others() -> None:
    rows = [Override(8, utc(2026, 1, 5), utc(2026, 1, 7), 1), Override(9, utc(2026, 1, 6), utc(2026, 1, 7), 2)]
    assert on_call(Plan([layer("UTC", 1)], rows), utc(2026, 1, 5, 12)) == 8
    assert on_call(Plan([layer("UTC", 1)], rows), utc(2026, 1, 6, 12)) == 9
    assert on_call(Plan([layer("UTC", 1)], rows), utc(2026, 1, 7)) == 1


def test_nobody_is_on_call_without_layers() -> None:
    assert on_call(Plan([], []), utc(2026, 1, 5)) is None
    assert on_call(Plan([layer("UTC")], []), utc(2026, 1, 5)) is None
    assert current_shift(Plan([], []), utc(2026, 1, 5)).person is None
