"""Sign-up, verification by a mailed link, and what each of them gives (S059, S060, S061, S108)."""

import re
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.forms import SignupForm
from accounts.mail import deliver_due
from accounts.models import AccountEvent, AccountMail, Membership, Organization, User
from tests.accounts.conftest import MailsTo, choose_password, link_in, log_in, sign_up
from tickets.models import Ticket

RITA = "rita.lang@northwind.example"


def test_a_new_address_at_a_known_domain_becomes_a_member(
    client: Client, northwind: Organization, mails_to: MailsTo
) -> None:
    assert sign_up(client, RITA, time_zone="Europe/Berlin").status_code == 302
    user = User.objects.get(email=RITA)
    assert (user.name, user.time_zone, user.role) == ("Rita Lang", "Europe/Berlin", "")
    link = link_in(mails_to(RITA)[0])
    page = client.get(link)
    assert page.status_code == 200
    assert not EmailAddress.objects.get(email=RITA).verified

    assert client.post(link).status_code == 302
    membership = Membership.objects.get(user=user)
    assert (membership.organization, membership.role, membership.via) == (northwind, "member", "domain")
    joined = AccountEvent.objects.get(kind="joined")
    assert (joined.user, joined.actor, joined.organization) == (user, user, northwind)
    assert log_in(client, RITA)
    assert client.get("/requests/").status_code == 200


def test_a_verified_address_at_no_known_domain_is_free(
    client: Client, northwind: Organization, mails_to: MailsTo
) -> None:
    sign_up(client, "fred@hobby.example")
    client.post(link_in(mails_to("fred@hobby.example")[0]))
    assert log_in(client, "fred@hobby.example")
    assert not Membership.objects.exists()


def test_eve_who_does_not_verify_has_nothing(client: Client, northwind: Organization, mails_to: MailsTo) -> None:
    """S060"""
    eve = "eve@northwind.example"
    answer = sign_up(client, eve)
    assert not log_in(client, eve)
    assert not Membership.objects.exists()
    for path in ("/requests/", "/profile/", "/organisations/northwind/members/"):
        assert client.get(path).status_code == 302
    page = client.get(answer["Location"]).content.decode()
    assert "Northwind" not in page
    assert all("Northwind" not in message.body + message.subject for message in mails_to(eve))


@pytest.mark.parametrize("change", [{"verified_at": None}, {"auto_join": False}])
def test_a_domain_that_is_not_open_lets_nobody_in(
    client: Client, northwind: Organization, mails_to: MailsTo, change: dict[str, object]
) -> None:
    northwind.domains.update(**change)
    sign_up(client, RITA)
    client.post(link_in(mails_to(RITA)[0]))
    assert not Membership.objects.exists()


def test_a_shut_organisation_lets_nobody_in(client: Client, northwind: Organization, mails_to: MailsTo) -> None:
    Organization.objects.update(is_active=False)
    sign_up(client, RITA)
    client.post(link_in(mails_to(RITA)[0]))
    assert not Membership.objects.exists()


def test_a_subdomain_is_another_domain(client: Client, northwind: Organization, mails_to: MailsTo) -> None:
    for address in ("eve@evil.northwind.example", "eve@northwind.example.evil.example", "eve@notnorthwind.example"):
        sign_up(Client(), address)
        Client().post(link_in(mails_to(address)[0]))
    assert User.objects.count() == 3
    assert not Membership.objects.exists()


def test_known_and_unknown_addresses_get_the_same_answer(rita: User, mails_to: MailsTo) -> None:
    """S059: status, headers, cookies and body are the same; what is mailed isn't."""
    answers = []
    for address in (rita.email, "new@northwind.example"):
        client = Client()
        answer = sign_up(client, address)
        page = client.get(answer["Location"])
        answers.append(
            (
                answer.status_code,
                answer["Location"],
                sorted(client.cookies),
                page.content.replace(address.encode(), b""),
            )
        )
    assert _without_tokens(answers[0]) == _without_tokens(answers[1])
    assert User.objects.filter(email=rita.email).count() == 1
    assert "account already" in mails_to(rita.email)[0].subject
    assert "/accounts/confirm-email/" in mails_to("new@northwind.example")[0].body


def _without_tokens(answer: tuple) -> tuple:
    return (*answer[:3], re.sub(rb'"[A-Za-z0-9]{64}"|content="[-0-9T:+]{25}"', b"", answer[3]))


def test_case_variants_are_one_account(client: Client, northwind: Organization, mails_to: MailsTo) -> None:
    """S061"""
    sign_up(client, "VICTIM@Northwind.Example")
    sign_up(Client(), "victim@northwind.example")
    assert [user.email for user in User.objects.all()] == ["victim@northwind.example"]
    client.post(link_in(mails_to("victim@northwind.example")[0]))
    assert log_in(Client(), "Victim@NORTHWIND.example")


def test_a_tag_is_an_account_of_its_own(rita: User, northwind: Organization) -> None:
    sign_up(Client(), "rita+1@northwind.example")
    assert User.objects.count() == 2
    assert not Membership.objects.filter(user__email="rita+1@northwind.example").exists()


@pytest.mark.parametrize("address", ["rıta@northwind.example", "rita@northwınd.example", "\u212aen@northwind.example"])
def test_look_alike_addresses_are_refused_beside_the_field(client: Client, rita: User, address: str) -> None:
    page = sign_up(client, address)
    assert page.status_code == 200
    assert "without accents" in page.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    "name",
    [
        "Win http://evil.example now",
        "visit evil.example",
        "<b>x</b>",
        "x" * 300,
        "Suppοrt",
        "Support Team",
        "Admin",
        "two\nlines",
        "Z" + "\u0300" * 30,
        "",
        "\u200b",
    ],
)
def test_s014_names_that_deceive_are_refused_beside_the_field(client: Client, db: None, name: str) -> None:
    """S014, S108"""
    page = sign_up(client, RITA, name=name)
    assert page.status_code == 200
    assert 'id="id_name_error"' in page.content.decode()
    assert f'value="{RITA}"' in page.content.decode()
    assert not User.objects.exists()


def test_invisible_characters_are_taken_out_of_names(client: Client, db: None) -> None:
    sign_up(client, RITA, name="Ri\u200bta  \u202eLang")
    assert User.objects.get().name == "Rita Lang"


def test_an_unknown_zone_of_the_browser_is_left_out(client: Client, db: None) -> None:
    assert sign_up(client, RITA, time_zone="Mars/Olympus").status_code == 302
    assert User.objects.get().time_zone == ""


def test_s014_mails_hold_nothing_that_the_person_typed(client: Client, db: None, mails_to: MailsTo) -> None:
    """S014"""
    sign_up(client, RITA, name="Xavier Quickfox")
    for message in mails_to(RITA):
        assert "Quickfox" not in message.subject + message.body
        assert message.extra_headers["Auto-Submitted"] == "auto-generated"


def test_nothing_more_can_be_posted_than_the_form_asks(client: Client, db: None) -> None:
    """S051"""
    sign_up(client, RITA, role="admin", is_active="0", is_staff="1", country="DE")
    user = User.objects.get()
    assert (user.role, user.is_active, user.country) == ("", True, "")


def test_signing_up_again_before_confirming_leads_to_a_password_of_ones_own(
    client: Client, northwind: Organization, mails_to: MailsTo
) -> None:
    """Who signs up with somebody else's address chose its password; the owner's own choice replaces it."""
    sign_up(client, RITA, password="the password of eve")
    owner = Client()
    AccountMail.objects.all().delete()
    cache.clear()  # the three minutes between two confirmation mails
    sign_up(owner, RITA)
    claim = mails_to(RITA)[-1]
    assert "/accounts/password/reset/key/" in claim.body
    choose_password(owner, link_in(claim))
    assert not log_in(Client(), RITA, "the password of eve")
    assert Membership.objects.filter(user__email=RITA).exists()


def test_a_mailbox_gets_ten_mails_of_a_kind_an_hour_whatever_the_tag(db: None) -> None:
    """S061"""
    for number in range(14):
        sign_up(Client(REMOTE_ADDR=f"203.0.113.{number}"), f"victim+{number}@northwind.example")
    deliver_due()
    assert len(mail.outbox) == 10


def test_the_password_must_be_good(client: Client, db: None) -> None:
    for password in ("short", "password123", RITA):
        assert sign_up(client, RITA, password=password).status_code == 200
    assert not User.objects.exists()


def test_the_same_sign_up_twice_at_once_is_one_account(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one was made after this form was checked."""
    monkeypatch.setattr(SignupForm, "validate_unique_email", lambda form, value: value)
    assert sign_up(client, RITA).status_code == 302
    assert sign_up(Client(), RITA).status_code == 302
    assert User.objects.count() == 1


def test_s010_a_flood_of_sign_ups_mails_no_more_than_the_limits(db: None, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {
        "signup_network": "3/h/key",
        "signup_all": "10/h/key",
    }
    insult = "You fool"
    answers = [
        sign_up(Client(REMOTE_ADDR=f"198.51.{number % 5}.{number}"), f"victim{number}@others.example", name=insult)
        for number in range(40)
    ]
    taken = [answer for answer in answers if answer.status_code != 429]
    assert len(taken) == 10
    assert len({(answer.status_code, answer.headers.get("Location")) for answer in taken}) == 1
    assert all(answer["Retry-After"] == "3600" for answer in answers if answer.status_code == 429)
    deliver_due()
    assert len(mail.outbox) == 10
    assert not any(insult in f"{message.subject}{message.body}" for message in mail.outbox)
    assert not Ticket.objects.exists()


def test_s010_one_network_has_a_share_of_its_own(db: None, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = settings.ACCOUNT_RATE_LIMITS | {"signup_network": "3/h/key"}
    statuses = [
        sign_up(Client(REMOTE_ADDR=f"198.51.100.{number}"), f"p{number}@others.example").status_code
        for number in range(5)
    ]
    assert statuses[3:] == [429, 429]
    assert sign_up(Client(REMOTE_ADDR="198.51.101.1"), "other@others.example").status_code != 429
