"""Engineering's own deadlines: review, plan and news, by severity, on the calendars that promises run on."""

from datetime import datetime, timedelta
from typing import Any

from escalations.engineering.steps import ACTIVE, Step
from escalations.models import EngineeringTarget, Escalation
from supportdesk.lib.kept import Kept

_TO_REVIEW = (Step.REQUESTED,)
_TO_PLAN = (Step.CONFIRMED,)


@Kept
def targets() -> dict[int, EngineeringTarget]:
    """The targets by severity."""
    return {row.severity: row for row in EngineeringTarget.objects.select_related("calendar__current")}


def deadlines(escalation: Escalation, *, at: datetime) -> dict[str, Any]:
    """The columns of the record's clocks as it stands now: since when it is at its step, and its last news."""
    target, step = targets().get(escalation.severity), escalation.at_step
    if target is None or step not in ACTIVE:
        return {"review_due_at": None, "plan_due_at": None, "news_due_at": None, "warn_at": None}
    due = {
        "review_due_at": _due(target, target.review_minutes, escalation.created_at) if step in _TO_REVIEW else None,
        "plan_due_at": _due(target, target.plan_minutes, escalation.step_since) if step in _TO_PLAN else None,
        "news_due_at": _due(target, target.news_minutes, escalation.news_at),
    }
    ahead = [moment for moment in due.values() if moment is not None and moment.isoformat() not in escalation.warned]
    return {**due, "warn_at": min(ahead, default=None)}


def _due(target: EngineeringTarget, minutes: int | None, since: datetime) -> datetime | None:
    if minutes is None:
        return None
    length = timedelta(minutes=minutes)
    return since + length
