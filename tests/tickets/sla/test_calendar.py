"""Working time against a counter of minutes, and the odd calendars and hours of S098 by name."""

import time
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import holidays
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tickets.sla.calendar import (
    ALL_DAY,
    WEEKDAYS,
    Day,
    NoWorkingTime,
    Rule,
    WorkingTime,
    opens_within_a_year,
    overlaps,
)

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOTHING: tuple[Day, ...] = ((),) * 7
WINDOW = 12 * 1440
"""Minutes that the counter looks at."""

# Zone, country and subdivision, and the UTC days around which clocks change there (or would).
PLACES: dict[str, tuple[str, str, list[date]]] = {
    "Europe/Berlin": ("DE", "BY", [date(2026, 10, 25), date(2027, 3, 28)]),
    "America/New_York": ("US", "NY", [date(2026, 11, 1), date(2027, 3, 14)]),
    "America/Los_Angeles": ("US", "CA", [date(2026, 11, 1), date(2027, 3, 14)]),
    "Australia/Sydney": ("AU", "NSW", [date(2026, 10, 3), date(2027, 4, 3)]),
    "Asia/Kolkata": ("IN", "KA", [date(2026, 10, 2)]),
    "Asia/Kathmandu": ("NP", "", [date(2026, 10, 20)]),
    "Australia/Lord_Howe": ("AU", "NSW", [date(2026, 10, 3), date(2027, 4, 3)]),
    "America/Santiago": ("CL", "", [date(2026, 9, 6), date(2027, 4, 4)]),
    "Africa/Cairo": ("EG", "", [date(2026, 10, 29), date(2027, 4, 29)]),
    "Africa/Casablanca": ("MA", "", [date(2027, 2, 7), date(2027, 3, 14)]),
    "Asia/Singapore": ("SG", "", [date(2026, 11, 9)]),
    "UTC": ("GB", "ENG", [date(2026, 12, 26)]),
    "Pacific/Kiritimati": ("KI", "", [date(2026, 7, 12)]),
}
YEARS_END = date(2026, 12, 31)


# --- The counter ---------------------------------------------------------------------------------------------------


def window_around(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(days=5)


@lru_cache(maxsize=64)
def walls(zone: str, begins: datetime) -> list[tuple[date, int]]:
    """What the clock on the wall shows in each minute of the window: the day, and the minute of it."""
    info = ZoneInfo(zone)
    shown = [(begins + number * MINUTE).astimezone(info) for number in range(WINDOW)]
    return [(local.date(), local.hour * 60 + local.minute) for local in shown]


def open_minutes(rule: Rule, begins: datetime) -> list[bool]:
    """Of each minute of the window, whether the wall's clock shows a time of a span."""
    found = walls(rule.zone, begins)
    of_day = {day: _minutes_of(rule, day) for day in {day for day, _ in found}}
    return [minute in of_day[day] for day, minute in found]


def _minutes_of(rule: Rule, day: date) -> set[int]:
    """A day's open minutes: of its own spans up to midnight, and of those that began the day before."""
    minutes: set[int] = set()
    for begins, ends in _spans_of(rule, day):
        minutes |= set(range(begins // 60, ends // 60 if ends > begins else 1440))
    for begins, ends in _spans_of(rule, day - timedelta(days=1)):
        if ends <= begins:
            minutes |= set(range(ends // 60))
    return minutes


def _spans_of(rule: Rule, day: date) -> Day:
    own = dict(rule.dates)
    if day in own:
        return own[day]
    return () if day in _holidays(rule.country, rule.subdivision) else rule.week[day.weekday()]


@lru_cache(maxsize=64)
def _holidays(country: str, subdivision: str) -> frozenset[date]:
    if not country:
        return frozenset()
    subdiv = subdivision if subdivision in holidays.list_supported_countries()[country] else None
    return frozenset(holidays.country_holidays(country, subdiv=subdiv, years=range(2025, 2029)))


# --- Rules and windows to try --------------------------------------------------------------------------------------

_SHAPES: list[Day] = [
    (),
    ALL_DAY,
    ((9 * 3600, 17 * 3600),),
    ((8 * 3600, 12 * 3600), (13 * 3600, 17 * 3600 + 1800)),
    ((0, 3600), (2 * 3600, 3 * 3600), (23 * 3600, 0)),
    ((22 * 3600, 6 * 3600),),
    ((1800, 1740),),
    ((7 * 3600, 7 * 3600),),
    ((60, 120), (9000, 9060)),
]


@st.composite
def rules(draw: st.DrawFn, zone: str) -> tuple[Rule, datetime]:
    """A rule in `zone`, and a window to look through."""
    country, subdivision, changes = PLACES[zone]
    middle = draw(st.sampled_from([*changes, YEARS_END]))
    shapes = st.one_of(st.sampled_from(_SHAPES), _some_day())
    week = tuple(draw(st.lists(shapes, min_size=7, max_size=7)))
    near = st.integers(-6, 7).map(lambda days: middle + timedelta(days=days))
    dates = tuple(sorted(draw(st.dictionaries(near, shapes, max_size=3)).items()))
    closes = draw(st.booleans())
    rule = Rule(zone, week, country if closes else "", subdivision if closes else "", dates)
    return rule, window_around(middle)


@st.composite
def _some_day(draw: st.DrawFn) -> Day:
    """Spans that don't overlap; the last may run over midnight."""
    marks = sorted(draw(st.sets(st.integers(0, 1439), min_size=2, max_size=6)))
    spans = [(a * 60, b * 60) for a, b in zip(marks[::2], marks[1::2], strict=False)]
    if spans and draw(st.booleans()):
        spans[-1] = (spans[-1][0], draw(st.integers(0, spans[0][0] // 60)) * 60)
    return tuple(spans)


@pytest.mark.parametrize("zone", PLACES)
@settings(max_examples=30, deadline=None, derandomize=True)
@given(data=st.data())
def test_it_counts_as_one_would_minute_by_minute(zone: str, data: st.DataObject) -> None:
    rule, begins = data.draw(rules(zone))
    is_open, hours = open_minutes(rule, begins), WorkingTime(rule)
    at = sorted(data.draw(st.sets(st.integers(0, WINDOW), min_size=2, max_size=8)))
    for first, last in pairwise(at):
        counted = sum(is_open[first:last])
        assert hours.elapsed(begins + first * MINUTE, begins + last * MINUTE) == counted * MINUTE
    first, wanted = at[0], data.draw(st.integers(1, 3000))
    passed = [number for number in range(first, WINDOW) if is_open[number]]
    if len(passed) >= wanted:
        due = begins + (passed[wanted - 1] + 1) * MINUTE
        assert hours.add(begins + first * MINUTE, wanted * MINUTE) == due


@pytest.mark.parametrize("zone", PLACES)
@settings(max_examples=12, deadline=None, derandomize=True)
@given(data=st.data())
def test_it_opens_and_closes_where_the_counter_does(zone: str, data: st.DataObject) -> None:
    rule, begins = data.draw(rules(zone))
    is_open, hours = open_minutes(rule, begins), WorkingTime(rule)
    for number in data.draw(st.lists(st.integers(0, WINDOW - 1), min_size=1, max_size=6)):
        at = begins + number * MINUTE
        assert hours.is_open(at) == is_open[number]
        opens = next((place for place in range(number, WINDOW) if is_open[place]), None)
        closes = next((place for place in range(number, WINDOW) if not is_open[place]), None)
        if opens is not None:
            assert hours.opens_after(at) == begins + opens * MINUTE
        if closes is not None:
            assert hours.open_until(at) == (begins + closes * MINUTE if is_open[number] else None)


@pytest.mark.parametrize("zone", PLACES)
@settings(max_examples=25, deadline=None, derandomize=True)
@given(data=st.data())
def test_adding_and_counting_are_one_arithmetic(zone: str, data: st.DataObject) -> None:
    """Add, then elapsed, is what was added; nothing earlier is; and parts add up to the whole. To the microsecond."""
    rule, begins = data.draw(rules(zone))
    hours = WorkingTime(rule)
    instants = st.integers(0, WINDOW * 60_000_000).map(lambda micro: begins + timedelta(microseconds=micro))
    first, second, third = sorted(data.draw(st.tuples(instants, instants, instants)))
    assert hours.elapsed(first, third) == hours.elapsed(first, second) + hours.elapsed(second, third)
    assert hours.elapsed(third, first) == timedelta()
    amount = timedelta(microseconds=data.draw(st.integers(1, 60 * HOUR // timedelta(microseconds=1))))
    try:
        due = hours.add(first, amount)
    except NoWorkingTime:
        assert not any(rule.week)
        return
    assert due.tzinfo is UTC
    assert hours.elapsed(first, due) == amount
    assert hours.elapsed(first, due - timedelta(microseconds=1)) < amount
    half = hours.add(first, amount / 2)
    assert hours.add(half, amount - amount / 2) == due
    assert hours.add(first, timedelta()) == first


# --- S098 ----------------------------------------------------------------------------------------------------------


def local(text: str, zone: str, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold)


ALWAYS = (ALL_DAY,) * 7
NIGHTS: tuple[Day, ...] = (((22 * 3600, 6 * 3600),),) * 7
ODD_HOURS = [
    ("the spring gap", "2027-03-28 01:30", 0, "Europe/Berlin", "2027-03-28T01:30:00+00:00"),
    ("the repeated hour, first time", "2026-10-25 02:30", 0, "Europe/Berlin", "2026-10-25T01:30:00+00:00"),
    ("the repeated hour, second time", "2026-10-25 02:30", 1, "Europe/Berlin", "2026-10-25T02:30:00+00:00"),
    ("before the repeated hour", "2026-10-25 01:30", 0, "Europe/Berlin", "2026-10-25T00:30:00+00:00"),
    ("the repeated hour, first time", "2026-11-01 01:30", 0, "America/New_York", "2026-11-01T06:30:00+00:00"),
    ("the repeated hour, second time", "2026-11-01 01:30", 1, "America/New_York", "2026-11-01T07:30:00+00:00"),
    ("before the repeated hour", "2026-11-01 00:30", 0, "America/New_York", "2026-11-01T05:30:00+00:00"),
]


@pytest.mark.parametrize("week", [ALWAYS, NIGHTS], ids=["always", "nights"])
@pytest.mark.parametrize(("_name", "text", "fold", "zone", "due"), ODD_HOURS)
def test_s098_an_hour_is_sixty_real_minutes(
    _name: str, text: str, fold: int, zone: str, due: str, week: tuple[Day, ...]
) -> None:
    """The deadline is written out in UTC: an hour after the instant itself, whatever the wall's clock does."""
    hours, start = WorkingTime(Rule(zone, week)), local(text, zone, fold=fold)
    assert hours.add(start, HOUR).isoformat() == due
    assert hours.add(start, HOUR) - start.astimezone(UTC) == HOUR
    assert hours.elapsed(start, hours.add(start, HOUR)) == HOUR


def test_s098_days_of_23_and_25_hours_hold_as_many() -> None:
    always = WorkingTime(Rule("Europe/Berlin", ALWAYS))
    for day, length in ((date(2027, 3, 28), 23), (date(2026, 10, 25), 25), (date(2026, 10, 26), 24)):
        midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo("Europe/Berlin"))
        next_midnight = midnight + timedelta(days=1)  # the wall's next midnight
        assert always.elapsed(midnight, next_midnight) == length * HOUR


def test_s098_a_calendar_only_on_tuesdays() -> None:
    hours = WorkingTime(Rule("Europe/Berlin", ((), ((8 * 3600, 17 * 3600),), (), (), (), (), ())))
    # Nine hours a Tuesday: Tuesday 16:00 has one, three Tuesdays are 27, so twelve end on the next but one at 10:00.
    due = hours.add(local("2026-10-13 16:00", "Europe/Berlin"), 12 * HOUR)
    assert due == local("2026-10-27 10:00", "Europe/Berlin")
    assert hours.add(local("2026-10-14 10:00", "Europe/Berlin"), HOUR) == local("2026-10-20 09:00", "Europe/Berlin")


@pytest.mark.parametrize(
    "rule",
    [
        Rule("UTC", NOTHING),
        Rule("Pacific/Kiritimati", NOTHING, "KI"),
        # A single opening, long past.
        Rule("Europe/Berlin", NOTHING, "DE", "", ((date(2026, 1, 2), ((9 * 3600, 17 * 3600),)),)),
        # A minute that the wall's clock never shows but on one day of the year: it never does on Sundays in March.
        Rule("Europe/Berlin", NOTHING, "", "", ((date(2027, 3, 28), ((2 * 3600, 3 * 3600),)),)),
    ],
    ids=["never", "never, +14", "once, past", "in the gap"],
)
def test_s098_no_working_time_is_refused_at_once_and_never_looped_over(rule: Rule) -> None:
    WorkingTime(rule).elapsed(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC))  # zones are read once
    began = time.process_time()
    with pytest.raises(NoWorkingTime):
        WorkingTime(rule).add(datetime(2026, 6, 1, tzinfo=UTC), MINUTE)
    assert time.process_time() - began < 0.1 * _patience()
    assert not opens_within_a_year(rule, start=datetime(2026, 6, 1, tzinfo=UTC)) or rule.dates
    assert WorkingTime(rule).opens_after(datetime(2027, 6, 1, tzinfo=UTC)) is None
    assert WorkingTime(rule).open_until(datetime(2027, 6, 1, tzinfo=UTC)) is None


def _patience() -> float:
    """How much slower than usual this machine is just now: a loop of a known length, compared."""
    began = time.process_time()
    sum(range(1_000_000))
    return max(1.0, (time.process_time() - began) / 0.02)


def test_s098_a_minute_a_week_gets_there_within_the_years_ahead_or_is_refused() -> None:
    hours = WorkingTime(Rule("Europe/Berlin", (((0, 60),), (), (), (), (), (), ())))
    start = local("2026-10-12 00:00", "Europe/Berlin")  # a Monday
    assert hours.add(start, 53 * MINUTE) == local("2027-10-11 00:01", "Europe/Berlin")
    began = time.process_time()
    with pytest.raises(NoWorkingTime):
        hours.add(start, timedelta(days=366))
    assert time.process_time() - began < 0.1 * _patience()


def test_s098_fourteen_hours_ahead_of_utc() -> None:
    hours = WorkingTime(Rule("Pacific/Kiritimati", (((9 * 3600, 17 * 3600),),) * 5 + ((), ())))
    # Friday noon in UTC is Saturday 02:00 there; Sunday 19:00 is Monday 09:00.
    assert hours.add(datetime(2026, 10, 16, 12, 0, tzinfo=UTC), HOUR) == datetime(2026, 10, 18, 20, 0, tzinfo=UTC)
    assert hours.opens_after(datetime(2026, 10, 16, 12, 0, tzinfo=UTC)) == datetime(2026, 10, 18, 19, 0, tzinfo=UTC)


def test_the_first_and_last_years_there_are_do_no_harm() -> None:
    rule = Rule("Asia/Kolkata", WEEKDAYS)
    assert WorkingTime(rule).elapsed(datetime(1970, 1, 1, tzinfo=UTC), datetime(1970, 1, 1, 1, tzinfo=UTC)) == HOUR
    with pytest.raises(NoWorkingTime):
        WorkingTime(rule).add(datetime(9998, 12, 31, tzinfo=UTC), timedelta(days=366))


# --- Holidays and single dates -------------------------------------------------------------------------------------


def test_a_holiday_closes_the_whole_night_shift_that_begins_on_it() -> None:
    hours = WorkingTime(Rule("Europe/Berlin", NIGHTS, "DE"))
    # Thursday 2026-12-24 22:00 to Friday 06:00 runs; the night of Friday, Christmas Day, and that of Saturday don't.
    assert hours.open_until(local("2026-12-24 23:00", "Europe/Berlin")) == local("2026-12-25 06:00", "Europe/Berlin")
    assert hours.opens_after(local("2026-12-25 07:00", "Europe/Berlin")) == local("2026-12-27 22:00", "Europe/Berlin")


def test_an_opening_on_a_holiday_goes_before_it() -> None:
    christmas = ((date(2026, 12, 25), ((10 * 3600, 12 * 3600),)),)
    hours = WorkingTime(Rule("Europe/Berlin", (((9 * 3600, 17 * 3600),),) * 5 + ((), ()), "DE", "", christmas))
    # Thursday 16:00 has one hour, Christmas two, the second holiday is a Saturday, so Monday has the rest: until 14:00.
    assert hours.add(local("2026-12-24 16:00", "Europe/Berlin"), 8 * HOUR) == local("2026-12-28 14:00", "Europe/Berlin")


def test_a_subdivision_has_holidays_of_its_own() -> None:
    nine_to_five = (((9 * 3600, 17 * 3600),),) * 5 + ((), ())
    start = local("2026-11-05 16:00", "Europe/Berlin")
    assumption = local("2027-11-01 10:00", "Europe/Berlin")  # All Saints' Day, a Monday: closed in Bavaria only
    assert not WorkingTime(Rule("Europe/Berlin", nine_to_five, "DE", "BY")).is_open(assumption)
    assert WorkingTime(Rule("Europe/Berlin", nine_to_five, "DE", "BE")).is_open(assumption)
    assert WorkingTime(Rule("Europe/Berlin", nine_to_five, "DE", "??")).add(start, HOUR * 2)
    assert WorkingTime(Rule("Europe/Berlin", nine_to_five, "XX")).is_open(assumption)


# --- Overlapping spans ---------------------------------------------------------------------------------------------


def week(**days: Day) -> tuple[Day, ...]:
    return tuple(days.get(name, ()) for name in ("mon", "tue", "wed", "thu", "fri", "sat", "sun"))


def span(begins: float, ends: float) -> tuple[int, int]:
    return int(begins * 3600), int(ends * 3600)


WEEKS: list[tuple[str, tuple[Day, ...], int]] = [
    ("a lunch break", week(mon=(span(9, 12), span(13, 17))), 0),
    ("split without a break", week(mon=(span(9, 12), span(12, 17))), 0),
    ("lunch ends before it begins", week(mon=(span(9, 13), span(12, 17))), 1),
    ("the same twice", week(mon=(span(9, 12), span(9, 12))), 1),
    ("one within the other", week(mon=(span(9, 17), span(10, 11))), 1),
    ("three across each other", week(mon=(span(9, 17), span(10, 12), span(11, 13))), 3),
    ("over midnight up to the next day's first", week(mon=(span(22, 6),), tue=(span(6, 9),)), 0),
    ("over midnight into the next day's first", week(mon=(span(22, 6.5),), tue=(span(6, 9),)), 1),
    ("all days around the clock", ALWAYS, 0),
    ("from seven to seven, every day", (((7 * 3600, 7 * 3600),),) * 7, 0),
    ("around the clock, and the day before over midnight", week(mon=(span(22, 1),), tue=ALL_DAY), 1),
    ("Sunday into Monday", week(sun=(span(22, 6),), mon=(span(5, 9),)), 1),
    ("Sunday up to Monday", week(sun=(span(22, 6),), mon=(span(6, 9),)), 0),
    ("Sunday into Monday's midnight", week(sun=(span(22, 0),), mon=(span(0, 9),)), 0),
]


@pytest.mark.parametrize(("name", "spans", "count"), WEEKS, ids=[name for name, _, _ in WEEKS])
def test_spans_overlap_or_dont(name: str, spans: tuple[Day, ...], count: int) -> None:
    assert len(overlaps(spans)) == count


def test_an_overlap_names_both_spans() -> None:
    found = overlaps(week(sun=(span(22, 6),), mon=(span(5, 9),)))
    assert found == [(6, span(22, 6), 0, span(5, 9))]


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(_some_day() | st.sampled_from(_SHAPES), min_size=7, max_size=7))
def test_spans_overlap_exactly_where_minutes_count_twice(days: list[Day]) -> None:
    minutes: list[int] = []
    for number, spans in enumerate(days):
        for begins, ends in spans:
            length = (ends - begins) // 60 if ends > begins else (ends - begins) // 60 + 1440
            minutes += [(number * 1440 + begins // 60 + minute) % (7 * 1440) for minute in range(length)]
    assert bool(overlaps(days)) == (len(minutes) > len(set(minutes)))


# --- When hours run next -------------------------------------------------------------------------------------------


def test_open_until_goes_on_over_spans_that_touch_and_over_midnight() -> None:
    hours = WorkingTime(Rule("UTC", week(mon=(span(9, 12), span(12, 0)), tue=(span(0, 3), span(4, 5)))))
    monday = datetime(2026, 10, 12, tzinfo=UTC)
    assert hours.open_until(monday + 10 * HOUR) == monday + 27 * HOUR
    assert hours.open_until(monday + 8 * HOUR) is None
    assert hours.open_until(monday + 27 * HOUR) is None, "the end belongs to no span"
    assert hours.opens_after(monday + 27 * HOUR) == monday + 28 * HOUR
    assert hours.opens_after(monday + 9 * HOUR) == monday + 9 * HOUR
    assert hours.opens_after(monday + 11 * HOUR) == monday + 11 * HOUR


def test_hours_that_never_stop_have_no_end() -> None:
    assert WorkingTime(Rule("UTC", ALWAYS)).open_until(datetime(2026, 10, 12, tzinfo=UTC)) is None


def test_hours_on_weekdays_stop_for_the_weekend_of_their_own_zone() -> None:
    hours = WorkingTime(Rule("Australia/Sydney", WEEKDAYS))
    friday = local("2026-10-16 10:00", "Australia/Sydney")
    assert hours.open_until(friday) == local("2026-10-17 00:00", "Australia/Sydney")
    assert hours.opens_after(local("2026-10-17 00:00", "Australia/Sydney")) == datetime(2026, 10, 18, 13, tzinfo=UTC)
