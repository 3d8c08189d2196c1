"""Twenty people on call, each for a team of their own, and the customers whose tickets page them."""

from datetime import datetime, timedelta

from accounts.models import Role, Team, User
from bench.storm.push import subscription
from escalations.models import (
    PAGING_PRIORITIES,
    ContactMethod,
    EscalationPolicy,
    NotificationRule,
    PolicyChoice,
    PolicyStep,
)
from tests import factories

PEOPLE = 20
REQUESTERS = 20


def make(now: datetime, provider: str) -> dict[str, str]:
    """A desk whose tickets of team n page person n by push and text, and nobody else within the storm.

    The private keys of the subscriptions, by the path of their endpoint: what is pushed there can be read with them.
    """
    factories.load_defaults()
    northwind = factories.organization("Northwind", "premier", "Europe/Berlin")
    for number in range(REQUESTERS):
        factories.member(f"Rita{number}", northwind)
    keys: dict[str, str] = {}
    lead = factories.staff("Lea", Role.LEAD)
    _reachable(lead, 99, provider, now, keys)
    for number in range(PEOPLE):
        person = factories.person(f"agent{number}@desk.example", f"Agent {number}", role=Role.AGENT)
        _reachable(person, number, provider, now, keys)
        policy = EscalationPolicy.objects.create(
            name=f"Team {number}", active_from=now - timedelta(hours=1), is_default=number == 0
        )
        team = Team.objects.create(name=f"Team {number}", slug=f"team-{number}")
        PolicyStep.objects.create(policy=policy, position=1, delay_minutes=0).people.set([person])
        PolicyStep.objects.create(policy=policy, position=2, delay_minutes=15).people.set([lead])
        PolicyChoice.objects.create(position=number + 1, policy=policy, team=team)
    return keys


def _reachable(person: User, number: int, provider: str, now: datetime, keys: dict[str, str]) -> None:
    path = f"/push/{number}"
    pushed, keys[path] = subscription(provider + path)
    contacts = (
        (ContactMethod.Kind.PUSH, f"phone {number}", pushed),
        (ContactMethod.Kind.SMS, f"+447700900{number:03d}", {}),
    )
    for kind, value, details in contacts:
        contact = ContactMethod.objects.create(user=person, kind=kind, value=value, details=details, verified_at=now)
        for priority, _ in PAGING_PRIORITIES:
            NotificationRule.objects.create(user=person, priority=priority, contact=contact, delay=0)
