"""A week of a draft, drawn: a strip for each layer by itself, and the final line that they make together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from escalations.paging import rotation
from escalations.paging.drafts import ScheduleDraft
from escalations.paging.gap_runs import city
from escalations.paging.preview import Preview
from supportdesk.lib.tags import initials

WIDTH = 1008
"""Units across a week: six an hour."""
SHADES = 3
_WEEKS_AHEAD = 4
_ROOM_FOR_INITIALS, _ROOM_FOR_NAME = 36, 190
_WEEK = timedelta(days=7)

Name = Callable[[int | None], str]


@dataclass(frozen=True)
class Bar:
    """A stretch of a strip, from `x` over `width`; `look` is its shade, or `gap`."""

    x: float
    width: float
    look: str
    text: str = ""

    @property
    def middle(self) -> float:
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True)
class Strip:
    name: str
    bars: list[Bar]


@dataclass(frozen=True)
class Piece:
    """A stretch of the final line in words; `why` where a page would reach nobody in it."""

    local: str
    utc: str
    name: str
    why: str = ""


@dataclass(frozen=True)
class Week:
    """A week of the preview: its days by where they begin, its strips (the final one last), its final line in words."""

    days: list[tuple[float, str]]
    strips: list[Strip]
    pieces: list[Piece]


def weeks(found: Preview, zone: ZoneInfo) -> list[tuple[str, str]]:
    """Weeks to choose from, by their Monday: the next ones, and each in which a layer's clocks change."""
    this = monday_of(found.since.astimezone(zone).date())
    notes: dict[date, list[str]] = {this + number * _WEEK: [] for number in range(_WEEKS_AHEAD)}
    for change in found.changes:
        monday, place = monday_of(change.at.astimezone(zone).date()), city(change.zone)
        # Clocks change on a Sunday: what comes of it is seen in the week after.
        notes.setdefault(monday, []).append(f"{place}'s clocks change on {_day(change.day)}")
        notes.setdefault(monday + _WEEK, []).append(f"after {place}'s change")
    if found.runs:
        notes.setdefault(first_week(found, zone), []).append("the first gap")
    names = {this: "This week", this + _WEEK: "Next week"}
    return [
        (monday.isoformat(), ": ".join(filter(None, (names.get(monday, f"Week of {_day(monday)}"), ", ".join(said)))))
        for monday, said in sorted(notes.items())
    ]


def week(found: Preview, draft: ScheduleDraft, monday: date, *, zone: ZoneInfo, name: Name) -> Week:
    """The week from `monday` on, by the clock of `zone`; what is past is not drawn."""
    edges = [_midnight(monday + timedelta(days=day), zone) for day in range(8)]
    drawing = _Drawing(edges[0], edges[-1], found, name)
    strips = [
        Strip(written.name, drawing.bars(drawing.alone(layer), gaps=False))
        for written, layer in zip(draft.layers, found.plan.layers, strict=True)
    ]
    final = list(drawing.cut(found.pieces))
    days = [monday + timedelta(days=day) for day in range(7)]
    return Week(
        [(drawing.x(edge), f"{day:%a} {day.day}") for edge, day in zip(edges, days, strict=False)],
        [*strips, Strip("On call", drawing.bars(final, gaps=True))],
        [Piece(_span(one, zone), _span(one, UTC), name(one.person), drawing.why(one)) for one in final],
    )


@dataclass(frozen=True)
class _Drawing:
    since: datetime
    until: datetime
    found: Preview
    name: Name

    def x(self, at: datetime) -> float:
        return round(WIDTH * ((at - self.since) / (self.until - self.since)), 1)

    def cut(self, pieces: list[rotation.Shift]) -> Iterator[rotation.Shift]:
        for piece in pieces:
            starts, ends = max(piece.starts, self.since), min(piece.ends, self.until)
            if starts < ends:
                yield rotation.Shift(piece.person, starts, ends, piece.is_override, piece.missing)

    def alone(self, layer: rotation.Layer) -> list[rotation.Shift]:
        """The layer by itself, as if no other were there."""
        since = max(self.since, self.found.since)
        if since >= self.until:
            return []
        return rotation.shifts(rotation.Plan([layer], (), self.found.plan.absences), since, self.until)

    def bars(self, pieces: list[rotation.Shift], *, gaps: bool) -> list[Bar]:
        return [self._bar(piece) for piece in pieces if gaps or piece.person is not None]

    def _bar(self, piece: rotation.Shift) -> Bar:
        x = self.x(piece.starts)
        width = round(self.x(piece.ends) - x, 1)
        name = self.name(piece.person)
        text = name if width >= _ROOM_FOR_NAME else initials(name).upper() if width >= _ROOM_FOR_INITIALS else ""
        if self.why(piece):
            return Bar(x, width, "gap", text if piece.person is not None else "!")
        people = sorted({member for layer in self.found.plan.layers for member in layer.members if member is not None})
        shade = people.index(piece.person) % SHADES if piece.person in people else SHADES - 1
        return Bar(x, width, f"shade-{shade}", text)

    def why(self, piece: rotation.Shift) -> str:
        """What is wrong with the stretch, in words; nothing where somebody reachable has it."""
        if piece.person is None:
            return "whoever's turn it is is away" if piece.missing else "no layer names anybody"
        return "can't be reached" if piece.person in self.found.unreachable else ""


def first_week(found: Preview, zone: ZoneInfo) -> date:
    """The Monday of the week to show at first: that of the first gap, else this one."""
    at = found.runs[0].first.starts if found.runs else found.since
    return monday_of(at.astimezone(zone).date())


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _span(piece: rotation.Shift, zone: tzinfo) -> str:
    starts, ends = piece.starts.astimezone(zone), piece.ends.astimezone(zone)
    until = f"{ends:%H:%M}" if starts.date() == ends.date() else f"{ends:%a %H:%M}"
    return f"{starts:%a %H:%M} to {until}"


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return rotation.to_utc(datetime.combine(day, time()), zone)


def _day(day: date) -> str:
    return f"{day.day} {day:%b}"
