"""Copying people in, and taking them off."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tickets import actions
from tickets.models import Participant, Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita)


def add(browser: Client, ticket: Ticket, addresses: str) -> object:
    return browser.post(f"/requests/{ticket.number}/cc/", {"cc": addresses})


def remove(browser: Client, ticket: Ticket, copy: Participant) -> object:
    return browser.post(f"/requests/{ticket.number}/cc/{copy.pk}/remove/")


def current(ticket: Ticket) -> list[str]:
    return [copy.email for copy in Participant.objects.current().filter(ticket=ticket)]


def test_people_are_added_and_those_with_an_account_see_the_request(
    rita: User, tom: User, ticket: Ticket, client_of: ClientOf
) -> None:
    assert client_of(tom).get(f"/requests/{ticket.number}/").status_code == 404
    answer = add(client_of(rita), ticket, "Tom@Northwind.example; ext@partner.example")
    assert answer.status_code == 303
    assert current(ticket) == [tom.email, "ext@partner.example"]
    page = client_of(tom).get(f"/requests/{ticket.number}/").content.decode()
    assert "ext@partner.example" in page
    listed = client_of(tom).get("/requests/?of=copy").content.decode()
    assert listed.count(f'href="/requests/{ticket.number}/"') == 1


def test_the_requester_and_who_is_there_already_are_passed_over(
    rita: User, ticket: Ticket, client_of: ClientOf
) -> None:
    add(client_of(rita), ticket, "ext@partner.example")
    answer = add(client_of(rita), ticket, f"ext@partner.example, {rita.email}")
    assert answer.status_code == 303
    assert current(ticket) == ["ext@partner.example"]


def test_taken_off_is_gone_and_can_be_undone(rita: User, tom: User, ticket: Ticket, client_of: ClientOf) -> None:
    add(client_of(rita), ticket, tom.email)
    copy = Participant.objects.get()
    browser = client_of(rita)
    assert remove(browser, ticket, copy).status_code == 303
    assert remove(browser, ticket, copy).status_code == 303
    assert current(ticket) == []
    assert f'name="cc" value="{tom.email}"' in browser.get(f"/requests/{ticket.number}/").content.decode()
    assert client_of(tom).get(f"/requests/{ticket.number}/").status_code == 404
    assert ticket.events.filter(kind="cc_removed").count() == 1


def test_people_may_leave_themselves(rita: User, fred: User, ticket: Ticket, client_of: ClientOf) -> None:
    add(client_of(rita), ticket, fred.email)
    page = client_of(fred).get(f"/requests/{ticket.number}/").content.decode()
    assert "Leave this request" in page
    assert "Add CC" not in page
    answer = remove(client_of(fred), ticket, Participant.objects.get())
    assert (answer.status_code, answer["Location"]) == (303, "/requests/")


def test_a_copy_from_outside_may_not_bring_in_or_remove_others(
    rita: User, fred: User, ticket: Ticket, client_of: ClientOf
) -> None:
    add(client_of(rita), ticket, f"{fred.email} ext@partner.example")
    assert add(client_of(fred), ticket, "evil@partner.example").status_code == 403
    other = Participant.objects.get(email="ext@partner.example")
    assert remove(client_of(fred), ticket, other).status_code == 403
    assert len(current(ticket)) == 2


@pytest.mark.parametrize("name", ["tom", "sam", "fred"])
def test_nobody_else_finds_the_request(
    rita: User, ticket: Ticket, client_of: ClientOf, request: pytest.FixtureRequest, name: str
) -> None:
    actions.add_cc(ticket, by=rita, addresses=["ext@partner.example"], at=clock.now())
    browser = client_of(request.getfixturevalue(name))
    assert add(browser, ticket, "evil@partner.example").status_code == 404
    assert remove(browser, ticket, Participant.objects.get()).status_code == 404
    assert current(ticket) == ["ext@partner.example"]


def test_a_participant_of_another_request_is_not_reached_through_ones_own(
    rita: User, sam: User, ticket: Ticket, client_of: ClientOf
) -> None:
    foreign = factories.open_ticket(sam, cc=["ext@partner.example"])
    assert remove(client_of(rita), ticket, foreign.participants.get()).status_code == 404
    assert current(foreign) == ["ext@partner.example"]


@pytest.mark.parametrize(
    ("addresses", "sentence"),
    [
        ("", "Please give an e-mail address."),
        ("not-an-address", "is not an e-mail address."),
        ("x@evil.example\r\nBcc: y@evil.example", "is not an e-mail address."),
        ("support@desk.example", "Our own address can&#x27;t be copied in."),
        ("a\x00@partner.example", "Null characters are not allowed."),
    ],
)
def test_bad_addresses_are_said_beside_the_field_and_kept(
    rita: User, ticket: Ticket, client_of: ClientOf, addresses: str, sentence: str
) -> None:
    answer = add(client_of(rita), ticket, addresses)
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert current(ticket) == []


@pytest.mark.parametrize("more", [1, 5, 190])
def test_s013_never_more_than_ten(rita: User, ticket: Ticket, client_of: ClientOf, more: int) -> None:
    add(client_of(rita), ticket, " ".join(f"p{number}@partner.example" for number in range(10)))
    assert len(current(ticket)) == 10
    answer = add(client_of(rita), ticket, " ".join(f"q{number}@partner.example" for number in range(more)))
    assert answer.status_code == 400
    assert "At most 10 addresses in CC." in answer.content.decode()
    assert len(current(ticket)) == 10


@pytest.mark.parametrize("typed", ["a", "an", "tom"])
def test_s052_nothing_completes_addresses_and_no_page_shows_those_of_the_staff(
    rita: User, bo: User, ticket: Ticket, client_of: ClientOf, typed: str
) -> None:
    actions.answer(ticket, by=bo, body="Hello", submit_as=ticket.state.OPEN, at=clock.now())
    browser = client_of(rita)
    for path in ("/api/v1/users/", "/users/", f"/requests/{ticket.number}/cc/"):
        assert browser.get(path, {"q": typed}).status_code in {404, 405}
    assert bo.email not in browser.get(f"/requests/{ticket.number}/").content.decode()
