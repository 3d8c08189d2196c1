"""The on-call set-up that a new desk begins with: schedules, policies, the team's contacts and rules.

Support follows the sun where its people live in several regions, else it takes turns by the week.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from django.db import transaction

from accounts.models import Role, Team, User
from escalations.actions import use_default_rules
from escalations.models import (
    PAGING_PRIORITIES,
    ContactMethod,
    EscalationPolicy,
    Layer,
    LayerMember,
    LayerWindow,
    NotificationRule,
    PolicyStep,
    Schedule,
)
from escalations.paging.shifts import materialise
from supportdesk.lib import clock

SCHEDULE = "Support on-call"
POLICY = "Premier 24x7"
BREACH_POLICY = "SLA breach"
SET_POLICY = "SET on-call"
_SET_DUTIES = {"SET primary": 0, "SET backup": 5, "SET lead": 5}
_ROTATION_DAYS = 7
_FIRST, _SECOND, _LAST = 0, 5, 5
"""Minutes from step to step: who is on call at once, the team after 5, the leads after 10."""


@transaction.atomic
def load(
    *,
    on_call: Sequence[User],
    staff: Sequence[User] = (),
    engineers: Sequence[User] = (),
    weekends: Sequence[User] = (),
    at: datetime | None = None,
    active_from: datetime | None = None,
) -> EscalationPolicy:
    """Create what isn't there yet and return the policy that tickets page by; loading again changes nothing that was edited.

    `on_call` take turns by the week, the first of them in the week of `at` (default now), each region in its hours
    where they live in several; `weekends` go before them from Friday to Monday. `engineers` are the SET's: primary,
    backup and lead. `staff` (and all of them) get a verified mail contact and a phone for texts. Customers who had
    been waiting before `active_from` (default `at`) don't ring.
    """
    at = at or clock.now()
    schedule = _schedule(on_call, weekends, at)
    for person in dict.fromkeys([*on_call, *weekends, *engineers, *staff]):
        make_reachable(person, at=at)
    _breach_policy(active_from or at)
    if engineers:
        _set_policy(engineers, at, active_from or at)
    policy = _policy(schedule, active_from or at)
    materialise(now=at)
    return policy


def make_reachable(person: User, *, at: datetime) -> None:
    """A phone for texts (of the numbers that are nobody's) and a mail contact, verified, at once for Urgent and High."""
    addresses = {
        ContactMethod.Kind.SMS: f"+447700900{person.pk % 1000:03d}",
        ContactMethod.Kind.EMAIL: person.email,
    }
    for kind, value in addresses.items():
        contact, _ = ContactMethod.objects.get_or_create(
            user=person, kind=kind, value=value, defaults={"verified_at": at}
        )
        for priority, _ in PAGING_PRIORITIES:
            NotificationRule.objects.get_or_create(user=person, priority=priority, contact=contact, delay=0)


def make_reachable_at_night(person: User, *, at: datetime) -> None:
    """Texts, mail and calls, verified, with the rules that the desk suggests: calls after 2 and 4 minutes for Urgent."""
    make_reachable(person, at=at)
    phone = ContactMethod.objects.filter(user=person, kind=ContactMethod.Kind.SMS).earliest("pk")
    ContactMethod.objects.get_or_create(
        user=person, kind=ContactMethod.Kind.VOICE, value=phone.value, defaults={"verified_at": at}
    )
    use_default_rules(person, by=person)


def _schedule(people: Sequence[User], weekends: Sequence[User], at: datetime) -> Schedule:
    schedule, is_new = Schedule.objects.get_or_create(
        name=SCHEDULE, defaults={"purpose": "First to be paged for Urgent and High tickets of Premier."}
    )
    if not is_new:
        return schedule
    rotation = _rotation(schedule, "Weekly rotation", 0, people, at)
    regions = {person.region: None for person in people if person.region}
    if rotation is not None and len(regions) > 1:
        # Under the regions' layers: it fills in where a region has nobody.
        for number, region in enumerate(regions, start=1):
            there = [person for person in people if person.region == region]
            layer = _rotation(schedule, region.name, 10 * number, there, at)
            _window(layer, "1234567", region.shift_starts, region.shift_ends)
    weekend = _rotation(schedule, "Weekend", 100, weekends, at, zone="America/Los_Angeles")
    if weekend is not None:
        LayerWindow.objects.create(layer=weekend, weekdays="5", starts=time(17), ends=time(9), ends_after_days=3)
    return schedule


def _rotation(
    schedule: Schedule, name: str, priority: int, people: Sequence[User], at: datetime, *, zone: str = "UTC"
) -> Layer | None:
    if not people:
        return None
    layer = Layer.objects.create(
        schedule=schedule,
        name=name,
        priority=priority,
        days=_ROTATION_DAYS,
        anchor=_monday(at),
        hand_over=time(9),
        zone=zone,
    )
    LayerMember.objects.bulk_create(
        LayerMember(layer=layer, user=person, position=position) for position, person in enumerate(people)
    )
    return layer


def _window(layer: Layer | None, weekdays: str, starts: time, ends: time) -> None:
    if layer is not None:
        LayerWindow.objects.create(
            layer=layer, weekdays=weekdays, starts=starts, ends=ends, ends_after_days=0 if ends > starts else 1
        )


def _set_policy(engineers: Sequence[User], at: datetime, active_from: datetime) -> None:
    """Primary at once, backup after 5 minutes, lead after 10: each a rotation of the engineers, a place apart."""
    in_use = not EscalationPolicy.objects.filter(is_for_set=True).exists()
    policy, is_new = EscalationPolicy.objects.get_or_create(
        name=SET_POLICY, defaults={"active_from": active_from, "is_for_set": in_use}
    )
    if not is_new:
        return
    for number, (name, delay) in enumerate(_SET_DUTIES.items()):
        schedule, made = Schedule.objects.get_or_create(
            name=name, defaults={"purpose": "Paged for what support can't resolve by itself."}
        )
        if made:
            place = number % len(engineers)
            _rotation(schedule, "Weekly rotation", 0, [*engineers[place:], *engineers[:place]], at)
        PolicyStep.objects.create(policy=policy, position=number + 1, delay_minutes=delay, schedule=schedule)
    policy.catch_all.set([*_active(Role.LEAD), *_active(Role.ADMIN)])


def _monday(at: datetime) -> date:
    """The Monday whose 9:00 (UTC) last was, so that the first member has the week of `at`."""
    begun = at - timedelta(hours=9)
    return begun.date() - timedelta(days=begun.weekday())


def _policy(schedule: Schedule, active_from: datetime) -> EscalationPolicy:
    in_use = not EscalationPolicy.objects.filter(is_default=True).exists()
    policy, is_new = EscalationPolicy.objects.get_or_create(
        name=POLICY, defaults={"active_from": active_from, "is_default": in_use}
    )
    if is_new:
        leads, admins = _active(Role.LEAD), _active(Role.ADMIN)
        policy.catch_all.set([*leads, *admins])
        team = Team.objects.filter(gets_new_tickets=True).first()
        steps = [
            PolicyStep(policy=policy, position=1, delay_minutes=_FIRST, schedule=schedule),
            PolicyStep(policy=policy, position=2, delay_minutes=_SECOND, team=team, everybody=team is None),
            PolicyStep(policy=policy, position=3, delay_minutes=_LAST, everybody=not (leads or admins)),
        ]
        PolicyStep.objects.bulk_create(steps)
        steps[-1].people.set(leads or admins)
    return policy


def _breach_policy(active_from: datetime) -> None:
    """The leads at once, with the admins from the second round on; where there is no lead, the admins."""
    in_use = not EscalationPolicy.objects.filter(is_for_breaches=True).exists()
    policy, is_new = EscalationPolicy.objects.get_or_create(
        name=BREACH_POLICY, defaults={"active_from": active_from, "is_for_breaches": in_use}
    )
    if is_new:
        leads, admins = _active(Role.LEAD), _active(Role.ADMIN)
        policy.catch_all.set(admins)
        step = PolicyStep.objects.create(
            policy=policy, position=1, delay_minutes=_FIRST, everybody=not (leads or admins)
        )
        step.people.set(leads or admins)


def _active(role: Role) -> list[User]:
    return list(User.objects.active().filter(role=role))
