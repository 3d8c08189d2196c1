"""What every verb about hours asks: whose they are, who may be put on call, whether they lie ahead."""

from datetime import datetime, timedelta

from accounts.models import User
from escalations.access import is_responder
from escalations.models import ContactMethod, Leave, Schedule
from escalations.paging import roster, rotation
from escalations.people import LONGEST
from supportdesk.lib.errors import Conflict, Invalid

FARTHEST = timedelta(days=366)
_THIS_MINUTE = timedelta(minutes=1)


def locked(schedule: Schedule) -> Schedule:
    """The schedule's row, held until the end of the transaction: its hours change one verb at a time."""
    return Schedule.objects.select_for_update(no_key=True).get(pk=schedule.pk)


def from_now_on(starts: datetime, at: datetime) -> datetime:
    """People give minutes: what began within the running one begins now."""
    return at if at - _THIS_MINUTE < starts < at else starts


def check_hours(starts: datetime, ends: datetime, *, at: datetime, longest: timedelta = LONGEST) -> None:
    """Raises Invalid (`starts`, `ends`) for hours that lie in the past, too far ahead, are none, or too many."""
    if starts < at:
        raise Invalid("This lies in the past: who was on call then stays as it was.", field="starts", code="past")
    if ends <= starts:
        raise Invalid("This must come after the start.", field="ends", code="order")
    if ends - starts > longest:
        raise Invalid(f"These are more than {longest.days} days.", field="ends", code="too_long")
    if ends > at + FARTHEST:
        raise Invalid("This is more than a year ahead.", field="ends", code="too_far")


def check_can_take(person: User, starts: datetime, ends: datetime, *, field: str) -> None:
    """Raises Invalid for whom pages couldn't ring in these hours."""
    if not is_responder(person):
        raise Invalid(f"{person.display_name} doesn't answer pages.", field=field, code="no_responder")
    if not ContactMethod.objects.usable().filter(user=person).exists():
        sentence = f"Pages can't reach {person.display_name}: they have no verified contact."
        raise Invalid(sentence, field=field, code="unreachable")
    if Leave.objects.filter(user=person, starts_at__lt=ends, ends_at__gt=starts).exists():
        raise Invalid(f"{person.display_name} is away in these hours.", field=field, code="away")


def hours_of(schedule: Schedule, starts: datetime, ends: datetime) -> tuple[list[rotation.Shift], dict[int, User]]:
    """Who has these hours by the layers, overrides and leave as they stand; and those people."""
    found = roster.load(starts, [schedule.pk]).get(schedule.pk, roster.Roster())
    return found.upcoming(starts, ends), found.people


def holds(person: User, schedule: Schedule, starts: datetime, ends: datetime) -> bool:
    """Whether all of these hours are the person's."""
    return all(piece.person == person.pk for piece in hours_of(schedule, starts, ends)[0])


def check_holds(person: User, schedule: Schedule, starts: datetime, ends: datetime, *, field: str) -> None:
    if not holds(person, schedule, starts, ends):
        sentence = f"These hours are not all {person.display_name}'s: the schedule has changed, or they never were."
        raise Conflict(sentence, field=field, code="not_theirs")
