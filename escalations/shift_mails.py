"""Mails about hours on call, to the people whose hours they are: written as rows, in the zone of who reads them.

None holds text that a person typed: notes and reasons are read on the desk.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts import mail
from accounts.models import Role, Team, User
from escalations.models import Leave, Override, Schedule, Shift, SwapRequest
from escalations.people import zone_of
from supportdesk.lib.tags import exact


def _post(kind: str, to: User, **context: Any) -> None:
    if to.is_active:
        mail.post(f"escalations/email/{kind}", to=to.email, **context)


def hours(starts: datetime, ends: datetime, reader: User) -> str:
    """`Mon 23 Nov 2026, 14:02 CET to Tue 24 Nov 2026, 09:00 CET`"""
    zone = zone_of(reader)
    return f"{exact(starts.astimezone(zone))} to {exact(ends.astimezone(zone))}"


def _link(name: str) -> str:
    return settings.SITE_URL + reverse(name)


def hours_moved(row: Override, *, losing: Sequence[User], by: User) -> None:
    """To who got the hours, unless they took them, and to whoever had them."""
    readers = [*losing, row.user] if row.user != by else losing
    for reader in readers:
        if reader != by:
            _post(
                "hours_moved",
                reader,
                schedule=row.schedule,
                person=row.user,
                is_theirs=reader == row.user,
                by=by,
                hours=hours(row.starts_at, row.ends_at, reader),
                link=_link("my_shifts"),
            )


def override_cancelled(row: Override, schedule: Schedule, *, by: User, at: datetime) -> None:
    told = hours(max(row.starts_at, at), max(row.ends_at, at), row.user) if row.ends_at > at else ""
    _post("override_cancelled", row.user, schedule=schedule, by=by, hours=told, link=_link("my_shifts"))


def swap_asked(swap: SwapRequest) -> None:
    _post("swap_asked", swap.asked_of, **_swap(swap, swap.asked_of))


def swap_closed(swap: SwapRequest) -> None:
    """Withdrawn: to who was asked; answered: to who asked."""
    withdrawn = swap.state == SwapRequest.State.WITHDRAWN
    reader = swap.asked_of if withdrawn else swap.asked_by
    answered_by = swap.asked_by if withdrawn else swap.asked_of
    _post("swap_closed", reader, state=swap.get_state_display(), answered_by=answered_by, **_swap(swap, reader))


def _swap(swap: SwapRequest, reader: User) -> dict[str, Any]:
    back = ""
    if swap.back_starts_at is not None and swap.back_ends_at is not None:
        back = hours(swap.back_starts_at, swap.back_ends_at, reader)
    return {
        "schedule": swap.schedule,
        "asked_by": swap.asked_by,
        "asked_of": swap.asked_of,
        "hours": hours(swap.starts_at, swap.ends_at, reader),
        "back": back,
        "link": _link("my_shifts"),
    }


def left_uncovered(leave: Leave, gaps: Iterable[tuple[Schedule, datetime, datetime]], *, by: User) -> None:
    """To the leads of who goes on leave (other than who entered it): these hours are nobody's now."""
    gaps = list(gaps)
    for lead in leads_of(leave.user):
        if lead != by:
            lines = [f"{schedule}: {hours(starts, ends, lead)}" for schedule, starts, ends in gaps]
            _post("left_uncovered", lead, person=leave.user, lines=lines, link=_link("on_call_calendar"))


def leads_of(person: User) -> list[User]:
    """Who leads the person's teams; without any, every lead; without any, every admin."""
    people = User.objects.active().exclude(pk=person.pk).order_by("pk")
    theirs = people.filter(pk__in=Team.objects.filter(members=person).values("lead"))
    every = people.filter(role=Role.LEAD)
    return list(theirs) or list(every) or list(people.filter(role=Role.ADMIN))


# --- Reminders -----------------------------------------------------------------------------------------------------


def shift_ahead(kind: str, shift: Shift, before: str) -> None:
    """`kind`: shift_day or shift_soon; `before` names who hands over, if anybody does."""
    person = shift.person
    begins = exact(shift.starts_at.astimezone(zone_of(person)))
    _post(
        kind,
        person,
        schedule=shift.schedule,
        begins=begins,
        hours=hours(shift.starts_at, shift.ends_at, person),
        before=before,
        link=_link("my_shifts"),
    )


def hard_to_reach(shift: Shift, lacks: Sequence[str]) -> None:
    """Before a shift, to who has too few contacts for it."""
    begins = exact(shift.starts_at.astimezone(zone_of(shift.person)))
    _post("shift_reachable", shift.person, schedule=shift.schedule, begins=begins, lacks=lacks, link=_link("on_call"))


def hard_to_reach_of(lead: User, shifts: Sequence[tuple[Shift, Sequence[str]]]) -> None:
    """To a lead, once for all of theirs: whom pages may not reach."""
    lines = [
        f"{shift.person}, {shift.schedule} from {exact(shift.starts_at.astimezone(zone_of(lead)))}: {'; '.join(lacks)}"
        for shift, lacks in shifts
    ]
    _post("shift_reachable_lead", lead, lines=lines, link=_link("on_call_calendar"))
