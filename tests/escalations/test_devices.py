"""On-call devices: registered with a fresh password; they answer their owner's pages, and nothing else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.actions import deactivate
from accounts.models import Role, User
from accounts.tokens import digest
from escalations import actions
from escalations.models import OnCallDevice, Page, PageEvent
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests import factories
from tests.at_once import at_once
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
PassTime = Callable[[float], None]
DEVICES = "/desk/on-call/devices/"
COOKIE = settings.ON_CALL_COOKIE_NAME


def prove(client: Client, password: str = factories.PASSWORD) -> Any:
    return client.post(f"/accounts/reauthenticate/?next={DEVICES}", {"password": password})


def phone_of(person: User, **options: Any) -> Client:
    """A browser that holds a device's cookie and no session."""
    secret = actions.register_device(by=person, name="Phone", at=clock.now())
    client = Client(**options)
    client.cookies[COOKIE] = secret
    return client


@pytest.fixture
def phone(page: Page, bo: User) -> Client:
    """bo's phone; his page rings."""
    return phone_of(bo)


@pytest.fixture
def foreign(page: Page, bo: User, lea: User, sam: User) -> Page:
    """Another page, which rings leads and admins only."""
    ticket = factories.open_ticket(sam, subject="Foreign subject")
    other = actions.page_by_hand(
        ticket, kind=Page.Kind.SET, priority=Priority.HIGH, reason="Look", by=bo, at=clock.now()
    )
    run_pass("test")
    return other


# --- Registering ----------------------------------------------------------------------------------------------------


def test_a_phone_is_registered_after_the_password_was_typed_and_holds_the_only_copy(
    page: Page, bo: User, client_of: ClientOf
) -> None:
    client = client_of(bo)
    assert "Enter password" in client.get(DEVICES).content.decode()
    assert prove(client)["Location"] == DEVICES
    answer = client.post(DEVICES, {"name": "  My   phone "})
    assert (answer.status_code, answer["Location"]) == (303, DEVICES)
    cookie = answer.cookies[COOKIE]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Lax", "/")
    assert cookie["max-age"] == 90 * 86400
    assert cookie["domain"] == ""
    assert len(cookie.value) >= 43
    device = OnCallDevice.objects.get()
    assert (device.user, device.name, device.token_hash) == (bo, "My phone", digest(cookie.value))
    assert cookie.value not in str(OnCallDevice.objects.values().get())
    html = client.get(DEVICES).content.decode()
    assert "My phone" in html
    assert "this device" in html
    assert cookie.value not in html


def test_without_a_fresh_password_nothing_is_registered_and_the_name_comes_back(
    page: Page, bo: User, client_of: ClientOf
) -> None:
    client = client_of(bo)
    answer = client.post(DEVICES, {"name": "My phone"})
    assert answer["Location"] == "/accounts/reauthenticate/?next=%2Fdesk%2Fon-call%2Fdevices%2F%3Fname%3DMy%2Bphone"
    assert not OnCallDevice.objects.exists()
    assert COOKIE not in answer.cookies
    back = client.post(answer["Location"], {"password": factories.PASSWORD})["Location"]
    assert 'value="My phone"' in client.get(back).content.decode()


def test_a_wrong_password_proves_nothing(page: Page, bo: User, client_of: ClientOf) -> None:
    client = client_of(bo)
    prove(client, "wrong")
    client.post(DEVICES, {"name": "My phone"})
    assert not OnCallDevice.objects.exists()


def test_a_password_of_more_than_five_minutes_ago_is_stale(
    page: Page, bo: User, client_of: ClientOf, monkeypatch: Any
) -> None:
    client = client_of(bo)
    prove(client)
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 301
    session.save()
    assert client.post(DEVICES, {"name": "My phone"})["Location"].startswith("/accounts/reauthenticate/")
    assert not OnCallDevice.objects.exists()


def test_a_log_in_of_just_now_counts(page: Page, bo: User) -> None:
    client = Client()
    client.post("/accounts/login/", {"login": bo.email, "password": factories.PASSWORD})
    client.post(DEVICES, {"name": "My phone"})
    assert OnCallDevice.objects.get().user == bo


@pytest.mark.parametrize(
    ("name", "sentence"), [("", "Give it a name"), (" ", "Give it a name"), ("x" * 65, "at most 64")]
)
def test_a_device_needs_a_name(page: Page, bo: User, client_of: ClientOf, name: str, sentence: str) -> None:
    client = client_of(bo)
    prove(client)
    answer = client.post(DEVICES, {"name": name})
    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert not OnCallDevice.objects.exists()
    with pytest.raises(Invalid):
        actions.register_device(by=bo, name=name, at=clock.now())


def test_who_answers_no_pages_registers_none(page: Page, rita: User, pat: User, client_of: ClientOf) -> None:
    for person in (rita, pat):
        assert client_of(person).post(DEVICES, {"name": "x"}).status_code == 404
        with pytest.raises(NotAllowed):
            actions.register_device(by=person, name="x", at=clock.now())


def test_ten_devices_are_enough(page: Page, bo: User, client_of: ClientOf) -> None:
    client = client_of(bo)
    prove(client)
    for _ in range(10):
        actions.register_device(by=bo, name="x", at=clock.now())
    answer = client.post(DEVICES, {"name": "One more"})
    assert answer.status_code == 409
    assert "You have 10 devices." in answer.content.decode()
    assert 'value="One more"' in answer.content.decode()
    clock.move(timedelta(days=90))
    assert actions.register_device(by=bo, name="x", at=clock.now()), "those have expired"


def test_registering_a_device_again_ends_what_it_had(page: Page, bo: User, client_of: ClientOf) -> None:
    client = client_of(bo)
    prove(client)
    first = client.post(DEVICES, {"name": "My phone"}).cookies[COOKIE].value
    second = client.post(DEVICES, {"name": "My phone"}).cookies[COOKIE].value
    assert first != second
    assert OnCallDevice.objects.valid(clock.now()).get().token_hash == digest(second)


@pytest.mark.django_db(transaction=True)
def test_two_registrations_at_once_do_not_pass_the_limit(page: Page, bo: User) -> None:
    for _ in range(9):
        actions.register_device(by=bo, name="x", at=clock.now())
    now = clock.now()
    results = at_once(*[lambda: actions.register_device(by=bo, name="y", at=now)] * 2)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "str"]
    assert isinstance(next(one for one in results if not isinstance(one, str)), Conflict)


# --- Answering without a log-in -------------------------------------------------------------------------------------


def test_it_shows_its_owners_page_with_big_buttons_and_no_way_into_the_desk(page: Page, phone: Client) -> None:
    answer = phone.get(page.get_absolute_url())
    html = answer.content.decode()
    for words in ("Ringing you", "Secret subject", "Acknowledge", "Escalate", "Hand over", "Log in to open the ticket"):
        assert words in html
    login = f"/accounts/login/?next=/desk/tickets/{page.ticket_id}/"
    assert f'href="{login}"' in html
    for address in (
        'href="/desk/"',
        f'href="/desk/tickets/{page.ticket_id}/"',
        "/desk/on-call/",
        "/snooze/",
        "/logout/",
    ):
        assert address not in html
    assert answer["Cache-Control"] == "no-store, private"
    assert "Cookie" in answer["Vary"]
    assert settings.SESSION_COOKIE_NAME not in phone.cookies or not phone.cookies[settings.SESSION_COOKIE_NAME].value


def test_it_acknowledges_and_says_by_what(page: Page, phone: Client, bo: User) -> None:
    answer = phone.post(f"{page.get_absolute_url()}acknowledge/", follow=True)
    assert answer.redirect_chain == [(page.get_absolute_url(), 303)]
    html = answer.content.decode()
    assert "Acknowledged by Bo" in html
    assert "It stops ringing." in html
    assert "Bo acknowledged by on-call device and took the ticket" in html
    page.ticket.refresh_from_db()
    assert page.ticket.assignee == bo
    again = phone.post(f"{page.get_absolute_url()}acknowledge/")
    assert again.status_code == 200
    assert "Already acknowledged by Bo" in again.content.decode()


def test_a_get_acknowledges_nothing(page: Page, phone: Client) -> None:
    for verb in ("", "acknowledge/", "escalate/", "hand-over/"):
        phone.get(f"{page.get_absolute_url()}{verb}")
        phone.head(f"{page.get_absolute_url()}{verb}")
    page.refresh_from_db()
    assert page.is_ringing
    assert not PageEvent.objects.filter(actor__isnull=False).exists()


def test_it_escalates(page: Page, phone: Client, rung: Callable[[], list[str]]) -> None:
    phone.post(f"{page.get_absolute_url()}escalate/")
    run_pass("test")
    assert rung() == ["bo", "ann", "lea"]


def test_it_hands_over_and_then_shows_it_no_longer(
    page: Page, phone: Client, ann: User, rung: Callable[[], list[str]]
) -> None:
    assert "Ann" in phone.get(f"{page.get_absolute_url()}hand-over/").content.decode()
    answer = phone.post(f"{page.get_absolute_url()}hand-over/", {"to": ann.pk}, follow=True)
    assert answer.redirect_chain == [("/desk/pages/", 303)]
    assert "It rings Ann now." in answer.content.decode()
    run_pass("test")
    assert rung() == ["bo", "ann"]
    assert phone.get(page.get_absolute_url()).status_code == 404


def test_what_was_handed_to_its_owner_is_theirs_before_it_rings(page: Page, bo: User, ann: User) -> None:
    hers = phone_of(ann)
    assert hers.get(page.get_absolute_url()).status_code == 404
    actions.hand_over(page, to=ann, by=bo, at=clock.now())
    assert hers.get(page.get_absolute_url()).status_code == 200


def test_the_list_shows_only_its_owners_and_acknowledges_those_together(
    page: Page, foreign: Page, phone: Client
) -> None:
    html = phone.get("/desk/pages/").content.decode()
    assert "Secret subject" in html
    assert "Foreign subject" not in html
    answer = phone.post("/desk/pages/acknowledge/", {"page": [page.pk, foreign.pk]}, follow=True)
    assert "1 page acknowledged." in answer.content.decode()
    foreign.refresh_from_db()
    assert foreign.is_ringing


def test_other_peoples_pages_are_not_there(foreign: Page, phone: Client) -> None:
    for verb in ("", "hand-over/"):
        answer = phone.get(f"{foreign.get_absolute_url()}{verb}")
        assert answer.status_code == 404
        assert b"Foreign" not in answer.content
    for verb in ("acknowledge/", "escalate/", "hand-over/"):
        assert phone.post(f"{foreign.get_absolute_url()}{verb}").status_code == 404
    assert phone.get("/desk/pages/999999/").status_code == 404
    foreign.refresh_from_db()
    assert foreign.is_ringing


def test_every_other_address_asks_for_a_log_in(page: Page, phone: Client, ticket: Ticket) -> None:
    closed = [
        *("/desk/", f"/desk/tickets/{ticket.number}/", f"/desk/tickets/{ticket.number}/page/", "/desk/on-call/"),
        *(DEVICES, "/profile/", "/requests/", "/desk/notifications/", f"{page.get_absolute_url()}snooze/"),
    ]
    for address in closed:
        answer = phone.get(address)
        assert answer.status_code == 302, address
        assert answer["Location"].startswith("/accounts/login/"), address
        assert b"Secret" not in answer.content
    for address in (
        *(f"{page.get_absolute_url()}snooze/", f"{page.get_absolute_url()}finish/"),
        *(f"/desk/tickets/{ticket.number}/reply/", f"/desk/tickets/{ticket.number}/page/", DEVICES),
        f"{DEVICES}{OnCallDevice.objects.get().pk}/revoke/",
    ):
        assert phone.post(address)["Location"].startswith("/accounts/login/"), address
    assert phone.get("/api/v1/tickets/").status_code in {401, 403}
    page.refresh_from_db()
    assert page.is_ringing


def test_a_post_needs_the_csrf_token(page: Page, bo: User) -> None:
    phone = phone_of(bo, enforce_csrf_checks=True)
    address = f"{page.get_absolute_url()}acknowledge/"
    assert phone.post(address).status_code == 403
    html = phone.get(page.get_absolute_url()).content.decode()
    token = html.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    assert phone.post(address, {"csrfmiddlewaretoken": token}).status_code == 303
    page.refresh_from_db()
    assert page.is_acknowledged


# --- How it ends ----------------------------------------------------------------------------------------------------


def opens(client: Client, page: Page) -> bool:
    answer = client.get(page.get_absolute_url())
    assert answer.status_code in {200, 302, 404}
    if answer.status_code == 302:
        assert answer["Location"].startswith("/accounts/login/")
    return answer.status_code == 200


@pytest.mark.parametrize("value", ["", "x", "a" * 43, "0" * 5000, "%00", "'; --"])
def test_a_made_up_cookie_is_nobody(page: Page, phone: Client, value: str) -> None:
    phone.cookies[COOKIE] = value
    assert not opens(phone, page)


def test_what_is_stored_is_no_key(page: Page, phone: Client) -> None:
    phone.cookies[COOKIE] = OnCallDevice.objects.get().token_hash
    assert not opens(phone, page)


def test_logging_out_does_not_end_it_and_revoking_does(page: Page, bo: User, client_of: ClientOf) -> None:
    client = client_of(bo)
    prove(client)
    client.post(DEVICES, {"name": "My phone"})
    client.post("/accounts/logout/")
    assert opens(client, page)
    assert "Log in to open the ticket" in client.get(page.get_absolute_url()).content.decode()
    elsewhere = client_of(bo)
    revoke = reverse("device_revoke", args=[OnCallDevice.objects.get().pk])
    assert elsewhere.get(revoke).status_code == 405
    answer = elsewhere.post(revoke, follow=True)
    assert "My phone answers nothing any more." in answer.content.decode()
    assert "No device yet" in answer.content.decode()
    assert not opens(client, page)


def test_revoking_it_on_the_device_itself_forgets_the_cookie(page: Page, bo: User, client_of: ClientOf) -> None:
    client = client_of(bo)
    prove(client)
    client.post(DEVICES, {"name": "My phone"})
    answer = client.post(reverse("device_revoke", args=[OnCallDevice.objects.get().pk]))
    assert answer.cookies[COOKIE].value == ""
    assert client.post(reverse("device_revoke", args=[OnCallDevice.objects.get().pk])).status_code == 303


def test_somebody_elses_device_is_not_there(page: Page, phone: Client, ann: User, client_of: ClientOf) -> None:
    device = OnCallDevice.objects.get()
    assert client_of(ann).post(reverse("device_revoke", args=[device.pk])).status_code == 404
    with pytest.raises(NotAllowed):
        actions.revoke_device(device, by=ann, at=clock.now())
    assert device.name not in client_of(ann).get(DEVICES).content.decode()
    assert opens(phone, page)


def test_it_expires_after_ninety_days(page: Page, phone: Client) -> None:
    clock.move(timedelta(days=89, hours=23))
    assert opens(phone, page)
    clock.move(timedelta(hours=2))
    assert not opens(phone, page)


def test_it_ends_with_its_owners_account(page: Page, phone: Client, bo: User, ada: User) -> None:
    deactivate(bo, by=ada, at=clock.now())
    assert not opens(phone, page)
    assert phone.post(f"{page.get_absolute_url()}acknowledge/")["Location"].startswith("/accounts/login/")
    page.refresh_from_db()
    assert page.is_ringing


@pytest.mark.parametrize("role", ["", Role.PRODUCT])
def test_it_ends_with_its_owners_role(page: Page, phone: Client, bo: User, role: str) -> None:
    User.objects.filter(pk=bo.pk).update(role=role)
    assert not opens(phone, page)


def test_a_session_that_ran_out_falls_back_to_the_device(page: Page, bo: User, client_of: ClientOf) -> None:
    client = client_of(bo)
    client.cookies[COOKIE] = actions.register_device(by=bo, name="Phone", at=clock.now())
    assert 'id="snooze"' in client.get(page.get_absolute_url()).content.decode(), "the whole desk, while it lasts"
    client.session.flush()
    html = client.get(page.get_absolute_url()).content.decode()
    assert "Log in to open the ticket" in html
    assert 'id="snooze"' not in html


def test_a_full_session_always_wins(
    page: Page, foreign: Page, bo: User, lea: User, rita: User, client_of: ClientOf
) -> None:
    leads = client_of(lea)
    leads.cookies[COOKIE] = actions.register_device(by=bo, name="Phone", at=clock.now())
    leads.post(f"{page.get_absolute_url()}acknowledge/")
    page.refresh_from_db()
    assert page.acknowledged_by == lea
    customers = client_of(rita)
    customers.cookies[COOKIE] = actions.register_device(by=bo, name="Phone", at=clock.now())
    assert customers.get(page.get_absolute_url()).status_code == 404


def test_it_is_seen_when_it_was_last_used_written_once_a_minute(page: Page, phone: Client) -> None:
    opens(phone, page)
    first = OnCallDevice.objects.get().last_seen_at
    assert first is not None
    clock.move(timedelta(seconds=30))
    opens(phone, page)
    assert OnCallDevice.objects.get().last_seen_at == first
    clock.move(timedelta(seconds=31))
    opens(phone, page)
    assert OnCallDevice.objects.get().last_seen_at > first


def test_times_are_shown_where_its_owner_is(page: Page, bo: User) -> None:
    User.objects.filter(pk=bo.pk).update(time_zone="Pacific/Auckland")
    html = phone_of(bo).get(page.get_absolute_url()).content.decode()
    assert "NZDT" in html or "NZST" in html
