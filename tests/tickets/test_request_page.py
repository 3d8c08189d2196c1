"""One request as its customer sees it."""

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client

from accounts.models import Membership, User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.forms import without_tokens
from tickets import actions
from tickets.models import Message, Priority, SlaClock, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita)


def page_of(browser: Client, ticket: Ticket, query: str = "") -> str:
    answer = browser.get(f"/requests/{ticket.number}/{query}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_says_who_owes_whom_what(rita: User, bo: User, ticket: Ticket, client_of: ClientOf) -> None:
    browser = client_of(rita)
    page = page_of(browser, ticket)
    assert "We owe you a first answer by <time " in page
    assert f'<a class="link small" href="/requests/{ticket.number}/promises/">How this came about</a>' in page
    how = f'href="/requests/{ticket.number}/promises/">How this came about</a>'
    actions.answer(ticket, by=bo, body="Which version?", submit_as=Status.PENDING, at=clock.now())
    assert how in page_of(browser, ticket)
    assert "We asked you something and wait for your answer." in page_of(browser, ticket)
    actions.reply(ticket, by=rita, body="10.5.2", at=clock.now())
    assert "You wrote last: we owe you a reply by " in page_of(browser, ticket)
    actions.answer(ticket, by=bo, body="Thank you", submit_as=Status.OPEN, at=clock.now())
    assert "We are working on it. Nothing is needed from you now." in page_of(browser, ticket)
    actions.solve(ticket, by=bo, at=clock.now())
    assert "Solved. If it isn&#x27;t, reopen this request or just reply." in page_of(browser, ticket)
    actions.close_solved(ticket.pk, now=clock.now() + timedelta(hours=49))
    page = page_of(browser, ticket)
    assert "Closed. A reply opens a follow-up request." in page
    assert how in page
    assert "This request was closed" in page


def test_it_names_what_is_really_owed_and_what_is_late(
    rita: User, bo: User, client_of: ClientOf, move_clock: Callable[[timedelta], object]
) -> None:
    """The next deadline may be another promise's than that which the customer waits for."""
    targets = {
        ("next_reply", 1): (600, "clock"),
        ("regular_update", 1): (240, "clock"),
        ("resolution", 1): (900, "clock"),
    }
    factories.promise("premier", targets)
    ticket = factories.open_ticket(rita, priority=Priority.URGENT)
    browser = client_of(rita)

    def line() -> str:
        words = page_of(browser, ticket).split('id="standing"')[1].split("</p>")[0]
        return re.sub(r"[\d:]{5}|(Mon|Tue|Wed|Thu|Fri|Sat|Sun) ", "", re.sub(r"<[^>]*>", "", words)).partition("We")[2]

    assert line() == " owe you a first answer and a solution by . How this came about"
    actions.answer(ticket, by=bo, body="Hm", submit_as=Status.OPEN, at=clock.now())
    assert line() == " are working on it and owe you news by  and a solution by . How this came about"
    actions.reply(ticket, by=rita, body="And?", at=clock.now())
    page = page_of(browser, ticket)
    assert re.search(r"You wrote last: we owe you news by <.*>, a reply by <.*> and a solution by <", page)
    asks = {"seen": page.split("?seen=")[1].split('"')[0]}
    assert browser.get(f"/requests/{ticket.number}/", asks, headers={"HX-Request": "true"}).status_code == 204
    move_clock(timedelta(hours=5))
    assert "You wrote last: we owe you news, overdue since <time" in page_of(browser, ticket)
    assert browser.get(f"/requests/{ticket.number}/", asks, headers={"HX-Request": "true"}).status_code == 200


def test_where_nothing_was_ever_promised_there_is_nothing_to_explain(rita: User, client_of: ClientOf) -> None:
    ticket = factories.open_ticket(rita)
    SlaClock.objects.filter(ticket=ticket).delete()
    Ticket.objects.filter(pk=ticket.pk).update(next_due_at=None)
    page = page_of(client_of(rita), ticket)
    assert "We owe you a first answer." in page
    assert "How this came about" not in page


def test_the_open_page_learns_of_any_deadline_that_it_shows(
    rita: User, client_of: ClientOf, move_clock: Callable[[timedelta], object]
) -> None:
    """Also of those behind the earliest: that they change, and that they are late."""
    factories.promise("premier", {("first_reply", 1): (60, "clock"), ("resolution", 1): (240, "clock")})
    ticket = factories.open_ticket(rita, priority=Priority.URGENT)
    browser = client_of(rita)

    def told_after(change: Callable[[], object]) -> int:
        asks = {"seen": page_of(browser, ticket).split("?seen=")[1].split('"')[0]}
        change()
        return browser.get(f"/requests/{ticket.number}/", asks, headers={"HX-Request": "true"}).status_code

    later = SlaClock.objects.filter(ticket=ticket, promise="resolution")
    assert told_after(lambda: None) == 204
    assert told_after(lambda: later.update(due_at=F("due_at") + timedelta(minutes=10))) == 200
    assert told_after(lambda: move_clock(timedelta(minutes=90))) == 200
    assert told_after(lambda: move_clock(timedelta(minutes=30))) == 204
    assert told_after(lambda: move_clock(timedelta(minutes=180))) == 200


def test_only_what_may_be_done_now_is_offered(
    rita: User, fred: User, bo: User, ticket: Ticket, client_of: ClientOf
) -> None:
    page = page_of(client_of(rita), ticket)
    for label in ("Send reply", "Mark as solved", "Raise priority", "Add CC"):
        assert label in page
    assert ">Reopen<" not in page
    actions.add_cc(ticket, by=rita, addresses=[fred.email], at=clock.now())
    page = page_of(client_of(fred), ticket)
    assert "Send reply" in page
    for label in ("Mark as solved", "Raise priority", "Add CC", "Reopen"):
        assert label not in page
    actions.solve(ticket, by=bo, at=clock.now())
    page = page_of(client_of(rita), ticket)
    assert "Reopen" in page
    assert "Mark as solved" not in page
    assert "Raise priority" not in page


def test_an_urgent_request_can_not_be_raised(rita: User, client_of: ClientOf) -> None:
    ticket = factories.open_ticket(rita, priority=Priority.URGENT)
    assert "Raise priority" not in page_of(client_of(rita), ticket)


@pytest.mark.parametrize("person", ["rita", "mona", "tom"])
def test_s050_a_customer_sees_nothing_internal(
    rita: User,
    tom: User,
    bo: User,
    ann: User,
    ticket: Ticket,
    client_of: ClientOf,
    request: pytest.FixtureRequest,
    person: str,
) -> None:
    actions.add_cc(ticket, by=rita, addresses=[tom.email], at=clock.now())
    browser = client_of(request.getfixturevalue(person))
    actions.take(ticket, by=bo, at=clock.now())
    before = without_tokens(browser.get(f"/requests/{ticket.number}/"))
    order = browser.get("/requests/").content.decode().count("Open")
    actions.add_note(ticket, by=bo, body="Secret note", at=clock.now())
    actions.hold(ticket, by=bo, reason="Secret reason", at=clock.now())
    actions.assign(ticket, by=bo, to=ann, at=clock.now())
    actions.set_do_not_close(ticket, by=bo, to=True, at=clock.now())
    after = browser.get(f"/requests/{ticket.number}/")
    for secret in ("Secret", "On-hold", "on_hold", "Ann", bo.email, "do not close"):
        assert secret not in after.content.decode()
    assert _without_keys(without_tokens(after)) == _without_keys(before)
    assert browser.get("/requests/").content.decode().count("Open") == order


def _without_keys(page: str) -> str:
    import re

    return re.sub(r'name="key" value="[\w-]+"', "", page)


@pytest.mark.parametrize("name", ["tom", "sam", "fred", "pat"])
def test_s048_a_strangers_404_is_that_of_a_number_that_is_not_there(
    ticket: Ticket,
    client_of: ClientOf,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    browser = client_of(request.getfixturevalue(name))
    with caplog.at_level(logging.WARNING, "security"):
        theirs, unknown = browser.get(f"/requests/{ticket.number}/"), browser.get("/requests/999999/")
    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert without_tokens(theirs) == without_tokens(unknown)
    assert caplog.text.count("authz.denied") == 1


def test_who_is_removed_from_the_organisation_no_longer_sees_it(
    rita: User, ticket: Ticket, client_of: ClientOf
) -> None:
    browser = client_of(rita)
    Membership.objects.filter(user=rita).update(ended_at=clock.now())
    assert browser.get(f"/requests/{ticket.number}/").status_code == 404


def test_the_staff_is_led_to_the_workspace(ann: User, ticket: Ticket, client_of: ClientOf) -> None:
    assert client_of(ann).get(f"/requests/{ticket.number}/")["Location"] == f"/desk/tickets/{ticket.number}/"


def test_the_open_page_asks_for_news_and_gets_them_only_when_there_are_some(
    rita: User, bo: User, ticket: Ticket, client_of: ClientOf
) -> None:
    browser = client_of(rita)
    page = page_of(browser, ticket)
    address = page.partition('id="news" class="stack" hx-get="')[2].partition('"')[0]
    assert browser.get(address, headers={"HX-Request": "true"}).status_code == 204
    actions.add_note(ticket, by=bo, body="Secret note", at=clock.now())
    assert browser.get(address, headers={"HX-Request": "true"}).status_code == 204
    actions.answer(ticket, by=bo, body="Which version?", submit_as=Status.PENDING, at=clock.now())
    news = browser.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "Which version?" in news
    assert "<textarea" not in news


def test_a_long_conversation_begins_with_its_newest_messages(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    at = clock.now()
    Message.objects.bulk_create(
        Message(
            ticket=ticket,
            author=rita,
            is_public=True,
            from_staff=False,
            channel="portal",
            body=f"Message {number}.",
            body_html=f"<p>Message {number}.</p>",
            created_at=at + timedelta(minutes=number),
        )
        for number in range(120)
    )
    page = page_of(client_of(rita), ticket)
    assert "Message 119." in page
    assert "Message 3." not in page
    assert "Show the earlier messages" in page
    assert "Message 3." in page_of(client_of(rita), ticket, "?all=1")


def test_the_page_costs_the_same_number_of_queries_however_long_it_is(
    rita: User, bo: User, ticket: Ticket, client_of: ClientOf, count_queries: Callable[[], Any]
) -> None:
    browser, counts = client_of(rita), []
    for _ in range(2):
        for number in range(3):
            actions.answer(ticket, by=bo, body=f"{number}?", submit_as=Status.PENDING, at=clock.now())
            actions.reply(ticket, by=rita, body=f"{number}!", at=clock.now())
        clock.forget()  # its offset is read once a second, which is no matter of the page
        with count_queries() as queries:
            page_of(browser, ticket)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12


@pytest.mark.parametrize("number", ["99999999999999999999", "-1", "0", "1e5", "٣", "1%00"])
def test_s106_a_number_that_can_not_be_is_a_404(rita: User, client_of: ClientOf, number: str) -> None:
    for verb in ("", "reply/", "solve/"):
        assert client_of(rita).post(f"/requests/{number}/{verb}").status_code in {404, 405}
    assert client_of(rita).get(f"/requests/{number}/").status_code == 404
