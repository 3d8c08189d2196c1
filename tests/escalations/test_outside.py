"""Handing a page to services outside: when, once, and with people ringing on; and which policy a ticket pages by."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import Organization, SupportPlan, Team, User
from escalations import actions, timeline
from escalations.models import EscalationPolicy, OutsideService, Page, PageDelivery, PageEvent, PolicyChoice, PolicyStep
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories
from tests.listener import Listener
from tickets import actions as ticket_actions
from tickets.models import Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
PassTime = Callable[[float], None]
Rung = Callable[[], list[str]]


@pytest.fixture
def third_round(policy: EscalationPolicy, duty: OutsideService, hook: OutsideService) -> EscalationPolicy:
    policy.outside.set([duty, hook])
    return policy


def until_the_third_round(pass_time: PassTime) -> None:
    for _ in range(12):
        pass_time(5)
        if Page.objects.get().round > 3:
            return
    raise AssertionError("it never came")


def told(listener: Listener) -> list[str]:
    """What either service was told so far."""
    return [request.json.get("event_action") or request.json["type"] for request in listener.requests]


def test_the_third_round_hands_off_once_and_people_go_on_ringing(
    third_round: EscalationPolicy, page: Page, listener: Listener, pass_time: PassTime, rung: Rung
) -> None:
    while Page.objects.get().round <= 2:
        assert told(listener) == []
        pass_time(4)
    until_the_third_round(pass_time)
    assert sorted(told(listener)) == ["page.triggered", "trigger"]
    before = len(rung())
    for _ in range(4):
        pass_time(15)
    assert sorted(told(listener)) == ["page.triggered", "trigger"], "once an episode"
    assert len(rung()) == before + 4 * 4, "all four people, each quarter of an hour"
    assert Page.objects.get().is_ringing


def test_a_step_that_names_a_service_hands_over_and_the_next_one_rings_people(
    policy: EscalationPolicy, duty: OutsideService, ticket: Ticket, listener: Listener, pass_time: PassTime, rung: Rung
) -> None:
    PolicyStep.objects.filter(policy=policy, position=3).delete()
    PolicyStep.objects.filter(policy=policy, position=2).update(position=3)
    PolicyStep.objects.filter(policy=policy, position=1).update(position=2, delay_minutes=5)
    PolicyStep.objects.create(policy=policy, position=1, delay_minutes=0).outside.add(duty)
    run_pass("test")
    assert (told(listener), rung()) == (["trigger"], [])
    pass_time(5.1)
    assert rung() == ["bo"]
    event = PageEvent.objects.get(kind=PageEvent.Kind.HANDED_OUTSIDE)
    assert timeline.line(event).text == "Handed to PagerDuty"


def test_services_learn_once_that_it_was_acknowledged_here_and_once_that_it_is_over(
    third_round: EscalationPolicy, page: Page, listener: Listener, pass_time: PassTime, bo: User
) -> None:
    until_the_third_round(pass_time)
    actions.acknowledge(page, by=bo, at=clock.now())
    actions.acknowledge(page, by=bo, at=clock.now())
    run_pass("test")
    run_pass("test")
    assert sorted(told(listener)[2:]) == ["acknowledge", "page.acknowledged"]
    assert page.ticket is not None
    page.ticket.refresh_from_db()
    ticket_actions.answer(page.ticket, by=bo, body="Looking at it.", submit_as=Status.PENDING, at=clock.now())
    run_pass("test")
    run_pass("test")
    assert sorted(told(listener)[4:]) == ["page.resolved", "resolve"]
    lines = [timeline.line(event).text for event in page.events.all()]
    for line in ("Sent to PagerDuty", "Told Bridge, that it is acknowledged", "Told Bridge, that it is over"):
        assert line in lines


def test_what_is_over_before_the_third_round_is_nothing_for_services(
    third_round: EscalationPolicy, page: Page, listener: Listener, pass_time: PassTime, bo: User
) -> None:
    actions.acknowledge(page, by=bo, at=clock.now())
    pass_time(1)
    assert told(listener) == []


def test_a_service_that_failed_is_handed_the_page_again_later(
    policy: EscalationPolicy, hook: OutsideService, ticket: Ticket, listener: Listener, pass_time: PassTime
) -> None:
    policy.outside.add(hook)
    run_pass("test")
    listener.replies["/hook"] = (503, {"error": "deploying"})
    until_the_third_round(pass_time)
    row = PageDelivery.objects.get(outside=hook)
    assert (row.state, row.error) == ("pending", 'answered 503: {"error": "deploying"}')
    for _ in range(3):
        PageDelivery.objects.filter(pk=row.pk).update(retry_at=None)
        run_pass("test")
    row.refresh_from_db()
    assert (row.state, row.attempt) == ("failed", 4)
    listener.replies["/hook"] = (200, {})
    pass_time(15)
    assert PageDelivery.objects.filter(outside=hook, state="accepted").count() == 1
    hook.refresh_from_db()
    assert hook.disabled_at is None


def test_a_disabled_service_is_passed_over(
    third_round: EscalationPolicy, page: Page, listener: Listener, pass_time: PassTime, duty: OutsideService
) -> None:
    OutsideService.objects.filter(pk=duty.pk).update(disabled_at=clock.now())
    until_the_third_round(pass_time)
    assert told(listener) == ["page.triggered"]


# --- Which policy ----------------------------------------------------------------------------------------------------


@pytest.fixture
def other(policy: EscalationPolicy, chi: User) -> EscalationPolicy:
    made = EscalationPolicy.objects.create(name="Other", active_from=policy.active_from)
    PolicyStep.objects.create(policy=made, position=1, delay_minutes=0, everybody=True)
    return made


def paged_by(requester: User, **fields: Any) -> str:
    ticket = factories.open_ticket(requester, **fields)
    run_pass("test")
    page = Page.objects.get(ticket=ticket)
    return page.policy.name if page.policy else ""


@pytest.mark.parametrize(
    ("choice", "fits"),
    [
        ({"plan": "premier"}, True),
        ({"plan": "enterprise"}, False),
        ({"priority": Priority.URGENT}, True),
        ({"priority": Priority.HIGH}, False),
        ({"team": "theirs"}, True),
        ({"team": "another"}, False),
        ({"plan": "premier", "priority": Priority.URGENT, "team": "theirs"}, True),
        ({"plan": "premier", "priority": Priority.HIGH, "team": "theirs"}, False),
        ({}, True),
    ],
)
def test_a_choice_is_by_plan_priority_and_team(
    other: EscalationPolicy, policy: EscalationPolicy, rita: User, choice: dict[str, Any], fits: bool
) -> None:
    teams = {
        "theirs": Team.objects.get(gets_new_tickets=True),
        "another": Team.objects.create(name="Another", slug="another"),
    }
    if plan := choice.get("plan"):
        choice = {**choice, "plan": SupportPlan.objects.get(slug=plan)}
    if team := choice.get("team"):
        choice = {**choice, "team": teams[team]}
    PolicyChoice.objects.create(position=1, policy=other, **choice)
    assert paged_by(rita, priority=Priority.URGENT) == ("Other" if fits else policy.name)


def test_the_first_choice_that_fits_holds(
    other: EscalationPolicy, policy: EscalationPolicy, rita: User, northwind: Organization
) -> None:
    PolicyChoice.objects.create(position=2, policy=other)
    PolicyChoice.objects.create(position=1, policy=policy, priority=Priority.URGENT)
    assert paged_by(rita, priority=Priority.URGENT) == policy.name
    assert paged_by(rita, priority=Priority.HIGH) == "Other"
