"""Who is measured, logged in beforehand, and on which tickets."""

import random
from dataclasses import dataclass
from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.db.models import Count

from accounts.models import Membership, Organization, Role, User
from tickets.models import Category, Environment, Ticket

REFERENCE_BACKEND = "django.contrib.auth.backends.ModelBackend"
CSRF = "b" * 32
MESSAGES = 10


@dataclass(frozen=True)
class Cast:
    """Session keys of people, numbers of tickets; all of it the same for the same load."""

    reference: str
    agent: str
    agent_pk: int
    requester: str
    manager: str
    managed: str
    tickets: list[int]
    managed_tickets: list[int]
    submitters: list[str]
    premier: list[str]
    category: int
    environment: int


def choose() -> Cast:
    """The people of the largest organisation, an agent, and tickets with ten messages from anywhere."""
    largest = Organization.objects.alias(size=Count("tickets")).order_by("-size", "pk")[0]
    busiest = User.objects.alias(size=Count("requests")).filter(memberships__organization=largest).order_by("-size")[0]
    manager = User.objects.filter(memberships__organization=largest, memberships__role=Membership.Role.MANAGER)[0]
    agent = User.objects.filter(role=Role.AGENT).order_by("pk")[0]
    return Cast(
        reference=session_of(agent, REFERENCE_BACKEND),
        agent=session_of(agent),
        agent_pk=agent.pk,
        requester=session_of(busiest),
        manager=session_of(manager),
        managed=largest.slug,
        tickets=_tickets(),
        managed_tickets=_tickets(organization=largest),
        submitters=[session_of(user) for user in _requesters("professional", 80)],
        premier=[session_of(user) for user in _requesters("premier", 30)],
        category=Category.objects.get(slug="server-issues").pk,
        environment=Environment.objects.get(name="Production").pk,
    )


def session_of(user: User, backend: str = settings.AUTHENTICATION_BACKENDS[0]) -> str:
    """The key of a new session in which the person is logged in."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = backend
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


def _tickets(**of: object) -> list[int]:
    """Up to 400 numbers of tickets with ten messages, in an order of chance."""
    rows = Ticket.objects.filter(**of).alias(size=Count("messages")).filter(size=MESSAGES).order_by("pk")
    numbers = list(rows.values_list("pk", flat=True))
    random.Random(7).shuffle(numbers)
    return numbers[:400]


def _requesters(plan: str, count: int) -> list[User]:
    """Members of different organisations with that plan."""
    members = Membership.objects.active().filter(organization__plan__slug=plan, role=Membership.Role.MEMBER)
    rows = members.select_related("user").order_by("organization_id", "pk")
    return [one.user for one in rows.distinct("organization_id")[:count]]
