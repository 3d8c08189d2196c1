"""PagerDuty both ways: what it is told, and what it may say (S083: forged and replayed calls change nothing)."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations import actions, timeline
from escalations.models import EscalationPolicy, OutsideService, Page, PageDelivery, PageEvent, PolicyStep
from escalations.paging.engine import run_pass
from supportdesk.lib import clock, signatures
from tests.listener import Listener
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
PassTime = Callable[[float], None]


@pytest.fixture
def handed(policy: EscalationPolicy, duty: OutsideService, ticket: Ticket) -> Page:
    """A page that was handed to PagerDuty together with ringing bo."""
    PolicyStep.objects.get(policy=policy, position=1).outside.add(duty)
    run_pass("test")
    return Page.objects.get(ticket=ticket)


def word(page: Page, kind: str = "acknowledged", **fields: Any) -> dict[str, Any]:
    """What PagerDuty posts, as its documentation shows it."""
    agent = {"id": "BO1", "summary": "Bo Berg", "type": "user_reference"}
    data = {"id": "PGR0VU2", "type": "incident", "incident_key": f"supportdesk-page-{page.pk}", "status": kind}
    event = {"id": "event-1", "event_type": f"incident.{kind}", "resource_type": "incident", "agent": agent}
    return {"event": {**event, "occurred_at": clock.now().isoformat(), "data": data, **fields}}


def say(service: OutsideService, content: Any, *, secret: str = "newer", signature: str | None = None) -> Any:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    given = signatures.pagerduty(secret, body) if signature is None else signature
    return Client(enforce_csrf_checks=True).post(
        f"/hooks/pagerduty/{service.pk}/",
        body,
        content_type="application/json",
        headers={"X-PagerDuty-Signature": given},
    )


def lines(page: Page) -> list[str]:
    return [timeline.line(event).text for event in page.events.all()]


# --- Told ------------------------------------------------------------------------------------------------------------


def test_a_page_becomes_an_incident_without_the_tickets_words(handed: Page, listener: Listener) -> None:
    (request,) = listener.requests
    event = request.json
    assert (event["routing_key"], event["event_action"]) == ("routing-key", "trigger")
    assert event["dedup_key"] == f"supportdesk-page-{handed.pk}"
    assert event["payload"]["summary"] == f"Urgent, Northwind: #{handed.ticket_id}."
    assert event["payload"]["severity"] == "critical"
    assert event["client_url"].endswith(f"/desk/pages/{handed.pk}/")
    assert b"Secret" not in request.body
    row = PageDelivery.objects.get(outside__isnull=False)
    assert (row.state, row.provider_id) == ("accepted", f"supportdesk-page-{handed.pk}")


@pytest.mark.parametrize(
    ("reply", "state", "disabled"),
    [
        ((202, {}), "accepted", False),
        ((400, {"status": "invalid event"}), "failed", True),
        ((429, {}), "pending", False),
        ((500, {}), "pending", False),
        ((302, "http://127.0.0.1:1/"), "pending", False),
        ("hang up", "unknown", False),
    ],
)
def test_what_an_answer_means(
    policy: EscalationPolicy,
    duty: OutsideService,
    ticket: Ticket,
    listener: Listener,
    reply: Any,
    state: str,
    disabled: bool,
) -> None:
    listener.replies["/v2/enqueue"] = reply
    PolicyStep.objects.get(policy=policy, position=1).outside.add(duty)
    run_pass("test")
    assert PageDelivery.objects.get(outside=duty).state == state
    duty.refresh_from_db()
    assert (duty.disabled_at is not None) is disabled
    assert Page.objects.get().is_ringing


def test_a_new_episode_is_a_new_incident(handed: Page, listener: Listener, pass_time: PassTime, bo: User) -> None:
    """An incident that is acknowledged there would swallow another trigger with its key."""
    actions.acknowledge(handed, by=bo, at=clock.now())
    run_pass("test")
    pass_time(31)
    assert [request.json["event_action"] for request in listener.requests] == [
        *("trigger", "acknowledge", "resolve", "trigger"),
    ]
    assert len({request.json["dedup_key"] for request in listener.requests}) == 1


# --- Says ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", ["newer", "older"])
def test_who_acknowledges_there_has_it_here(handed: Page, duty: OutsideService, bo: User, secret: str) -> None:
    answer = say(duty, word(handed), secret=secret)
    assert (answer.status_code, answer.json()) == (200, {"outcome": "done"})
    handed.refresh_from_db()
    assert (handed.is_acknowledged, handed.acknowledged_by) == (True, bo)
    assert handed.ticket is not None
    handed.ticket.refresh_from_db()
    assert handed.ticket.assignee == bo
    assert "PagerDuty says: acknowledged by Bo@Desk.example" in lines(handed)
    assert "Bo acknowledged by PagerDuty and took the ticket" in lines(handed)


def test_one_of_several_signatures_is_enough(handed: Page, duty: OutsideService) -> None:
    body = json.dumps(word(handed)).encode()
    both = f"v1={'0' * 64}, {signatures.pagerduty('older', body)}"
    assert say(duty, body, signature=both).json() == {"outcome": "done"}


@pytest.mark.parametrize(
    "forge",
    [
        lambda body: "",
        lambda body: "v1=",
        lambda body: signatures.pagerduty("guess", body),
        lambda body: signatures.pagerduty("newer", body + b" "),
        lambda body: signatures.pagerduty("newer", body).replace("v1=", "v2="),
        lambda body: signatures.pagerduty("newer", body).removeprefix("v1="),
        lambda body: signatures.pagerduty("", body),
        lambda body: "v1=é",
    ],
)
def test_what_is_forged_changes_nothing(
    handed: Page, duty: OutsideService, forge: Callable[[bytes], str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("WARNING", logger="security")
    body = json.dumps(word(handed)).encode()
    before = handed.events.count()
    assert say(duty, body, signature=forge(body)).status_code == 403
    handed.refresh_from_db()
    assert handed.is_ringing
    assert handed.events.count() == before
    assert "webhook.refused" in caplog.text


def test_without_a_secret_nothing_is_believed(handed: Page, duty: OutsideService) -> None:
    OutsideService.objects.update(inbound_secrets=" \n\n")
    assert say(duty, word(handed), secret="").status_code == 403
    assert say(duty, word(handed), signature="").status_code == 403


def test_an_unknown_disabled_or_other_service_is_no_address(
    handed: Page, duty: OutsideService, hook: OutsideService
) -> None:
    assert say(hook, word(handed)).status_code == 404
    OutsideService.objects.filter(pk=duty.pk).update(disabled_at=clock.now())
    assert say(duty, word(handed)).status_code == 404
    duty.pk = 10**9
    assert say(duty, word(handed)).status_code == 404
    handed.refresh_from_db()
    assert handed.is_ringing


def test_it_is_no_address_to_look_at(duty: OutsideService, client: Client) -> None:
    assert client.get(f"/hooks/pagerduty/{duty.pk}/").status_code == 405


def test_a_replay_changes_nothing_even_when_it_rings_again(
    handed: Page, duty: OutsideService, bo: User, pass_time: PassTime
) -> None:
    said = word(handed)
    say(duty, said)
    assert say(duty, said).json() == {"outcome": "replayed"}
    pass_time(31)
    handed.refresh_from_db()
    assert (handed.is_ringing, handed.episode) == (True, 2)
    assert say(duty, said).json() == {"outcome": "replayed"}
    late = say(duty, word(handed, id="event-2", occurred_at=(clock.now() - timedelta(minutes=20)).isoformat()))
    assert late.json() == {"outcome": "stale"}, "said before it began to ring again"
    handed.refresh_from_db()
    assert handed.is_ringing


def test_somebody_whom_nobody_here_knows_silences_nothing(
    handed: Page, duty: OutsideService, pass_time: PassTime, rung: Callable[[], list[str]], listener: Listener
) -> None:
    listener.replies["/users/RITA"] = (200, {"user": {"email": "rita@northwind.example"}})
    for user in ("STRANGER", "RITA", "../x", "\x00\ud800"):
        agent = {"id": user, "summary": "Bo", "type": "user_reference"}
        assert say(duty, word(handed, id=user, agent=agent)).json() == {"outcome": "no_responder"}
    handed.refresh_from_db()
    assert handed.is_ringing
    assert "PagerDuty says: acknowledged by Bo. Nobody here is known by that address: it rings on" in lines(handed)
    pass_time(5.1)
    assert rung() == ["bo", "ann", "lea"]


def test_without_a_key_for_its_api_a_display_name_is_nobody(handed: Page, duty: OutsideService, settings: Any) -> None:
    settings.PAGERDUTY_API_KEY = ""
    assert say(duty, word(handed)).json() == {"outcome": "no_responder"}
    handed.refresh_from_db()
    assert handed.is_ringing


def test_when_its_api_fails_it_is_asked_to_try_again(handed: Page, duty: OutsideService, listener: Listener) -> None:
    listener.replies["/users/BO1"] = (500, {})
    assert say(duty, word(handed)).status_code == 503
    listener.replies["/users/BO1"] = (200, {"user": {"email": "bo@desk.example"}})
    assert say(duty, word(handed)).json() == {"outcome": "done"}


@pytest.mark.parametrize("agent", [None, {"id": "S1", "type": "service_reference"}])
def test_the_echo_of_our_own_events_is_nothing(handed: Page, duty: OutsideService, agent: Any) -> None:
    before = handed.events.count()
    assert say(duty, word(handed, agent=agent)).json() == {"outcome": "ignored"}
    assert handed.events.count() == before


def test_an_incidents_key_may_be_that_of_its_alert(handed: Page, duty: OutsideService, listener: Listener) -> None:
    said = word(handed)
    said["event"]["data"]["incident_key"] = None
    listener.replies["/incidents/PGR0VU2/alerts"] = (
        200,
        {"alerts": [{"alert_key": f"supportdesk-page-{handed.pk}"}]},
    )
    assert say(duty, said).json() == {"outcome": "done"}


def test_resolving_what_follows_from_a_ticket_acknowledges_it(handed: Page, duty: OutsideService, bo: User) -> None:
    assert say(duty, word(handed, "resolved")).json() == {"outcome": "done"}
    handed.refresh_from_db()
    assert (handed.state, handed.acknowledged_by) == ("acknowledged", bo)


def test_resolving_what_somebody_asked_for_finishes_it(
    handed: Page, duty: OutsideService, lea: User, ticket: Ticket
) -> None:
    asked = actions.page_by_hand(
        ticket, kind=Page.Kind.BY_HAND, priority=Priority.URGENT, reason="Look", by=lea, at=clock.now()
    )
    run_pass("test")
    assert say(duty, word(asked, "resolved")).json() == {"outcome": "done"}
    asked.refresh_from_db()
    assert asked.state == "ended"
    assert say(duty, word(asked, "resolved", id="event-2")).json() == {"outcome": "page_over"}


def test_a_page_that_it_was_not_handed_is_none_of_its_business(page: Page, duty: OutsideService) -> None:
    assert say(duty, word(page)).json() == {"outcome": "unknown_page"}
    page.refresh_from_db()
    assert page.is_ringing


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b'{"event": 1}',
        b'{"event": {"event_type": "incident.acknowledged"}}',
        b"[" * 100_000,
        b'{"event": {"event_type": "incident.annotated", "agent": {"type": "user_reference"}}}',
    ],
)
def test_signed_nonsense_is_ignored(duty: OutsideService, content: bytes) -> None:
    assert say(duty, content).json() == {"outcome": "ignored"}


def test_somebody_elses_acknowledgement_stands(handed: Page, duty: OutsideService, lea: User) -> None:
    actions.acknowledge(handed, by=lea, at=clock.now())
    assert say(duty, word(handed)).json() == {"outcome": "already"}
    handed.refresh_from_db()
    assert handed.acknowledged_by == lea
    assert PageEvent.objects.filter(page=handed, kind=PageEvent.Kind.ACKNOWLEDGED).count() == 1
