"""A new address counts once it is confirmed; what the old one's domain gave goes with it."""

import pytest
from allauth.account.models import EmailAddress
from django.core.cache import cache
from django.test import Client

from accounts import actions
from accounts.models import AccountEvent, Membership, Organization, User
from supportdesk.lib import clock
from tests.accounts.conftest import ClientOf, MailsTo, link_in, log_in, sign_up
from tests.factories import person

NEW = "rita@home.example"


def ask(browser: Client, email: str) -> int:
    return browser.post("/accounts/email/", {"action_add": "", "email": email}).status_code


def test_the_address_changes_when_it_is_confirmed(client_of: ClientOf, rita: User, mails_to: MailsTo) -> None:
    browser = client_of(rita)
    assert ask(browser, "RITA@home.example") == 302
    rita.refresh_from_db()
    assert rita.email == "rita@northwind.example"
    browser.post(link_in(mails_to(NEW)[0]))
    rita.refresh_from_db()
    assert rita.email == NEW
    assert list(EmailAddress.objects.values_list("email", "verified", "primary")) == [(NEW, True, True)]
    assert "was changed" in mails_to("rita@northwind.example")[-1].subject
    assert log_in(Client(), NEW)


def test_a_membership_by_domain_goes_with_the_address(
    client_of: ClientOf, northwind: Organization, mails_to: MailsTo
) -> None:
    tess = person("tess@northwind.example", "Tess")
    actions.join_by_domain(tess, at=clock.now())
    browser = client_of(tess)
    ask(browser, "tess@home.example")
    browser.post(link_in(mails_to("tess@home.example")[0]))
    assert not Membership.objects.active().exists()
    assert AccountEvent.objects.filter(kind="left_domain", user=tess).count() == 1


def test_a_membership_by_domain_stays_at_another_domain_of_the_organisation(
    client_of: ClientOf, northwind: Organization, mails_to: MailsTo
) -> None:
    northwind.domains.create(domain="northwind.test", verified_at=clock.now())
    tess = person("tess@northwind.example", "Tess")
    actions.join_by_domain(tess, at=clock.now())
    browser = client_of(tess)
    ask(browser, "tess@northwind.test")
    browser.post(link_in(mails_to("tess@northwind.test")[0]))
    assert Membership.objects.active().filter(user=tess).exists()


def test_a_membership_by_hand_stays(client_of: ClientOf, rita: User, mails_to: MailsTo) -> None:
    browser = client_of(rita)
    ask(browser, NEW)
    browser.post(link_in(mails_to(NEW)[0]))
    assert Membership.objects.active().filter(user=rita).exists()


@pytest.mark.parametrize("password", ["a password of theirs", None])
def test_somebody_elses_address_is_not_taken(
    client_of: ClientOf, rita: User, mails_to: MailsTo, password: str | None
) -> None:
    """Neither at once nor by confirming it after the other account was made; the answer is the same."""
    browser = client_of(rita)
    assert ask(browser, NEW) == 302
    link = link_in(mails_to(NEW)[0])
    User.objects.create_user(NEW, password)
    assert "in use" in browser.get(link).content.decode()
    browser.post(link)
    rita.refresh_from_db()
    assert rita.email == "rita@northwind.example"


def test_a_pending_change_keeps_nobody_from_signing_up(rita: User, client_of: ClientOf, mails_to: MailsTo) -> None:
    ask(client_of(rita), NEW)
    cache.clear()
    stranger = Client()
    sign_up(stranger, NEW, name="Somebody")
    stranger.post(link_in(mails_to(NEW)[-1]))
    assert log_in(stranger, NEW)
    assert User.objects.get(email=NEW).name == "Somebody"


@pytest.mark.parametrize("email", ["rıta@home.example", "nobody", ""])
def test_what_is_no_address_is_said_beside_the_field(client_of: ClientOf, rita: User, email: str) -> None:
    page = client_of(rita).post("/accounts/email/", {"action_add": "", "email": email})
    assert page.status_code == 200
    assert 'id="id_email_error"' in page.content.decode()
