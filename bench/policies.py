"""Editions of the plans' policies: what a new desk promises, and more, as some desks do."""

from collections.abc import Iterator
from datetime import datetime

from tickets.models import SlaPolicy
from tickets.models.sla import targets_of
from tickets.sla import publish
from tickets.sla.promises import HoursKind, Promise

_DAY = 480
_MORE = {
    (promise, priority): (days * _DAY, HoursKind.BUSINESS)
    for promise, row in {Promise.REGULAR_UPDATE: (1, 1, 5, 10), Promise.RESOLUTION: (2, 5, 15, 30)}.items()
    for priority, days in enumerate(row, start=1)
}


def edit(*, at: datetime, more: bool, longer: int = 0) -> list[SlaPolicy]:
    """Publish, for each plan that promises anything, what its first version says, every target `longer` (minutes).

    `more` has every plan promise regular updates and a resolution, too.
    """
    edited = list(_promising())
    for policy in edited:
        first = policy.versions.earliest("number")
        targets = (_MORE if more else {}) | targets_of(first.pk)
        targets = {key: (minutes + longer, hours) for key, (minutes, hours) in targets.items()}
        publish.policy(policy, targets, calendar=first.calendar, by=None, at=at)
    return edited


def _promising() -> Iterator[SlaPolicy]:
    for policy in SlaPolicy.objects.exclude(plan=None).order_by("pk"):
        if targets_of(policy.versions.earliest("number").pk):
            yield policy
