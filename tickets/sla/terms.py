"""The terms that a clock runs on: what a policy's version and a calendar's say, and where the customer is. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import Any

from tickets.sla.calendar import ALL_DAY, WEEKDAYS, Day, NoWorkingTime, Rule, WorkingTime, working_time
from tickets.sla.holidays import holidays_of
from tickets.sla.promises import COVERED_ON_WEEKENDS, HoursKind, Promise


@dataclass(frozen=True)
class Place:
    """Where the customer is: a zone of the tz database, and the country (ISO 3166) whose holidays they have."""

    zone: str
    country: str = ""
    subdivision: str = ""


@dataclass(frozen=True)
class Calendar:
    """What a version of a calendar says. An empty `zone` is the customer's own; `holidays` says whose are closed:
    "customer", "fixed" (`country` and `subdivision`) or "none"."""

    zone: str
    week: tuple[Day, ...]
    holidays: str = "customer"
    country: str = ""
    subdivision: str = ""
    dates: tuple[tuple[date, Day], ...] = ()

    def rule_at(self, place: Place) -> Rule:
        """The calendar as it holds for a customer at `place`."""
        country, subdivision = {
            "customer": (place.country, place.subdivision),
            "fixed": (self.country, self.subdivision),
        }.get(self.holidays, ("", ""))
        return Rule(self.zone or place.zone, self.week, country, subdivision, self.dates)

    def as_data(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return {
            "zone": self.zone,
            "week": [[list(span) for span in day] for day in self.week],
            "holidays": self.holidays,
            "country": self.country,
            "subdivision": self.subdivision,
            "dates": {day.isoformat(): [list(span) for span in spans] for day, spans in self.dates},
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "Calendar":
        return cls(
            zone=data["zone"],
            week=tuple(_day(spans) for spans in data["week"]),
            holidays=data["holidays"],
            country=data["country"],
            subdivision=data["subdivision"],
            dates=tuple(sorted((date.fromisoformat(day), _day(spans)) for day, spans in data["dates"].items())),
        )


def _day(spans: Sequence[Sequence[int]]) -> Day:
    return tuple((begins, ends) for begins, ends in spans)


@dataclass(frozen=True)
class Target:
    """What is promised: so much time on these hours."""

    minutes: int
    kind: HoursKind
    hours: WorkingTime

    @property
    def length(self) -> timedelta:
        return timedelta(minutes=self.minutes)

    def due(self, start: datetime, *, used: timedelta = timedelta()) -> datetime | None:
        """When what is left of it will have passed from `start` on; None if its hours never open for so long.

        Calendars that never open are refused, but one may run dry later: then nobody is stopped from writing.
        """
        try:
            return self.hours.add(start, self.length - used)
        except NoWorkingTime:
            return None

    @property
    def is_weekdays(self) -> bool:
        """Around the clock, but for Saturdays and Sundays."""
        return self.kind is HoursKind.AROUND_THE_CLOCK and bool(self.hours.rule.week != _ALWAYS)


_ALWAYS: tuple[Day, ...] = (ALL_DAY,) * 7


@dataclass(frozen=True, eq=False, repr=False)
class Terms:
    """`targets` is minutes and hours by promise and priority; what isn't in it isn't promised.

    `warn_percent` are percentages of a target used up, `warn_before` minutes before a deadline, at which the staff is
    warned.
    """

    targets: Mapping[tuple[Promise, int], tuple[int, HoursKind]]
    calendar: Calendar
    place: Place
    covers_weekends: bool
    warn_percent: tuple[int, ...] = (75,)
    warn_before: tuple[int, ...] = ()

    def target(self, promise: Promise, priority: int) -> Target | None:
        found = self.targets.get((promise, priority))
        return Target(*found, self._hours(found[1], priority)) if found else None

    def promises(self, promise: Promise) -> bool:
        """Whether `promise` is made for any priority."""
        return promise in self._promised

    @cached_property
    def _promised(self) -> frozenset[Promise]:
        return frozenset(promise for promise, _ in self.targets)

    def _hours(self, kind: HoursKind, priority: int) -> WorkingTime:
        if kind is HoursKind.BUSINESS:
            return self._business
        return self._always if self.covers_weekends and priority in COVERED_ON_WEEKENDS else self._weekdays

    @cached_property
    def _business(self) -> WorkingTime:
        return working_time(self.calendar.rule_at(self.place))

    @cached_property
    def _always(self) -> WorkingTime:
        return working_time(Rule("UTC", _ALWAYS))

    @cached_property
    def _weekdays(self) -> WorkingTime:
        return working_time(Rule(self.place.zone, WEEKDAYS))


def holidays_between(rule: Rule, first: date, last: date) -> list[date]:
    """The public holidays that a rule closes, from `first` to `last`, both included."""
    if not rule.country:
        return []
    own = dict(rule.dates)
    years = range(first.year, last.year + 1)
    found = {day for year in years for day in holidays_of(rule.country, rule.subdivision, year)}
    return sorted(day for day in found if first <= day <= last and day not in own)
