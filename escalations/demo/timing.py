"""When things happen in the demo: people write in their working hours, the staff follows the sun. Pure."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random
from zoneinfo import ZoneInfo

from escalations.demo.people import EUROPE, SHIFTS

_DAY = timedelta(days=1)
_SATURDAY = 5
_HIGH = 2
_STAFF_MINUTES = {1: (6, 45), 2: (15, 150), 3: (50, 420), 4: (120, 1400)}
_CUSTOMER_MINUTES = {1: (5, 50), 2: (20, 240), 3: (60, 1500), 4: (180, 3200)}

# From how many to how many hours ago the last step was.
_AGES = {
    "closed": (52.0, 24.0 * 58),
    "given_up": (24.0 * 16, 24.0 * 50),
    "solved": (1.0, 45.0),
    "pending": (2.0, 24.0 * 6),
    "on_hold": (5.0, 24.0 * 9),
    "open": (0.4, 50.0),
    "new": (0.2, 14.0),
}
_LEEWAY = 0.25


def window(end: str, now: datetime, rng: Random) -> tuple[datetime, datetime]:
    """Between which instants the last step of a request is to lie that stands at `end` now."""
    least, most = _AGES[end]
    age = rng.uniform(least, most)
    return now - timedelta(hours=min(age * (1 + _LEEWAY), most)), now - timedelta(hours=max(age * (1 - _LEEWAY), least))


def region_at(at: datetime) -> str:
    """The region on shift."""
    for region, (starts, ends) in SHIFTS.items():
        if starts <= at.time() and (at.time() < ends or ends == time(0)):
            return region
    return EUROPE


@dataclass(frozen=True)
class Plan:
    """The rhythm of one conversation: `staffs` says of each turn whether it is the staff's."""

    staffs: list[bool]
    priority: int | None
    zone: str
    seed: int

    def fit(self, earliest: datetime, latest: datetime) -> list[datetime]:
        """The times of the opening and of each turn, so that the last lies between `earliest` and `latest`."""
        start = earliest
        for _ in range(20):
            times = self._times(start, in_hours=True)
            if times[-1] > latest:
                start -= max(times[-1] - latest, timedelta(hours=2))
            elif times[-1] < earliest:
                start += max((earliest - times[-1]) / 2, timedelta(minutes=20))
            else:
                return times
        times = self._times(start, in_hours=False)
        shift = earliest + (latest - earliest) / 2 - times[-1]
        return [at + shift for at in times]

    def _times(self, start: datetime, *, in_hours: bool) -> list[datetime]:
        rng = Random(self.seed)
        priority = self.priority or _HIGH
        waits = in_hours and priority > _HIGH
        at = _in_office(start, self.zone, rng) if in_hours and priority > 1 else start
        times = [at]
        for is_staffs in self.staffs:
            shortest, longest = (_STAFF_MINUTES if is_staffs else _CUSTOMER_MINUTES)[priority]
            at += timedelta(minutes=rng.uniform(shortest, longest))
            if waits:
                at = _on_weekday(at, rng) if is_staffs else _in_office(at, self.zone, rng)
            times.append(at)
        return times


def _in_office(at: datetime, zone: str, rng: Random) -> datetime:
    """`at`, or the next morning of work where it isn't working time."""
    delay = timedelta(minutes=rng.uniform(0, 150))
    local = at.astimezone(ZoneInfo(zone))
    while local.weekday() >= _SATURDAY or not 8 <= local.hour < 18:
        next_day = local.date() if local.hour < 8 else local.date() + _DAY
        local = datetime.combine(next_day, time(8), tzinfo=local.tzinfo)
        if local.weekday() < _SATURDAY:
            local += delay
    return local.astimezone(at.tzinfo)


def _on_weekday(at: datetime, rng: Random) -> datetime:
    delay = timedelta(minutes=rng.uniform(0, 600))
    while at.weekday() >= _SATURDAY:
        at = datetime.combine(at.date() + _DAY, time(0), tzinfo=at.tzinfo)
        if at.weekday() < _SATURDAY:
            at += delay
    return at
