"""Requests in Django admin: every page opens for ada, lists cost the same however long, what happened is fixed."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from tests import factories
from tickets import actions
from tickets.models import Category, OutgoingMail, Ticket, WorkflowSettings
from tickets.notifications.writing import notify
from tickets.states import Status

pytestmark = pytest.mark.django_db

LISTS = (
    *("category", "environment", "mobiledevice", "workflowsettings"),
    *("ticket", "message", "ticketevent", "outgoingmail"),
)
FIXED = ("ticket", "message", "ticketevent", "outgoingmail")


@pytest.fixture
def ticket(rita: User, ann: User) -> Ticket:
    ticket = factories.open_ticket(rita, cc=["partner@consulting.example"])
    actions.answer(ticket, by=ann, body="We look.", submit_as=Status.PENDING, at=ticket.created_at)
    notify(now=ticket.created_at)
    return ticket


@pytest.mark.parametrize("model", LISTS)
def test_every_list_and_row_opens(ticket: Ticket, ada: User, client_of: Callable[[User], Client], model: str) -> None:
    client = client_of(ada)
    page = client.get(reverse(f"admin:tickets_{model}_changelist"), {"q": "1"})
    assert page.status_code == 200
    from django.apps import apps

    row = apps.get_model("tickets", model).objects.first()
    assert client.get(reverse(f"admin:tickets_{model}_change", args=[row.pk])).status_code == 200


@pytest.mark.parametrize("model", FIXED)
def test_what_happened_can_not_be_edited(
    ticket: Ticket, ada: User, client_of: Callable[[User], Client], model: str
) -> None:
    client = client_of(ada)
    assert client.get(reverse(f"admin:tickets_{model}_add")).status_code == 403
    pk = ticket.pk if model == "ticket" else 1
    assert client.post(reverse(f"admin:tickets_{model}_change", args=[pk]), {"status": "closed"}).status_code in {
        302,
        403,
    }
    ticket.refresh_from_db()
    assert ticket.state is Status.PENDING


def test_a_category_in_use_is_not_deleted(ticket: Ticket, ada: User, client_of: Callable[[User], Client]) -> None:
    category = ticket.category
    assert category
    page = client_of(ada).post(reverse("admin:tickets_category_delete", args=[category.pk]), {"post": "yes"})
    assert b"protected" in page.content.lower() or page.status_code == 200
    assert Category.objects.filter(pk=category.pk).exists()


def test_reminders_must_ascend_and_come_before_solving(ada: User, client_of: Callable[[User], Client]) -> None:
    url = reverse("admin:tickets_workflowsettings_change", args=[1])
    for days, solve in (("5,3", 7), ("3,3", 7), ("3,8", 7), ("0,3", 7)):
        data = {"close_after_hours": 48, "remind_after_days": days, "solve_after_days": solve}
        assert client_of(ada).post(url, data).status_code == 200, days
    assert WorkflowSettings.current().remind_after_days == [3, 5]


@pytest.mark.parametrize("guide", ["javascript:alert(1)", "ftp://x.example/", "data:text/html,x"])
def test_s043_a_guide_is_a_web_address(ada: User, client_of: Callable[[User], Client], guide: str) -> None:
    data = {"name": "New one", "slug": "new-one", "position": 1, "guidance": "", "guide_url": guide, "is_active": "on"}
    assert client_of(ada).post(reverse("admin:tickets_category_add"), data).status_code == 200
    assert not Category.objects.filter(slug="new-one").exists()


def test_lists_cost_the_same_however_long(
    ticket: Ticket, rita: User, ada: User, client_of: Callable[[User], Client], count_queries: Callable
) -> None:
    client = client_of(ada)
    for model in FIXED:
        url = reverse(f"admin:tickets_{model}_changelist")
        client.get(url)
        with count_queries() as few:
            client.get(url)
        for _ in range(4):
            factories.open_ticket(rita)
        notify(now=ticket.created_at)
        with count_queries() as many:
            client.get(url)
        assert len(many) <= len(few), model
    assert OutgoingMail.objects.exists()
