"""A manager invites an address; whoever has it verified may accept, once."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import actions
from accounts.models import AccountEvent, Invitation, Membership, Organization, User
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict
from tests.accounts.conftest import ClientOf, MailsTo, link_in, log_in, sign_up
from tests.factories import person

GUEST = "guest@partner.example"
MEMBERS = "/organisations/northwind/members/"


@pytest.fixture
def invited(mona: User, client_of: ClientOf, mails_to: MailsTo) -> str:
    """mona invites through her page; the link that arrives."""
    assert client_of(mona).post(f"{MEMBERS}invite/", {"email": GUEST, "role": "manager"}).status_code == 302
    return link_in(mails_to(GUEST)[-1])


def test_a_stranger_signs_up_and_accepts(invited: str, mails_to: MailsTo, northwind: Organization) -> None:
    """By the links alone: invitation, sign-up, confirmation, log-in, acceptance."""
    guest = Client()
    page = guest.get(invited).content.decode()
    assert "Northwind" not in page
    assert f"/accounts/signup/?next={invited}" in page
    sign_up(guest, GUEST, next=invited)
    confirmation = link_in(mails_to(GUEST)[-1])
    assert guest.post(confirmation)["Location"] == invited
    answer = guest.post(
        "/accounts/login/", {"login": GUEST, "password": "correct horse battery staple", "next": invited}
    )
    assert answer["Location"] == invited
    assert "Northwind" not in guest.get(invited).content.decode()
    assert guest.post(invited).status_code == 302
    membership = Membership.objects.get(user__email=GUEST)
    assert (membership.role, membership.via, membership.organization) == ("manager", "invitation", northwind)
    assert AccountEvent.objects.filter(kind="joined", user=membership.user, actor=membership.user).exists()
    assert guest.get(MEMBERS).status_code == 200
    assert guest.get(invited).status_code == 404


def test_the_mail_names_nobody(invited: str, mails_to: MailsTo) -> None:
    """S014"""
    [message] = mails_to(GUEST)
    for word in ("Northwind", "Mona", "mona@"):
        assert word not in message.subject + message.body


def test_who_is_signed_out_is_asked_to_log_in(invited: str) -> None:
    assert Client().post(invited)["Location"] == f"/accounts/login/?next={invited}"


@pytest.mark.parametrize("who", ["sam", "fred", "tom", "bo", "ada"])
def test_somebody_else_is_refused_in_the_same_words(
    request: pytest.FixtureRequest, invited: str, client_of: ClientOf, who: str
) -> None:
    page = client_of(request.getfixturevalue(who)).post(invited)
    assert page.status_code == 403
    assert "This invitation is for another address" in page.content.decode()
    assert not Membership.objects.filter(via="invitation").exists()


def test_an_unverified_address_is_not_enough(invited: str, client_of: ClientOf) -> None:
    guest = User.objects.create_user(GUEST, "x")
    assert client_of(guest).post(invited).status_code == 403


def test_a_pending_change_of_address_is_not_enough(invited: str, sam: User, client_of: ClientOf) -> None:
    """S065: bound to the address; sam has asked for it but not confirmed."""
    browser = client_of(sam)
    browser.post("/accounts/email/", {"action_add": "", "email": GUEST})
    assert browser.post(invited).status_code == 403


def test_accepting_twice_at_once_is_once(invited: str, client_of: ClientOf) -> None:
    guest = person(GUEST, "Guest")
    invitation = Invitation.objects.get()
    actions.accept_invitation(invitation, by=guest, at=clock.now())
    with pytest.raises(Conflict):
        actions.accept_invitation(invitation, by=guest, at=clock.now())
    assert client_of(guest).post(invited).status_code == 404
    assert Membership.objects.filter(user=guest).count() == 1


def test_inviting_again_replaces_the_first(invited: str, mona: User, client_of: ClientOf, mails_to: MailsTo) -> None:
    client_of(mona).post(f"{MEMBERS}invite/", {"email": GUEST.upper(), "role": "member"})
    assert Invitation.objects.pending(now=clock.now()).get().role == "member"
    assert Client().get(invited).status_code == 404
    assert Client().get(link_in(mails_to(GUEST)[-1])).status_code == 200


def test_an_invitation_taken_back_is_dead(invited: str, mona: User, client_of: ClientOf) -> None:
    invitation = Invitation.objects.get()
    answer = client_of(mona).post(f"{MEMBERS}invitations/{invitation.pk}/revoke/", follow=True)
    assert "taken back" in answer.content.decode()
    assert Client().get(invited).status_code == 404
    again = client_of(mona).post(f"{MEMBERS}invitations/{invitation.pk}/revoke/", follow=True)
    assert "accepted or taken back meanwhile" in again.content.decode()
    assert AccountEvent.objects.filter(kind="invitation_revoked").count() == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"email": "nobody", "role": "member"}, "Enter a valid"),
        ({"email": "", "role": "member"}, "required"),
        ({"email": "gu\u0131st@partner.example", "role": "member"}, "without accents"),
        ({"email": "x@partner.example", "role": "owner"}, "valid choice"),
        ({"email": "TOM@northwind.example", "role": "member"}, "is a member already"),
    ],
)
def test_what_cannot_be_taken_is_said_beside_its_field(
    mona: User, tom: User, client_of: ClientOf, fields: dict[str, str], sentence: str
) -> None:
    page = client_of(mona).post(f"{MEMBERS}invite/", fields)
    assert page.status_code == 400
    assert sentence in page.content.decode()
    if fields["email"]:
        assert f'value="{fields["email"]}"' in page.content.decode()
    assert not Invitation.objects.exists()


def test_twenty_invitations_a_day(mona: User, northwind: Organization, client_of: ClientOf, move_clock: Any) -> None:
    """S014"""
    for number in range(20):
        actions.invite(northwind, email=f"guest{number}@partner.example", role="member", by=mona, at=clock.now())
    Invitation.objects.update(revoked_at=clock.now())
    page = client_of(mona).post(f"{MEMBERS}invite/", {"email": GUEST, "role": "member"})
    assert page.status_code == 400
    assert "At most 20 invitations" in page.content.decode()
    move_clock(timedelta(hours=24, minutes=1))
    assert client_of(mona).post(f"{MEMBERS}invite/", {"email": GUEST, "role": "member"}).status_code == 302


def test_a_removed_member_has_no_invitation_left(mona: User, tom: User, northwind: Organization) -> None:
    membership = tom.memberships.get()
    Membership.objects.filter(pk=membership.pk).update(ended_at=clock.now())
    actions.invite(northwind, email=tom.email, role="member", by=mona, at=clock.now())
    Membership.objects.filter(pk=membership.pk).update(ended_at=None)
    actions.remove_member(membership, by=mona, at=clock.now())
    assert not Invitation.objects.pending(now=clock.now()).exists()


def test_a_shut_organisation_takes_in_nobody(invited: str, client_of: ClientOf) -> None:
    Organization.objects.update(is_active=False)
    assert client_of(person(GUEST, "Guest")).post(invited).status_code == 404


def test_logging_in_still_works_afterwards(invited: str) -> None:
    cache.clear()
    person(GUEST, "Guest")
    assert log_in(Client(), GUEST)
