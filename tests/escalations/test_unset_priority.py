"""A Premier ticket whose priority nobody has set pages as High after 15 minutes; mail asks the customer meanwhile."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from accounts.models import User
from escalations import actions
from escalations.models import EscalationPolicy, Page, PageEvent
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories
from tickets import actions as ticket_actions
from tickets.models import Channel, Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
PassTime = Callable[[float], None]
Rung = Callable[[], list[str]]


@pytest.fixture
def unset(policy: EscalationPolicy, rita: User) -> Ticket:
    """What came without a priority, as by mail."""
    ticket = factories.open_ticket(rita, priority=None)
    Ticket.objects.filter(pk=ticket.pk).update(channel=Channel.EMAIL)
    run_pass("test")
    ticket.refresh_from_db()
    return ticket


def give(ticket: Ticket, priority: Priority, by: User) -> None:
    ticket_actions.change_fields(ticket, by=by, changes={"priority": priority}, at=clock.now())


def test_it_pages_as_high_after_fifteen_minutes_and_not_before(unset: Ticket, rung: Rung, pass_time: PassTime) -> None:
    pass_time(14.9)
    assert rung() == []
    pass_time(0.2)
    assert rung() == ["bo"]
    page = Page.objects.get()
    assert (page.priority, page.kind) == (Priority.HIGH, Page.Kind.TICKET)
    assert PageEvent.objects.get(kind="began").data["unset"] is True


def test_set_to_normal_in_time_it_rings_nobody(unset: Ticket, bo: User, rung: Rung, pass_time: PassTime) -> None:
    pass_time(10)
    give(unset, Priority.NORMAL, bo)
    pass_time(20)
    assert rung() == []
    assert not Page.objects.exists()


def test_set_to_urgent_it_rings_at_once_as_urgent(unset: Ticket, bo: User, rung: Rung, pass_time: PassTime) -> None:
    pass_time(5)
    give(unset, Priority.URGENT, bo)
    run_pass("test")
    assert rung() == ["bo"]
    assert Page.objects.get().priority == Priority.URGENT
    pass_time(1)
    assert Page.objects.count() == 1


def test_set_by_its_customer_it_rings_at_once_as_they_say(
    unset: Ticket, rita: User, rung: Rung, pass_time: PassTime
) -> None:
    pass_time(5)
    ticket_actions.set_priority(unset, by=rita, to=Priority.HIGH, at=clock.now())
    run_pass("test")
    assert rung() == ["bo"]
    assert Page.objects.get().priority == Priority.HIGH


def test_set_by_its_customer_to_low_while_it_rings_it_ends(unset: Ticket, rita: User, pass_time: PassTime) -> None:
    pass_time(15.1)
    ticket_actions.set_priority(unset, by=rita, to=Priority.LOW, at=clock.now())
    run_pass("test")
    assert Page.objects.get().state == Page.State.ENDED


def test_set_to_normal_while_it_rings_it_ends(unset: Ticket, bo: User, rung: Rung, pass_time: PassTime) -> None:
    pass_time(15.1)
    give(unset, Priority.NORMAL, bo)
    pass_time(30)
    assert rung() == ["bo"]
    assert Page.objects.get().state == Page.State.ENDED
    assert PageEvent.objects.get(kind="ended").data["why"] == "the priority is Normal"


def test_set_to_high_while_it_rings_it_is_the_same_page(unset: Ticket, bo: User, pass_time: PassTime) -> None:
    pass_time(15.1)
    give(unset, Priority.HIGH, bo)
    run_pass("test")
    assert Page.objects.get().is_ringing


def test_set_to_urgent_while_it_rings_its_page_follows(unset: Ticket, bo: User, pass_time: PassTime) -> None:
    pass_time(15.1)
    give(unset, Priority.URGENT, bo)
    run_pass("test")
    page = Page.objects.get()
    assert (page.priority, page.is_ringing) == (Priority.URGENT, True)


def test_acknowledged_it_stays_so_while_the_priority_is_still_unset(
    unset: Ticket, bo: User, rung: Rung, pass_time: PassTime
) -> None:
    pass_time(15.1)
    actions.acknowledge(Page.objects.get(), by=bo, at=clock.now())
    pass_time(20)
    assert Page.objects.get().is_acknowledged
    assert rung() == ["bo"]


def test_answered_in_time_it_rings_nobody(unset: Ticket, bo: User, rung: Rung, pass_time: PassTime) -> None:
    ticket_actions.answer(unset, by=bo, body="How urgent is it?", submit_as=Status.PENDING, at=clock.now())
    pass_time(20)
    assert rung() == []


def test_of_a_plan_that_does_not_page_it_rings_nobody(
    policy: EscalationPolicy, sam: User, rung: Rung, pass_time: PassTime
) -> None:
    factories.open_ticket(sam, priority=None)
    pass_time(16)
    assert rung() == []


def test_what_was_opened_unset_before_the_desk_was_switched_on_rings_nobody(
    policy: EscalationPolicy, rita: User, rung: Rung, pass_time: PassTime
) -> None:
    factories.open_ticket(rita, priority=None, at=clock.now() - timedelta(days=2))
    pass_time(16)
    assert rung() == []
