"""Mailed links: opening them changes nothing (S070), and none works twice, too late or for something else (S065)."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.test import Client

from accounts import actions
from accounts.models import AccountMail, Invitation, Membership, Organization, User
from supportdesk.lib import clock
from tests.accounts.conftest import NEW_PASSWORD, ClientOf, MailsTo, choose_password, link_in, log_in, sign_up
from tests.factories import PASSWORD, person

NEW = "new@northwind.example"


@pytest.fixture
def confirmation(northwind: Organization, mails_to: MailsTo) -> str:
    sign_up(Client(), NEW)
    return link_in(mails_to(NEW)[-1])


@pytest.fixture
def reset(rita: User, mails_to: MailsTo) -> str:
    Client().post("/accounts/password/reset/", {"email": rita.email})
    return link_in(mails_to(rita.email)[-1])


@pytest.fixture
def invitation(mona: User, northwind: Organization, mails_to: MailsTo) -> str:
    actions.invite(northwind, email="guest@partner.example", role="member", by=mona, at=clock.now())
    return link_in(mails_to("guest@partner.example")[-1])


def scan(link: str) -> None:
    """A mail scanner: HEAD and GET, twenty times, without cookies, redirects followed."""
    for _ in range(20):
        assert Client().head(link, follow=True).status_code == 200
        assert Client().get(link, follow=True).status_code == 200


def test_a_scanner_confirms_no_address(confirmation: str) -> None:
    scan(confirmation)
    assert not EmailAddress.objects.filter(verified=True).exists()
    assert Client().post(confirmation).status_code == 302
    assert EmailAddress.objects.filter(email=NEW, verified=True).exists()


def test_a_scanner_burns_no_reset(reset: str, rita: User, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = False
    scan(reset)
    assert log_in(Client(), rita.email)


def test_a_reset_works_after_the_scanner(reset: str, rita: User, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = False
    scan(reset)
    choose_password(Client(), reset)
    assert log_in(Client(), rita.email, NEW_PASSWORD)


def test_a_scanner_accepts_no_invitation(invitation: str, client_of: ClientOf) -> None:
    scan(invitation)
    assert not Membership.objects.filter(via="invitation").exists()
    guest = person("guest@partner.example", "Guest")
    for _ in range(3):
        client_of(guest).get(invitation)
    assert client_of(guest).post(invitation).status_code == 302
    assert Membership.objects.get(user=guest).via == "invitation"


def test_opening_another_persons_link_logs_nobody_out(
    confirmation: str, reset: str, tom: User, client_of: ClientOf
) -> None:
    browser = client_of(tom)
    assert browser.get(confirmation).status_code == 200
    assert browser.get(reset, follow=True).status_code == 200
    assert browser.get("/profile/").status_code == 200


def test_forms_behind_links_want_their_csrf_token(confirmation: str, invitation: str) -> None:
    for link in (confirmation, invitation):
        assert Client(enforce_csrf_checks=True).post(link).status_code == 403


def dead(link: str, client: Client | None = None) -> bytes:
    """The page of a link that doesn't work: 404 by GET and by POST."""
    client = client or Client()
    page = client.get(link, follow=True)
    assert page.status_code == 404, page.status_code
    assert client.post(link).status_code == 404
    return page.content


def test_every_dead_confirmation_is_the_same_page(
    confirmation: str, move_clock: Any, reset: str, invitation: str
) -> None:
    blank = dead("/accounts/confirm-email/%20/")
    made_up = dead("/accounts/confirm-email/abc:def:ghi/")
    other_purpose = dead(f"/accounts/confirm-email/{urlsplit(invitation).path.split('/')[-2]}/")
    Client().post(confirmation)
    used = dead(confirmation)
    assert _plain(made_up) == _plain(used) == _plain(other_purpose)
    assert b"There is nothing here" in blank or _plain(blank) == _plain(used)


def _plain(page: bytes) -> bytes:
    return re.sub(rb'[A-Za-z0-9]{64}|content="[-0-9T:+]{25}"', b"", page)


def test_a_confirmation_lasts_72_hours(confirmation: str, move_clock: Any) -> None:
    move_clock(timedelta(hours=71, minutes=59))
    assert Client().get(confirmation).status_code == 200
    move_clock(timedelta(minutes=2))
    dead(confirmation)
    assert not EmailAddress.objects.filter(verified=True).exists()


def test_a_confirmation_is_for_its_address_only(confirmation: str) -> None:
    EmailAddress.objects.filter(email=NEW).update(email="other@northwind.example")
    dead(confirmation)


def test_a_confirmation_of_a_deactivated_person_is_dead(confirmation: str) -> None:
    User.objects.filter(email=NEW).update(is_active=False)
    dead(confirmation)


def test_a_reset_lasts_an_hour(reset: str, move_clock: Any) -> None:
    move_clock(timedelta(minutes=59))
    assert Client().get(reset, follow=True).status_code == 200
    move_clock(timedelta(minutes=2))
    dead(reset)


def _change_password(user: User) -> None:
    user.set_password("something else entirely")
    user.save(update_fields=["password"])


def _change_address(user: User) -> None:
    User.objects.filter(pk=user.pk).update(email="moved@northwind.example")


def _deactivate(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


@pytest.mark.parametrize("change", [_change_password, _change_address, _deactivate])
def test_a_reset_ends_with_what_it_was_made_for(reset: str, rita: User, change: Callable[[User], None]) -> None:
    change(rita)
    dead(reset)


def test_a_reset_works_once(reset: str) -> None:
    choose_password(Client(), reset)
    dead(reset)


def test_a_reset_is_for_its_person_only(reset: str, rita: User, tom: User) -> None:
    theirs = reset.replace(f"/{user_pk_to_url_str(rita)}-", f"/{user_pk_to_url_str(tom)}-")
    assert theirs != reset
    for link in (theirs, "/accounts/password/reset/key/1-%20/", "/accounts/password/reset/key/zzzzzzzzzzzzz-x/"):
        dead(link)


def test_a_reset_page_without_its_link_is_dead(reset: str, rita: User) -> None:
    """No user is selected by default: the page that asks for the password works in the browser of the link only."""
    page = Client().get(reset)["Location"]
    assert Client().post(page, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD}).status_code == 404
    assert log_in(Client(), rita.email, PASSWORD)


@pytest.mark.parametrize("column", ["accepted_at", "revoked_at", "expires_at"])
def test_every_dead_invitation_is_the_same_page(invitation: str, column: str, client_of: ClientOf, tom: User) -> None:
    Invitation.objects.update(created_at=clock.now() - timedelta(days=4), **{column: clock.now()})
    pages = {_plain(dead(link)) for link in (invitation, "/invitations/%20/", "/invitations/abc/")}
    assert len(pages) == 1
    dead(invitation, client_of(tom))


def test_an_invitation_lasts_72_hours(invitation: str, move_clock: Any) -> None:
    move_clock(timedelta(hours=71, minutes=59))
    assert Client().get(invitation).status_code == 200
    move_clock(timedelta(minutes=2))
    dead(invitation)


def test_no_token_is_stored(invitation: str, confirmation: str, reset: str) -> None:
    """S065: hashes only; a mail's text is wiped once it is sent."""
    token = invitation.split("/")[-2]
    assert len(token) >= 43
    assert Invitation.objects.get().token_hash != token
    assert not AccountMail.objects.exclude(text="").exists()
