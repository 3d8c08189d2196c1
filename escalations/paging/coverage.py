"""Whether somebody will be reached: computed afresh from what the schedules, people and policies are at this moment.

The materialised rows are what people read; that they agree is an invariant by itself.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from django.db.models import OuterRef, Q
from django.db.models.functions import Lower
from django.urls import reverse

from accounts.models import AddressHealth, User
from escalations.access import RESPONDERS
from escalations.models import ContactMethod, CoverageGap, EscalationPolicy, OutsideService, Schedule, Shift
from escalations.paging import roster, rotation, shifts
from escalations.paging.decide import Shape
from escalations.paging.findings import Offence
from escalations.paging.reach import contact_plans, people_behind
from tickets.models import IncomingMail, MailState, Priority

ALARMED_AHEAD = timedelta(hours=72)
LISTED_AHEAD = timedelta(days=14)
_COMPARED_AHEAD = timedelta(days=14)
_READ_WITHIN = timedelta(minutes=5)

Piece = tuple[int, bool, datetime, datetime]


def gaps(now: datetime, ahead: timedelta) -> list[CoverageGap]:
    """The hours ahead in which a page would reach nobody and which nobody confirmed; not saved."""
    rosters = roster.load(now)
    schedules = list(Schedule.objects.order_by("name"))
    pieces = {row.pk: rosters.get(row.pk, roster.Roster()).upcoming(now, now + ahead) for row in schedules}
    people = {piece.person for found in pieces.values() for piece in found if piece.person is not None}
    reachable, users = shifts.reachable(people), User.objects.in_bulk(people)
    return [
        CoverageGap(schedule=row, starts_at=gap.starts, ends_at=gap.ends, why=why, person=users.get(gap.person or 0))
        for row in schedules
        for gap, why in shifts.gaps(pieces[row.pk], reachable=reachable)
        if why != CoverageGap.Why.PLANNED or row.gaps_accepted_at is None
    ]


def gaps_ahead(now: datetime) -> list[Offence]:
    """One alarm a schedule."""
    return [
        Offence(f"{gap.schedule}: {in_words(gap)}", reverse("on_call"), about=str(gap.schedule.pk))
        for gap in gaps(now, ALARMED_AHEAD)
    ]


def in_words(gap: CoverageGap) -> str:
    """`nobody from Tue 24 Nov 22:00 to Wed 25 Nov 06:00 UTC (no layer names anybody)`."""
    who = gap.person.display_name if gap.person else "nobody"
    starts, ends = gap.starts_at.astimezone(UTC), gap.ends_at.astimezone(UTC)
    return f"{who} from {starts:%a %d %b %H:%M} to {ends:%a %d %b %H:%M} UTC ({gap.get_why_display()})"


def turn_takers(now: datetime) -> list[User]:
    """Everybody who stands in a rotation or an override that is not over, and may answer pages."""
    named = Q(rotations__isnull=False) | Q(overrides__ends_at__gt=now)
    return list(User.objects.active().filter(named, role__in=RESPONDERS).distinct().order_by("pk"))


def unreachable_people(now: datetime) -> list[Offence]:
    """One alarm a person."""
    people = turn_takers(now)
    reachable = shifts.reachable(person.pk for person in people)
    return [
        Offence(f"{person.display_name} has fewer than two verified contacts", about=str(person.pk))
        for person in people
        if person.pk not in reachable
    ]


def dead_addresses(now: datetime) -> list[Offence]:
    """Addresses of contacts that mail came back from, an alarm each: whoever is paged there hears nothing (S011)."""
    contacts = ContactMethod.objects.filter(kind=ContactMethod.Kind.EMAIL, disabled_at=None, user__is_active=True)
    contacts = contacts.exclude(verified_at=None).select_related("user").order_by("pk")
    state = AddressHealth.objects.state_of(Lower(OuterRef("value")))
    return [
        Offence(f"mails to {contact.user.display_name}'s {contact.value} come back", about=str(contact.pk))
        for contact in contacts.annotate(mail_state=state).exclude(mail_state=None)
    ]


def unread_mail(now: datetime) -> list[Offence]:
    """Mail that nobody has read: an "Urgent" in it pages nobody, whatever the engine does. One alarm for all of it."""
    late = IncomingMail.objects.filter(state=MailState.WAITING, received_at__lte=now - _READ_WITHIN)
    oldest = late.order_by("received_at").first()
    if oldest is None:
        return []
    since = oldest.received_at.astimezone(UTC)
    return [Offence(f"mail waits to be read since {since:%a %d %b %H:%M} UTC", reverse("mail_list"), about="mail")]


def policies_that_reach_nobody(now: datetime) -> list[Offence]:
    """Of those that pages go by; the last resort would still ring, but that is no policy."""
    used = Q(is_default=True) | Q(is_for_breaches=True) | Q(is_for_set=True) | Q(choices__isnull=False)
    policies = list(EscalationPolicy.objects.filter(used).distinct().order_by("pk"))
    found = [
        Offence(f"the last step of {policy} reaches nobody", about=str(policy.pk))
        for policy in policies
        if not _ends_in_somebody(policy, now)
    ]
    if not any(policy.is_default for policy in policies):
        found.append(Offence("no policy is in use: pages go to leads and admins by mail", about="none"))
    return found


def _ends_in_somebody(policy: EscalationPolicy, now: datetime) -> bool:
    shape = Shape.from_snapshot(policy.snapshot())
    if not shape.steps:
        return False
    targets = shape.steps[-1].targets
    outside = [target.key for target in targets if target.kind == "outside" and target.key]
    if OutsideService.objects.filter(pk__in=outside, disabled_at=None).exists():
        return True
    return bool(contact_plans(people_behind(targets, at=now), priority=Priority.URGENT))


def stale_shifts(now: datetime) -> list[Offence]:
    """Schedules whose rows say something else than their layers, overrides and people do."""
    return [
        Offence(f"the calendar of {schedule} is out of date", reverse("on_call"), about=str(schedule.pk))
        for schedule in stale_schedules(now)
    ]


def stale_schedules(now: datetime) -> list[Schedule]:
    until, rosters = now + _COMPARED_AHEAD, roster.load(now)
    rows: dict[int, list[Shift]] = {}
    for shift in Shift.objects.between(now, until).order_by("starts_at"):
        rows.setdefault(shift.schedule_id, []).append(shift)
    return [
        schedule
        for schedule in Schedule.objects.order_by("name")
        if _merged(_of_rows(rows.get(schedule.pk, ()), now, until))
        != _merged(_of_plan(rosters.get(schedule.pk, roster.Roster()).upcoming(now, until)))
    ]


def _of_rows(rows: Iterable[Shift], since: datetime, until: datetime) -> list[Piece]:
    return [(row.person_id, row.is_override, max(row.starts_at, since), min(row.ends_at, until)) for row in rows]


def _of_plan(pieces: Sequence[rotation.Shift]) -> list[Piece]:
    return [(piece.person, piece.is_override, piece.starts, piece.ends) for piece in pieces if piece.person is not None]


def _merged(pieces: Iterable[Piece]) -> list[Piece]:
    """Without the seams that lie between two pieces of the same person's same turn."""
    merged: list[Piece] = []
    for piece in pieces:
        if merged and merged[-1][:2] == piece[:2] and merged[-1][3] == piece[2]:
            merged[-1] = (*piece[:2], merged[-1][2], piece[3])
        else:
            merged.append(piece)
    return merged
