"""acknowledge, hand over: it works, who may not, wrong state."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Role, User
from escalations import actions
from escalations.models import Page, PageDelivery, PageEvent
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, NotAllowed
from tests import factories
from tickets import actions as ticket_actions
from tickets.models import EventKind, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
Rung = Callable[[], list[str]]
VERBS = [actions.acknowledge, actions.escalate]


def test_acknowledging_takes_the_ticket_and_stops_the_ringing(page: Page, bo: User, ticket: Ticket) -> None:
    taken = actions.acknowledge(page, by=bo, at=clock.now())
    page.refresh_from_db()
    ticket.refresh_from_db()
    assert (taken.by, taken.already) == (bo, False)
    assert page.is_acknowledged
    assert ticket.assignee == bo
    assert ticket.state is Status.OPEN
    assert not PageDelivery.objects.filter(state="pending", purpose="page").exists()


def test_an_assigned_ticket_stays_its_assignees(page: Page, bo: User, ann: User, ticket: Ticket) -> None:
    ticket_actions.assign(ticket, by=bo, to=ann, at=clock.now())
    actions.acknowledge(page, by=bo, at=clock.now())
    ticket.refresh_from_db()
    assert ticket.assignee == ann


def test_a_set_engineer_acknowledges_without_taking_the_ticket(page: Page, sven: User, ticket: Ticket) -> None:
    actions.acknowledge(page, by=sven, at=clock.now())
    ticket.refresh_from_db()
    assert ticket.assignee is None
    page.refresh_from_db()
    assert page.acknowledged_by == sven


def test_the_others_who_were_paged_are_told_by_mail_who_took_it(
    page: Page, bo: User, rung: Rung, mailoutbox: list[Any], pass_time: Callable[[float], None]
) -> None:
    pass_time(5.1)
    mailoutbox.clear()
    before = rung()
    actions.acknowledge(page, by=bo, at=clock.now())
    run_pass("test")
    assert rung() == before, "no phone rings to say that it need not"
    assert sorted(mail.to[0] for mail in mailoutbox) == ["ann@desk.example", "lea@desk.example"]
    assert all(mail.subject.startswith("Taken by Bo: #") for mail in mailoutbox)
    assert all("Secret" not in mail.body + mail.subject for mail in mailoutbox)


def test_the_second_is_told_whose_it_is_and_nothing_changes(page: Page, bo: User, ann: User, ticket: Ticket) -> None:
    first = actions.acknowledge(page, by=bo, at=clock.now())
    clock.move(timedelta(minutes=3))
    second = actions.acknowledge(page, by=ann, at=clock.now())
    assert (second.by, second.at, second.already) == (bo, first.at, True)
    assert PageEvent.objects.filter(kind="acknowledged").count() == 1
    assert ticket.events.filter(kind=EventKind.ASSIGNED).count() == 1


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("", False),
        *((role, role in {Role.AGENT, Role.LEAD, Role.SET, Role.ADMIN}) for role in Role),
    ],
)
def test_who_may(page: Page, verb: Any, role: str, may: bool) -> None:
    somebody = factories.person("somebody@desk.example", "Some Body", role=role)
    if may:
        verb(page, by=somebody, at=clock.now())
        return
    with pytest.raises(NotAllowed):
        verb(page, by=somebody, at=clock.now())
    page.refresh_from_db()
    assert page.is_ringing


@pytest.mark.parametrize("verb", VERBS)
def test_who_was_deactivated_may_not(page: Page, bo: User, verb: Any) -> None:
    bo.is_active = False
    with pytest.raises(NotAllowed):
        verb(page, by=bo, at=clock.now())


@pytest.mark.parametrize("verb", VERBS)
def test_a_page_that_is_over_is_over(page: Page, bo: User, ticket: Ticket, verb: Any) -> None:
    ticket_actions.answer(ticket, by=bo, body="Restart it.", submit_as=Status.PENDING, at=clock.now())
    run_pass("test")
    with pytest.raises(Conflict):
        verb(page, by=bo, at=clock.now())


def test_it_can_be_acknowledged_although_the_ticket_was_closed_a_moment_ago(
    page: Page, bo: User, ticket: Ticket
) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(status=Status.CLOSED)  # type: ignore[misc]
    actions.acknowledge(page, by=bo, at=clock.now())
    page.refresh_from_db()
    assert page.is_acknowledged


def test_escalating_rings_the_next_step_now(page: Page, bo: User, rung: Rung) -> None:
    actions.escalate(page, by=bo, at=clock.now())
    run_pass("test")
    assert rung() == ["bo", "ann", "lea"]
    assert PageEvent.objects.filter(kind="escalated", actor=bo).count() == 1


def test_an_acknowledged_page_can_be_escalated_too(page: Page, bo: User, rung: Rung) -> None:
    actions.acknowledge(page, by=bo, at=clock.now())
    actions.escalate(page, by=bo, at=clock.now())
    run_pass("test")
    assert rung() == ["bo", "ann", "lea"]
    page.refresh_from_db()
    assert page.is_ringing


def test_acknowledging_works_with_the_broker_gone(page: Page, bo: User, settings: Any) -> None:
    from supportdesk.lib import queue

    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    queue._producer.cache_clear()
    try:
        actions.acknowledge(page, by=bo, at=clock.now())
    finally:
        queue._producer.cache_clear()
    page.refresh_from_db()
    assert page.is_acknowledged
