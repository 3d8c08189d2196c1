"""The verbs on leave: somebody is away, and back again."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from escalations import access, shift_mails
from escalations.actions.hours import FARTHEST, check_hours, from_now_on
from escalations.models import LayerMember, Leave, Override, Schedule
from escalations.paging import roster, rotation
from escalations.paging.shifts import materialise
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed


@dataclass(frozen=True)
class Uncovered:
    """Hours of a schedule that somebody's leave leaves to nobody."""

    schedule: Schedule
    starts: datetime
    ends: datetime


class LeavesGap(Conflict):
    """The leave would leave `gaps` to nobody: to be confirmed with a reason, by as many `minutes`."""

    def __init__(self, gaps: list[Uncovered]) -> None:
        super().__init__("Nobody would be on call in some of these hours.", code="leaves_gap", field="confirmed")
        self.gaps = gaps
        self.minutes = minutes_of(gaps)


def minutes_of(gaps: list[Uncovered]) -> int:
    return int(sum(((gap.ends - gap.starts) for gap in gaps), timedelta()).total_seconds() // 60)


@transaction.atomic
def begin_leave(
    person: User,
    *,
    starts: datetime,
    ends: datetime,
    by: User,
    at: datetime,
    why: str = "",
    confirmed_minutes: int = 0,
) -> Leave:
    """`person` takes no turn from `starts` until `ends`: lower layers show through.

    Where nobody would be left on call it raises LeavesGap, until as many minutes as that are confirmed, with a reason;
    the leads are told then. Raises NotAllowed for somebody else's, Invalid (`starts`, `ends`, `why`), Conflict for
    leave that overlaps, or hours that the person has taken by an override.
    """
    if not access.is_responder(by) or (person != by and not access.may_edit_schedules(by)):
        raise NotAllowed("Only leads and admins enter somebody else's leave.")
    starts = from_now_on(starts, at)
    check_hours(starts, ends, at=at, longest=FARTHEST)
    why = " ".join(why.split())[:120]
    schedules = _locked_schedules_of(person)
    if Leave.objects.filter(user=person, starts_at__lt=ends, ends_at__gt=starts).exists():
        raise Conflict("There is leave in these days already: remove it first.", field="starts", code="overlaps")
    taken = Override.objects.filter(user=person, starts_at__lt=ends, ends_at__gt=starts).select_related("schedule")
    if row := taken.first():
        sentence = f"{person.display_name} is on call for {row.schedule} by an override in these days: cancel it first."
        raise Conflict(sentence, field="starts", code="overridden")
    gaps = _gaps_without(person, schedules, starts, ends)
    if minutes_of(gaps) > confirmed_minutes:
        raise LeavesGap(gaps)
    if gaps and not why:
        raise Invalid("Say why the hours may stay uncovered: the leads read it.", field="why", code="required")
    leave = Leave.objects.create(user=person, starts_at=starts, ends_at=ends, why=why)
    materialise([schedule.pk for schedule in schedules], now=at)
    if gaps:
        shift_mails.left_uncovered(leave, [(gap.schedule, gap.starts, gap.ends) for gap in gaps], by=by)
    return leave


@transaction.atomic
def end_leave(leave: Leave, *, by: User, at: datetime) -> None:
    """The person takes their turns again, from now: days that are past stay as they were.

    Raises NotAllowed for somebody else's, Conflict when it is over.
    """
    if leave.user != by and not access.may_edit_schedules(by):
        raise NotAllowed("Only leads and admins change somebody else's leave.")
    schedules = _locked_schedules_of(leave.user)
    found = Leave.objects.select_for_update().filter(pk=leave.pk, ends_at__gt=at).first()
    if found is None:
        raise Conflict("It is over, or was removed already.", code="leave_over")
    if found.starts_at < at:
        found.ends_at = at
        found.save(update_fields=["ends_at"])
    else:
        found.delete()
    materialise([schedule.pk for schedule in schedules], now=at)


def _locked_schedules_of(person: User) -> list[Schedule]:
    """Those in which the person takes turns: two colleagues who go at once see each other's leave."""
    theirs = LayerMember.objects.filter(user=person).values("layer__schedule")
    return list(Schedule.objects.select_for_update(no_key=True).filter(pk__in=theirs).order_by("pk"))


def _gaps_without(person: User, schedules: list[Schedule], starts: datetime, ends: datetime) -> list[Uncovered]:
    """The hours that somebody has now, and nobody would have without `person`."""
    rosters = roster.load(starts, [schedule.pk for schedule in schedules])
    gaps = []
    for schedule in schedules:
        found = rosters.get(schedule.pk, roster.Roster())
        gone = rotation.Plan(
            found.layers, found.overrides, [*found.absences, rotation.Absence(person.pk, starts, ends)]
        )
        nobody = [piece for piece in rotation.shifts(gone, starts, ends) if piece.person is None]
        for held in found.upcoming(starts, ends):
            if held.person is not None:
                gaps += [
                    Uncovered(schedule, max(held.starts, piece.starts), min(held.ends, piece.ends))
                    for piece in nobody
                    if piece.starts < held.ends and piece.ends > held.starts
                ]
    return gaps
