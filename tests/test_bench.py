"""The generated desk is one that the verbs could have made: constraints are the database's, the rest is asked here."""

from collections.abc import Iterable

import pytest
from django.db import models
from django.db.models import Count, Exists, F, OuterRef, Q

from accounts.models import Membership, Organization, User
from bench.load import LARGEST_SHARE, Load, load, shares
from escalations.querysets import rings
from supportdesk.lib import clock
from tests import factories
from tickets.models import Message, Participant, ServiceTerms, SlaClock, Ticket, TicketEvent
from tickets.sla import rebuild
from tickets.sla.promises import Promise
from tickets.states import UNFINISHED, Status

MODELS = (Organization, User, Membership, Ticket, Message, TicketEvent, Participant, ServiceTerms, SlaClock)

pytestmark = pytest.mark.django_db


@pytest.fixture
def _loaded() -> None:
    factories.load_defaults()
    load(Load(1_000, clock.now()), say=lambda line: None)


def is_dangling(field: models.Field) -> bool:
    """Whether a row's foreign key leads nowhere: the database didn't check them while loading."""
    if not isinstance(field, models.ForeignKey):
        return False
    there = field.related_model._default_manager.filter(pk=OuterRef(field.attname))
    rows = field.model._default_manager.exclude(**{field.name: None})
    return bool(rows.filter(~Exists(there)).exists())


def silent(*querysets: Iterable[object]) -> bool:
    return not any(list(rows) for rows in querysets)


@pytest.mark.usefixtures("_loaded")
def test_a_generated_desk_is_consistent() -> None:
    assert [field for model in MODELS for field in model._meta.concrete_fields if is_dangling(field)] == []
    tickets = Ticket.objects.all()
    assert tickets.count() == 1_000
    assert 3_000 < Message.objects.count() < 5_000
    assert silent(
        tickets.filter(updated_at__lt=F("created_at")),
        tickets.filter(updated_at__gt=clock.now()),
        tickets.filter(status=Status.NEW).exclude(assignee=None, first_replied_at=None),
        tickets.exclude(status__in=UNFINISHED).exclude(waiting_since=None),
        tickets.filter(status=Status.SOLVED, close_due_at__lte=clock.now()),
        tickets.annotate(
            members=Count("requester__memberships", filter=Q(requester__memberships__organization=F("organization")))
        ).filter(members=0),
        TicketEvent.objects.filter(notified_at=None),
        tickets.filter(rings(None)),
    )
    assert tickets.filter(status__in=UNFINISHED).count() <= 120
    assert Membership.objects.filter(role=Membership.Role.MANAGER).count() == Load(1_000, clock.now()).organizations


@pytest.mark.usefixtures("_loaded")
def test_generated_clocks_follow_from_generated_events() -> None:
    numbers = Ticket.objects.values_list("pk", flat=True)
    assert [str(one) for one in rebuild.compare(numbers, now=clock.now())] == []
    assert set(SlaClock.objects.values_list("promise", flat=True)) >= {
        Promise.FIRST_REPLY,
        Promise.NEXT_REPLY,
        Promise.REGULAR_UPDATE,
    }
    assert SlaClock.objects.running().exists()
    assert ServiceTerms.objects.count() > 3


def test_the_largest_company_has_a_twentieth_of_all() -> None:
    for count in (500, 5_000):
        found = shares(count)
        assert found[0] == pytest.approx(LARGEST_SHARE, rel=0.01)
        assert sum(found) == pytest.approx(1)
        assert found == sorted(found, reverse=True)


@pytest.mark.usefixtures("_loaded")
def test_only_an_empty_desk_is_loaded() -> None:
    with pytest.raises(RuntimeError):
        load(Load(10, clock.now()), say=lambda line: None)
