"""*Mark as solved*, *Reopen* and *Raise priority* on the customer's side."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tickets import actions
from tickets.models import EventKind, Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita)


def post(browser: Client, ticket: Ticket, verb: str, **form: object) -> object:
    return browser.post(f"/requests/{ticket.number}/{verb}/", form)


def close(ticket: Ticket, bo: User) -> None:
    actions.solve(ticket, by=bo, at=clock.now())
    actions.close_solved(ticket.pk, now=clock.now() + timedelta(hours=49))


def test_the_requester_marks_as_solved_and_may_take_it_back(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    browser = client_of(rita)
    answer = post(browser, ticket, "solve")
    ticket.refresh_from_db()
    assert (answer.status_code, ticket.status) == (303, Status.SOLVED)
    page = browser.get(answer["Location"]).content.decode()
    assert f'action="/requests/{ticket.number}/reopen/"><input type="hidden" name="csrfmiddlewaretoken"' in page
    assert "You marked this request as solved" in page
    assert "Mark as solved" not in page
    post(browser, ticket, "reopen")
    ticket.refresh_from_db()
    assert ticket.status == Status.OPEN
    assert ticket.waiting_since is not None
    assert "You reopened this request" in browser.get(answer["Location"]).content.decode()


def test_what_is_on_hold_inside_can_be_marked_as_solved(
    rita: User, bo: User, ticket: Ticket, client_of: ClientOf
) -> None:
    actions.take(ticket, by=bo, at=clock.now())
    actions.hold(ticket, by=bo, reason="engineering", at=clock.now())
    assert "Mark as solved" in client_of(rita).get(f"/requests/{ticket.number}/").content.decode()
    assert post(client_of(rita), ticket, "solve").status_code == 303


@pytest.mark.parametrize("verb", ["solve", "reopen"])
def test_solving_twice_and_reopening_what_is_open_is_refused_in_place(
    rita: User, ticket: Ticket, client_of: ClientOf, verb: str
) -> None:
    if verb == "solve":
        post(client_of(rita), ticket, "solve")
    answer = post(client_of(rita), ticket, verb)
    assert answer.status_code == 409
    assert "so this can&#x27;t be done." in answer.content.decode()


def test_a_closed_request_is_neither_solved_nor_reopened_nor_raised(
    rita: User, bo: User, ticket: Ticket, client_of: ClientOf
) -> None:
    close(ticket, bo)
    page = client_of(rita).get(f"/requests/{ticket.number}/").content.decode()
    for label in ("Mark as solved", "Reopen", "Raise priority"):
        assert label not in page
    for verb in ("solve", "reopen"):
        assert post(client_of(rita), ticket, verb).status_code == 409
    assert post(client_of(rita), ticket, "raise-priority", priority="1", reason="Now all").status_code == 409
    ticket.refresh_from_db()
    assert ticket.status == Status.CLOSED


def test_the_manager_may_all_of_it(mona: User, ticket: Ticket, client_of: ClientOf) -> None:
    browser = client_of(mona)
    assert post(browser, ticket, "raise-priority", priority="2", reason="Spreading").status_code == 303
    assert post(browser, ticket, "solve").status_code == 303
    assert post(browser, ticket, "reopen").status_code == 303


def test_who_is_copied_in_may_reply_but_none_of_this(
    rita: User, tom: User, ticket: Ticket, client_of: ClientOf
) -> None:
    actions.add_cc(ticket, by=rita, addresses=[tom.email], at=clock.now())
    page = client_of(tom).get(f"/requests/{ticket.number}/").content.decode()
    for label in ("Mark as solved", "Reopen", "Raise priority"):
        assert label not in page
    assert "Send reply" in page
    assert post(client_of(tom), ticket, "solve").status_code == 403
    assert post(client_of(tom), ticket, "raise-priority", priority="1", reason="Now all").status_code == 403
    post(client_of(rita), ticket, "solve")
    assert post(client_of(tom), ticket, "reopen").status_code == 403


@pytest.mark.parametrize("name", ["tom", "sam", "fred", "pat"])
@pytest.mark.parametrize("verb", ["solve", "reopen", "raise-priority"])
def test_nobody_else_finds_the_request(
    ticket: Ticket, client_of: ClientOf, request: pytest.FixtureRequest, name: str, verb: str
) -> None:
    answer = post(client_of(request.getfixturevalue(name)), ticket, verb, priority="1", reason="Mine?")
    assert answer.status_code == 404
    assert ticket.events.count() == 1


@pytest.mark.parametrize("name", ["ann", "sven"])
@pytest.mark.parametrize("verb", ["solve", "raise-priority"])
def test_the_staff_does_not_act_as_a_customer(
    ticket: Ticket, client_of: ClientOf, request: pytest.FixtureRequest, name: str, verb: str
) -> None:
    answer = post(client_of(request.getfixturevalue(name)), ticket, verb, priority="1", reason="Mine?")
    assert answer.status_code == 404


def test_only_higher_priorities_are_offered_and_a_reason_is_told(
    rita: User, ticket: Ticket, client_of: ClientOf
) -> None:
    browser = client_of(rita)
    page = browser.get(f"/requests/{ticket.number}/").content.decode()
    options = page.partition('id="raise_priority"')[2].partition("</select>")[0]
    assert "Urgent" in options
    assert "High" in options
    assert "Normal" not in options
    answer = post(browser, ticket, "raise-priority", priority="1", reason="Everybody now <b>")
    ticket.refresh_from_db()
    assert (answer.status_code, ticket.priority) == (303, Priority.URGENT)
    assert ticket.raised_at is not None
    page = browser.get(answer["Location"]).content.decode()
    assert "You raised the priority to Urgent: “Everybody now &lt;b&gt;”" in page
    assert "Raise priority" not in page


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"priority": "1", "reason": " "}, "Please say why this has become more pressing."),
        ({"priority": "1", "reason": "x" * 501}, "Please say it in 500 characters."),
        ({"priority": "4", "reason": "Less"}, "Choose a higher priority."),
        ({"priority": "3", "reason": "Same"}, "Choose a higher priority."),
        ({"priority": "", "reason": "None"}, "Please choose a priority."),
        ({"priority": "1", "reason": "nul \x00"}, "Null characters are not allowed."),
    ],
)
def test_what_is_wrong_with_raising_stands_beside_its_field(
    rita: User, ticket: Ticket, client_of: ClientOf, form: dict[str, str], sentence: str
) -> None:
    answer = post(client_of(rita), ticket, "raise-priority", **form)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    ticket.refresh_from_db()
    assert ticket.priority == Priority.NORMAL


def test_raising_what_a_colleague_has_raised_meanwhile_says_so(
    rita: User, mona: User, ticket: Ticket, client_of: ClientOf
) -> None:
    stale = client_of(rita)
    actions.raise_priority(ticket, by=mona, to=Priority.URGENT, reason="All", at=clock.now())
    answer = post(stale, ticket, "raise-priority", priority="1", reason="All")
    assert answer.status_code in {400, 409}
    assert ticket.events.filter(kind=EventKind.PRIORITY_CHANGED).count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("verb", ["solve", "raise-priority"])
def test_done_twice_at_once_is_done_once(rita: User, client_of: ClientOf, verb: str) -> None:
    ticket = factories.open_ticket(rita)
    codes = []
    browsers = [client_of(rita) for _ in range(3)]

    def act(browser: Client) -> None:
        try:
            codes.append(post(browser, ticket, verb, priority="1", reason="All").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes.count(303) == 1
    assert set(codes) <= {303, 400, 409}
    assert ticket.events.count() == 2


@pytest.mark.parametrize("verb", ["reply", "solve", "reopen", "raise-priority", "cc"])
def test_nothing_is_changed_by_following_a_link(rita: User, ticket: Ticket, client_of: ClientOf, verb: str) -> None:
    assert client_of(rita).get(f"/requests/{ticket.number}/{verb}/").status_code == 405
