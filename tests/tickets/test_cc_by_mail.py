"""People whom a mail was copied to: colleagues at once, everybody else once somebody confirms it (S004)."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Membership, User
from supportdesk.lib import clock
from supportdesk.lib.errors import Invalid
from tests import factories
from tests.at_once import at_once
from tickets import actions, notifications
from tickets.models import OutgoingMail, Participant, Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
OUTSIDER = "outsider@other.example"


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita)


def propose(ticket: Ticket, by: User, *addresses: str) -> tuple[list[str], list[str]]:
    copied, waiting = actions.propose_cc(ticket, addresses, by=by, at=clock.now())
    return [copy.email for copy in copied], [copy.email for copy in waiting]


def current(ticket: Ticket) -> list[str]:
    return [copy.email for copy in Participant.objects.current().filter(ticket=ticket)]


def pending(ticket: Ticket) -> list[str]:
    return [copy.email for copy in Participant.objects.pending().filter(ticket=ticket)]


def test_s004_colleagues_are_copied_in_at_once_and_outsiders_wait(rita: User, tom: User, ticket: Ticket) -> None:
    assert propose(ticket, rita, "Tom@Northwind.example", OUTSIDER) == ([tom.email], [OUTSIDER])
    assert (current(ticket), pending(ticket)) == ([tom.email], [OUTSIDER])
    kinds = [(event.kind, event.data["email"]) for event in ticket.events.filter(kind__startswith="cc_")]
    assert kinds == [("cc_added", tom.email), ("cc_proposed", OUTSIDER)]


def test_s004_who_may_not_add_people_vouches_for_nobody(rita: User, tom: User, fred: User, ticket: Ticket) -> None:
    actions.add_cc(ticket, by=rita, addresses=[fred.email], at=clock.now())
    assert propose(ticket, fred, tom.email, OUTSIDER) == ([], [tom.email, OUTSIDER])


def test_s004_somebody_who_has_left_is_no_colleague(rita: User, tom: User, ticket: Ticket) -> None:
    Membership.objects.filter(user=tom).update(ended_at=clock.now())
    assert propose(ticket, rita, tom.email) == ([], [tom.email])


def test_s004_who_was_taken_off_comes_back_only_by_being_confirmed(rita: User, tom: User, ticket: Ticket) -> None:
    (copy,) = actions.add_cc(ticket, by=rita, addresses=[tom.email], at=clock.now())
    actions.remove_cc(copy, by=rita, at=clock.now())
    assert propose(ticket, rita, tom.email) == ([], [tom.email])
    assert current(ticket) == []


def test_what_is_nobody_or_there_already_is_passed_over(rita: User, ticket: Ticket) -> None:
    propose(ticket, rita, OUTSIDER)
    given = [
        OUTSIDER,
        rita.email,
        "not an address",
        "support@desk.example",
        "support+4-x@desk.example",
        OUTSIDER.upper(),
    ]
    assert propose(ticket, rita, *given) == ([], [])
    assert pending(ticket) == [OUTSIDER]


@pytest.mark.parametrize("number", [11, 500])
def test_s013_more_than_ten_are_none(rita: User, ticket: Ticket, number: int) -> None:
    assert propose(ticket, rita, *(f"p{count}@other.example" for count in range(number))) == ([], [])
    assert not Participant.objects.exists()
    assert len(propose(ticket, rita, *(f"p{count}@other.example" for count in range(10)))[1]) == 10
    assert propose(ticket, rita, OUTSIDER) == ([], [])


def test_a_closed_request_takes_nobody(rita: User, ticket: Ticket) -> None:
    Ticket.objects.update(status="closed")
    assert propose(ticket, rita, OUTSIDER) == ([], [])


@pytest.mark.django_db(transaction=True)
def test_the_same_mail_twice_at_once_proposes_once(rita: User, ticket: Ticket) -> None:
    results = at_once(*[lambda: propose(ticket, rita, OUTSIDER)] * 2)
    assert sorted(results) == [([], []), ([], [OUTSIDER])]
    assert pending(ticket) == [OUTSIDER]


# --- Confirming ----------------------------------------------------------------------------------------------------


def test_s004_confirmed_by_the_requester_they_get_what_comes_and_no_history(
    rita: User, bo: User, ticket: Ticket, client_of: ClientOf
) -> None:
    propose(ticket, rita, OUTSIDER)
    actions.answer(ticket, by=bo, body="Not for outsiders.", submit_as=ticket.state.OPEN, at=clock.now())
    copy = Participant.objects.get()
    browser = client_of(rita)
    page = browser.get(f"/requests/{ticket.number}/").content.decode()
    assert f"{OUTSIDER} was copied in by mail by Rita" in page
    assert browser.post(f"/requests/{ticket.number}/cc/{copy.pk}/confirm/").status_code == 303
    assert (current(ticket), pending(ticket)) == ([OUTSIDER], [])
    actions.answer(ticket, by=bo, body="For all.", submit_as=ticket.state.OPEN, at=clock.now())
    notifications.notify(now=clock.now())
    told = OutgoingMail.objects.filter(to_email=OUTSIDER)
    assert ["For all." in mail.text for mail in told] == [True]
    assert not any("Not for outsiders." in mail.text for mail in told)


def test_an_agent_confirms_or_removes_on_the_ticket(rita: User, ann: User, ticket: Ticket, client_of: ClientOf) -> None:
    propose(ticket, rita, OUTSIDER, "second@other.example")
    first, second = Participant.objects.order_by("pk")
    browser, here = client_of(ann), f"/desk/tickets/{ticket.number}/"
    page = browser.get(here).content.decode()
    assert f"{OUTSIDER} was copied in by mail by Rita" in page
    assert f"Rita copied {OUTSIDER} in by mail: to be confirmed" in page
    assert browser.post(f"{here}cc/{first.pk}/confirm/").status_code == 303
    assert browser.post(f"{here}cc/{first.pk}/confirm/").status_code == 303
    browser.post(f"{here}cc/{second.pk}/remove/")
    assert (current(ticket), pending(ticket)) == ([OUTSIDER], [])
    assert "Undo" not in browser.get(here).content.decode()
    assert ticket.events.filter(kind="cc_added").count() == 1
    refused = browser.post(f"{here}cc/{second.pk}/confirm/")
    assert refused.status_code == 409
    assert "was taken off meanwhile" in refused.content.decode()


def test_who_may_not_add_people_neither_sees_nor_confirms_who_waits(
    rita: User, fred: User, sam: User, ticket: Ticket, client_of: ClientOf
) -> None:
    actions.add_cc(ticket, by=rita, addresses=[fred.email], at=clock.now())
    propose(ticket, rita, OUTSIDER)
    copy = Participant.objects.pending().get()
    assert OUTSIDER not in client_of(fred).get(f"/requests/{ticket.number}/").content.decode().split("<aside")[1]
    assert client_of(fred).post(f"/requests/{ticket.number}/cc/{copy.pk}/confirm/").status_code == 403
    assert client_of(sam).post(f"/requests/{ticket.number}/cc/{copy.pk}/confirm/").status_code == 404
    foreign = factories.open_ticket(sam)
    assert client_of(sam).post(f"/requests/{foreign.number}/cc/{copy.pk}/confirm/").status_code == 404
    assert pending(ticket) == [OUTSIDER]


def test_s004_who_waits_sees_nothing_even_with_an_account(
    rita: User, sam: User, ticket: Ticket, client_of: ClientOf
) -> None:
    propose(ticket, rita, sam.email)
    assert client_of(sam).get(f"/requests/{ticket.number}/").status_code == 404
    actions.confirm_cc(Participant.objects.get(), by=rita, at=clock.now())
    assert client_of(sam).get(f"/requests/{ticket.number}/").status_code == 200


def test_adding_who_waits_by_hand_confirms_them_within_the_limit(rita: User, ticket: Ticket) -> None:
    propose(ticket, rita, OUTSIDER)
    actions.add_cc(ticket, by=rita, addresses=[f"p{count}@other.example" for count in range(10)], at=clock.now())
    for confirm in (
        lambda: actions.confirm_cc(Participant.objects.pending().get(), by=rita, at=clock.now()),
        lambda: actions.add_cc(ticket, by=rita, addresses=[OUTSIDER], at=clock.now()),
    ):
        with pytest.raises(Invalid, match="At most 10 addresses"):
            confirm()
    actions.remove_cc(Participant.objects.current().first(), by=rita, at=clock.now())
    actions.add_cc(ticket, by=rita, addresses=[OUTSIDER], at=clock.now())
    assert OUTSIDER in current(ticket)
    assert pending(ticket) == []


def test_the_api_lists_and_confirms_them(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    propose(ticket, rita, OUTSIDER)
    copy = Participant.objects.get()
    browser = client_of(rita)
    told = browser.get(f"/api/v1/tickets/{ticket.number}/").json()
    assert (told["cc"], told["cc_pending"]) == ([], [{"id": copy.pk, "email": OUTSIDER}])
    answer = browser.post(f"/api/v1/tickets/{ticket.number}/cc/{copy.pk}/confirm/")
    assert answer.status_code == 200
    assert (answer.json()["cc"], answer.json()["cc_pending"]) == ([OUTSIDER], [])
    assert browser.post(f"/api/v1/tickets/{ticket.number}/cc/999999/confirm/").status_code == 404
