"""Which region gets a new ticket. Pure: regions come in as plain windows of the day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time


@dataclass(frozen=True)
class Window:
    """A region's hours of the day in UTC; an end at or before the start runs over midnight."""

    key: int
    starts: time
    ends: time

    def holds(self, at: time) -> bool:
        if self.starts < self.ends:
            return self.starts <= at < self.ends
        return at >= self.starts or at < self.ends


def window_on_shift(windows: Sequence[Window], at: datetime) -> int | None:
    """The key of the window that `at` (aware, UTC) falls into; in a gap the one that begins next; None without any."""
    clock_time = at.time()
    for window in windows:
        if window.holds(clock_time):
            return window.key
    if not windows:
        return None
    return min(windows, key=lambda window: _minutes_ahead(clock_time, window.starts)).key


def _minutes_ahead(now: time, then: time) -> int:
    return ((then.hour * 60 + then.minute) - (now.hour * 60 + now.minute)) % (24 * 60)
