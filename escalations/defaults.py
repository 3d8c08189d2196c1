"""The on-call set-up that a new desk begins with: a weekly rotation, two policies, the team's contacts and rules."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from django.db import transaction

from accounts.models import Role, Team, User
from escalations.models import (
    PAGING_PRIORITIES,
    ContactMethod,
    EscalationPolicy,
    Layer,
    LayerMember,
    NotificationRule,
    PolicyStep,
    Schedule,
)
from escalations.paging.shifts import materialise
from supportdesk.lib import clock

SCHEDULE = "Support on-call"
POLICY = "Premier 24x7"
BREACH_POLICY = "SLA breach"
_ROTATION_DAYS = 7
_FIRST, _SECOND, _LAST = 0, 5, 5
"""Minutes from step to step: who is on call at once, the team after 5, the leads after 10."""


@transaction.atomic
def load(
    *,
    on_call: Sequence[User],
    staff: Sequence[User] = (),
    at: datetime | None = None,
    active_from: datetime | None = None,
) -> EscalationPolicy:
    """Create what isn't there yet and return the policy that tickets page by; loading again changes nothing that was edited.

    `on_call` take turns by the week, the first of them in the week of `at` (default now); `staff` (and they) get a
    verified mail contact and a demo phone. Customers who had been waiting before `active_from` (default `at`) don't ring.
    """
    at = at or clock.now()
    schedule = _schedule(on_call, at)
    for person in dict.fromkeys([*on_call, *staff]):
        make_reachable(person, at=at)
    materialise(now=at)
    _breach_policy(active_from or at)
    return _policy(schedule, active_from or at)


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


def _schedule(people: Sequence[User], at: datetime) -> Schedule:
    schedule, is_new = Schedule.objects.get_or_create(
        name=SCHEDULE, defaults={"purpose": "First to be paged for Urgent and High tickets of Premier."}
    )
    if is_new and people:
        layer = Layer.objects.create(
            schedule=schedule, name="Weekly rotation", days=_ROTATION_DAYS, anchor=_monday(at), hand_over=time(9)
        )
        LayerMember.objects.bulk_create(
            LayerMember(layer=layer, user=person, position=position) for position, person in enumerate(people)
        )
    return schedule


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
