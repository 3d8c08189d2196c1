"""Mattermost: a direct message whose buttons answer for whom they were made for, and for nobody else."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import signing
from django.test import Client
from django.urls import reverse

from accounts.models import Organization, User
from escalations import actions
from escalations.models import ContactMethod, NotificationRule, Page, PageDelivery, PageEvent
from escalations.paging.channels import CHANNELS, mattermost
from escalations.paging.engine import run_pass
from supportdesk.checks import chat_is_complete
from supportdesk.lib import clock
from supportdesk.lib.errors import Invalid
from tests import factories
from tests.at_once import at_once
from tests.listener import Listener
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
PassTime = Callable[[float], None]

BO, ROOM, BOT = "b" * 26, "r" * 26, "d" * 26


@pytest.fixture
def server(listener: Listener, settings: Any) -> Listener:
    """Mattermost, played by the listener; it is installed under a path."""
    settings.MATTERMOST_URL, settings.MATTERMOST_BOT_TOKEN = f"{listener.url}/chat", "bot-token"
    listener.replies |= {
        "/": (404, {}),
        "/chat/api/v4/posts": (201, {"id": "p" * 26}),
        "/chat/api/v4/users/username/bo": (200, {"id": BO, "delete_at": 0}),
        "/chat/api/v4/users/me": (200, {"id": BOT}),
        "/chat/api/v4/channels/direct": (201, {"id": ROOM}),
    }
    return listener


@pytest.fixture
def contact(server: Listener, policy: object, bo: User) -> ContactMethod:
    """bo's only one: Mattermost, verified."""
    ContactMethod.objects.filter(user=bo).update(verified_at=None)
    details = {"user": BO, "channel": ROOM}
    made = ContactMethod.objects.create(
        user=bo, kind="mattermost", value="bo", details=details, verified_at=clock.now()
    )
    NotificationRule.objects.create(user=bo, priority=Priority.URGENT, contact=made)
    return made


@pytest.fixture
def posted(contact: ContactMethod, ticket: Ticket, server: Listener) -> Callable[[], list[dict[str, Any]]]:
    """What was posted so far, after the first pass."""
    run_pass("test")
    return lambda: [request.json for request in server.requests if request.path.endswith("/posts")]


Posted = Callable[[], list[dict[str, Any]]]


def button(post: dict[str, Any], name: str = "acknowledge") -> dict[str, Any]:
    (found,) = [each for each in post["props"]["attachments"][0]["actions"] if each["id"] == name]
    return dict(found["integration"])


def press(integration: dict[str, Any], **payload: Any) -> Any:
    """What Mattermost sends when somebody presses a button."""
    content = {"user_id": BO, "user_name": "bo", "channel_id": ROOM, "post_id": "p" * 26, "type": "button"}
    content |= {"context": integration.get("context", {}), **payload}
    address = integration["url"].removeprefix("http://testserver")
    return Client(enforce_csrf_checks=True).post(address, json.dumps(content), content_type="application/json")


# --- Sent ------------------------------------------------------------------------------------------------------------


def test_the_message_has_two_buttons_and_none_of_the_tickets_words(posted: Posted, server: Listener) -> None:
    (post,) = posted()
    page = Page.objects.get()
    assert post["channel_id"] == ROOM
    attachment = post["props"]["attachments"][0]
    assert f"#{page.ticket_id}" in attachment["text"].replace("\\", "")
    assert f"http://testserver/desk/pages/{page.pk}/" in attachment["text"]
    assert [each["name"] for each in attachment["actions"]] == ["Acknowledge", "Escalate"]
    assert b"Secret" not in server.requests[-1].body
    assert server.requests[-1].headers["authorization"] == "Bearer bot-token"
    row = PageDelivery.objects.get(contact__kind="mattermost")
    assert (row.state, row.provider_id) == ("accepted", "p" * 26)


def test_an_organisation_can_not_write_markdown_there(
    contact: ContactMethod, northwind: Organization, rita: User, server: Listener
) -> None:
    northwind.name = "[Free](http://evil.example) @all **now**"
    northwind.save()
    factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    text = server.requests[-1].json["props"]["attachments"][0]["text"]
    assert r"\[Free\]\(http://evil.example\) \@all \*\*now\*\*" in text


@pytest.mark.parametrize(
    ("reply", "state", "disabled"),
    [
        ((201, {"id": "x"}), "accepted", False),
        ((403, {"id": "api.context.permissions.app_error"}), "failed", True),
        ((404, b"<html>the proxy's</html>"), "pending", False),
        ((401, {"id": "api.context.session_expired.app_error"}), "pending", False),
        ((429, {}), "pending", False),
        ((500, {}), "pending", False),
        ("hang up", "unknown", False),
    ],
)
def test_what_an_answer_means(
    contact: ContactMethod, ticket: Ticket, server: Listener, reply: Any, state: str, disabled: bool
) -> None:
    server.replies["/chat/api/v4/posts"] = reply
    run_pass("test")
    assert PageDelivery.objects.get(contact=contact).state == state
    contact.refresh_from_db()
    assert (contact.disabled_at is not None) is disabled


def test_a_server_that_is_down_is_tried_again(contact: ContactMethod, ticket: Ticket, settings: Any) -> None:
    settings.MATTERMOST_URL = "http://127.0.0.1:9"
    run_pass("test")
    assert PageDelivery.objects.get(contact=contact).state == "pending"


def test_a_code_comes_without_buttons(contact: ContactMethod, server: Listener) -> None:
    from escalations.paging.channels import PageText

    message = PageText(
        to="bo",
        person="bo@desk.example",
        method="mattermost",
        tickets=(),
        priority="",
        kind="code",
        headline="Your code is 123456",
        text="Your code is 123456.",
        url="http://testserver/",
        key="1",
        at=clock.now(),
        purpose="code",
        person_id=contact.user_id,
        contact_id=contact.pk,
        details=contact.details,
    )
    CHANNELS["mattermost"].deliver(message)
    assert server.requests[-1].json == {"channel_id": ROOM, "message": "Your code is 123456."}


# --- Pressed ---------------------------------------------------------------------------------------------------------


def test_acknowledging_takes_it_and_the_post_says_so(posted: Posted, bo: User) -> None:
    answer = press(button(posted()[0]))
    page = Page.objects.get()
    assert (page.is_acknowledged, page.acknowledged_by) == (True, bo)
    assert page.ticket is not None
    assert page.ticket.assignee == bo
    content = answer.json()
    assert set(content) == {"update"}
    assert content["update"]["props"] == {}
    assert content["update"]["message"].replace("\\", "").startswith(f"You have #{page.ticket_id}.")
    event = PageEvent.objects.get(kind=PageEvent.Kind.ACKNOWLEDGED)
    assert (event.actor, event.data["via"]) == (bo, "Mattermost")
    assert PageDelivery.objects.get(contact__kind="mattermost").state == "delivered", "who pressed it has got it"


def test_a_test_of_the_contact_is_answered_by_its_button(contact: ContactMethod, server: Listener, bo: User) -> None:
    actions.page_me(contact, by=bo, at=clock.now())
    run_pass("test")
    answer = press(button(server.requests[-1].json))
    assert answer.json()["update"]["message"].startswith("It was only a test. Thank you: it arrived.")
    assert Page.objects.get().state == "ended"


def test_escalating_rings_the_next_step(posted: Posted, rung: Callable[[], list[str]]) -> None:
    answer = press(button(posted()[0], "escalate"))
    assert "Escalated" in answer.json()["update"]["message"]
    run_pass("test")
    assert rung() == ["ann", "lea"]
    before = PageEvent.objects.count()
    press(button(posted()[0], "escalate"))
    assert PageEvent.objects.count() == before


def test_somebody_elses_acknowledgement_stands_and_is_said(posted: Posted, ann: User) -> None:
    actions.acknowledge(Page.objects.get(), by=ann, at=clock.now())
    answer = press(button(posted()[0]))
    assert answer.json()["update"]["message"].startswith("Already taken by Ann.")
    assert Page.objects.get().acknowledged_by == ann


def test_one_press_answers_all_that_the_message_carried(
    contact: ContactMethod, rita: User, server: Listener, bo: User
) -> None:
    for count in (1, 2):
        for _ in range(count):
            factories.open_ticket(rita, priority=Priority.URGENT)
        run_pass("test")
    clock.move(timedelta(seconds=61))
    run_pass("test")
    posts = [request.json for request in server.requests]
    assert len(posts) == 2, "the first at once, what followed together"
    answer = press(button(posts[1]))
    numbers = [f"#{page.ticket_id}" for page in Page.objects.order_by("pk")]
    assert f"You have {numbers[1]}, {numbers[2]}." in answer.json()["update"]["message"].replace("\\", "")
    assert [page.is_acknowledged for page in Page.objects.order_by("pk")] == [False, True, True]


@pytest.mark.parametrize(
    "payload",
    [{"user_id": "a" * 26}, {"user_id": ""}, {"user_id": None}, {"channel_id": "x" * 26}, {"channel_id": None}],
)
def test_the_same_button_pressed_by_somebody_else_is_refused_in_words(
    posted: Posted, payload: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger="security")
    before = PageEvent.objects.count()
    answer = press(button(posted()[0]), **payload)
    assert answer.status_code == 200
    assert answer.json() == {
        "ephemeral_text": "This button is somebody else's, or no longer in use. Nothing has changed."
    }
    assert Page.objects.get().is_ringing
    assert PageEvent.objects.count() == before
    assert "mattermost.somebody_else" in caplog.text


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: "",
        lambda token: None,
        lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"),
        lambda token: signing.dumps(["acknowledge", "x", 1, 1], salt="another"),
        lambda token: signing.dumps(["acknowledge", "x", 1, 1], salt="escalations.mattermost.button"),
        lambda token: signing.dumps({"a": 1}, salt="escalations.mattermost.button"),
        lambda token: {"token": token},
    ],
)
def test_a_forged_token_changes_nothing(posted: Posted, forge: Callable[[str], Any]) -> None:
    integration = button(posted()[0])
    integration["context"] = {"token": forge(integration["context"]["token"])}
    assert press(integration).status_code == 403
    assert Page.objects.get().is_ringing


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"\xff", b'{"context": []}', b"{" * 50_000])
def test_nonsense_changes_nothing(server: Listener, client: Client, body: bytes) -> None:
    assert client.post("/hooks/mattermost/", body, content_type="application/json").status_code == 403


def test_a_button_lasts_a_day(posted: Posted) -> None:
    integration = button(posted()[0])
    later = clock.now() + timedelta(hours=24, minutes=1)
    with time_machine.travel(later, tick=True):
        assert press(integration).status_code == 403
    with time_machine.travel(later - timedelta(minutes=5), tick=True):
        assert press(integration).status_code == 200


def test_a_replay_changes_nothing_also_when_it_rings_again(posted: Posted, pass_time: PassTime) -> None:
    first = button(posted()[0])
    press(first)
    before = PageEvent.objects.count()
    assert "You have" in press(first).json()["update"]["message"]
    assert PageEvent.objects.count() == before
    pass_time(31)
    page = Page.objects.get()
    assert (page.is_ringing, page.episode) == (True, 2)
    assert "Answered before, and ringing anew" in press(first).json()["update"]["message"]
    assert Page.objects.get().is_ringing
    assert len(posted()) == 2
    press(button(posted()[1]))
    assert Page.objects.get().is_acknowledged


def test_a_page_that_is_over_says_so(posted: Posted) -> None:
    from escalations.paging.moves import end

    end(Page.objects.get(), why="done", at=clock.now())
    assert press(button(posted()[0])).json()["update"]["message"].startswith("That page is over.")


@pytest.mark.parametrize("how", ["removed", "left", "unverified", "moved"])
def test_a_contact_that_is_no_longer_good_answers_nothing(
    posted: Posted, contact: ContactMethod, bo: User, how: str
) -> None:
    if how == "left":
        User.objects.filter(pk=bo.pk).update(is_active=False)
    else:
        change = {
            "removed": {"disabled_at": clock.now()},
            "unverified": {"verified_at": None},
            "moved": {"details": {}},
        }[how]
        ContactMethod.objects.filter(pk=contact.pk).update(**change)
    assert "ephemeral_text" in press(button(posted()[0])).json()
    assert Page.objects.get().is_ringing


def test_who_no_longer_answers_pages_is_told_so(posted: Posted, bo: User) -> None:
    User.objects.filter(pk=bo.pk).update(role="product")
    assert press(button(posted()[0])).json() == {"ephemeral_text": "You may not answer pages."}
    assert Page.objects.get().is_ringing


def test_without_mattermost_there_is_no_such_address(client: Client, settings: Any) -> None:
    settings.MATTERMOST_URL = ""
    assert client.post("/hooks/mattermost/", "{}", content_type="application/json").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_pressed_twice_at_once_it_is_acknowledged_once(posted: Posted) -> None:
    integration = button(posted()[0])
    answers = at_once(*[lambda: press(integration).json()["update"]["message"]] * 2)
    assert all(answer.startswith("You have") for answer in answers)
    assert PageEvent.objects.filter(kind=PageEvent.Kind.ACKNOWLEDGED).count() == 1


# --- Looked up -------------------------------------------------------------------------------------------------------


def test_a_username_is_looked_up_with_the_channel_to_the_bot(server: Listener) -> None:
    assert mattermost.look_up(" @Bo ") == {"user": BO, "channel": ROOM}
    assert server.requests[-1].json == [BOT, BO]


def test_one_adds_oneself_on_the_page_and_the_code_comes_by_direct_message(
    server: Listener, client_of: Callable[[User], Client], bo: User
) -> None:
    client = client_of(bo)
    client.post("/desk/on-call/contacts/", {"kind": "mattermost", "value": "@Bo"})
    contact = ContactMethod.objects.get(user=bo, kind="mattermost")
    assert (contact.value, contact.details["user"], contact.details["channel"]) == ("bo", BO, ROOM)
    post = server.requests[-1].json
    assert (post["channel_id"], set(post)) == (ROOM, {"channel_id", "message"})
    code = re.search(r"code is (\d+)", post["message"])
    assert code is not None
    client.post(reverse("contact_verify", args=[contact.pk]), {"code": code[1]})
    contact.refresh_from_db()
    assert contact.is_usable


def test_without_mattermost_it_is_not_offered(client_of: Callable[[User], Client], bo: User, settings: Any) -> None:
    settings.MATTERMOST_URL = ""
    page = client_of(bo).get("/desk/on-call/contacts/").content.decode()
    assert 'value="mattermost"' not in page
    assert 'value="chat"' in page


@pytest.mark.parametrize(
    ("typed", "reply", "says"),
    [
        ("nobody", None, "Nobody in Mattermost is called nobody."),
        ("bo", (200, {"id": BO, "delete_at": 5}), "can't be sent direct messages"),
        ("bo", (200, {"id": BO, "is_bot": True}), "can't be sent direct messages"),
        ("bo", (200, {"id": "../x"}), "doesn't answer"),
        ("bo", (500, {}), "doesn't answer"),
        ("bo", "hang up", "doesn't answer"),
        ("../users/me", None, "Enter a Mattermost username"),
        ("", None, "Enter a Mattermost username"),
    ],
)
def test_what_can_not_be_looked_up_is_refused_in_words(server: Listener, typed: str, reply: Any, says: str) -> None:
    if reply is not None:
        server.replies["/chat/api/v4/users/username/bo"] = reply
    with pytest.raises(Invalid, match=says) as refusal:
        mattermost.look_up(typed)
    assert refusal.value.field == "value"


@pytest.mark.parametrize(
    ("url", "token", "code"),
    [
        ("", "", ""),
        ("https://chat.example.com", "t", ""),
        ("https://chat.example.com", "", "desk.E030"),
        ("chat.example.com", "t", "desk.E031"),
    ],
)
def test_half_a_setting_stops_the_desk_at_boot(settings: Any, url: str, token: str, code: str) -> None:
    settings.MATTERMOST_URL, settings.MATTERMOST_BOT_TOKEN = url, token
    assert [error.id for error in chat_is_complete(None)] == ([code] if code else [])
