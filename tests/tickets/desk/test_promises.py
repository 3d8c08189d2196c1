"""What a ticket is owed, beside it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.desk.page import text
from tickets import actions
from tickets.models import Priority, Ticket
from tickets.sla import sweep
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
MONDAY = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def card(browser: Client, ticket: Ticket) -> str:
    body = text(browser.get(f"/desk/tickets/{ticket.number}/"))
    return body.split(" Promises ")[1].split(" Assignee ")[0]


@pytest.fixture
def ticket(rita: User) -> Ticket:
    clock.move(MONDAY - clock.now())
    return factories.open_ticket(rita, at=MONDAY, priority=Priority.URGENT)


def test_it_counts_down_and_tells_what_was(ticket: Ticket, rita: User, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    clock.move(timedelta(minutes=17, seconds=30))
    said = card(browser, ticket)
    assert "First reply 42 m left 1 hour, due 16:00 Around the clock · How it came about" in said
    actions.answer(ticket, by=bo, body="Which?", submit_as=Status.PENDING, at=clock.now())
    said = card(browser, ticket)
    assert "Regular update 4 h left 4 hours Paused while we wait for the customer" in said
    assert "First reply met in 17 m" in said
    actions.reply(ticket, by=rita, body="This", at=clock.now())
    clock.move(timedelta(hours=3, seconds=20))
    said = card(browser, ticket)
    assert said.index("Next reply 1 h late") < said.index("Regular update 59 m left")
    actions.answer(ticket, by=bo, body="Thanks", submit_as=Status.SOLVED, at=clock.now())
    said = card(browser, ticket)
    assert "Nothing is owed at the moment." in said
    assert "Next reply broke 17:17" in said


def test_the_open_page_learns_of_a_breach(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    browser, poll = client_of(bo), {"HX-Request": "true", "HX-Target": "news"}
    page = browser.get(f"/desk/tickets/{ticket.number}/").content.decode()
    asks = page.split('id="news"')[1].split('hx-get="')[1].split('"')[0]
    clock.move(timedelta(minutes=1))
    assert browser.get(asks, headers=poll).status_code == 204
    clock.move(timedelta(minutes=60))
    sweep.act(now=clock.now())
    answer = browser.get(asks, headers=poll)
    assert answer.status_code == 200
    body = answer.content.decode()
    assert body.count('id="promises"') == 1
    assert 'id="promises" hx-swap-oob="true"' in body
    assert "1 m late" in body


def test_a_verb_answers_with_one_card(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    htmx = {"HX-Request": "true", "HX-Target": "rail"}
    answer = client_of(bo).post(f"/desk/tickets/{ticket.number}/take/", headers=htmx)
    assert answer.content.decode().count('id="promises"') == 1
