"""What engineering escalations begin with on a new desk: its own deadlines, and who is brought in by itself."""

from datetime import datetime, time

from django.db import transaction

from accounts.models import SupportPlan
from escalations.models import EngineeringTarget, InvitationRule, Involved, Severity
from supportdesk.lib import clock
from tickets.models import BusinessCalendar, CalendarSpan
from tickets.sla import publish

CALENDAR = "Engineering hours"
_HOUR = 60
_DAY = 8 * _HOUR  # a business day is 8 business hours

_TARGETS: dict[Severity, tuple[int, int, int]] = {
    # Until the review, the plan, and news.
    Severity.MAJOR: (4 * _HOUR, 3 * _DAY, 2 * _DAY),
    Severity.MODERATE: (_DAY, 5 * _DAY, 5 * _DAY),
    Severity.MINOR: (3 * _DAY, 10 * _DAY, 10 * _DAY),
}
_CRITICAL = (_HOUR, 24 * _HOUR, 24 * _HOUR)
"""Around the clock: who is hit at night isn't left until the morning."""


@transaction.atomic
def load(*, at: datetime | None = None) -> None:
    """Create the targets and the invitation rules, each where there are none; what an admin has made of them stays."""
    if not EngineeringTarget.objects.exists():
        _load_targets(at or clock.now())
    if not InvitationRule.objects.exists():
        _load_rules()


def _load_targets(at: datetime) -> None:
    calendar = _hours(at)
    EngineeringTarget.objects.bulk_create(
        EngineeringTarget(
            severity=severity,
            calendar=None if severity == Severity.CRITICAL else calendar,
            review_minutes=review,
            plan_minutes=plan,
            news_minutes=news,
        )
        for severity, (review, plan, news) in {Severity.CRITICAL: _CRITICAL, **_TARGETS}.items()
    )


def _load_rules() -> None:
    for team in (Involved.PRODUCT, Involved.CUSTOMER_SUCCESS):
        InvitationRule.objects.create(team=team, severity=Severity.CRITICAL)
    for plan in SupportPlan.objects.filter(pages=True):  # Premier
        InvitationRule.objects.create(
            team=Involved.EXECUTIVES, severity=Severity.CRITICAL, plan=plan, on_confirmed=True
        )


def _hours(at: datetime) -> BusinessCalendar:
    """9:00 to 17:00 UTC, Monday to Friday; which days engineering is off, an admin says."""
    calendar, is_new = BusinessCalendar.objects.get_or_create(
        name=CALENDAR, defaults={"time_zone": "UTC", "holidays": BusinessCalendar.Holidays.NONE}
    )
    if is_new:
        CalendarSpan.objects.bulk_create(
            CalendarSpan(calendar=calendar, weekday=day, starts=time(9), ends=time(17)) for day in range(5)
        )
    if calendar.current is None:
        publish.calendar(calendar, by=None, at=at)
    return calendar
