"""Who is on call and whom pages ring, as the pages show it; constant numbers of queries."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from accounts.models import Region, User
from escalations.models import ContactMethod, Page, PageDelivery, Schedule, Shift
from escalations.paging import roster, rotation

LONGEST = timedelta(days=31)
"""As long as somebody may be put on call by an override."""
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
    take: int | None = None
    """The materialised shift that somebody else may take over."""

    @property
    def local_time(self) -> str:
        """What the clock shows where the person is."""
        return f"{self.at.astimezone(zone_of(self.now.person)):%H:%M}" if self.now.person else ""

    @property
    def kinds(self) -> list[str]:
        """By what pages reach the person, each once."""
        return list(dict.fromkeys(contact.get_kind_display() for contact in self.contacts))

    @property
    def numbers(self) -> list[str]:
        """At which a colleague may call them."""
        numbers = ContactMethod.NUMBERS
        return list(dict.fromkeys(contact.value for contact in self.contacts if contact.kind in numbers))


@dataclass(frozen=True)
class Place:
    """A region now: its local time, and who of its people is on call for what."""

    region: Region
    local_time: str
    people: list[tuple[User, list[Schedule]]]


@dataclass(frozen=True)
class OwnShift:
    """A shift of one's own, and from when on one may still ask somebody to take it."""

    shift: Shift
    askable_from: datetime | None
    is_now: bool


@dataclass(frozen=True)
class Cover:
    """Hours that would be somebody's turn, and who has them instead (None: nobody)."""

    schedule: Schedule
    person: User | None
    starts: datetime
    ends: datetime


def zone_of(person: User) -> ZoneInfo:
    """The person's own time zone, before that of their region."""
    return ZoneInfo(person.time_zone or (person.region.time_zone if person.region else "UTC"))


def duties(at: datetime) -> list[Duty]:
    """Every schedule as it stands at `at`."""
    rosters = roster.load(at)
    rows = [(schedule, rosters.get(schedule.pk, roster.Roster())) for schedule in Schedule.objects.by_use()]
    turns = {schedule.pk: _turns(found, at) for schedule, found in rows}
    people = [turns[schedule.pk][0].person for schedule, _ in rows]
    contacts = contacts_of([person for person in people if person])
    current = Shift.objects.filter(starts_at__lte=at, ends_at__gt=at, ends_at__lte=at + LONGEST)
    held = {(shift.schedule_id, shift.person_id): shift.pk for shift in current}
    return [
        Duty(
            schedule,
            turns[schedule.pk][0],
            turns[schedule.pk][1:4],
            contacts.get(person.pk, []) if (person := turns[schedule.pk][0].person) else [],
            at,
            held.get((schedule.pk, person.pk)) if person else None,
        )
        for schedule, _ in rows
    ]


def _turns(found: roster.Roster, at: datetime) -> list[Turn]:
    shifts = found.upcoming(at, at + _AHEAD)[:5]
    return [Turn(found.people.get(shift.person or 0), shift.starts, shift.ends) for shift in shifts]


def places(found: Sequence[Duty], at: datetime) -> list[Place]:
    """Each region, with who of its people has one of the duties; one query."""
    shown = []
    for region in Region.objects.all():
        here: dict[User, list[Schedule]] = defaultdict(list)
        for duty in found:
            if duty.now.person is not None and duty.now.person.region_id == region.pk:
                here[duty.now.person].append(duty.schedule)
        local = at.astimezone(ZoneInfo(region.time_zone))
        shown.append(Place(region, f"{local:%H:%M}", list(here.items())))
    return shown


def shifts_of(person: User, since: datetime, until: datetime) -> list[OwnShift]:
    """The person's shifts, in order; one query."""
    next_hour = since.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    rows = Shift.objects.between(since, until).filter(person=person).select_related("schedule").order_by("starts_at")
    found = [(row, row.starts_at if row.starts_at > since else next_hour) for row in rows]
    return [OwnShift(row, ask if ask < row.ends_at else None, row.starts_at <= since) for row, ask in found]


def covers(person: User, since: datetime, until: datetime) -> list[Cover]:
    """The turns that the person doesn't take, being away or having given them to somebody, and who has them."""
    rosters = {pk: found for pk, found in roster.load(since).items() if person.pk in found.people}
    result = []
    for schedule in Schedule.objects.filter(pk__in=rosters) if rosters else ():
        found = rosters[schedule.pk]
        others_away = [absence for absence in found.absences if absence.person != person.pk]
        turns = rotation.shifts(rotation.Plan(found.layers, (), others_away), since, until)
        theirs = [turn for turn in turns if turn.person == person.pk]
        for piece in found.upcoming(since, until):
            result += [
                Cover(
                    schedule,
                    found.people.get(piece.person or 0),
                    max(turn.starts, piece.starts),
                    min(turn.ends, piece.ends),
                )
                for turn in theirs
                if piece.person != person.pk and turn.starts < piece.ends and turn.ends > piece.starts
            ]
    return sorted(result, key=lambda cover: cover.starts)


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
