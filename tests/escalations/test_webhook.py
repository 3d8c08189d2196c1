"""The generic webhook both ways: signed the Standard Webhooks way, believed in time and once (S083)."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations import timeline
from escalations.models import EscalationPolicy, OutsideService, Page, PageDelivery, PageEvent, PolicyStep
from escalations.paging.engine import run_pass
from supportdesk.lib import clock, signatures
from tests.at_once import at_once
from tests.listener import Listener
from tickets.models import Ticket

pytestmark = pytest.mark.django_db


@pytest.fixture
def handed(policy: EscalationPolicy, hook: OutsideService, ticket: Ticket) -> Page:
    PolicyStep.objects.get(policy=policy, position=1).outside.add(hook)
    run_pass("test")
    return Page.objects.get(ticket=ticket)


def ask(
    service: OutsideService,
    content: Any,
    *,
    message: str = "m1",
    secret: str = "",
    late: int = 0,
    sign_as: str = "",
    signature: str | None = None,
) -> Any:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    at = int(time.time()) - late
    secret = secret or service.inbound_secrets.split()[0]
    made = signatures.standard(secret, message=sign_as or message, timestamp=at, body=body)
    headers = {
        "webhook-id": message,
        "webhook-timestamp": str(at),
        "webhook-signature": made if signature is None else signature,
    }
    return Client(enforce_csrf_checks=True).post(
        f"/hooks/outside/{service.pk}/", body, content_type="application/json", headers=headers
    )


def wants(page: Page, kind: str = "acknowledge", person: str = "bo@desk.example") -> dict[str, Any]:
    return {"type": kind, "page": page.pk, "person": person}


# --- Told ------------------------------------------------------------------------------------------------------------


def test_what_is_sent_is_signed_so_that_anybody_can_check_it(
    handed: Page, hook: OutsideService, listener: Listener
) -> None:
    """Computed here from the specification, without our own code."""
    (request,) = listener.requests
    key = base64.b64decode(hook.secret.removeprefix("whsec_"))
    signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert abs(int(request.headers["webhook-timestamp"]) - time.time()) < 60
    content = request.json
    assert content.pop("at").startswith(f"{clock.now():%Y-%m-%d}")
    assert content == {
        "type": "page.triggered",
        "page": handed.pk,
        "kind": "ticket",
        "priority": "Urgent",
        "headline": f"Urgent, Northwind: #{handed.ticket_id}.",
        "tickets": [handed.ticket_id],
        "customer": "Northwind",
        "url": f"http://testserver/desk/pages/{handed.pk}/",
    }
    assert b"Secret" not in request.body


def test_a_repeat_carries_the_same_id(
    policy: EscalationPolicy, hook: OutsideService, ticket: Ticket, listener: Listener
) -> None:
    listener.replies["/hook"] = "hang up"
    PolicyStep.objects.get(policy=policy, position=1).outside.add(hook)
    run_pass("test")
    row = PageDelivery.objects.get(outside=hook)
    assert row.state == "unknown"
    listener.replies["/hook"] = (200, {})
    PageDelivery.objects.filter(pk=row.pk).update(retry_at=row.page.created_at)
    run_pass("test")
    row.refresh_from_db()
    assert (row.state, row.is_repeat) == ("accepted", True)
    assert len({request.headers["webhook-id"] for request in listener.requests}) == 1


@pytest.mark.parametrize(
    ("reply", "state", "disabled"),
    [
        ((200, {}), "accepted", False),
        ((410, {}), "failed", True),
        ((404, {}), "pending", False),
        ((301, "http://127.0.0.1:1/"), "pending", False),
        ((503, {}), "pending", False),
        ("hang up", "unknown", False),
    ],
)
def test_what_an_answer_means(
    policy: EscalationPolicy,
    hook: OutsideService,
    ticket: Ticket,
    listener: Listener,
    reply: Any,
    state: str,
    disabled: bool,
) -> None:
    listener.replies["/hook"] = reply
    PolicyStep.objects.get(policy=policy, position=1).outside.add(hook)
    run_pass("test")
    assert PageDelivery.objects.get(outside=hook).state == state
    hook.refresh_from_db()
    assert (hook.disabled_at is not None) is disabled


def test_an_address_that_leads_inside_is_not_called(
    policy: EscalationPolicy, hook: OutsideService, ticket: Ticket, listener: Listener, settings: Any
) -> None:
    settings.EGRESS_ALLOWED_HOSTS = []
    PolicyStep.objects.get(policy=policy, position=1).outside.add(hook)
    run_pass("test")
    row = PageDelivery.objects.get(outside=hook)
    assert (row.state, row.error) == ("pending", "it must begin with https://")
    assert not listener.requests


# --- Asks ------------------------------------------------------------------------------------------------------------


def test_its_owner_acknowledges_in_somebodys_name(handed: Page, hook: OutsideService, bo: User) -> None:
    answer = ask(hook, wants(handed, person="BO@desk.example"))
    assert (answer.status_code, answer.json()) == (200, {"outcome": "done"})
    handed.refresh_from_db()
    assert handed.acknowledged_by == bo
    assert "Bo acknowledged by Bridge and took the ticket" in [
        timeline.line(event).text for event in handed.events.all()
    ]


def test_its_owner_escalates(handed: Page, hook: OutsideService, bo: User, rung: Callable[[], list[str]]) -> None:
    assert ask(hook, wants(handed, "escalate")).json() == {"outcome": "done"}
    run_pass("test")
    assert rung() == ["bo", "ann", "lea"]
    assert ask(hook, wants(handed, "escalate")).json() == {"outcome": "replayed"}


@pytest.mark.parametrize("secrets", ["{0}\nwhsec_b2xkZXIgc2VjcmV0IG9mIHRoaXJ0eSBieXRlcw==", "{0}"])
def test_both_secrets_of_a_rotation_are_believed(handed: Page, hook: OutsideService, secrets: str) -> None:
    new = "whsec_bmV3ZXIgc2VjcmV0IG9mIHRoaXJ0eSBieXRlcyE="
    OutsideService.objects.update(inbound_secrets=secrets.format(new))
    old = ask(hook, wants(handed), message="old", secret="whsec_b2xkZXIgc2VjcmV0IG9mIHRoaXJ0eSBieXRlcw==")
    assert old.status_code == (200 if "\n" in secrets else 403)
    assert ask(hook, wants(handed), message="new", secret=new).status_code == 200


@pytest.mark.parametrize(
    "forged",
    [
        {"signature": ""},
        {"signature": "v1,"},
        {"signature": "v1,é"},
        {"secret": "whsec_Z3Vlc3NlZCBzZWNyZXQgb2YgdGhpcnR5IGJ5dGVz"},
        {"sign_as": "another"},
        {"late": 301},
        {"late": -301},
        {"message": ""},
        {"message": "x" * 201},
    ],
)
def test_what_is_forged_or_late_changes_nothing(
    handed: Page, hook: OutsideService, forged: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger="security")
    before = handed.events.count()
    assert ask(hook, wants(handed), **forged).status_code == 403
    handed.refresh_from_db()
    assert (handed.is_ringing, handed.events.count()) == (True, before)
    assert "webhook.refused" in caplog.text


def test_a_replay_changes_nothing(handed: Page, hook: OutsideService, bo: User) -> None:
    ask(hook, wants(handed))
    before = handed.events.count()
    assert ask(hook, wants(handed)).json() == {"outcome": "replayed"}
    assert ask(hook, wants(handed, "escalate")).json() == {"outcome": "replayed"}
    assert handed.events.count() == before


@pytest.mark.parametrize(
    "person", ["rita@northwind.example", "pat@desk.example", "nobody@desk.example", "", " ", "b\x00\ud800"]
)
def test_only_who_answers_pages_can_be_spoken_for(
    handed: Page, hook: OutsideService, rita: User, pat: User, person: str
) -> None:
    answer = ask(hook, wants(handed, person=person))
    assert (answer.status_code, answer.json()) == (403, {"outcome": "no_responder"})
    handed.refresh_from_db()
    assert handed.is_ringing


def test_somebody_who_has_left_can_not_be_spoken_for(handed: Page, hook: OutsideService, bo: User) -> None:
    User.objects.filter(pk=bo.pk).update(is_active=False)
    assert ask(hook, wants(handed)).status_code == 403


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        {"type": "solve", "page": 1, "person": "bo@desk.example"},
        {"type": "acknowledge", "page": "1", "person": "bo@desk.example"},
        {"type": "acknowledge", "page": True, "person": "bo@desk.example"},
        {"type": "acknowledge", "page": 2**70, "person": "bo@desk.example"},
        {"type": "acknowledge", "page": 1, "person": ["bo@desk.example"]},
        {"type": ["acknowledge"], "page": 1, "person": "bo@desk.example"},
    ],
)
def test_signed_nonsense_is_told_so(hook: OutsideService, content: Any) -> None:
    assert ask(hook, content).status_code == 400


def test_a_page_that_it_was_not_handed_does_not_exist(page: Page, hook: OutsideService) -> None:
    answer = ask(hook, wants(page))
    assert (answer.status_code, answer.json()) == (404, {"outcome": "unknown_page"})


def test_a_page_that_is_over_is_told_so(handed: Page, hook: OutsideService) -> None:
    from escalations.paging.moves import end

    end(handed, why="done", at=clock.now())
    assert ask(hook, wants(handed)).status_code == 409


@pytest.mark.django_db(transaction=True)
def test_the_same_word_twice_at_once_is_done_once(handed: Page, hook: OutsideService) -> None:
    answers = at_once(*[lambda: ask(hook, wants(handed, "escalate")).json()["outcome"]] * 2)
    assert sorted(answers) == ["done", "replayed"]
    assert PageEvent.objects.filter(page=handed, kind=PageEvent.Kind.ESCALATED).count() == 1
