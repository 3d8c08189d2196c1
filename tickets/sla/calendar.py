"""Working-time arithmetic: when a calendar's hours are over, and how much of them lies between two instants. Pure.

An instant is working time exactly if the clock on the wall of the calendar's zone shows a time of one of its spans. So
an hour that daylight saving skips counts nothing, one that it repeats counts twice where a span holds it, and what is
counted is always real time: sixty minutes are sixty minutes (S098). A span that ends at or before its start runs over
midnight and belongs to the day it starts on: that day's holiday closes all of it.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from tickets.sla.holidays import holidays_of

_SATURDAY = 5
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - of local days
_MICROSECOND = timedelta(microseconds=1)
_SECOND, _DAY = 1_000_000, 86_400_000_000
_YEARS_AHEAD = 30
"""A deadline further away than this is none: refused like a calendar that never opens."""

Span = tuple[int, int]
"""From and to in seconds of a local day; `to` at or before `from` is on the next day."""
Day = tuple[Span, ...]
ALL_DAY: Day = ((0, 0),)


class NoWorkingTime(ValueError):
    """The calendar doesn't open long enough for the deadline ever to come."""


@dataclass(frozen=True)
class Rule:
    """What a calendar says: seven days from Monday in a zone of the tz database, and the dates that differ.

    `country` and `subdivision` (ISO 3166) name whose public holidays are closed; `dates` gives single dates hours of
    their own: none closes the day, any replace the weekday's, also on a public holiday.
    """

    zone: str
    week: tuple[Day, ...]
    country: str = ""
    subdivision: str = ""
    dates: tuple[tuple[date, Day], ...] = ()


WEEKDAYS: tuple[Day, ...] = (ALL_DAY,) * 5 + ((), ())


@dataclass(frozen=True)
class _Laid:
    """Years in a row as instants: when each stretch starts and ends, and how much time lies up to its end."""

    years: range = range(0)
    starts: "array[int]" = field(default_factory=lambda: array("q"))
    ends: "array[int]" = field(default_factory=lambda: array("q"))
    sums: "array[int]" = field(default_factory=lambda: array("q"))

    def with_year(self, year: int, stretches: Sequence[tuple[int, int]]) -> "_Laid":
        """These and the stretches of `year`, the one that follows."""
        total, sums = self.total, array("q")
        for start, end in stretches:
            total += end - start
            sums.append(total)
        return _Laid(
            range(self.years[0] if self.years else year, year + 1),
            self.starts + array("q", (start for start, _ in stretches)),
            self.ends + array("q", (end for _, end in stretches)),
            self.sums + sums,
        )

    @property
    def total(self) -> int:
        return self.sums[-1] if self.sums else 0

    def before(self, moment: int) -> int:
        """Working time from the beginning to `moment`, in microseconds."""
        place = bisect_right(self.starts, moment) - 1
        if place < 0:
            return 0
        return self.sums[place] - max(self.ends[place] - moment, 0)


@dataclass
class WorkingTime:
    """The hours of a `Rule` as instants, worked out a year at a time and kept."""

    rule: Rule
    _dates: dict[date, Day] = field(init=False)
    # Replaced as a whole, so that threads that share it never see half of it.
    _laid: _Laid = field(init=False, default_factory=_Laid)

    def __post_init__(self) -> None:
        self._dates = dict(self.rule.dates)

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """How much working time lies between two aware instants; nothing if `end` is not after `start`."""
        if end <= start:
            return timedelta()
        laid = self._covering(start.astimezone(UTC).year, end.astimezone(UTC).year)
        return timedelta(microseconds=laid.before(_micro(end)) - laid.before(_micro(start)))

    def add(self, start: datetime, amount: timedelta) -> datetime:
        """The earliest instant (UTC) by which `amount` of working time has passed since `start`.

        Nothing to pass is `start` itself. Raises NoWorkingTime when the calendar doesn't open for so long.
        """
        if amount <= timedelta():
            return start.astimezone(UTC)
        year = start.astimezone(UTC).year
        laid = self._covering(year, year)
        wanted = laid.before(_micro(start)) + amount // _MICROSECOND
        while laid.total < wanted:
            last = laid.years[-1]
            if last - year >= _YEARS_AHEAD or last >= MAXYEAR - 1 or not self._opens_after(last):
                raise NoWorkingTime(f"{amount} of working time never pass after {start:%Y-%m-%d}.")
            laid = self._covering(laid.years[0], last + 1)
        place = bisect_left(laid.sums, wanted)
        return _instant(laid.ends[place] - (laid.sums[place] - wanted))

    def open_until(self, at: datetime) -> datetime | None:
        """When the hours that run at `at` stop; None when they stand still then, or never stop within the year."""
        year = at.astimezone(UTC).year
        laid = self._covering(year, year + 1)
        moment = _micro(at)
        place = bisect_right(laid.starts, moment) - 1
        if place < 0 or moment >= laid.ends[place]:
            return None
        while place + 1 < len(laid.starts) and laid.starts[place + 1] == laid.ends[place]:
            place += 1
        return None if place + 1 == len(laid.starts) else _instant(laid.ends[place])

    def opens_after(self, at: datetime) -> datetime | None:
        """When the hours next run at or after `at`; None if they don't within the next year."""
        year = at.astimezone(UTC).year
        laid = self._covering(year, year + 1)
        moment = _micro(at)
        place = bisect_right(laid.ends, moment)
        return _instant(max(laid.starts[place], moment)) if place < len(laid.starts) else None

    def is_open(self, at: datetime) -> bool:
        return self.opens_after(at) == at.astimezone(UTC)

    def _opens_after(self, year: int) -> bool:
        """Whether the rule gives any hours at all in later years (of UTC)."""
        return any(self.rule.week) or any(spans and day.year >= year for day, spans in self.rule.dates)

    def _covering(self, first: int, last: int) -> _Laid:
        """All years from `first` to `last` worked out, without a gap, and what was worked out before."""
        laid = self._laid
        if laid.years and laid.years[0] <= first and last <= laid.years[-1]:
            return laid
        if laid.years and first < laid.years[0]:
            last, laid = max(last, laid.years[-1]), _Laid()
        for year in range(laid.years[-1] + 1 if laid.years else first, last + 1):
            laid = laid.with_year(year, _of_year(self.rule, self._dates, year))
        self._laid = laid
        return laid


@lru_cache(maxsize=512)
def working_time(rule: Rule) -> WorkingTime:
    """The hours of `rule`, shared by all who ask for the same."""
    return WorkingTime(rule)


def _micro(at: datetime) -> int:
    return (at - _EPOCH) // _MICROSECOND


def _instant(moment: int) -> datetime:
    return _EPOCH + timedelta(microseconds=moment)


# --- A year as instants --------------------------------------------------------------------------------------------


def _of_year(rule: Rule, dates: dict[date, Day], year: int) -> list[tuple[int, int]]:
    """The year's working time (years of UTC) as ascending stretches that don't overlap, in microseconds."""
    holidays: dict[int, frozenset[date]] = {}
    stretches: list[tuple[int, int]] = []
    for start, end, offset in _steady(rule.zone, year):
        local_start, local_end = start + offset, end + offset
        day = _day_of(local_start) - timedelta(days=1) if local_start >= _FIRST_DAY else date.min
        while True:
            midnight = (day - _NAIVE_EPOCH.date()).days * _DAY
            if midnight >= local_end:
                break
            for begins, ends in _spans_on(rule, dates, holidays, day):
                opens, closes = max(midnight + begins, local_start), min(midnight + ends, local_end)
                if opens < closes:
                    stretches.append((opens - offset, closes - offset))
            day += timedelta(days=1)
    return list(_merged(stretches))


_FIRST_DAY = -719_161 * _DAY


def _day_of(local: int) -> date:
    return (_NAIVE_EPOCH + timedelta(microseconds=local)).date()


def _spans_on(
    rule: Rule, dates: dict[date, Day], holidays: dict[int, frozenset[date]], day: date
) -> Iterator[tuple[int, int]]:
    """The spans that start on a local day, from its midnight on, in microseconds."""
    spans = dates.get(day)
    if spans is None:
        if rule.country and day.year not in holidays:
            holidays[day.year] = holidays_of(rule.country, rule.subdivision, day.year)
        spans = () if rule.country and day in holidays[day.year] else rule.week[day.weekday()]
    for begins, ends in spans:
        yield begins * _SECOND, (ends if ends > begins else ends + 86_400) * _SECOND


def _merged(stretches: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Ascending and without overlaps, as a late opening may bring them."""
    current: tuple[int, int] | None = None
    for start, end in sorted(stretches):
        if current is None:
            current = start, end
        elif start <= current[1]:
            current = current[0], max(current[1], end)
        else:
            yield current
            current = start, end
    if current is not None:
        yield current


@lru_cache(maxsize=4096)
def _steady(zone: str, year: int) -> tuple[tuple[int, int, int], ...]:
    """The year (of UTC) cut where the zone's offset changes: from, to and the offset, in microseconds."""
    info = ZoneInfo(zone)
    end = _micro(datetime(year + 1, 1, 1, tzinfo=UTC))
    since = moment = _micro(datetime(year, 1, 1, tzinfo=UTC))
    parts, offset = [], _offset(info, moment)
    while moment < end:
        following = min(moment + _DAY // 2, end)
        if _offset(info, following) != offset:
            change = _change(info, moment, following, offset)
            parts.append((since, change, offset))
            since, offset, following = change, _offset(info, change), change
        moment = following
    return (*parts, (since, end, offset))


def _change(info: ZoneInfo, before: int, after: int, offset: int) -> int:
    """The second at which the offset stops being `offset`, between two instants half a day apart."""
    while after - before > _SECOND:
        middle = before + (after - before) // (2 * _SECOND) * _SECOND
        before, after = (middle, after) if _offset(info, middle) == offset else (before, middle)
    return after


def _offset(info: ZoneInfo, moment: int) -> int:
    offset = _instant(moment).astimezone(info).utcoffset()
    assert offset is not None  # noqa: S101 - zones of the tz database always know theirs
    return offset // _MICROSECOND


# --- What is wrong with a calendar ---------------------------------------------------------------------------------


def overlaps(week: Sequence[Day]) -> list[tuple[int, Span, int, Span]]:
    """Pairs of spans of a week that share time, each as weekday (0 is Monday) and span; Sunday's may meet Monday's."""
    laid = sorted(
        (day * 86_400 + begins, day * 86_400 + (ends if ends > begins else ends + 86_400), day, (begins, ends))
        for day, spans in enumerate(week)
        for begins, ends in spans
    )
    week_seconds = 7 * 86_400
    again = [(start + week_seconds, end + week_seconds, day, span) for start, end, day, span in laid]
    found = []
    for place, (_, end, day, span) in enumerate(laid):
        for start, _, other_day, other in [*laid[place + 1 :], *again[: place + 1]]:
            if start < end:
                found.append((day, span, other_day, other))
    return found


def opens_within_a_year(rule: Rule, *, start: datetime) -> bool:
    """Whether there is a single minute of working time in the year from `start` on."""
    opens = WorkingTime(rule).opens_after(start)
    return opens is not None and opens < start + timedelta(days=366)


# --- Business days of the workflow ---------------------------------------------------------------------------------


def add_business_days(start: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The instant `days` (≥ 0) business days after `start` (aware), at the same local time in `zone`, Monday to Friday.

    From a weekend it counts from the Monday's same time.
    """
    local = start.astimezone(zone).replace(tzinfo=None)
    while local.weekday() >= _SATURDAY:
        local += timedelta(days=1)
    while days > 0:
        local += timedelta(days=1)
        if local.weekday() < _SATURDAY:
            days -= 1
    return local.replace(tzinfo=zone).astimezone(start.tzinfo)
