"""What an acknowledgement is good for: the episode it was given in, while somebody works on the ticket (S097)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.actions import deactivate
from accounts.models import User
from escalations import actions
from escalations.models import EscalationPolicy, Page, PageDelivery, PageEvent
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories
from tickets import actions as ticket_actions
from tickets.models import Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
Rung = Callable[[], list[str]]
PassTime = Callable[[float], None]


@pytest.fixture
def taken(page: Page, bo: User) -> Page:
    """bo acknowledged a minute ago and has the ticket."""
    actions.acknowledge(page, by=bo, at=clock.now())
    run_pass("test")
    clock.move(timedelta(minutes=1))
    return page


def answer(ticket: Ticket, bo: User, rita: User) -> None:
    ticket_actions.answer(ticket, by=bo, body="Restart it.", submit_as=Status.OPEN, at=clock.now())


def ask(ticket: Ticket, bo: User, rita: User) -> None:
    ticket_actions.answer(ticket, by=bo, body="Which version?", submit_as=Status.PENDING, at=clock.now())


def solve(ticket: Ticket, bo: User, rita: User) -> None:
    ticket_actions.solve(ticket, by=bo, at=clock.now())


def hold(ticket: Ticket, bo: User, rita: User) -> None:
    ticket_actions.hold(ticket, by=bo, reason="the vendor", at=clock.now())
    ticket_actions.unhold(ticket, by=bo, at=clock.now())


def mark_solved(ticket: Ticket, bo: User, rita: User) -> None:
    ticket_actions.mark_solved(ticket, by=rita, at=clock.now())


def lower(ticket: Ticket, bo: User, rita: User) -> None:
    for priority in (Priority.NORMAL, Priority.URGENT):
        ticket_actions.change_fields(ticket, by=bo, changes={"priority": priority}, at=clock.now())


@pytest.mark.parametrize("rest", [answer, ask, solve, hold, mark_solved, lower])
def test_a_new_episode_rings_although_no_pass_fell_between_the_two(
    taken: Page, bo: User, rita: User, ticket: Ticket, rung: Rung, pass_time: PassTime, rest: Any
) -> None:
    rest(ticket, bo, rita)
    clock.move(timedelta(seconds=20))
    ticket_actions.reply(ticket, by=rita, body="Still down.", at=clock.now())
    run_pass("test")
    taken.refresh_from_db()
    assert taken.state == Page.State.ENDED
    assert Page.objects.ringing().filter(ticket=ticket).count() == 1
    assert rung() == ["bo", "bo"]
    ended = PageEvent.objects.get(page=taken, kind="ended")
    assert ended.data["why"].endswith("what came then pages anew")


def test_what_was_answered_before_the_acknowledgement_does_not_end_it(
    policy: EscalationPolicy, ticket: Ticket, bo: User, rita: User, rung: Rung, pass_time: PassTime
) -> None:
    ask(ticket, bo, rita)
    clock.move(timedelta(minutes=1))
    ticket_actions.reply(ticket, by=rita, body="Still down.", at=clock.now())
    run_pass("test")
    clock.move(timedelta(minutes=1))
    actions.acknowledge(Page.objects.get(), by=bo, at=clock.now())
    pass_time(1)
    assert Page.objects.get().is_acknowledged
    assert rung() == ["bo"]


def test_a_ringing_page_goes_on_where_the_customer_wrote_again_before_any_pass(
    page: Page, bo: User, rita: User, ticket: Ticket, rung: Rung
) -> None:
    answer(ticket, bo, rita)
    ticket_actions.reply(ticket, by=rita, body="Still down.", at=clock.now())
    run_pass("test")
    assert Page.objects.get().is_ringing


def test_a_ticket_that_was_handed_back_rings_when_the_acknowledgement_expires(
    taken: Page, bo: User, ticket: Ticket, rung: Rung, pass_time: PassTime
) -> None:
    ticket_actions.unassign(ticket, by=bo, at=clock.now())
    pass_time(28)
    assert rung() == ["bo"]
    pass_time(1.1)
    assert rung() == ["bo", "bo"]


def test_an_assignment_counts_while_its_agent_is_there(
    taken: Page, bo: User, ann: User, ada: User, ticket: Ticket, rung: Rung, pass_time: PassTime
) -> None:
    ticket_actions.assign(ticket, by=bo, to=ann, at=clock.now())
    deactivate(ann, by=ada, at=clock.now())
    pass_time(30)
    assert rung() == ["bo", "bo"]


def test_a_page_that_was_held_rings_some_time_after_its_ticket_was_handed_back(
    taken: Page, bo: User, ann: User, ticket: Ticket, rung: Rung, pass_time: PassTime
) -> None:
    ticket_actions.assign(ticket, by=bo, to=ann, at=clock.now())
    pass_time(40)
    assert Page.objects.get().acknowledged_until is None
    ticket_actions.unassign(ticket, by=ann, at=clock.now())
    pass_time(1)
    pass_time(29)
    assert rung() == ["bo"]
    pass_time(1.1)
    assert rung() == ["bo", "bo"]


@pytest.mark.parametrize("by_customer", [True, False])
def test_a_raised_priority_asks_for_another_move_within_the_higher_ones_time(
    policy: EscalationPolicy,
    rita: User,
    bo: User,
    ann: User,
    rung: Rung,
    pass_time: PassTime,
    by_customer: bool,
) -> None:
    factories.promise("premier", {})  # two hours late, it would page the lead once it is Urgent
    ticket = factories.open_ticket(rita, priority=Priority.HIGH)
    run_pass("test")
    actions.acknowledge(Page.objects.get(), by=bo, at=clock.now())
    clock.move(timedelta(minutes=1))
    ticket_actions.assign(ticket, by=bo, to=ann, at=clock.now())
    pass_time(125)
    assert Page.objects.get().acknowledged_until is None
    if by_customer:
        ticket_actions.raise_priority(ticket, by=rita, to=Priority.URGENT, reason="All are out.", at=clock.now())
    else:
        ticket_actions.change_fields(ticket, by=bo, changes={"priority": Priority.URGENT}, at=clock.now())
    pass_time(0)
    pass_time(29)
    assert rung() == ["bo"]
    pass_time(1.1)
    assert rung() == ["bo", "bo"]


def test_a_move_after_the_raise_holds_it_off(
    policy: EscalationPolicy, rita: User, bo: User, ann: User, rung: Rung, pass_time: PassTime
) -> None:
    ticket = factories.open_ticket(rita, priority=Priority.HIGH)
    run_pass("test")
    actions.acknowledge(Page.objects.get(), by=bo, at=clock.now())
    clock.move(timedelta(minutes=1))
    ticket_actions.raise_priority(ticket, by=rita, to=Priority.URGENT, reason="All are out.", at=clock.now())
    pass_time(1)
    ticket_actions.assign(ticket, by=bo, to=ann, at=clock.now())
    pass_time(125)
    assert rung() == ["bo"]
    assert Page.objects.get().acknowledged_until is None


@pytest.mark.parametrize("again", [True, False])
def test_who_may_have_been_rung_is_told_who_took_it_and_is_not_rung_again(
    page: Page, bo: User, ann: User, rung: Rung, mailoutbox: list[Any], pass_time: PassTime, again: bool
) -> None:
    pass_time(5.1)
    retry_at = clock.now() if again else None
    PageDelivery.objects.filter(person=ann).update(state="unknown", retry_at=retry_at)
    mailoutbox.clear()
    before = rung()
    actions.acknowledge(page, by=bo, at=clock.now())
    run_pass("test")
    assert rung() == before
    assert "ann@desk.example" in [address for mail in mailoutbox for address in mail.to]
    states = PageDelivery.objects.filter(person=ann, purpose="page").values_list("state", "retry_at")
    assert set(states) == {("unknown", None)}
