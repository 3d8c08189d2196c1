"""Chat through Apprise: only the services on the list, only addresses that the desk may call, and no secret shown."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from escalations.models import ContactMethod, NotificationRule, PageDelivery, PageEvent
from escalations.paging.channels import CHANNELS, DeliveryError, PageText
from escalations.paging.channels.chat import validate_chat_address
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from supportdesk.lib.errors import Invalid
from supportdesk.lib.sealed import unseal
from tests.listener import Listener
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
TOKEN = "t0kent0kent0kent0kent0ken1"


@pytest.fixture
def address(listener: Listener) -> str:
    listener.replies |= {"/": (404, {}), f"/hooks/{TOKEN}": (200, b"ok")}
    return f"mmost://127.0.0.1:{listener.port}/{TOKEN}"


@pytest.fixture
def contact(policy: object, bo: User, address: str) -> ContactMethod:
    ContactMethod.objects.filter(user=bo).update(verified_at=None)
    name, details = validate_chat_address(address)
    made = ContactMethod.objects.create(user=bo, kind="chat", value=name, details=details, verified_at=clock.now())
    NotificationRule.objects.create(user=bo, priority=Priority.URGENT, contact=made)
    return made


def message(address: str) -> PageText:
    return PageText(
        to="chat",
        person="bo@desk.example",
        method="chat",
        tickets=("1",),
        priority="Urgent",
        kind="ticket",
        headline="Urgent, Northwind: #1.",
        text="Urgent, Northwind <!channel> @all: #1. Acknowledge: http://testserver/desk/pages/1/",
        url="http://testserver/desk/pages/1/",
        key="1.1",
        at=clock.now(),
        details={"address": address},
    )


def test_a_page_comes_with_a_link_and_no_words_of_the_ticket(
    contact: ContactMethod, ticket: Ticket, listener: Listener
) -> None:
    run_pass("test")
    (request,) = listener.requests
    assert request.path == f"/hooks/{TOKEN}"
    row = PageDelivery.objects.get(contact=contact)
    assert row.state == "accepted"
    assert f"Urgent, Northwind: #{row.page.ticket_id}." in request.json["text"]
    assert f"http://testserver/desk/pages/{row.page_id}/" in request.json["text"]
    assert b"Secret" not in request.body


def test_one_adds_a_chat_on_the_page_and_its_address_is_never_shown_again(
    address: str, listener: Listener, client_of: Callable[[User], Client], bo: User
) -> None:
    client = client_of(bo)
    client.post("/desk/on-call/contacts/", {"kind": "chat", "value": address})
    contact = ContactMethod.objects.get(user=bo, kind="chat")
    assert contact.value.startswith("Mattermost at 127.0.0.1 (")
    assert TOKEN not in client.get("/desk/on-call/contacts/").content.decode()
    code = re.search(r"code is (\d+)", listener.requests[-1].json["text"])
    assert code is not None
    client.post(reverse("contact_verify", args=[contact.pk]), {"code": code[1]})
    contact.refresh_from_db()
    assert contact.is_usable


def test_nobody_is_called_by_an_organisations_name(address: str, listener: Listener) -> None:
    CHANNELS["chat"].deliver(message(address))
    assert "Northwind !channel all: #1." in listener.requests[0].json["text"]


def test_the_secret_is_in_no_name_event_or_error(
    contact: ContactMethod, ticket: Ticket, listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    listener.replies[f"/hooks/{TOKEN}"] = (500, {})
    run_pass("test")
    row = PageDelivery.objects.get(contact=contact)
    assert (row.state, row.error) == ("pending", "Mattermost did not take it")
    for text in (contact.value, str(contact), row.error, caplog.text, *map(str, PageEvent.objects.values_list("data"))):
        assert TOKEN not in text


@pytest.mark.parametrize("reply", [(404, {}), (500, {}), (302, "http://127.0.0.1:1/"), "hang up"])
def test_what_is_not_taken_may_pass(address: str, listener: Listener, reply: Any) -> None:
    listener.replies[f"/hooks/{TOKEN}"] = reply
    with pytest.raises(DeliveryError) as failure:
        CHANNELS["chat"].deliver(message(address))
    assert (failure.value.permanent, failure.value.unknown) == (False, False)
    assert len(listener.requests) == 1, "no redirect is followed, nothing is tried again"


def test_a_service_that_never_comes_to_an_end_is_left_after_5_seconds(
    address: str, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("escalations.paging.channels.chat.SECONDS", 0.5)
    listener.replies[f"/hooks/{TOKEN}"] = "drip"
    with pytest.raises(DeliveryError) as failure:
        CHANNELS["chat"].deliver(message(address))
    assert failure.value.unknown


def test_what_a_plugin_raises_is_unknown(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from apprise.plugins.mattermost import NotifyMattermost

    def fail(*_: Any, **__: Any) -> bool:
        raise RuntimeError(f"at {TOKEN}")

    monkeypatch.setattr(NotifyMattermost, "notify", fail)
    with pytest.raises(DeliveryError) as failure:
        CHANNELS["chat"].deliver(message(address))
    assert failure.value.unknown
    assert str(failure.value) == "Mattermost failed: RuntimeError"


@pytest.mark.parametrize(
    ("typed", "name", "kept"),
    [
        ("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "Slack (", None),
        (
            "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
            "Slack (",
            "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        ),
        ("gchat://space/key/token", "Google Chat (", None),
        (
            "https://chat.googleapis.com/v1/spaces/AAA/messages?key=k1&token=t_1-x",
            "Google Chat (",
            "gchat://AAA/k1/t_1-x",
        ),
    ],
)
def test_an_address_gets_a_name_that_gives_nothing_away(typed: str, name: str, kept: str | None) -> None:
    value, details = validate_chat_address(f" {typed} ")
    assert value.startswith(name)
    assert unseal(details["address"]) == (kept or typed)
    assert "T1JJ3T3L2" not in details["address"], "encrypted at rest"
    assert not set(typed.split("/")[3:]) & set(value.split())


def test_two_addresses_of_a_service_have_two_names() -> None:
    names = {validate_chat_address(f"gchat://space/key/token{number}")[0] for number in range(3)}
    assert len(names) == 3


@pytest.mark.parametrize(
    "typed",
    [
        *("", "slack", "slack://", "slack://x", "https://hooks.slack.com/services/only/two"),
        *("json://8.8.8.8/", "file:///etc/passwd", "windows://", "syslog://", "exec://x", "mailto://a:b@c.example"),
        *("slackx://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ", "discord://1/2"),
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ?verify=no",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ, json://10.0.0.1/",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ json://10.0.0.1/",
        "workflows://8.8.8.8/flow/signature?template=/etc/passwd",
        f"mmosts://8.8.8.8/{'x' * 500}",
    ],
)
def test_what_is_not_on_the_list_or_has_settings_is_refused(typed: str) -> None:
    with pytest.raises(Invalid) as refusal:
        validate_chat_address(typed)
    assert refusal.value.field == "value"


def test_what_is_not_on_the_list_is_never_even_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    import apprise

    monkeypatch.setattr(apprise.Apprise, "instantiate", lambda *_, **__: pytest.fail("it was instantiated"))
    with pytest.raises(Invalid):
        validate_chat_address("json://8.8.8.8/")


@pytest.mark.parametrize(
    "typed",
    [
        f"mmosts://127.0.0.1/{TOKEN}",
        f"mmosts://2130706433/{TOKEN}",
        f"mmosts://10.0.0.1:8065/{TOKEN}",
        f"mmosts://169.254.169.254/path/{TOKEN}",
        f"mmost://8.8.8.8/{TOKEN}",
        "workflows://192.168.0.1/flow/signature",
    ],
)
def test_a_server_of_ones_own_must_be_one_that_the_desk_may_call(typed: str, settings: Any, address: str) -> None:
    settings.EGRESS_ALLOWED_HOSTS = []
    with pytest.raises(Invalid, match="can't call"):
        validate_chat_address(typed)
    with pytest.raises(DeliveryError):
        CHANNELS["chat"].deliver(message(typed))


def test_a_service_that_was_taken_off_the_list_is_used_no_more(address: str, settings: Any, listener: Listener) -> None:
    settings.PAGING_CHAT_SERVICES = ["slack"]
    with pytest.raises(DeliveryError):
        CHANNELS["chat"].deliver(message(address))
    assert not listener.requests
