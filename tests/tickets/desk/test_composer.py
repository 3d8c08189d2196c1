"""Public replies and internal notes."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.desk.page import fresh, hidden, text
from tests.tickets.forms import file
from tickets import actions
from tickets.models import Attachment, Message, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita, at=clock.now() - timedelta(hours=1))


def address(ticket: Ticket, verb: str = "") -> str:
    return f"/desk/tickets/{ticket.number}/{verb}"


def composer(browser: Client, ticket: Ticket) -> dict[str, str]:
    """What the open page sends along with the text."""
    return hidden(browser.get(address(ticket)), "reply/")


@pytest.mark.parametrize(
    ("submit_as", "status", "button"),
    [
        ("open", Status.OPEN, "Send, keep Open"),
        ("pending", Status.PENDING, "Send as Pending"),
        ("solved", Status.SOLVED, "Send as Solved"),
    ],
)
def test_each_button_sends_and_moves(
    submit_as: str, status: Status, button: str, ticket: Ticket, bo: User, client_of: ClientOf
) -> None:
    browser = client_of(bo)
    page = browser.get(address(ticket))
    assert f'name="submit_as" value="{submit_as}"' in page.content.decode()
    assert button in text(page)
    form = {**hidden(page, "reply/"), "mode": "reply", "body": "Try **this**", "submit_as": submit_as}
    answer = browser.post(address(ticket, "reply/"), {**form, "files": [file()]})
    message = ticket.messages.latest("pk")
    assert (answer.status_code, answer["Location"]) == (303, f"{address(ticket)}#message-{message.pk}")
    assert (message.body, message.is_public, message.author) == ("Try **this**", True, bo)
    assert message.attachments.get().name == "server.log"
    assert (fresh(ticket).state, fresh(ticket).assignee) == (status, bo)
    after = browser.get(address(ticket))
    assert f"Sent to Rita. The ticket is {status.label}." in text(after)
    assert "Try <strong>this</strong>" in after.content.decode()


def test_a_note_is_only_for_the_staff(ticket: Ticket, rita: User, bo: User, sven: User, client_of: ClientOf) -> None:
    """S050."""
    browser = client_of(sven)
    form = composer(browser, ticket)
    answer = browser.post(address(ticket, "note/"), {**form, "mode": "note", "body": "Secret", "files": [file()]})
    assert answer.status_code == 303
    note = ticket.messages.latest("pk")
    assert not note.is_public
    assert fresh(ticket).state is Status.NEW
    assert "Secret" in text(client_of(bo).get(address(ticket)))
    customer = client_of(rita)
    assert "Secret" not in customer.get(f"/requests/{ticket.number}/").content.decode()
    assert customer.get(f"/attachments/{note.attachments.get().pk}/").status_code == 404


def test_what_is_written_as_a_note_never_goes_out(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    """Enter in the wrong place, or a script that failed: the tab decides, not the address."""
    browser = client_of(bo)
    browser.post(address(ticket, "reply/"), {"mode": "note", "body": "They never update", "submit_as": "pending"})
    assert ticket.messages.latest("pk").is_note
    assert fresh(ticket).state is Status.NEW


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"body": " \n ", "submit_as": "open"}, "Please write something."),
        ({"body": "Hello"}, "Send it by one of its buttons."),
        ({"body": "Hello", "submit_as": "closed"}, "Submit as Open, Pending or Solved."),
        ({"body": "x" * 65_537, "submit_as": "open"}, "This is too long: at most 64 kB"),
        ({"body": "a\x00b", "submit_as": "open"}, "character"),
        ({"body": "Hello", "submit_as": "open", "uploads": "5e9e5a54-6a62-4f1c-9d3a-7e1b2c3d4e5f"}, "no longer there"),
    ],
)
def test_what_is_wrong_stands_beside_the_text_and_nothing_is_lost(
    form: dict[str, str], said: str, ticket: Ticket, bo: User, client_of: ClientOf
) -> None:
    answer = client_of(bo).post(address(ticket, "reply/"), {**form, "files": [file("kept.log")]})
    assert answer.status_code == 400
    assert said in text(answer)
    assert ticket.messages.count() == 1
    kept = Attachment.objects.get(message=None, name="kept.log")
    assert f'name="uploads" value="{kept.pk}"' in answer.content.decode()
    if form["body"] == "Hello":
        assert "Hello</textarea>" in answer.content.decode()


def test_s089_sent_twice_is_sent_once(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    form = {**composer(browser, ticket), "body": "Once", "submit_as": "pending"}
    first = browser.post(address(ticket, "reply/"), form)
    second = browser.post(address(ticket, "reply/"), form)
    assert first["Location"] == second["Location"]
    assert second.status_code == 303
    assert ticket.messages.count() == 2
    other = browser.post(address(ticket, "reply/"), {**form, "body": "Something else"})
    assert other.status_code == 409
    assert "already sent with other text" in text(other)
    assert "Something else</textarea>" in other.content.decode()
    assert ticket.messages.count() == 2
    again = {**hidden(other, "reply/"), "body": "Something else", "submit_as": "pending"}
    assert browser.post(address(ticket, "reply/"), again).status_code == 303
    assert ticket.messages.count() == 3


def test_s090_a_colleague_answered_meanwhile(ticket: Ticket, ann: User, bo: User, client_of: ClientOf) -> None:
    """The text is kept, the newer message is there to be read, and the next press of the button is meant."""
    browser = client_of(bo)
    form = {**composer(browser, ticket), "body": "My answer", "submit_as": "open"}
    actions.answer(ticket, by=ann, body="I was quicker", submit_as=Status.PENDING, at=clock.now())
    refused = browser.post(address(ticket, "reply/"), form)
    assert refused.status_code == 409
    assert "Ann wrote to this request while you were writing" in text(refused)
    assert "I was quicker" in text(refused)
    assert "My answer</textarea>" in refused.content.decode()
    assert ticket.messages.count() == 2
    again = {**hidden(refused, "reply/"), "body": "My answer", "submit_as": "open"}
    assert again["seen_status"] == "pending"
    assert browser.post(address(ticket, "reply/"), again).status_code == 303
    assert fresh(ticket).state is Status.PENDING  # "keep Open" leaves Pending as it is: the table of moves


def test_the_customer_wrote_meanwhile(ticket: Ticket, rita: User, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    form = {**composer(browser, ticket), "body": "My answer", "submit_as": "solved"}
    actions.reply(ticket, by=rita, body="Wait, it is worse", at=clock.now())
    refused = browser.post(address(ticket, "reply/"), form)
    assert refused.status_code == 409
    assert "Wait, it is worse" in text(refused)
    assert fresh(ticket).state is Status.NEW


def test_s090_a_colleague_moved_it_meanwhile(ticket: Ticket, ann: User, bo: User, client_of: ClientOf) -> None:
    """The reply is sent; the status that the colleague chose stays, and the agent is told."""
    actions.take(ticket, by=bo, at=clock.now())
    browser = client_of(bo)
    form = {**composer(browser, ticket), "body": "My answer", "submit_as": "pending"}
    actions.hold(ticket, by=ann, reason="engineering", at=clock.now())
    assert browser.post(address(ticket, "reply/"), form).status_code == 303
    assert fresh(ticket).state is Status.ON_HOLD
    assert ticket.messages.latest("pk").body == "My answer"
    page = browser.get(address(ticket))
    assert "The status was changed from Open to On-hold while you were writing." in text(page)
    assert 'class="toast warning"' in page.content.decode()


@pytest.mark.parametrize("seen", [{"seen_status": "x", "seen_message": "٣"}, {"seen_message": "9" * 40}, {}])
def test_tokens_that_are_none_count_as_nothing_seen(
    seen: dict[str, str], ticket: Ticket, bo: User, client_of: ClientOf
) -> None:
    form = {"body": "Hello", "submit_as": "open", "key": "x" * 99, **seen}
    assert client_of(bo).post(address(ticket, "reply/"), form).status_code == 303


def test_set_engineers_answer_but_move_nothing(ticket: Ticket, sven: User, client_of: ClientOf) -> None:
    browser = client_of(sven)
    refused = browser.post(address(ticket, "reply/"), {"body": "Hello", "submit_as": "solved"})
    assert refused.status_code == 403
    assert "You may not submit this request as Solved." in text(refused)
    assert ticket.messages.count() == 1
    assert browser.post(address(ticket, "reply/"), {"body": "Hello", "submit_as": "open"}).status_code == 303
    assert fresh(ticket).assignee is None


def test_a_closed_ticket_is_answered_by_nobody(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    now = clock.now()
    actions.solve(ticket, by=bo, at=now)
    assert actions.close_solved(ticket.pk, now=now + timedelta(hours=48))
    browser = client_of(bo)
    refused = browser.post(address(ticket, "reply/"), {"body": "Too late", "submit_as": "open"})
    assert refused.status_code == 409
    assert "is Closed now" in text(refused)
    assert "Too late</textarea>" in refused.content.decode()
    assert browser.post(address(ticket, "note/"), {"body": "For the record"}).status_code == 303
    assert Message.objects.filter(ticket=ticket, is_public=False).count() == 1


def test_who_was_logged_out_comes_back_to_the_ticket(ticket: Ticket) -> None:
    answer = Client().post(address(ticket, "reply/"), {"body": "x", "submit_as": "open"})
    assert answer["Location"] == f"/accounts/login/?next={address(ticket)}"
