"""Engineering's own deadlines: review, plan and news, by severity, on the calendars that promises run on.

Each is worked out anew with every change of its record; a question doesn't begin a plan's time anew, which stands
still meanwhile. It is warned of twice, once three quarters of its time are
used up and once it has passed; the columns say when the sweep is to look next (see `watch`).
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.db.models import Q

from escalations.engineering.steps import Step
from escalations.models import EngineeringTarget, Escalation, EscalationEvent
from tickets.sla.calendar import ALL_DAY, Rule, WorkingTime, working_time
from tickets.sla.promises import HoursKind
from tickets.sla.terms import Place, Target

_ALWAYS = Rule("UTC", (ALL_DAY,) * 7)
_WARNED_AT = 0.75
"""Of a deadline's time."""


class Clock(StrEnum):
    """What is due of a record; `QUESTION` is due from whoever was asked, the others from engineering."""

    REVIEW = "review"
    PLAN = "plan"
    NEWS = "news"
    QUESTION = "question"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    Clock.REVIEW: "review",
    Clock.PLAN: "action plan",
    Clock.NEWS: "engineering news",
    Clock.QUESTION: "answer to the question",
}
_RUNS_AT = {
    Clock.REVIEW: (Step.REQUESTED,),
    Clock.PLAN: (Step.CONFIRMED,),
    # Before the review nothing else is expected, and while a question waits it isn't engineering's turn.
    Clock.NEWS: (Step.UNDER_REVIEW, Step.CONFIRMED, Step.PLANNED, Step.TESTED),
    Clock.QUESTION: (Step.NEEDS_INFORMATION,),
}


@dataclass(frozen=True)
class Deadline:
    """When something is due, and from when on its lead is warned."""

    clock: Clock
    due_at: datetime
    warned_from: datetime

    @property
    def points(self) -> Iterator[tuple[str, datetime]]:
        """What is warned of, with when: a name that no later deadline has."""
        yield f"{self.clock} soon {self.due_at.isoformat()}", self.warned_from
        yield self.overdue, self.due_at

    @property
    def overdue(self) -> str:
        return f"{self.clock} over {self.due_at.isoformat()}"


def deadlines(escalation: Escalation) -> dict[str, Any]:
    """The columns of the record's clocks as it stands now: since when it is at its step, and its last news."""
    return columns(running_deadlines(escalation), warned=escalation.warned)


def columns(running: Collection[Deadline], *, warned: Collection[str]) -> dict[str, Any]:
    """What the record keeps of its running deadlines; `warned` are the points that were warned of before."""
    due = {found.clock: found.due_at for found in running}
    points = dict(point for found in running for point in found.points)
    told = [name for name in warned if name in points]
    return {
        "review_due_at": due.get(Clock.REVIEW),
        "plan_due_at": due.get(Clock.PLAN),
        "news_due_at": due.get(Clock.NEWS),
        "warned": told,
        "warn_at": min((moment for name, moment in points.items() if name not in told), default=None),
    }


def running_deadlines(escalation: Escalation) -> list[Deadline]:
    """What is due of an active record, by the targets as they are now; nothing of one that is over."""
    if not escalation.is_active:
        return []
    running = [clock for clock, steps in _RUNS_AT.items() if escalation.at_step in steps]
    target = EngineeringTarget.objects.select_related("calendar__current").filter(severity=escalation.severity).first()
    found = [_question(escalation) if clock is Clock.QUESTION else _of(target, clock, escalation) for clock in running]
    return [one for one in found if one is not None]


def _of(target: EngineeringTarget | None, clock: Clock, escalation: Escalation) -> Deadline | None:
    minutes: int | None = getattr(target, f"{clock}_minutes", None)
    if target is None or minutes is None:
        return None
    on_its_hours = Target(minutes, HoursKind.BUSINESS, hours_of(target))
    since = {Clock.REVIEW: escalation.created_at, Clock.NEWS: escalation.news_at}.get(clock, escalation.step_since)
    stays = _stays(escalation) if clock is Clock.PLAN else []
    due = _passed(on_its_hours, on_its_hours.length, since, stays)
    soon = _passed(on_its_hours, on_its_hours.length * _WARNED_AT, since, stays)
    return Deadline(clock, due, soon) if due is not None and soon is not None else None


def _stays(escalation: Escalation) -> list[tuple[datetime, datetime]]:
    """From when to when it was at its step before, each time until a question came; after a failed fix that is over."""
    here, question = escalation.step, Step.NEEDS_INFORMATION.value
    moves = escalation.events.filter(Q(from_step=here) | Q(to_step=here), kind=EscalationEvent.Kind.MOVED)
    stays: list[tuple[datetime, datetime]] = []
    came = None
    for to, at in moves.order_by("at", "pk").values_list("to_step", "at"):
        if to == here:
            came = at
        elif came is not None:
            stays = [*stays, (came, at)] if to == question else []
    return stays


def _passed(
    target: Target, time: timedelta, since: datetime, stays: Iterable[tuple[datetime, datetime]]
) -> datetime | None:
    """When so much of the target's working time has passed, counted through the `stays` and then on from `since`."""
    for came, left in stays:
        used = target.hours.elapsed(came, left)
        if used >= time:
            return target.due(came, used=target.length - time)
        time -= used
    return target.due(since, used=target.length - time)


def _question(escalation: Escalation) -> Deadline | None:
    due = escalation.question_due_at
    if due is None:
        return None
    return Deadline(Clock.QUESTION, due, escalation.step_since + (due - escalation.step_since) * _WARNED_AT)


def hours_of(target: EngineeringTarget) -> WorkingTime:
    """The hours that a target runs on: around the clock without a calendar. Its own zone, nobody's holidays."""
    version = target.calendar.current if target.calendar else None
    return working_time(version.says.rule_at(Place("UTC")) if version else _ALWAYS)


def look_anew(severities: Collection[int], *, at: datetime) -> None:
    """Have the sweep reckon the deadlines of active records of these severities anew: their targets were edited."""
    Escalation.objects.active().filter(severity__in=severities).update(warn_at=at)
