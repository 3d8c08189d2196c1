"""Who could take a ticket: the agents by region, those on shift first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Region, User
from supportdesk.lib.kept import Kept


@dataclass(frozen=True)
class Shift:
    """The agents of one region (or of none), by name."""

    label: str
    agents: list[User]


@Kept
def agents() -> list[User]:
    """All who may be assigned, with their regions: one query."""
    rows = User.objects.agents().select_related("region")
    return list(rows.only("name", "email", "role", "region").order_by("name", "email"))


@Kept
def regions() -> list[Region]:
    return list(Region.objects.all())


def off_shift(at: datetime) -> list[int]:
    """The regions whose people are off shift `at`."""
    return [region.pk for region in regions() if not region.is_on_shift(at)]


def by_shift(people: Iterable[User], *, at: datetime) -> list[Shift]:
    """`people` by region: first who is on shift `at`, then the others, at last those without a region."""
    groups: dict[Region | None, list[User]] = {}
    for person in people:
        groups.setdefault(person.region, []).append(person)
    return [_shift(region, groups[region], at) for region in sorted(groups, key=lambda region: _rank(region, at))]


def _rank(region: Region | None, at: datetime) -> tuple[int, str]:
    if region is None:
        return 2, ""
    return 0 if region.is_on_shift(at) else 1, region.name


def _shift(region: Region | None, people: list[User], at: datetime) -> Shift:
    if region is None:
        return Shift("No region", people)
    return Shift(f"{region.name}, on shift" if region.is_on_shift(at) else region.name, people)
