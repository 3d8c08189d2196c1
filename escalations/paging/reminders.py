"""Reminders of shifts, by mail: a check of reachability 14 days ahead, then 24 hours and 15 minutes ahead.

Each goes once per schedule, person and start, however often shifts are rewritten and however many workers look. What
would come too late to make sense is left out: the next kind follows. Who goes on in the same duty is not reminded.
"""

import logging
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.models import User
from escalations import shift_mails
from escalations.access import is_responder
from escalations.models import ContactMethod, NotificationRule, Shift, ShiftReminder
from escalations.paging.shifts import CONTACTS_WANTED
from escalations.querysets import ShiftQuerySet
from tickets.models import Priority

logger = logging.getLogger(__name__)

Kind = ShiftReminder.Kind
MAKES_SENSE: dict[Kind, tuple[timedelta, timedelta]] = {
    Kind.REACHABLE: (timedelta(days=14), timedelta(days=1)),
    Kind.DAY: (timedelta(hours=24), timedelta(hours=12)),
    Kind.SOON: (timedelta(minutes=15), timedelta()),
}
"""From how long before a shift until how long before it each kind is worth sending."""
_MAILS = {Kind.DAY: "shift_day", Kind.SOON: "shift_soon"}


def remind(now: datetime) -> int:
    """Send what is due at `now`; the number of people told. Any number of workers may do so at once."""
    sent = 0
    for kind in _MAILS:
        for pk in list(due(kind, now).order_by("starts_at").values_list("pk", flat=True)):
            try:
                sent += _remind(pk, kind, now)
            except Exception:
                logger.exception("the reminder (%s) of shift %s failed", kind, pk)
    return sent + check_reachability(now)


def due(kind: Kind, now: datetime) -> ShiftQuerySet:
    """Shifts of which `kind` is worth sending at `now`, and wasn't sent."""
    earliest, latest = MAKES_SENSE[kind]
    same = {"schedule": OuterRef("schedule"), "person": OuterRef("person")}
    told = ShiftReminder.objects.filter(kind=kind, starts_at=OuterRef("starts_at"), **same)
    goes_on = Shift.objects.filter(ends_at=OuterRef("starts_at"), **same)
    rows = Shift.objects.filter(starts_at__gt=now + latest, starts_at__lte=now + earliest)
    return rows.exclude(Exists(told)).exclude(Exists(goes_on))


@transaction.atomic
def _remind(pk: int, kind: Kind, now: datetime) -> bool:
    """Whether it was sent: not by somebody else meanwhile, and the shift is still there."""
    if not _lock([pk]):
        return False
    shift = due(kind, now).select_related("schedule", "person__region").filter(pk=pk).first()
    if shift is None or not is_responder(shift.person):
        return False
    _note([shift], kind, now)
    before = Shift.objects.filter(schedule=shift.schedule, ends_at=shift.starts_at).select_related("person").first()
    shift_mails.shift_ahead(_MAILS[kind], shift, before.person.display_name if before else "")
    return True


def _lock(shifts: Sequence[int]) -> list[int]:
    """Those that are still there, and that nobody else reminds of at this moment."""
    rows = Shift.objects.select_for_update(skip_locked=True).filter(pk__in=shifts).order_by("pk")
    return [shift.pk for shift in rows]


def _note(shifts: Sequence[Shift], kind: Kind, now: datetime) -> None:
    ShiftReminder.objects.bulk_create(
        ShiftReminder(
            schedule_id=shift.schedule_id, person_id=shift.person_id, starts_at=shift.starts_at, kind=kind, sent_at=now
        )
        for shift in shifts
    )


# --- Reachability --------------------------------------------------------------------------------------------------


@transaction.atomic
def check_reachability(now: datetime) -> int:
    """Tell those whom pages may not reach in a shift ahead what they lack, and their leads; the number of people.

    Each of their shifts is noted; one mail names the first of them. A lead gets one for all.
    """
    lacking = lacks(due(Kind.REACHABLE, now).values_list("person", flat=True).distinct())
    if not lacking:
        return 0
    locked = _lock(list(due(Kind.REACHABLE, now).filter(person__in=lacking).values_list("pk", flat=True)))
    rows = due(Kind.REACHABLE, now).filter(pk__in=locked).select_related("schedule", "person__region")
    shifts = [shift for shift in rows.order_by("starts_at", "pk") if is_responder(shift.person)]
    _note(shifts, Kind.REACHABLE, now)
    first: dict[int, Shift] = {}
    for shift in shifts:
        first.setdefault(shift.person_id, shift)
    leads: dict[User, list[tuple[Shift, Sequence[str]]]] = defaultdict(list)
    for person, shift in first.items():
        shift_mails.hard_to_reach(shift, lacking[person])
        for lead in shift_mails.leads_of(shift.person):
            leads[lead].append((shift, lacking[person]))
    for lead, found in leads.items():
        shift_mails.hard_to_reach_of(lead, found)
    return len(first)


def lacks(people: Iterable[int]) -> dict[int, list[str]]:
    """What each of `people` (ids) lacks to be reached at night, in words; who lacks nothing is absent."""
    ids = list(people)
    contacts: dict[int, set[int]] = {person: set() for person in ids}
    for user, pk in ContactMethod.objects.usable().filter(user__in=ids).values_list("user", "pk"):
        contacts[user].add(pk)
    delays: dict[int, list[int]] = defaultdict(list)
    rules = NotificationRule.objects.filter(user__in=ids, priority=Priority.URGENT)
    for user, contact, delay in rules.values_list("user", "contact", "delay"):
        if contact in contacts[user]:
            delays[user].append(delay)
    found: dict[int, list[str]] = {}
    for person in ids:
        words = []
        if len(contacts[person]) < CONTACTS_WANTED:
            have = "one verified contact" if contacts[person] else "no verified contact"
            words.append(f"{have}; at least two are wanted, since one phone may be off")
        if delays[person] and min(delays[person]) > 0:
            words.append("no contact that is used at once for Urgent")
        if words:
            found[person] = words
    return found
