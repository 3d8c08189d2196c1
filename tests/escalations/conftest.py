"""A desk whose paging is set up: bo is on call, then the team (bo, ann), then lea; the phones write to a file."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations import defaults
from escalations.models import ContactMethod, EscalationPolicy, NotificationRule, OutsideService, Page
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories, provider
from tests.listener import Listener, listening
from tickets.models import Priority, Ticket

Rung = list[dict[str, Any]]


@pytest.fixture
def phones(settings: Any, tmp_path: Path) -> Callable[[], Rung]:
    """What the demo phones got so far."""
    settings.PAGES_FILE = tmp_path / "pages.jsonl"

    def read() -> Rung:
        path = settings.PAGES_FILE
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    return read


@pytest.fixture
def policy(phones: object, bo: User, ann: User, lea: User, ada: User) -> EscalationPolicy:
    long_ago = clock.now() - timedelta(days=1)
    return defaults.load(at=clock.now(), on_call=[bo], staff=[bo, ann, lea, ada], active_from=long_ago)


@pytest.fixture
def ticket(policy: EscalationPolicy, rita: User) -> Ticket:
    """An Urgent request of a Premier customer."""
    return factories.open_ticket(rita, priority=Priority.URGENT, subject="Secret subject", body="Secret words")


@pytest.fixture
def page(ticket: Ticket) -> Page:
    """Its page, ringing bo."""
    run_pass("test")
    return Page.objects.get(ticket=ticket)


@pytest.fixture
def pass_time() -> Callable[[float], None]:
    """Move the clock on by so many minutes and run the engine."""

    def make(minutes: float) -> None:
        clock.move(timedelta(minutes=minutes))
        run_pass("test")

    return make


@pytest.fixture
def rung(phones: Callable[[], Rung]) -> Callable[[], list[str]]:
    """Whose demo phones rang so far, in order, by first name in lower case."""
    return lambda: [line["person"].partition("@")[0] for line in phones()]


@pytest.fixture
def twilio(settings: Any) -> Iterator[provider.Provider]:
    """The desk is configured for Twilio, which is the mock provider; at the end all was as it expected."""
    settings.TWILIO_ACCOUNT_SID = "ACtest"
    settings.TWILIO_AUTH_TOKENS = ["token"]
    settings.TWILIO_FROM = "+15005550006"
    with provider.running(token="token") as running:
        settings.TWILIO_API_URL = running.url
        yield running


@pytest.fixture
def only_by() -> Callable[..., str]:
    """Page a person by one kind of contact, at once: the number."""

    def make(person: User, kind: str = "sms", number: str = "") -> str:
        ContactMethod.objects.filter(user=person).delete()
        number = number or f"+4915112345{person.pk % 1000:03d}"
        contact = ContactMethod.objects.create(user=person, kind=kind, value=number, verified_at=clock.now())
        for priority in (Priority.URGENT, Priority.HIGH):
            NotificationRule.objects.create(user=person, priority=priority, contact=contact)
        return number

    return make


@pytest.fixture
def twilio_calls() -> provider.Post:
    """How Twilio reaches the desk in tests."""

    def post(url: str, form: dict[str, str], headers: dict[str, str]) -> Any:
        return Client(headers=headers).post(url.removeprefix("http://testserver"), form)

    return post


# --- Services outside ------------------------------------------------------------------------------------------------


@pytest.fixture
def listener() -> Iterator[Listener]:
    """A server of somebody else's, on this machine."""
    with listening() as found:
        yield found


@pytest.fixture
def duty(listener: Listener, settings: Any) -> OutsideService:
    """PagerDuty, played by the listener: it accepts events, and knows bo by the id BO1."""
    settings.PAGERDUTY_EVENTS_URL = f"{listener.url}/v2/enqueue"
    settings.PAGERDUTY_API_URL, settings.PAGERDUTY_API_KEY = listener.url, "read-only"
    listener.replies |= {"/v2/enqueue": (202, {"status": "success"}), "/users/": (404, {}), "/incidents/": (404, {})}
    listener.replies["/users/BO1"] = (200, {"user": {"email": "Bo@Desk.example"}})
    return OutsideService.objects.create(
        name="PagerDuty", kind="pagerduty", secret="routing-key", inbound_secrets="newer\nolder"
    )


@pytest.fixture
def hook(listener: Listener) -> OutsideService:
    """A webhook of somebody's, at the listener."""
    listener.replies["/hook"] = (204, b"")
    secret = "whsec_" + "c2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXMgb3IgbW9yZQ=="
    return OutsideService.objects.create(
        name="Bridge", kind="webhook", address=f"{listener.url}/hook", secret=secret, inbound_secrets=secret
    )
