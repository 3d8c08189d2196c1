"""What a new desk begins with: categories, environments, devices, promises and the workflow's figures."""

from collections.abc import Iterable

from django.db import transaction
from django.utils.text import slugify

from accounts.models import SupportPlan
from tickets.defaults.categories import GUIDANCE, MOBILE
from tickets.defaults.promises import PROMISES
from tickets.models import Category, Environment, MobileDevice, Priority, PromiseTarget, WorkflowSettings
from tickets.models.catalog import ListedChoice

ENVIRONMENTS = ("Production", "Staging", "Test", "Development")
MOBILE_DEVICES = ("iPhone", "iPad", "Android phone", "Android tablet", "Other")


@transaction.atomic
def load() -> None:
    """Fill the lists that are empty, after the plans were loaded; what an admin has made of a list stays."""
    _fill(Category, _categories())
    _fill(Environment, (Environment(name=name, position=at) for at, name in enumerate(ENVIRONMENTS)))
    _fill(MobileDevice, (MobileDevice(name=name, position=at) for at, name in enumerate(MOBILE_DEVICES)))
    for plan in SupportPlan.objects.filter(promises=None):
        PromiseTarget.objects.bulk_create(_promises_of(plan))
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


def _promises_of(plan: SupportPlan) -> list[PromiseTarget]:
    return [
        PromiseTarget(plan=plan, priority=priority, promise=promise, minutes=minutes, hours=hours)
        for promise, plans in PROMISES.items()
        for priority, (minutes, hours) in zip(Priority, plans.get(plan.slug, ()), strict=False)
    ]
