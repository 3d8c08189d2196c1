"""What is left of a promise, in the same words everywhere: "1 h 12 m left, business hours Berlin".

Reads the clock that it is given (`with_terms`) and asks the database nothing; times are in the current zone, the
viewer's. `static/js/core.js` counts on in exactly these words.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from django.utils import timezone

from supportdesk.lib.tags import deadline
from tickets.models import SlaClock
from tickets.models.sla import span_in_words
from tickets.sla import clocks
from tickets.sla.promises import HoursKind
from tickets.sla.terms import Target

_WARNS_FROM = 75
_WEEKDAYS = "day and night on weekdays"
_DAYS_FROM = 48 * 60
"""Minutes from which what runs around the clock is told in days."""


@dataclass(frozen=True)
class Countdown:
    """How an open clock stands now. `look` is calm, warning, breached or paused.

    `seconds` is working time while something is left, and time since the deadline once it is late. `runs` says whether
    it counts at this moment; `until` is when its hours close (None: not within the year), and while they are closed
    `resumes` is when they open.
    """

    clock: SlaClock
    target: Target
    seconds: int
    look: str
    runs: bool = False
    until: datetime | None = None
    resumes: datetime | None = None
    resumes_in_words: str = ""

    @property
    def is_late(self) -> bool:
        return self.seconds <= 0

    @property
    def is_paused(self) -> bool:
        return self.look == "paused"

    @property
    def in_days(self) -> bool:
        return self.is_late or self.target.kind is HoursKind.AROUND_THE_CLOCK

    @property
    def length(self) -> str:
        return duration(self.seconds, in_days=self.in_days)

    @property
    def time(self) -> str:
        """`1 h 12 m left`, `12 m late`"""
        return f"{self.length} {'late' if self.is_late else 'left'}"

    @property
    def hours(self) -> str:
        return hours_in_words(self.target)

    @property
    def hours_shortly(self) -> str:
        """For a table's cell."""
        if self.is_paused:
            return "paused"
        if self.resumes:
            return self.resumes_in_words
        return f"weekdays, {zone_label(self.target.hours.rule.zone)}" if self.target.is_weekdays else self.hours

    @property
    def words(self) -> str:
        """The whole of it, as the staff reads it."""
        return self.words_for("the customer")

    def words_for(self, asked: str) -> str:
        """The same, where the answer that a pause waits for is `asked`'s: "you" or "the customer"."""
        said = f"{self.time}, {self.hours}"
        if self.is_paused:
            return f"{said}, {self.pause(asked)}"
        return f"{said}, {self.resumes_in_words}" if self.resumes else said

    def pause(self, asked: str = "the customer") -> str:
        """Why a paused clock stands still."""
        why = self.clock.spans[-1]["why"] if self.clock.spans else ""
        return "paused until work on it begins" if why == "not_begun" else f"paused while we wait for {asked}"

    @property
    def mark(self) -> tuple[object, ...]:
        """Changes with anything but the time that passes."""
        return self.clock.pk, self.clock.due_at, self.clock.breached_at, self.look, self.runs, self.is_late


def countdown(clock: SlaClock, now: datetime) -> Countdown | None:
    """How the clock stands; None for one that has ended, or for which nothing is promised."""
    target = clocks.target_of(clock)
    if target is None or clock.ended_at is not None:
        return None
    left = target.length - clocks.used_by(clock, now)
    seconds = ceil(left.total_seconds())
    if clock.running_since is None:
        return Countdown(clock, target, seconds, "paused")
    if clock.due_at is not None and clock.due_at <= now:
        # Late is told as its reader lives it, nights and weekends included.
        return Countdown(clock, target, -int((now - clock.due_at).total_seconds()), "breached", runs=True)
    look = _look(clock, target, left)
    opens = target.hours.opens_after(now)
    if opens is None or opens > now:
        return Countdown(clock, target, seconds, look, resumes=opens, resumes_in_words=_resumes(opens, now))
    return Countdown(clock, target, seconds, look, runs=True, until=target.hours.open_until(now))


def of_each(found: Iterable[SlaClock], now: datetime) -> dict[int, Countdown]:
    """Of each ticket (by its key) the promise that is due next, or else one that is paused."""
    chosen: dict[int, SlaClock] = {}
    for clock in found:
        rival = chosen.get(clock.ticket_id)
        if rival is None or _comes_before(clock, rival):
            chosen[clock.ticket_id] = clock
    counted = ((number, countdown(clock, now)) for number, clock in chosen.items())
    return {number: one for number, one in counted if one is not None}


def _comes_before(clock: SlaClock, rival: SlaClock) -> bool:
    if clock.due_at is None or rival.due_at is None:
        # Nothing runs on one of them: then it is paused, which is worth telling, or nothing is promised.
        return rival.due_at is None and (clock.due_at is not None or clocks.target_of(rival) is None)
    return clock.due_at < rival.due_at


def _look(clock: SlaClock, target: Target, left: timedelta) -> str:
    percent = min(clock.terms.agreed.warn_percent, default=_WARNS_FROM)
    return "warning" if left <= target.length * (100 - percent) / 100 else "calm"


def _resumes(opens: datetime | None, now: datetime) -> str:
    return f"resumes {deadline(timezone.localtime(opens), timezone.localtime(now))}" if opens else ""


# --- Words ---------------------------------------------------------------------------------------------------------


def duration(seconds: int, *, in_days: bool = False) -> str:
    """`1 h 12 m`, `45 m`, `under a minute`; with `in_days` beyond 48 hours `3 d 4 h`. The sign is passed over."""
    minutes = abs(seconds) // 60
    if minutes == 0:
        return "under a minute"
    if in_days and minutes > _DAYS_FROM:
        return _joined(minutes // 1440, "d", minutes % 1440 // 60, "h")
    return _joined(minutes // 60, "h", minutes % 60, "m")


def _joined(large: int, large_unit: str, small: int, small_unit: str) -> str:
    parts = [f"{large} {large_unit}"] if large else []
    return " ".join([*parts, f"{small} {small_unit}"] if small or not large else parts)


def hours_in_words(target: Target) -> str:
    """`business hours Berlin`, `around the clock`, `day and night on weekdays, New York`"""
    zone = zone_label(target.hours.rule.zone)
    if target.kind is HoursKind.BUSINESS:
        return f"business hours {zone}"
    return f"{_WEEKDAYS}, {zone}" if target.is_weekdays else "around the clock"


def target_in_words(target: Target) -> str:
    """`1 hour, around the clock`; spans in business time name it themselves."""
    span = span_in_words(target.minutes, target.kind)
    if target.kind is HoursKind.BUSINESS:
        return span
    return f"{span}, {_WEEKDAYS if target.is_weekdays else 'around the clock'}"


def zone_label(zone: str) -> str:
    """`New York` of `America/New_York`"""
    return zone.rsplit("/", 1)[-1].replace("_", " ")
