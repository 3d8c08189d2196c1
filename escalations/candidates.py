"""Whom a page can be handed to: people who answer pages and can be reached, those on call first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from escalations.access import RESPONDERS
from escalations.models import ContactMethod, Schedule
from escalations.paging import roster
from escalations.people import zone_of


@dataclass(frozen=True)
class Candidate:
    """Somebody who can be rung: their duty now, if any, their region, and what the clock shows there."""

    person: User
    duty: str
    region: str
    local_time: str


def candidates(*, besides: User, at: datetime) -> list[Candidate]:
    """Everybody with a verified contact but `besides`; a constant number of queries."""
    reachable = ContactMethod.objects.usable().values("user")
    people = User.objects.active().filter(role__in=RESPONDERS, pk__in=reachable).exclude(pk=besides.pk)
    on_call = duties_of(at)
    found = [_candidate(person, on_call.get(person.pk, ()), at) for person in people.select_related("region")]
    return sorted(found, key=lambda one: (not one.duty, one.person.display_name.casefold(), one.person.pk))


def duties_of(at: datetime) -> dict[int, list[str]]:
    """The schedules that each person has at `at`, by name."""
    names = dict(Schedule.objects.values_list("pk", "name"))
    found: dict[int, list[str]] = {}
    for pk, rows in sorted(roster.load(at).items()):
        person = rows.on_call(at)
        if person is not None and pk in names:
            found.setdefault(person.pk, []).append(names[pk])
    return found


def _candidate(person: User, duties: Iterable[str], at: datetime) -> Candidate:
    region = person.region.name if person.region else ""
    return Candidate(person, ", ".join(duties), region, f"{at.astimezone(zone_of(person)):%H:%M}")
