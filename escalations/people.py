"""Who is on call and whom pages ring, as the pages show it; constant numbers of queries."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.models import User
from escalations.models import ContactMethod, Page, PageDelivery, Schedule
from escalations.paging import roster

_AHEAD = timedelta(days=35)


@dataclass(frozen=True)
class Turn:
    """Somebody (None: nobody) is on call from one instant to another."""

    person: User | None
    starts: datetime
    ends: datetime


@dataclass(frozen=True)
class Duty:
    """A schedule now: who has it until when, how they are reached, who comes after."""

    schedule: Schedule
    now: Turn
    following: list[Turn]
    contacts: list[ContactMethod]
    at: datetime

    @property
    def local_time(self) -> str:
        """What the clock shows where the person is."""
        return f"{self.at.astimezone(zone_of(self.now.person)):%H:%M}" if self.now.person else ""


def zone_of(person: User) -> ZoneInfo:
    """The person's own time zone, before that of their region."""
    return ZoneInfo(person.time_zone or (person.region.time_zone if person.region else "UTC"))


def duties(at: datetime) -> list[Duty]:
    """Every schedule as it stands at `at`."""
    rosters = roster.load(at)
    rows = [(schedule, rosters.get(schedule.pk, roster.Roster())) for schedule in Schedule.objects.all()]
    turns = {schedule.pk: _turns(found, at) for schedule, found in rows}
    people = [turns[schedule.pk][0].person for schedule, _ in rows]
    contacts = contacts_of([person for person in people if person])
    return [
        Duty(
            schedule,
            turns[schedule.pk][0],
            turns[schedule.pk][1:4],
            contacts.get(person.pk, []) if (person := turns[schedule.pk][0].person) else [],
            at,
        )
        for schedule, _ in rows
    ]


def _turns(found: roster.Roster, at: datetime) -> list[Turn]:
    shifts = found.upcoming(at, at + _AHEAD)[:5]
    return [Turn(found.people.get(shift.person or 0), shift.starts, shift.ends) for shift in shifts]


def contacts_of(people: Sequence[User]) -> dict[int, list[ContactMethod]]:
    found: dict[int, list[ContactMethod]] = defaultdict(list)
    for contact in ContactMethod.objects.usable().filter(user__in=people):
        found[contact.user_id].append(contact)
    return found


def ringing_people(pages: Sequence[Page]) -> dict[int, list[User]]:
    """Whom each ringing page has paged in its episode so far, the latest step's first, in one query."""
    rows = PageDelivery.objects.filter(
        page__in=[page for page in pages if page.is_ringing], purpose=PageDelivery.Purpose.PAGE, person__isnull=False
    )
    rows = rows.exclude(state=PageDelivery.State.CANCELLED).select_related("person")
    episodes = {page.pk: page.episode for page in pages}
    people: dict[int, dict[int, User]] = defaultdict(dict)
    for row in rows.order_by("-round", "-step", "pk"):
        if row.person and row.person_id and row.episode == episodes[row.page_id]:
            people[row.page_id].setdefault(row.person_id, row.person)
    return {pk: list(found.values()) for pk, found in people.items()}
