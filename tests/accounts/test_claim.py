"""One person per address: entered without a password, claimed by its owner, requests and all."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from accounts import actions
from accounts.models import AccountEvent, Membership, Organization, User
from supportdesk.lib import clock
from supportdesk.lib.errors import Invalid
from tests.accounts.conftest import NEW_PASSWORD, MailsTo, choose_password, link_in, log_in, sign_up
from tests.factories import open_ticket, person

NILS = "nils@northwind.example"


@pytest.fixture
def nils(northwind: Organization) -> User:
    """Entered by an agent: no password, no membership; with a request."""
    nils = actions.person_for_address(NILS, name="Nils Holm", at=clock.now())
    Membership.objects.create(user=nils, organization=northwind)
    open_ticket(nils, subject="Opened over the phone")
    return nils


def test_an_address_is_one_person_however_it_is_written(db: None) -> None:
    nils = actions.person_for_address("Nils@Northwind.Example", name="Nils", at=clock.now())
    assert nils.email == NILS
    assert not nils.has_usable_password()
    assert actions.person_for_address(" NILS@northwind.example ", name="Somebody else", at=clock.now()) == nils
    assert User.objects.get().name == "Nils"


@pytest.mark.parametrize(
    ("email", "name"), [("nobody", ""), ("nıls@northwind.example", ""), (NILS, "<b>x</b>"), ("", "")]
)
def test_no_address_or_no_name_is_refused(db: None, email: str, name: str) -> None:
    with pytest.raises(Invalid):
        actions.person_for_address(email, name=name, at=clock.now())
    assert not User.objects.exists()


def test_a_password_reset_claims_the_account_with_its_requests(client: Client, nils: User, mails_to: MailsTo) -> None:
    assert client.post("/accounts/password/reset/", {"email": "NILS@northwind.example"}).status_code == 302
    answer = choose_password(client, link_in(mails_to(NILS)[0]))
    assert answer.status_code == 302
    assert EmailAddress.objects.get(user=nils).verified
    assert AccountEvent.objects.filter(kind="claimed", user=nils, actor=nils).count() == 1
    assert log_in(client, NILS, NEW_PASSWORD)
    assert "Opened over the phone" in client.get("/requests/").content.decode()


def test_signing_up_leads_into_claiming_and_says_nothing_of_it(client: Client, nils: User, mails_to: MailsTo) -> None:
    answer = sign_up(client, NILS, name="Not Nils", password="the password of eve")
    assert answer["Location"] == "/accounts/confirm-email/"
    nils.refresh_from_db()
    assert (nils.name, nils.has_usable_password()) == ("Nils Holm", False)
    assert not log_in(client, NILS, "the password of eve")
    [claim] = mails_to(NILS)
    choose_password(client, link_in(claim))
    assert log_in(client, NILS, NEW_PASSWORD)
    assert "Opened over the phone" in client.get("/requests/").content.decode()


def test_claiming_joins_by_the_domain(client: Client, northwind: Organization, mails_to: MailsTo) -> None:
    nils = actions.person_for_address(NILS, at=clock.now())
    client.post("/accounts/password/reset/", {"email": NILS})
    assert not Membership.objects.exists()
    choose_password(client, link_in(mails_to(NILS)[0]))
    assert Membership.objects.get(user=nils).via == "domain"


def test_claiming_twice_is_recorded_once(nils: User) -> None:
    actions.claim(nils, at=clock.now())
    actions.claim(nils, at=clock.now())
    assert AccountEvent.objects.filter(kind="claimed").count() == 1


def test_a_reset_logs_everybody_else_out(client: Client, rita: User, mails_to: MailsTo) -> None:
    thief = Client()
    assert log_in(thief, rita.email)
    client.post("/accounts/password/reset/", {"email": rita.email})
    choose_password(client, link_in(mails_to(rita.email)[0]))
    assert thief.get("/profile/").status_code == 302


@pytest.mark.parametrize("address", ["rıta@northwind.example", "RİTA@northwind.example", "nobody@northwind.example"])
def test_a_reset_for_a_look_alike_says_the_same_and_mails_nobody(
    client: Client, rita: User, mails_to: MailsTo, address: str
) -> None:
    """S061"""
    answer = client.post("/accounts/password/reset/", {"email": address})
    known = Client().post("/accounts/password/reset/", {"email": rita.email})
    assert (answer.status_code, answer["Location"]) == (known.status_code, known["Location"])
    assert mails_to(address) == []
    assert len(mails_to(rita.email)) == 1


def test_a_deactivated_person_gets_no_link(client: Client, rita: User, mails_to: MailsTo) -> None:
    User.objects.filter(pk=rita.pk).update(is_active=False)
    assert client.post("/accounts/password/reset/", {"email": rita.email}).status_code == 302
    assert sign_up(Client(), rita.email).status_code == 302
    assert mails_to(rita.email) == []


def test_a_welcomed_domain_takes_in_who_verified_before(northwind: Organization) -> None:
    early = person("early@northwind.example", "Early")
    unverified = User.objects.create_user("late@northwind.example", "x")
    actions.welcome_domain(northwind.domains.get(), at=clock.now())
    assert list(Membership.objects.values_list("user", flat=True)) == [early.pk]
    assert unverified.memberships.count() == 0
