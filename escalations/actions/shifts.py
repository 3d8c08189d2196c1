"""The verbs on who is on call: put somebody on call for a while, take hours oneself, and take that back."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from escalations import access, shift_mails
from escalations.actions.hours import check_can_take, check_hours, from_now_on, hours_of, locked
from escalations.models import Override, Schedule, Shift
from escalations.paging.shifts import materialise
from supportdesk.lib.errors import Conflict, NotAllowed


@transaction.atomic
def override(
    schedule: Schedule, *, person: User, starts: datetime, ends: datetime, by: User, at: datetime, why: str = ""
) -> Override:
    """Put `person` on call for these hours, whoever's turn it is; who gains or loses them is told by mail.

    Leads and admins do so with anybody, also over another override (theirs goes first); others with themselves.
    Raises NotAllowed, Invalid (`person`, `starts`, `ends`), Conflict for hours that an override has already.
    """
    if not (access.may_edit_schedules(by) or (access.is_responder(by) and person == by)):
        raise NotAllowed("Only leads and admins put others on call. Ask your colleague for a swap.")
    starts = from_now_on(starts, at)
    check_hours(starts, ends, at=at)
    schedule = locked(schedule)
    check_can_take(person, starts, ends, field="person")
    others = Override.objects.filter(schedule=schedule, starts_at__lt=ends, ends_at__gt=starts).select_related("user")
    if not access.may_edit_schedules(by) and (other := others.first()):
        sentence = f"{other.user.display_name} has taken some of these hours already. Ask a lead to change that."
        raise Conflict(sentence, code="overlaps")
    pieces, people = hours_of(schedule, starts, ends)
    if all(piece.person == person.pk for piece in pieces):
        raise Conflict(f"{person.display_name} is on call in these hours already.", field="person", code="held")
    row = Override.objects.create(
        schedule=schedule,
        user=person,
        starts_at=starts,
        ends_at=ends,
        why=" ".join(why.split())[:120],
        created_by=by,
    )
    materialise([schedule.pk], now=at)
    losing = [people[pk] for pk in dict.fromkeys(piece.person for piece in pieces) if pk is not None]
    shift_mails.hours_moved(row, losing=[user for user in losing if user != person], by=by)
    return row


@transaction.atomic
def take_shift(shift: Shift, *, by: User, at: datetime) -> Override:
    """Take somebody's shift, from now or from its start, to its end.

    Raises what `override` does, and Conflict when the shift is over or has moved since it was shown.
    """
    schedule = locked(shift.schedule)
    rows = Shift.objects.filter(schedule=schedule, person=shift.person_id, ends_at__gt=at)
    seen = rows.filter(starts_at=shift.starts_at, ends_at=shift.ends_at).first()
    if seen is None:
        raise Conflict("This shift is over, or has changed meanwhile. Look at the calendar.", code="moved")
    starts = max(seen.starts_at, at)
    return override(schedule, person=by, starts=starts, ends=seen.ends_at, by=by, at=at)


@transaction.atomic
def cancel_override(row: Override, *, by: User, at: datetime) -> None:
    """Give the hours back to whoever's turn it is: those that are past stay as they were.

    Raises NotAllowed for what somebody else arranged, Conflict when it is over.
    """
    schedule = locked(row.schedule)
    found = Override.objects.select_related("user", "schedule").filter(pk=row.pk).first()
    if found is None or found.ends_at <= at:
        raise Conflict("It is over, or was cancelled already.", code="override_over")
    if not access.may_cancel_override(by, found):
        raise NotAllowed("Only leads and admins cancel what somebody else arranged.")
    if found.starts_at < at:
        found.ends_at = at
        found.save(update_fields=["ends_at"])
    else:
        found.delete()
    materialise([schedule.pk], now=at)
    if found.user != by:
        shift_mails.override_cancelled(found, schedule, by=by, at=at)
