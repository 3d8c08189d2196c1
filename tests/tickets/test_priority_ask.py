"""How pressing is it? The customer's answer to it, by the link of a mail, in the portal and by the API."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.signing import Signer
from django.test import Client

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tests.at_once import at_once
from tickets import actions
from tickets.models import Channel, EventKind, Priority, SlaClock, Ticket
from tickets.priority_ask import link
from tickets.sla.promises import Promise

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


@pytest.fixture
def ticket(rita: User) -> Ticket:
    """What came by mail: nobody has said how pressing it is."""
    return unset(rita)


def unset(requester: User) -> Ticket:
    return actions.submit(
        requester,
        by=requester,
        organization=requester.memberships.get().organization,
        request=factories.request_of(priority=None, subject="Messages <b>vanish</b>"),
        channel=Channel.EMAIL,
        at=clock.now(),
    )


def path_of(ticket: Ticket, user: User, to: Priority | None = None) -> str:
    return link(ticket, user, to=to).removeprefix("http://testserver")


def priority_of(ticket: Ticket) -> int | None:
    return Ticket.objects.get(pk=ticket.pk).priority


def changes(ticket: Ticket) -> int:
    return ticket.events.filter(kind=EventKind.PRIORITY_CHANGED).count()


# --- By link -------------------------------------------------------------------------------------------------------


def test_the_link_shows_the_four_with_their_meanings_and_changes_nothing(ticket: Ticket, rita: User) -> None:
    answer = Client().get(path_of(ticket, rita))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert f"#{ticket.number}" in page
    assert "Messages &lt;b&gt;vanish&lt;/b&gt;" in page
    for priority in Priority:
        assert priority.meaning in page
    assert " checked" not in page
    assert (priority_of(ticket), changes(ticket)) == (None, 0)


def test_the_link_of_a_word_has_it_chosen_and_still_changes_nothing(ticket: Ticket, rita: User) -> None:
    page = Client().get(path_of(ticket, rita, Priority.URGENT)).content.decode()
    assert page.count(" checked") == 1
    assert 'name="priority" value="1" checked' in page
    assert (priority_of(ticket), changes(ticket)) == (None, 0)
    nonsense = Client().get(path_of(ticket, rita) + "?to=%00catastrophic")
    assert (nonsense.status_code, nonsense.content.count(b" checked")) == (200, 0)


def test_the_button_sets_it_and_says_that_somebody_is_paged(ticket: Ticket, rita: User) -> None:
    """From a fresh browser without a cookie, which sends no origin from such a page."""
    fresh = Client(enforce_csrf_checks=True, headers={"Origin": "null"})
    answer = fresh.post(path_of(ticket, rita), {"priority": "1"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "Thank you" in page
    assert "The on-call engineer is being paged." in page
    ticket.refresh_from_db()
    assert (ticket.priority, ticket.raised_at is not None) == (Priority.URGENT, True)
    event = ticket.events.get(kind=EventKind.PRIORITY_CHANGED)
    assert (event.actor, event.data["old"], event.data["new"]) == (rita, None, 1)


def test_the_first_replys_clock_follows_and_its_promise_is_told(sam: User) -> None:
    """Contoso is Enterprise, which doesn't page; without a priority it ran as High."""
    ticket = unset(sam)
    promised = SlaClock.objects.get(ticket=ticket, promise=Promise.FIRST_REPLY)
    assert promised.priority == Priority.HIGH
    page = Client().post(path_of(ticket, sam), {"priority": "1"}).content.decode()
    assert "You get a first reply by" in page
    assert "(2 hours" in page
    assert "paged" not in page
    former = promised.due_at
    promised.refresh_from_db()
    assert promised.priority == Priority.URGENT
    assert promised.due_at < former


def test_normal_pages_nobody(ticket: Ticket, rita: User) -> None:
    page = Client().post(path_of(ticket, rita), {"priority": "3"}).content.decode()
    assert "paged" not in page
    ticket.refresh_from_db()
    assert (ticket.priority, ticket.raised_at) == (Priority.NORMAL, None)


@pytest.mark.parametrize("given", ["", "5", "urgent", "1e0", "\x00"])
def test_what_is_no_choice_is_said_beside_the_field(ticket: Ticket, rita: User, given: str) -> None:
    answer = Client().post(path_of(ticket, rita), {"priority": given})
    assert answer.status_code == 400
    assert 'id="pressing_error"' in answer.content.decode()
    assert priority_of(ticket) is None


def test_set_already_it_says_which_and_stays(ticket: Ticket, rita: User, bo: User) -> None:
    actions.change_fields(ticket, by=bo, changes={"priority": Priority.HIGH}, at=clock.now())
    seen = Client().get(path_of(ticket, rita))
    assert seen.status_code == 200
    assert "has a priority already" in seen.content.decode()
    assert "High" in seen.content.decode()
    late = Client().post(path_of(ticket, rita), {"priority": "4"})
    assert late.status_code == 409
    assert "has a priority already" in late.content.decode()
    assert (priority_of(ticket), changes(ticket)) == (Priority.HIGH, 1)


def test_solved_before_anybody_said_it_is_too_late(ticket: Ticket, rita: User, bo: User) -> None:
    actions.solve(ticket, by=bo, at=clock.now())
    assert "This request is Solved now" in Client().get(path_of(ticket, rita)).content.decode()
    assert Client().post(path_of(ticket, rita), {"priority": "1"}).status_code == 409
    assert priority_of(ticket) is None


def test_the_link_is_good_for_seven_days(ticket: Ticket, rita: User, move_clock: Callable[[timedelta], object]) -> None:
    path = path_of(ticket, rita)
    move_clock(timedelta(days=6, hours=23))
    assert Client().get(path).status_code == 200
    move_clock(timedelta(hours=2))
    assert Client().get(path).status_code == 404
    assert Client().post(path, {"priority": "1"}).status_code == 404
    assert priority_of(ticket) is None


def test_s002_forged_links_are_nobodys_and_say_nothing(ticket: Ticket, rita: User, sam: User) -> None:
    """Ticket, person and key all count; a token of another ticket or for something else is none."""
    mine, foreign = path_of(ticket, rita), path_of(unset(sam), sam)
    body, signature = mine.rstrip("/").rsplit("/", 1)[1].rsplit(":", 1)
    foreign_body, foreign_signature = foreign.rstrip("/").rsplit("/", 1)[1].rsplit(":", 1)
    other_salt = Signer(salt="tickets.survey").sign_object([ticket.pk, rita.pk])
    unknown = Signer(salt="tickets.priority_ask").sign_object([10**9, rita.pk])
    tokens = [
        *(f"{body}:{foreign_signature}", f"{foreign_body}:{signature}", f"{body}:{signature[:-1]}", body),
        *(other_salt, unknown, "x", ":", "%FF%00", "ä:ß", "a" * 3000),
    ]
    pages = set()
    for token in tokens:
        for answer in (Client().get(f"/priority/{token}/"), Client().post(f"/priority/{token}/", {"priority": "1"})):
            assert answer.status_code == 404, token
            assert "Messages" not in answer.content.decode()
            pages.add(answer.headers["Referrer-Policy"])
    assert pages == {"no-referrer"}
    assert priority_of(ticket) is None


def test_a_colleagues_link_acts_only_for_who_may(ticket: Ticket, rita: User, tom: User, mona: User) -> None:
    """In copy one sees the request but doesn't say how pressing it is; the manager does."""
    actions.add_cc(ticket, by=rita, addresses=[tom.email], at=clock.now())
    assert Client().get(path_of(ticket, tom)).status_code == 404
    assert Client().post(path_of(ticket, tom), {"priority": "1"}).status_code == 404
    assert Client().post(path_of(ticket, mona), {"priority": "2"}).status_code == 200
    assert ticket.events.get(kind=EventKind.PRIORITY_CHANGED).actor == mona


def test_s054_who_was_shut_out_has_no_link_any_more(ticket: Ticket, rita: User, mona: User) -> None:
    path = path_of(ticket, rita)
    membership = rita.memberships.get()
    membership.ended_at = clock.now()
    membership.save(update_fields=["ended_at"])
    assert Client().post(path, {"priority": "1"}).status_code == 404
    User.objects.filter(pk=mona.pk).update(is_active=False)
    assert Client().post(path_of(ticket, mona), {"priority": "1"}).status_code == 404
    assert priority_of(ticket) is None


def test_the_address_is_not_handed_on(ticket: Ticket, rita: User) -> None:
    for answer in (Client().get(path_of(ticket, rita)), Client().post(path_of(ticket, rita), {"priority": "4"})):
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert "no-store" in answer.headers["Cache-Control"]
    assert Client().put(path_of(ticket, rita)).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_two_at_once_set_it_once(rita: User) -> None:
    ticket = unset(rita)
    path = path_of(ticket, rita)
    answers = at_once(*(lambda to=to: Client().post(path, {"priority": to}) for to in ("1", "2", "4")))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert changes(ticket) == 1


# --- In the portal -------------------------------------------------------------------------------------------------


def test_in_the_portal_the_same_is_asked(ticket: Ticket, rita: User, client_of: ClientOf) -> None:
    browser = client_of(rita)
    page = browser.get(f"/requests/{ticket.number}/").content.decode()
    assert "How pressing is it?" in page
    assert "Raise priority" not in page
    answer = browser.post(f"/requests/{ticket.number}/priority/", {"priority": "2"})
    assert answer.status_code == 303
    page = browser.get(answer["Location"]).content.decode()
    assert "You set the priority to High" in page
    assert "How pressing is it?" not in page
    assert "Raise priority" in page


def test_in_the_portal_nothing_chosen_is_said_and_set_meanwhile_too(
    ticket: Ticket, rita: User, mona: User, client_of: ClientOf
) -> None:
    path = f"/requests/{ticket.number}/priority/"
    empty = client_of(rita).post(path, {})
    assert (empty.status_code, "Please choose a priority." in empty.content.decode()) == (400, True)
    actions.set_priority(ticket, by=mona, to=Priority.LOW, at=clock.now())
    late = client_of(rita).post(path, {"priority": "1"})
    assert (late.status_code, "This request is Low already." in late.content.decode()) == (409, True)
    assert priority_of(ticket) == Priority.LOW


def test_in_copy_one_is_not_asked(ticket: Ticket, rita: User, tom: User, client_of: ClientOf) -> None:
    actions.add_cc(ticket, by=rita, addresses=[tom.email], at=clock.now())
    assert "How pressing is it?" not in client_of(tom).get(f"/requests/{ticket.number}/").content.decode()
    assert client_of(tom).post(f"/requests/{ticket.number}/priority/", {"priority": "1"}).status_code == 403


# --- By the API ----------------------------------------------------------------------------------------------------


def test_by_the_api_it_is_set_and_then_raised_with_a_reason(ticket: Ticket, rita: User, client_of: ClientOf) -> None:
    def post(**body: str) -> tuple[int, dict[str, object]]:
        path = f"/api/v1/tickets/{ticket.number}/priority/"
        answer = client_of(rita).post(path, body, content_type="application/json")
        return answer.status_code, answer.json()

    assert post(priority="highest")[0] == 400
    assert post(priority="low", to="x")[0] == 400
    status, body = post(priority="low")
    assert (status, body["priority"]) == (200, "low")
    status, body = post(priority="urgent")
    assert (status, list(body["fields"])) == (400, ["reason"])
    status, body = post(priority="urgent", reason="Nobody can log in")
    assert (status, body["priority"]) == (200, "urgent")
    assert post(priority="low", reason="Less")[0] == 409
    assert changes(ticket) == 2
