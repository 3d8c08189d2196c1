"""`python -m bench.schedules`: how fast 50 layers over 180 days become the final schedule (the promise: 2 s)."""

import time as stopwatch
from datetime import UTC, date, datetime, time, timedelta

from escalations.paging import rotation
from escalations.paging.rotation import Absence, Layer, Override, Plan, Window

LAYERS, AHEAD, ROUNDS = 50, timedelta(days=180), 5
PROMISED = 2.0
_ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney", "America/Santiago"),
    *("Australia/Lord_Howe", "Asia/Kolkata"),
)
_EVERY_DAY = frozenset(range(1, 8))


def plan_of_fifty() -> tuple[Plan, datetime]:
    """Layers of short windows at different times in seven zones, so that most of them have a say in every day."""
    since = datetime(2026, 11, 24, 12, tzinfo=UTC)
    return Plan([_layer(number) for number in range(LAYERS)], _overrides(since), _absences(since)), since


def _layer(number: int) -> Layer:
    hours = (number % 24, (number + 7) % 24, (number + 15) % 24)
    windows = tuple(Window(_EVERY_DAY, time(hour, number), time(hour, number + 5)) for hour in hours)
    members = tuple(range(number, number + 5))
    return Layer(number, _ZONES[number % 7], date(2026, 1, 5), time(number % 24), 1 + number % 7, members, windows)


def _overrides(since: datetime) -> list[Override]:
    starts = (since + timedelta(days=number) for number in range(60))
    return [Override(99, start, start + timedelta(hours=3), number) for number, start in enumerate(starts)]


def _absences(since: datetime) -> list[Absence]:
    starts = ((person, since + timedelta(days=person)) for person in range(40))
    return [Absence(person, start, start + timedelta(days=7)) for person, start in starts]


def main() -> None:
    plan, since = plan_of_fifty()
    took, busy = [], []
    for _ in range(ROUNDS):
        rotation.boundary.cache_clear()
        began, worked = stopwatch.perf_counter(), stopwatch.process_time()
        found = rotation.shifts(plan, since, since + AHEAD)
        took.append(stopwatch.perf_counter() - began)
        busy.append(stopwatch.process_time() - worked)
    print(
        f"{LAYERS} layers over {AHEAD.days} days, {len(found):,} shifts: {min(took):.2f} s at best of {ROUNDS}"
        f" ({min(busy):.2f} s of a core), promised {PROMISED:.0f} s"
    )


if __name__ == "__main__":
    main()
