"""The calendar of who is on call, as pages show it: materialised shifts and gaps, in the viewer's zone.

What a schedule's hours are is decided elsewhere (paging.rotation); here they are laid on days and lanes.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from escalations.models import CoverageGap, Schedule, Shift
from escalations.paging.rotation import to_utc
from escalations.people import zone_of
from supportdesk.lib.tags import exact, initials

_SLOT = timedelta(minutes=30)
_LONGEST_OFFERED = timedelta(days=7)
_DAY = timedelta(days=1)
_WIDE, _MID = 36, 12
"""Half hours of a lane in which a name with both times has room, and a first name with one."""


@dataclass(frozen=True)
class Piece:
    """Hours of a schedule that somebody has, or (person None) nobody, and why."""

    schedule: Schedule
    person: User | None
    starts: datetime
    ends: datetime
    is_override: bool = False
    is_unreachable: bool = False
    is_mine: bool = False
    is_past: bool = False
    is_accepted: bool = False
    why: str = ""

    @property
    def address(self) -> str:
        """Where these hours are given to somebody else; of very long ones the first week is offered."""
        return f"{reverse('override_new')}?{urlencode(span(self.schedule, self.starts, self.offered_until))}"

    @property
    def begins(self) -> str:
        """`09:00`, on the viewer's clock."""
        return f"{timezone.localtime(self.starts):%H:%M}"

    @property
    def short(self) -> str:
        """When it begins, and on the person's own clock where that differs."""
        return f"{self.begins} ({self.there} there)" if self.is_elsewhere else self.begins

    @property
    def first_name(self) -> str:
        return self.person.display_name.split()[0] if self.person else ""

    @property
    def initials(self) -> str:
        return initials(self.person.display_name) if self.person else ""

    @property
    def label(self) -> str:
        """All of it in words, for a tooltip and for screen readers."""
        starts, ends = (exact(timezone.localtime(at)) for at in (self.starts, self.ends))
        there = f", hand-over at {self.there} there" if self.is_elsewhere else ""
        who = self.person.display_name if self.person else f"Nobody: {self.why}"
        return f"{who}, {self.schedule}, {starts} to {ends}{there}"

    @property
    def offered_until(self) -> datetime:
        return self.ends if self.ends - self.starts <= 4 * _LONGEST_OFFERED else self.starts + _LONGEST_OFFERED

    @property
    def there(self) -> str:
        """What the clock shows at the hand-over where the person is."""
        return f"{self.starts.astimezone(zone_of(self.person)):%H:%M}" if self.person else ""

    @property
    def is_elsewhere(self) -> bool:
        """Whether the person's clock differs from the viewer's then."""
        local = self.starts.astimezone(timezone.get_current_timezone())
        return self.person is not None and local.utcoffset() != self.starts.astimezone(zone_of(self.person)).utcoffset()


def span(schedule: Schedule, starts: datetime, ends: datetime) -> dict[str, str]:
    """Hours as the addresses of the on-call pages carry them."""
    return {"schedule": str(schedule.pk), "from": stamp(starts), "until": stamp(ends)}


def stamp(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def read_stamp(text: str) -> datetime | None:
    """The instant of an address; None for what is none."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return None
    return instant.astimezone(UTC) if instant.tzinfo is not None else None


def pieces(
    schedules: Iterable[Schedule], since: datetime, until: datetime, *, viewer: User, now: datetime
) -> dict[int, list[Piece]]:
    """What is known of each schedule between two instants, in order; two queries."""
    known = {schedule.pk: schedule for schedule in schedules}
    shifts = Shift.objects.between(since, until).filter(schedule__in=known).select_related("person__region")
    gaps = list(CoverageGap.objects.between(since, until).filter(schedule__in=known))
    found: dict[int, list[Piece]] = {pk: [] for pk in known}
    hard: dict[tuple[int, int | None], list[CoverageGap]] = defaultdict(list)
    for gap in gaps:
        if gap.why == CoverageGap.Why.UNREACHABLE:
            hard[gap.schedule_id, gap.person_id].append(gap)
            continue
        schedule = known[gap.schedule_id]
        accepted = gap.why == CoverageGap.Why.PLANNED and schedule.gaps_accepted_at is not None
        found[gap.schedule_id].append(
            Piece(schedule, None, gap.starts_at, gap.ends_at, is_accepted=accepted, why=gap.get_why_display())
        )
    for shift in shifts:
        reached_by_few = any(
            gap.starts_at < shift.ends_at and gap.ends_at > shift.starts_at
            for gap in hard[shift.schedule_id, shift.person_id]
        )
        found[shift.schedule_id].append(
            Piece(
                known[shift.schedule_id],
                shift.person,
                shift.starts_at,
                shift.ends_at,
                is_override=shift.is_override,
                is_unreachable=reached_by_few,
                is_mine=shift.person_id == viewer.pk,
                is_past=shift.ends_at <= now,
            )
        )
    return {pk: sorted(rows, key=lambda piece: piece.starts) for pk, rows in found.items()}


# --- Lanes of a week -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cell:
    """So many half hours of a lane; without a piece nothing is known."""

    piece: Piece | None
    slots: int

    @property
    def size(self) -> str:
        """How much can be said in it: everything, a first name and a time, or initials."""
        if self.slots >= _WIDE:
            return "full"
        return "mid" if self.slots >= _MID else "thin"


@dataclass(frozen=True)
class Lane:
    schedule: Schedule
    cells: list[Cell]


def lanes(found: dict[int, list[Piece]], schedules: Sequence[Schedule], days: Sequence["Day"]) -> list[Lane]:
    """A row for each schedule, in columns of half hours: a day of 23 or 25 hours has fewer or more of them."""
    since, slots = days[0].begins, sum(day.slots for day in days)
    return [Lane(schedule, _cells(found[schedule.pk], since, slots)) for schedule in schedules]


def _cells(row: Sequence[Piece], since: datetime, slots: int) -> list[Cell]:
    cells: list[Cell] = []
    at = 0
    for piece in row:
        starts = max(at, round((piece.starts - since) / _SLOT))
        ends = min(slots, round((piece.ends - since) / _SLOT))
        if piece.person is None:
            ends = min(slots, max(ends, starts + 1))  # a gap is seen, however short
        if ends <= starts:
            continue
        if starts > at:
            cells.append(Cell(None, starts - at))
        cells.append(Cell(piece, ends - starts))
        at = ends
    if at < slots:
        cells.append(Cell(None, slots - at))
    return cells


# --- Days ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Entry:
    """A piece as one day shows it: which of the day's hours it has."""

    piece: Piece
    hours: str
    begins_here: bool


@dataclass
class Day:
    """A day of the viewer's, from one local midnight to the next."""

    date: date
    begins: datetime
    ends: datetime
    is_today: bool = False
    is_outside: bool = False
    entries: list[Entry] = field(default_factory=list)

    @property
    def slots(self) -> int:
        return round((self.ends - self.begins) / _SLOT)


def days(first: date, number: int, zone: ZoneInfo, *, today: date, month: int | None = None) -> list[Day]:
    edges = [to_utc(datetime.combine(first + n * _DAY, time()), zone) for n in range(number + 1)]
    return [
        Day(
            first + n * _DAY,
            edges[n],
            edges[n + 1],
            is_today=first + n * _DAY == today,
            is_outside=month is not None and (first + n * _DAY).month != month,
        )
        for n in range(number)
    ]


def fill(shown: Sequence[Day], found: dict[int, list[Piece]], zone: ZoneInfo) -> None:
    """Give each day its entries: by their begin, then by schedule."""
    everything = sorted((piece for row in found.values() for piece in row), key=lambda piece: piece.starts)
    for day in shown:
        of_day = [piece for piece in everything if piece.starts < day.ends and piece.ends > day.begins]
        of_day.sort(key=lambda piece: (max(piece.starts, day.begins), piece.schedule.name))
        day.entries = [Entry(piece, _hours(piece, day, zone), piece.starts >= day.begins) for piece in of_day]


def _hours(piece: Piece, day: Day, zone: ZoneInfo) -> str:
    starts, ends = (f"{at.astimezone(zone):%H:%M}" for at in (piece.starts, piece.ends))
    if piece.starts <= day.begins:
        return "all day" if piece.ends >= day.ends else f"until {ends}"
    return f"from {starts}" if piece.ends >= day.ends else f"{starts} to {ends}"
