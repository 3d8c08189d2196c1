"""Put aside for a while, with a reason: it rings again when the time is over, and not before."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations import actions
from escalations.models import Page, PageEvent
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests.at_once import at_once
from tickets import actions as ticket_actions
from tickets.models import Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
PassTime = Callable[[float], None]
Rung = Callable[[], list[str]]


def snooze(client: Client, page: Page, lasting: str = "30", reason: str = "On a call with them") -> Any:
    return client.post(f"/desk/pages/{page.pk}/snooze/", {"lasting": lasting, "reason": reason})


@pytest.fixture
def aside(page: Page, bo: User) -> Page:
    """bo has put it aside for half an hour."""
    actions.snooze(page, lasting=timedelta(minutes=30), reason="A call", by=bo, at=clock.now())
    page.refresh_from_db()
    return page


def test_it_stops_ringing_and_says_by_whom_why_and_until_when(page: Page, bo: User, client_of: ClientOf) -> None:
    answer = snooze(client_of(bo), page)
    assert (answer.status_code, answer["Location"]) == (303, page.get_absolute_url())
    html = client_of(bo).get(page.get_absolute_url()).content.decode()
    for words in ("Put aside by Bo", "On a call with them", "Rings again", "Bo put it aside: On a call with them"):
        assert words in html
    assert ">Acknowledge<" in html, "a colleague may take it"


def test_it_rings_again_when_the_time_is_over_and_not_before(aside: Page, rung: Rung, pass_time: PassTime) -> None:
    pass_time(29.9)
    assert rung() == ["bo"]
    pass_time(0.2)
    assert rung() == ["bo", "bo"]
    aside.refresh_from_db()
    assert (aside.is_ringing, aside.episode) == (True, 2)
    assert PageEvent.objects.get(kind="expired").data["snoozed"] is True


def test_it_rings_again_even_if_somebody_works_on_the_ticket(
    aside: Page, ticket: Ticket, bo: User, ann: User, rung: Rung, pass_time: PassTime
) -> None:
    clock.move(timedelta(minutes=1))
    ticket_actions.assign(ticket, by=bo, to=ann, at=clock.now())
    ticket_actions.add_note(ticket, by=ann, body="Looking.", at=clock.now())
    pass_time(29.1)
    assert rung() == ["bo", "bo"]


def test_an_answer_ends_it_before_its_time(
    aside: Page, ticket: Ticket, bo: User, rung: Rung, pass_time: PassTime
) -> None:
    clock.move(timedelta(minutes=1))
    ticket_actions.answer(ticket, by=bo, body="Try again.", submit_as=Status.OPEN, at=clock.now())
    pass_time(31)
    assert rung() == ["bo"]
    aside.refresh_from_db()
    assert aside.state == Page.State.ENDED


def test_it_takes_no_ticket(aside: Page, ticket: Ticket) -> None:
    before = ticket.assignee_id
    ticket.refresh_from_db()
    assert ticket.assignee_id == before
    assert not PageEvent.objects.filter(kind="acknowledged").exists()


def test_an_acknowledged_page_can_be_put_aside_and_one_put_aside_again(
    page: Page, bo: User, rung: Rung, pass_time: PassTime
) -> None:
    actions.acknowledge(page, by=bo, at=clock.now())
    for _ in range(2):
        actions.snooze(page, lasting=timedelta(hours=1), reason="Later", by=bo, at=clock.now())
        pass_time(50)
    assert rung() == ["bo"]
    pass_time(10.1)
    assert rung() == ["bo", "bo"]


def test_who_acknowledges_it_meanwhile_has_it(aside: Page, ann: User, client_of: ClientOf) -> None:
    answer = client_of(ann).post(f"/desk/pages/{aside.pk}/acknowledge/")
    assert answer.status_code == 303
    aside.refresh_from_db()
    assert (aside.is_acknowledged, aside.acknowledged_by) == (True, ann)


def test_escalating_it_rings_at_once(aside: Page, ann: User, client_of: ClientOf, rung: Rung) -> None:
    client_of(ann).post(f"/desk/pages/{aside.pk}/escalate/")
    run_pass("test")
    assert rung() == ["bo", "ann", "lea"]


@pytest.mark.parametrize(
    ("priority", "longest"), [(Priority.URGENT, timedelta(hours=2)), (Priority.HIGH, timedelta(hours=8))]
)
def test_the_urgency_caps_how_long(page: Page, bo: User, priority: Priority, longest: timedelta) -> None:
    Ticket.objects.update(priority=priority)
    run_pass("test")
    with pytest.raises(Invalid) as refusal:
        actions.snooze(page, lasting=longest + timedelta(seconds=1), reason="x", by=bo, at=clock.now())
    assert refusal.value.field == "lasting"
    actions.snooze(page, lasting=longest, reason="x", by=bo, at=clock.now())


def test_the_form_offers_what_the_urgency_permits(page: Page, bo: User, client_of: ClientOf) -> None:
    address = f"/desk/pages/{page.pk}/snooze/"
    html = client_of(bo).get(address).content.decode()
    assert 'value="120"' in html
    assert 'value="240"' not in html
    Ticket.objects.update(priority=Priority.HIGH)
    run_pass("test")
    assert 'value="480"' in client_of(bo).get(address).content.decode()


@pytest.mark.parametrize(
    ("lasting", "reason", "sentence"),
    [
        ("", "kept words", "Choose how long."),
        ("x", "kept words", "Choose how long."),
        ("0", "kept words", "at most"),
        ("-5", "kept words", "at most"),
        ("121", "kept words", "Urgent can be put aside for 2 hours at most."),
        ("9" * 30, "kept words", "at most"),
        ("30", "", "Say why"),
        ("30", " ", "Say why"),
        ("30", "y" * 301, "at most 300 characters"),
    ],
)
def test_what_cannot_be_taken_stands_beside_its_field(
    page: Page, bo: User, client_of: ClientOf, lasting: str, reason: str, sentence: str
) -> None:
    answer = snooze(client_of(bo), page, lasting, reason)
    html = answer.content.decode()
    assert answer.status_code == 400
    assert sentence in html
    assert reason.strip() in html
    if lasting == "30":
        assert re.search(r'value="30"[^>]*checked', html)
    page.refresh_from_db()
    assert page.is_ringing


def test_a_page_that_is_over_cannot_be_put_aside(page: Page, rita: User, bo: User, client_of: ClientOf) -> None:
    ticket_actions.mark_solved(page.ticket, by=rita, at=clock.now())
    run_pass("test")
    answer = snooze(client_of(bo), page)
    assert answer.status_code == 409
    assert "This page is over" in answer.content.decode()
    assert "On a call with them" in answer.content.decode()


@pytest.mark.parametrize("who", ["rita", "sam", "pat"])
def test_others_may_not(page: Page, client_of: ClientOf, request: Any, who: str) -> None:
    person = request.getfixturevalue(who)
    assert snooze(client_of(person), page).status_code == 404
    with pytest.raises(NotAllowed):
        actions.snooze(page, lasting=timedelta(minutes=5), reason="x", by=person, at=clock.now())


def test_a_forged_post_and_a_look_at_the_form_change_nothing(page: Page, bo: User, client_of: ClientOf) -> None:
    client_of(bo).get(f"/desk/pages/{page.pk}/snooze/?lasting=30&reason=x")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(bo)
    assert snooze(browser, page).status_code == 403
    page.refresh_from_db()
    assert page.is_ringing


def test_a_test_is_answered_instead(page: Page, bo: User) -> None:
    trial = actions.page_me(bo.contact_methods.get(kind="sms"), by=bo, at=clock.now())
    with pytest.raises(Conflict):
        actions.snooze(trial, lasting=timedelta(minutes=5), reason="x", by=bo, at=clock.now())


@pytest.mark.django_db(transaction=True)
def test_putting_aside_against_acknowledging_ends_in_one_of_the_two(page: Page, bo: User, ann: User) -> None:
    now = clock.now()
    at_once(
        lambda: actions.snooze(page, lasting=timedelta(minutes=5), reason="x", by=bo, at=now),
        lambda: actions.acknowledge(page, by=ann, at=now),
    )
    page.refresh_from_db()
    assert page.state in Page.HELD
    assert page.next_action_at is None
    assert not page.deliveries.filter(state="pending", purpose="page").exists()
