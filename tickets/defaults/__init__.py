"""What a new desk begins with: categories, environments, devices, promises and the workflow's figures."""

from collections.abc import Iterable
from datetime import datetime, time

from django.db import transaction
from django.db.models import Q
from django.utils.text import slugify

from accounts.models import SupportPlan
from supportdesk.lib import clock
from tickets.defaults.categories import GUIDANCE, MOBILE
from tickets.defaults.promises import PROMISES
from tickets.models import (
    BusinessCalendar,
    CalendarSpan,
    Category,
    Environment,
    MobileDevice,
    Priority,
    WorkflowSettings,
)
from tickets.models.catalog import ListedChoice
from tickets.sla import publish

ENVIRONMENTS = ("Production", "Staging", "Test", "Development")
MOBILE_DEVICES = ("iPhone", "iPad", "Android phone", "Android tablet", "Other")


@transaction.atomic
def load(*, at: datetime | None = None) -> None:
    """Fill the lists that are empty, after the plans were loaded; what an admin has made of a list stays.

    Promises hold from `at` on (default now).
    """
    _fill(Category, _categories())
    at = at or clock.now()
    _fill(Environment, (Environment(name=name, position=place) for place, name in enumerate(ENVIRONMENTS)))
    _fill(MobileDevice, (MobileDevice(name=name, position=place) for place, name in enumerate(MOBILE_DEVICES)))
    calendar = _business_hours(at)
    for plan in SupportPlan.objects.filter(Q(sla_policy=None) | Q(sla_policy__current=None)):
        publish.policy_of(plan, _promises_of(plan), calendar=calendar, at=at)
    WorkflowSettings.objects.get_or_create(pk=1, defaults={"remind_after_days": [3, 5]})


def _fill(model: type[ListedChoice], entries: Iterable[ListedChoice]) -> None:
    if not model._default_manager.exists():
        model._default_manager.bulk_create(entries)


def _categories() -> Iterable[Category]:
    for position, (name, guidance) in enumerate(GUIDANCE.items()):
        yield Category(
            name=name,
            slug=slugify(name.replace("/", "-")),
            position=position,
            guidance=guidance.strip(),
            concerns_mobile=name in MOBILE,
        )


def _business_hours(at: datetime) -> BusinessCalendar:
    """9:00 to 17:00 in the customer's own zone, Monday to Friday, less their public holidays."""
    calendar, is_new = BusinessCalendar.objects.get_or_create(name=publish.BUSINESS_HOURS)
    if is_new:
        CalendarSpan.objects.bulk_create(
            CalendarSpan(calendar=calendar, weekday=day, starts=time(9), ends=time(17)) for day in range(5)
        )
    if calendar.current is None:
        publish.calendar(calendar, by=None, at=at)
    return calendar


def _promises_of(plan: SupportPlan) -> publish.Targets:
    return {
        (promise, priority.value): target
        for promise, plans in PROMISES.items()
        for priority, target in zip(Priority, plans.get(plan.slug, ()), strict=False)
    }
