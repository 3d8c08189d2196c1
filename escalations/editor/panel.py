"""What the preview beside the form says: gaps with their cause, who can't be reached, a week, everybody's share."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from escalations.editor import strips
from escalations.editor.forms import People
from escalations.models import CoverageGap
from escalations.paging.drafts import ScheduleDraft
from escalations.paging.gap_runs import Run, city
from escalations.paging.preview import Preview

RUNS_SHOWN = 6


@dataclass(frozen=True)
class Line:
    """One run of gaps in words: what, when in UTC, and when by the viewer's clock (for the first of them)."""

    text: str
    local: str


@dataclass(frozen=True)
class Share:
    name: str
    hours: int
    of: int
    can_be_reached: bool


@dataclass(frozen=True)
class Panel:
    """What the preview shows; `can_be_mended` where changes of clocks bring gaps, which wider hours or one zone end."""

    hours: str
    lines: list[Line]
    more: int
    has_planned: bool
    can_be_mended: bool
    unreachable: list[tuple[str, str]]
    shares: list[Share]
    weeks: list[tuple[str, str]]
    shown: str
    week: strips.Week
    zone: str


def panel(found: Preview, draft: ScheduleDraft, people: People, *, zone: ZoneInfo, wanted: str) -> Panel:
    """`wanted` is the Monday of the week to show; anything else shows the first gap's week, or this one."""
    offered = strips.weeks(found, zone)
    monday = wanted if wanted in dict(offered) else strips.first_week(found, zone).isoformat()
    shares = found.shares()
    most = round(max((held.total_seconds() for _, held in shares), default=0) / 3600)
    return Panel(
        hours=in_hours(found.uncovered),
        lines=[line(run, zone) for run in found.runs[:RUNS_SHOWN]],
        more=len(found.runs) - RUNS_SHOWN,
        has_planned=bool(found.planned),
        can_be_mended=any(run.after for run in found.runs),
        unreachable=[
            (people.name(person), in_hours(dict(shares).get(person, timedelta())))
            for person in sorted(found.unreachable)
        ],
        shares=[
            Share(people.name(person), round(held.total_seconds() / 3600), most, person not in found.unreachable)
            for person, held in shares
        ],
        weeks=offered,
        shown=monday,
        week=strips.week(found, draft, date.fromisoformat(monday), zone=zone, name=people.name),
        zone=str(zone),
    )


def in_hours(length: timedelta) -> str:
    """`1,234 h`, or minutes where it is less than one."""
    minutes = round(length.total_seconds() / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes / 60:,.0f} h"


def line(run: Run, zone: ZoneInfo) -> Line:
    is_planned = run.first.why == CoverageGap.Why.PLANNED
    said = "nobody" if is_planned else "nobody, because whoever's turn it is is away,"
    head = f"{run.after.words}: {said}" if run.after else said.capitalize()
    first, last = run.first, run.last
    if len(run.gaps) == 1:
        text = f"{head} on {_span(first.starts, first.ends, UTC)} UTC"
    else:
        days = f"{len(run.gaps)} times from {_day(first.starts)} to {_day(last.starts)}"
        text = f"{head} from {_times(first.starts, first.ends)} UTC, {days}"
    local = f"{_span(first.starts, first.ends, zone)} in {city(str(zone))}" if str(zone) != "UTC" else ""
    return Line(f"{text}.", local)


def _times(starts: datetime, ends: datetime) -> str:
    begins, finishes = starts.astimezone(UTC), ends.astimezone(UTC)
    later = f" {(ends - starts).days} days later" if ends - starts > timedelta(days=1) else ""
    return f"{begins:%H:%M} to {finishes:%H:%M}{later}"


def _span(starts: datetime, ends: datetime, zone: object) -> str:
    begins, finishes = starts.astimezone(zone), ends.astimezone(zone)  # type: ignore[arg-type]
    until = f"{finishes:%H:%M}" if begins.date() == finishes.date() else f"{finishes:%a} {_day(ends)}, {finishes:%H:%M}"
    return f"{begins:%a} {begins.day} {begins:%B %Y}, from {begins:%H:%M} to {until}"


def _day(at: datetime) -> str:
    utc = at.astimezone(UTC)
    return f"{utc.day} {utc:%B %Y}"
