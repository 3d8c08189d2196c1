"""Editions of the plans' policies: what a new desk promises, and the same with a time to resolution beside it."""

from collections.abc import Iterator
from datetime import datetime

from tickets.models import SlaPolicy
from tickets.models.sla import targets_of
from tickets.sla import publish
from tickets.sla.promises import HoursKind, Promise

_DAY = 480
RESOLUTIONS = {1: 2 * _DAY, 2: 5 * _DAY, 3: 15 * _DAY, 4: 30 * _DAY}
"""Business minutes by priority."""


def edit(*, at: datetime, resolves: bool, longer: int = 0) -> list[SlaPolicy]:
    """Publish, for each plan that promises anything, what its first version says, every target `longer` (minutes).

    `resolves` adds a resolution in business days.
    """
    edited = list(_promising())
    for policy in edited:
        first = policy.versions.earliest("number")
        targets = {key: (minutes + longer, hours) for key, (minutes, hours) in targets_of(first.pk).items()}
        if resolves:
            for priority, minutes in RESOLUTIONS.items():
                targets[Promise.RESOLUTION, priority] = minutes + longer, HoursKind.BUSINESS
        publish.policy(policy, targets, calendar=first.calendar, by=None, at=at)
    return edited


def _promising() -> Iterator[SlaPolicy]:
    for policy in SlaPolicy.objects.exclude(plan=None).order_by("pk"):
        if targets_of(policy.versions.earliest("number").pk):
            yield policy
