"""Gaps that come day after day, as one line each, with the change of clocks that brought them. Pure: no Django.

When a change of clocks opens an hour between two regions, it opens every day until the next change: a hundred gaps
with one cause, which somebody wants to read as one.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from escalations.paging.rotation import Shift

_WEEK = timedelta(days=7)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True)
class Gap:
    """Hours in which a page would reach nobody; `why` is a value of CoverageGap.Why, `person` whom it can't reach."""

    starts: datetime
    ends: datetime
    why: str
    person: int | None = None

    @property
    def length(self) -> timedelta:
        return self.ends - self.starts


@dataclass(frozen=True)
class Change:
    """The clocks of `zone` change at the instant `at`, on the local date `day`."""

    zone: str
    at: datetime
    day: date

    @property
    def words(self) -> str:
        return f"{city(self.zone)}'s clocks change on {self.day.day} {_MONTHS[self.day.month - 1]}"


@dataclass(frozen=True)
class Run:
    """Gaps at the same hours, for the same reason, at most a week apart; `after`: the change that brought them."""

    gaps: tuple[Gap, ...]
    after: Change | None = None

    @property
    def first(self) -> Gap:
        return self.gaps[0]

    @property
    def last(self) -> Gap:
        return self.gaps[-1]

    @property
    def hours(self) -> float:
        return sum((gap.length for gap in self.gaps), timedelta()).total_seconds() / 3600


def city(zone: str) -> str:
    """The place that a zone is named after."""
    return zone.rpartition("/")[2].replace("_", " ")


def changes(zones: Iterable[str], since: datetime, until: datetime) -> list[Change]:
    """When the clocks of `zones` change, in order; found day by day, then to the minute."""
    found = []
    for name in zones:
        zone, at = ZoneInfo(name), since
        while at < until:
            following = at + timedelta(days=1)
            if at.astimezone(zone).utcoffset() != following.astimezone(zone).utcoffset():
                instant = _instant(zone, at, following)
                found.append(Change(name, instant, instant.astimezone(zone).date()))
            at = following
    return sorted(found, key=lambda change: (change.at, change.zone))


def _instant(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(minutes=1):
        middle = before + (after - before) // 2
        middle = middle.replace(second=0, microsecond=0)
        if middle <= before:
            break
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def runs(gaps: Sequence[Gap], pieces: Sequence[Shift], zones: Collection[str]) -> list[Run]:
    """`gaps` in runs, the earliest first; `pieces` is the whole line that they were found in."""
    if not gaps:
        return []
    known = changes(zones, pieces[0].starts - _WEEK, pieces[-1].ends)
    chains: dict[tuple[object, ...], list[list[Gap]]] = {}
    for gap in gaps:
        lines = chains.setdefault(_alike(gap), [])
        if lines and gap.starts - lines[-1][-1].starts <= _WEEK:
            lines[-1].append(gap)
        else:
            lines.append([gap])
    made = [Run(tuple(line), _cause(line[0], pieces, known)) for lines in chains.values() for line in lines]
    return sorted(made, key=lambda run: run.first.starts)


def _alike(gap: Gap) -> tuple[object, ...]:
    return gap.why, gap.person, gap.starts.astimezone(UTC).time(), gap.length


def _cause(gap: Gap, pieces: Sequence[Shift], known: Sequence[Change]) -> Change | None:
    """The change of clocks within the week before a planned gap, where somebody had the same hours a week before."""
    if gap.why != "planned" or gap.starts - _WEEK < pieces[0].starts:
        return None
    held = [piece for piece in pieces if piece.starts < gap.ends - _WEEK and piece.ends > gap.starts - _WEEK]
    if not any(piece.person is not None for piece in held):
        return None
    # The clocks may change within the gap itself: what it lacks begins with them.
    recent = [change for change in known if gap.starts - _WEEK <= change.at <= gap.ends]
    return recent[-1] if recent else None
