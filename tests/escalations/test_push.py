"""Pages in the browser: subscribed in one's own session, sent encrypted to a real HTTP server, opened and no more."""

import base64
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import http_ece
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management import call_command
from django.test import Client, override_settings
from py_vapid import Vapid02

from accounts.models import User
from escalations import actions
from escalations.actions.contacts import NotSent
from escalations.models import ContactMethod, NotificationRule, Page, PageDelivery
from escalations.paging import vapid
from escalations.paging.channels import push
from escalations.paging.engine import run_pass
from supportdesk import checks
from supportdesk.lib import clock
from supportdesk.lib.errors import Invalid, NotAllowed
from tests import factories
from tickets.models import Priority

pytestmark = pytest.mark.django_db

HERE = "/desk/on-call/contacts/"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@dataclass
class Browser:
    """What a browser keeps of its subscription: only it can read what is sent there."""

    endpoint: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    secret: bytes = field(default_factory=lambda: os.urandom(16))

    @property
    def subscription(self) -> dict[str, str]:
        point = self.key.public_key().public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return {"endpoint": self.endpoint, "p256dh": b64(point), "auth": b64(self.secret)}

    def read(self, body: bytes) -> dict[str, str]:
        return json.loads(http_ece.decrypt(body, private_key=self.key, auth_secret=self.secret, version="aes128gcm"))


@dataclass
class PushService:
    """A push service on this machine; `answers` are taken one after the other, then it accepts."""

    address: str = ""
    asked: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    answers: list[int | str] = field(default_factory=list)
    hangs: threading.Event = field(default_factory=threading.Event)

    def browser(self, name: str = "one") -> Browser:
        return Browser(f"{self.address}/push/{name}")


@pytest.fixture
def service() -> Iterator[PushService]:
    found = PushService()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            answer = found.answers.pop(0) if found.answers else 201
            if answer == "hang":
                found.hangs.wait(20)
            elif answer == "reset":
                self.connection.close()
            else:
                self.send_response(int(answer))
                if answer in (301, 302, 307):
                    self.send_header("Location", f"{found.address}/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing on the terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield found
    found.hangs.set()
    server.shutdown()
    server.server_close()
    thread.join()


def subscribe(person: User, browser: Browser, name: str = "Chrome on Android") -> ContactMethod:
    return actions.subscribe(person, name=name, **browser.subscription, by=person, at=clock.now())


def rung(service: PushService, person: User, browser: Browser, rita: User) -> PageDelivery:
    """The delivery by push of a page that is sent now."""
    contact = subscribe(person, browser)
    actions.use_default_rules(person, by=person)
    factories.open_ticket(rita, priority=Priority.URGENT, subject="Secret subject", body="Secret words")
    run_pass("test")
    return PageDelivery.objects.get(contact=contact)


# --- Subscribing ---------------------------------------------------------------------------------------------------


def test_a_browser_is_subscribed_in_ones_session_and_shows_a_first_notification(
    client_of: Callable[[User], Client], bo: User, service: PushService
) -> None:
    mine = service.browser()
    answer = client_of(bo).post(f"{HERE}push/", {"name": "Chrome on Android", **mine.subscription}, follow=True)
    assert "This device shows pages from now on" in answer.content.decode()
    contact = ContactMethod.objects.get()
    assert (contact.kind, contact.value, contact.is_usable) == ("push", "Chrome on Android", True)
    [(_, headers, body)] = service.asked
    assert mine.read(body) == {"title": "SupportDesk pages you here from now on.", "path": HERE, "tag": "hello"}
    assert headers["topic"] == "hello"


def test_subscribing_the_same_browser_again_is_the_same_contact(bo: User, service: PushService) -> None:
    mine = service.browser()
    first = subscribe(bo, mine)
    ContactMethod.objects.filter(pk=first.pk).update(disabled_at=clock.now())
    assert subscribe(bo, mine).pk == first.pk
    assert ContactMethod.objects.usable().count() == 1


def test_two_devices_of_one_name_are_told_apart(bo: User, service: PushService) -> None:
    names = [subscribe(bo, service.browser(str(number))).value for number in range(3)]
    assert names == ["Chrome on Android", "Chrome on Android 2", "Chrome on Android 3"]


def test_a_browser_shows_the_pages_of_whoever_turned_it_on_last(bo: User, ann: User, service: PushService) -> None:
    mine = service.browser()
    before = subscribe(bo, mine)
    subscribe(ann, mine)
    before.refresh_from_db()
    assert before.is_removed and "endpoint" not in before.details
    assert ContactMethod.objects.usable().get().user == ann


def test_a_subscription_is_ones_own(bo: User, ann: User, service: PushService) -> None:
    with pytest.raises(NotAllowed):
        actions.subscribe(bo, name="x", **service.browser().subscription, by=ann, at=clock.now())


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/fcm/send/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evil.example/fcm.googleapis.com",
        "https://evilpush.apple.com/x",
        "https://push.apple.com.evil.example/x",
        "https://fcm.googleapis.com@evil.example/x",
        "https://user:pass@fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com:x/",
        "https://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[::ffff:10.0.0.1]/",
        "ftp://fcm.googleapis.com/x",
        "file:///etc/passwd",
        "https://fcm.googleapis.com/" + "x" * 1000,
        "",
    ],
)
def test_only_known_push_services_are_posted_to(bo: User, endpoint: str) -> None:
    """The address is typed by whoever is signed in: it must not lead into the desk's own network."""
    with pytest.raises(Invalid, match="push service") as refused:
        subscribe(bo, Browser(endpoint))
    assert refused.value.field == "push"
    assert not ContactMethod.objects.exists()


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc:def",
        "https://updates.push.services.mozilla.com/wpush/v2/abc",
        "https://web.push.apple.com/abc",
        "https://wns2-par02p.notify.windows.com/w/?token=abc",
    ],
)
def test_the_browsers_own_push_services_are_known(endpoint: str) -> None:
    assert push.is_push_service(endpoint)


def test_this_machine_is_no_push_service_where_the_desk_serves_others(settings: Any) -> None:
    settings.PAGING_PUSH_LOOPBACK = False
    assert not push.is_push_service("http://127.0.0.1:8000/push")
    assert not push.is_push_service("http://localhost/push")


@pytest.mark.parametrize("broken", [{"p256dh": "AAAA"}, {"auth": "AAAA"}, {"p256dh": "***"}, {"auth": ""}])
def test_keys_that_are_none_are_refused_on_the_page(
    client_of: Callable[[User], Client], bo: User, service: PushService, broken: dict[str, str]
) -> None:
    answer = client_of(bo).post(f"{HERE}push/", {**service.browser().subscription, **broken})
    assert answer.status_code == 400 and "not complete" in answer.content.decode()
    assert not ContactMethod.objects.exists() and not service.asked


def test_a_first_notification_that_fails_is_told(
    client_of: Callable[[User], Client], bo: User, service: PushService
) -> None:
    service.answers = [503]
    answer = client_of(bo).post(f"{HERE}push/", service.browser().subscription)
    assert answer.status_code == 409 and "first notification could not be sent" in answer.content.decode()
    assert ContactMethod.objects.get().is_usable
    service.answers = [410]
    with pytest.raises(NotSent):
        actions.greet(ContactMethod.objects.get(), at=clock.now())
    assert not ContactMethod.objects.get().is_usable


def test_logging_out_in_the_browser_ends_its_notifications_and_says_so(
    client_of: Callable[[User], Client], bo: User, service: PushService
) -> None:
    """Clear-Site-Data takes the worker away with everything else of the site."""
    browser, other = client_of(bo), client_of(bo)
    browser.post(f"{HERE}push/", service.browser().subscription)
    other.post("/accounts/logout/")
    assert ContactMethod.objects.get().is_usable
    browser.post("/accounts/logout/")
    contact = ContactMethod.objects.get()
    assert not contact.is_usable and contact.disabled_why == "you logged out in that browser"


# --- Sending -------------------------------------------------------------------------------------------------------


def test_a_page_arrives_encrypted_and_says_nothing_of_the_ticket(
    policy: object, bo: User, rita: User, service: PushService
) -> None:
    mine = service.browser()
    delivery = rung(service, bo, mine, rita)
    page = Page.objects.get()
    [(path, headers, body)] = service.asked
    assert path == "/push/one"
    payload = mine.read(body)
    assert payload == {
        "title": f"Urgent, Northwind: #{page.ticket_id}.",
        "path": f"/desk/pages/{page.pk}/",
        "tag": f"page-{page.pk}",
        "message": str(delivery.message),
    }
    assert b"Secret" not in body and b"Northwind" not in body
    assert (headers["urgency"], headers["ttl"], headers["topic"]) == ("high", "900", f"page-{page.pk}")
    assert headers["content-encoding"] == "aes128gcm"
    assert delivery.state == PageDelivery.State.ACCEPTED


def test_the_desk_signs_with_its_own_key_for_that_service_only(
    policy: object, bo: User, rita: User, service: PushService
) -> None:
    rung(service, bo, service.browser(), rita)
    signed = service.asked[0][1]["authorization"]
    assert Vapid02.verify(signed)
    token, key = (part.partition("=")[2] for part in signed.partition(" ")[2].split(","))
    claims = json.loads(vapid.decoded(token.split(".")[1]))
    assert (claims["aud"], claims["sub"]) == (service.address, "mailto:support@desk.example")
    assert key == vapid.public_key(vapid.private_key())


@pytest.mark.parametrize("status", [404, 410])
def test_a_browser_that_ended_it_is_disabled_and_the_next_way_is_due(
    policy: object, bo: User, rita: User, service: PushService, status: int
) -> None:
    contact = subscribe(bo, service.browser())
    sms = ContactMethod.objects.get(user=bo, kind="sms")
    NotificationRule.objects.filter(user=bo).delete()
    made = [(contact, 0), (sms, 1200)]
    NotificationRule.objects.bulk_create(
        NotificationRule(user=bo, priority=1, contact=row, delay=delay) for row, delay in made
    )
    service.answers = [status]
    factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    contact.refresh_from_db()
    assert not contact.is_usable and "ended its notifications" in contact.disabled_why
    text = PageDelivery.objects.get(contact=sms)
    assert text.due_at <= clock.now()


@pytest.mark.parametrize("status", [400, 401, 403, 413, 429, 500, 503, 302, 307])
def test_what_may_pass_is_tried_again_and_nothing_is_disabled(
    policy: object, bo: User, rita: User, service: PushService, status: int
) -> None:
    """Also what our own key or clock may be to blame for; and where a redirect leads is never asked."""
    service.answers = [status]
    delivery = rung(service, bo, service.browser(), rita)
    assert (delivery.state, delivery.retry_at is not None) == (PageDelivery.State.PENDING, True)
    assert str(status) in delivery.error
    assert [path for path, _, _ in service.asked] == ["/push/one"]
    assert ContactMethod.objects.get(kind="push").is_usable


@pytest.mark.parametrize("fault", ["reset", "hang"])
def test_without_an_answer_it_is_unknown_whether_it_arrived(
    policy: object, bo: User, rita: User, service: PushService, fault: str
) -> None:
    service.answers = [fault]
    delivery = rung(service, bo, service.browser(), rita)
    assert delivery.state == PageDelivery.State.UNKNOWN
    assert delivery.looked_at and len(service.asked) == 1


def test_a_service_that_is_not_there_got_nothing(policy: object, bo: User, rita: User, service: PushService) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        browser = Browser(f"http://127.0.0.1:{nobody.getsockname()[1]}/push")
        delivery = rung(service, bo, browser, rita)
    assert (delivery.state, delivery.error) == (PageDelivery.State.PENDING, "the push service can't be reached")


def test_an_address_that_is_no_longer_known_is_never_asked(
    policy: object, bo: User, rita: User, service: PushService, settings: Any
) -> None:
    contact = subscribe(bo, service.browser())
    actions.use_default_rules(bo, by=bo)
    settings.PAGING_PUSH_LOOPBACK = False
    factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    assert not service.asked
    contact.refresh_from_db()
    assert not contact.is_usable


def test_several_pages_are_one_notification_that_leads_to_the_list(
    policy: object, bo: User, rita: User, service: PushService
) -> None:
    """After the first, what follows within five seconds."""
    mine = service.browser()
    rung(service, bo, mine, rita)
    for _ in range(3):
        factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    assert len(service.asked) == 1
    clock.move(push.Push.gathers_for)
    run_pass("test")
    payload = mine.read(service.asked[1][2])
    assert (payload["path"], payload["tag"]) == ("/desk/pages/", "pages")
    assert "3 tickets" in payload["title"]


# --- The desk's key ------------------------------------------------------------------------------------------------


def test_a_key_that_was_made_is_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("make_vapid_key")
    name, _, key = capsys.readouterr().out.strip().partition("=")
    assert name == "VAPID_PRIVATE_KEY"
    assert len(vapid.decoded(vapid.public_key(key))) == 65
    assert vapid.new_key() != key


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ({"VAPID_PRIVATE_KEY": "not a key"}, {"desk.E023"}),
        ({"VAPID_PRIVATE_KEY": "AAAA"}, {"desk.E023"}),
        ({"VAPID_SUBJECT": "support@desk.example"}, {"desk.E024"}),
        ({"DESK_ENV": "production", "VAPID_PRIVATE_KEY": ""}, {"desk.W020"}),
        ({}, set()),
    ],
)
def test_a_desk_that_is_set_up_wrongly_says_so_at_boot(given: dict[str, str], found: set[str]) -> None:
    with override_settings(**given):
        assert {message.id for message in checks.push_is_whole(None)} == found


def test_without_a_key_push_is_not_offered(client_of: Callable[[User], Client], bo: User, settings: Any) -> None:
    settings.DESK_ENV = "production"
    shown = client_of(bo).get(HERE).content.decode()
    assert "Push is not set up" in shown and "data-push-on" not in shown


# --- Installable ---------------------------------------------------------------------------------------------------


def test_the_desk_can_be_installed(client: Client) -> None:
    answer = client.get("/manifest.webmanifest")
    assert answer["Content-Type"] == "application/manifest+json"
    about = answer.json()
    assert (about["display"], about["scope"], about["start_url"]) == ("standalone", "/", "/desk/on-call/")
    assert {icon["sizes"] for icon in about["icons"]} == {"192x192", "512x512"}
    for icon in about["icons"]:
        picture = client.get(icon["src"])
        content = b"".join(picture.streaming_content) if picture.streaming else picture.content
        assert picture.status_code == 200 and content.startswith(b"\x89PNG")


def test_the_worker_is_fresh_of_the_whole_site_and_acknowledges_nothing(client: Client) -> None:
    answer = client.get("/sw.js")
    code = answer.content.decode()
    assert answer["Content-Type"].startswith("text/javascript") and answer["Cache-Control"] == "no-cache"
    assert "fetch" not in code and "XMLHttpRequest" not in code and "acknowledge/" not in code
    assert "script-src 'self'" in answer["Content-Security-Policy"]
