"""Two agents in the same moment, each on a connection of their own."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from tests import factories
from tests.tickets.desk.page import fresh, hidden
from tickets.models import EventKind, Ticket

pytestmark = pytest.mark.django_db(transaction=True)
ClientOf = Callable[[User], Client]


def together(*requests: Callable[[], int]) -> list[int]:
    """Their statuses, ascending."""
    start, statuses = threading.Barrier(len(requests)), [0] * len(requests)

    def run(number: int, request: Callable[[], int]) -> None:
        start.wait()
        try:
            statuses[number] = request()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(requests)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return sorted(statuses)


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita)


def send(browser: Client, ticket: Ticket, verb: str, **form: str) -> Callable[[], int]:
    address = f"/desk/tickets/{ticket.number}/"
    filled = {**hidden(browser.get(address), verb), **form}
    return lambda: browser.post(f"{address}{verb}", filled).status_code


def test_one_takes_it_and_the_other_is_told(ticket: Ticket, ann: User, bo: User, client_of: ClientOf) -> None:
    assert together(*[send(client_of(agent), ticket, "take/") for agent in (ann, bo)]) == [303, 409]
    assert fresh(ticket).assignee in {ann, bo}
    assert ticket.events.filter(kind=EventKind.ASSIGNED).count() == 1


def test_one_answers_and_the_other_is_told(ticket: Ticket, ann: User, bo: User, client_of: ClientOf) -> None:
    answers = [send(client_of(agent), ticket, "reply/", body=f"By {agent}", submit_as="pending") for agent in (ann, bo)]
    assert together(*answers) == [303, 409]
    assert ticket.messages.count() == 2


def test_s089_one_form_sent_by_two_clicks_is_one_reply(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    click = send(client_of(bo), ticket, "reply/", body="Once", submit_as="open")
    assert together(click, click, click) == [303] * 3
    assert ticket.messages.count() == 2
    assert ticket.events.filter(kind=EventKind.ANSWERED).count() == 1


def test_of_two_who_edit_the_same_field_one_is_told(ticket: Ticket, ann: User, bo: User, client_of: ClientOf) -> None:
    edits = []
    for agent, priority in ((ann, "1"), (bo, "4")):
        browser = client_of(agent)
        seen = {"seen_priority": "3", "priority": priority}
        edits.append(
            lambda browser=browser, seen=seen: browser.post(f"/desk/tickets/{ticket.number}/fields/", seen).status_code
        )
    assert together(*edits) == [303, 409]
    assert ticket.events.filter(kind=EventKind.PRIORITY_CHANGED).count() == 1
