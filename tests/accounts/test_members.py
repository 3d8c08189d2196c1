"""Managers see, change and remove the members of their own organisation, and nobody else does."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts import actions
from accounts.models import AccountEvent, Membership, Organization, User
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests.accounts.conftest import ClientOf, MailsTo, link_in, log_in
from tests.factories import member, open_ticket

MEMBERS = "/organisations/northwind/members/"
STRANGERS = ["tom", "sam", "contoso_manager", "bo", "lea", "sven", "pat", "fred"]


@pytest.fixture
def contoso_manager(contoso: Organization) -> User:
    return member("Cora", contoso, Membership.Role.MANAGER)


@pytest.fixture
def nora(northwind: Organization) -> User:
    """A second manager of Northwind."""
    return member("Nora", northwind, Membership.Role.MANAGER)


def place(user: User) -> Membership:
    return user.memberships.get(organization__slug="northwind")


def verbs(target: User) -> list[tuple[str, dict[str, str]]]:
    return [
        (f"{MEMBERS}{place(target).pk}/role/", {"role": "manager", "was": "member"}),
        (f"{MEMBERS}{place(target).pk}/remove/", {}),
        (f"{MEMBERS}invite/", {"email": "x@partner.example", "role": "manager"}),
    ]


@pytest.mark.parametrize("who", ["mona", "ada"])
def test_managers_and_admins_see_the_members(
    request: pytest.FixtureRequest, client_of: ClientOf, rita: User, tom: User, who: str
) -> None:
    page = client_of(request.getfixturevalue(who)).get(MEMBERS).content.decode()
    for name in (rita.email, tom.email, "Northwind"):
        assert name in page


@pytest.mark.parametrize("who", STRANGERS)
def test_for_everybody_else_there_is_nothing_here(
    request: pytest.FixtureRequest, client_of: ClientOf, rita: User, tom: User, who: str
) -> None:
    browser = client_of(request.getfixturevalue(who))
    unknown = browser.get("/organisations/nowhere/members/")
    page = browser.get(MEMBERS)
    assert (page.status_code, unknown.status_code) == (404, 404)
    for address, fields in verbs(rita):
        assert browser.post(address, fields).status_code == 404
    assert place(rita).role == "member"
    assert AccountEvent.objects.count() == 0


def test_a_strangers_membership_cannot_be_named_through_ones_own_organisation(
    client_of: ClientOf, contoso_manager: User, rita: User
) -> None:
    """S048"""
    browser = client_of(contoso_manager)
    for verb in ("role", "remove"):
        path = f"/organisations/contoso/members/{place(rita).pk}/{verb}/"
        assert browser.post(path, {"role": "manager"}).status_code == 404


def test_who_is_signed_out_comes_back_to_the_page(client: Client, rita: User) -> None:
    for address, fields in verbs(rita):
        assert client.post(address, fields)["Location"] == f"/accounts/login/?next={MEMBERS}"
        assert client.get(address).status_code == 405


def test_a_manager_makes_a_manager_and_undoes_it(client_of: ClientOf, mona: User, rita: User) -> None:
    browser = client_of(mona)
    path = f"{MEMBERS}{place(rita).pk}/role/"
    page = browser.post(path, {"role": "manager", "was": "member"}, follow=True).content.decode()
    assert "Rita is a manager now." in page
    assert 'class="undo"' in page
    assert place(rita).role == "manager"
    event = AccountEvent.objects.get()
    assert (event.kind, event.actor, event.user, event.data) == (
        "role_changed",
        mona,
        rita,
        {"before": "member", "after": "manager"},
    )
    browser.post(path, {"role": "member", "was": "manager"})
    assert place(rita).role == "member"


def test_an_unknown_role_is_refused(client_of: ClientOf, mona: User, rita: User) -> None:
    page = client_of(mona).post(f"{MEMBERS}{place(rita).pk}/role/", {"role": "owner"}, follow=True)
    assert "Choose a role." in page.content.decode()
    assert place(rita).role == "member"


def test_of_two_managers_at_once_the_second_is_told(client_of: ClientOf, mona: User, nora: User, rita: User) -> None:
    """Both have seen rita as a member; nora was quicker."""
    actions.change_role(place(rita), role="manager", by=nora, was="member", at=clock.now())
    actions.change_role(place(rita), role="member", by=nora, was="manager", at=clock.now())
    actions.change_role(place(rita), role="manager", by=nora, was="member", at=clock.now())
    page = client_of(mona).post(f"{MEMBERS}{place(rita).pk}/role/", {"role": "member", "was": "member"}, follow=True)
    assert "Somebody else made Rita a manager meanwhile." in page.content.decode()
    assert place(rita).role == "manager"


def test_a_member_removed_meanwhile(client_of: ClientOf, mona: User, nora: User, rita: User) -> None:
    membership = place(rita)
    actions.remove_member(membership, by=nora, at=clock.now())
    for path in (f"{MEMBERS}{membership.pk}/role/", f"{MEMBERS}{membership.pk}/remove/"):
        page = client_of(mona).post(path, {"role": "manager"}, follow=True)
        assert "is not a member any more." in page.content.decode()
    assert AccountEvent.objects.filter(kind="removed").count() == 1


def test_who_lost_the_right_meanwhile_may_not(mona: User, nora: User, rita: User) -> None:
    actions.change_role(place(mona), role="member", by=nora, at=clock.now())
    with pytest.raises(NotAllowed):
        actions.remove_member(place(rita), by=mona, at=clock.now())
    with pytest.raises(NotAllowed):
        actions.invite(place(rita).organization, email="x@y.example", role="member", by=mona, at=clock.now())


def test_a_removed_member_is_out_at_once(client_of: ClientOf, mona: User, rita: User) -> None:
    """S054: session, requests, list, files."""
    ticket = open_ticket(rita)
    browser = Client()
    assert log_in(browser, rita.email)
    assert browser.get(ticket.get_absolute_url()).status_code == 200
    client_of(mona).post(f"{MEMBERS}{place(rita).pk}/remove/")
    assert browser.get(ticket.get_absolute_url()).status_code == 302
    assert log_in(browser, rita.email)
    assert browser.get(ticket.get_absolute_url()).status_code == 404
    assert browser.post(f"{ticket.get_absolute_url()}reply/", {"body": "still here"}).status_code == 404
    assert ticket.subject not in browser.get("/requests/").content.decode()
    assert place(rita).ended_at is not None
    assert AccountEvent.objects.get(kind="removed").actor == mona


def test_the_domain_does_not_take_a_removed_member_back(mona: User, rita: User, mails_to: MailsTo) -> None:
    actions.remove_member(place(rita), by=mona, at=clock.now())
    assert actions.join_by_domain(rita, at=clock.now()) is None
    Client().post("/accounts/password/reset/", {"email": rita.email})
    assert link_in(mails_to(rita.email)[-1])
    assert not Membership.objects.active().filter(user=rita).exists()


def test_the_only_manager_stays_one(client_of: ClientOf, mona: User, rita: User) -> None:
    browser = client_of(mona)
    for path, fields in (
        (f"{MEMBERS}{place(mona).pk}/role/", {"role": "member"}),
        (f"{MEMBERS}{place(mona).pk}/remove/", {}),
    ):
        page = browser.post(path, fields, follow=True)
        assert "Make somebody else a manager first." in page.content.decode()
    assert place(mona).is_manager
    assert place(mona).ended_at is None


def test_a_shut_account_is_no_other_manager(mona: User, nora: User) -> None:
    User.objects.filter(pk=nora.pk).update(is_active=False)
    with pytest.raises(Conflict):
        actions.remove_member(place(mona), by=mona, at=clock.now())


def test_a_manager_beside_another_may_go(client_of: ClientOf, mona: User, nora: User) -> None:
    browser = client_of(mona)
    assert browser.post(f"{MEMBERS}{place(mona).pk}/role/", {"role": "member"})["Location"] == "/"
    assert browser.get(MEMBERS).status_code == 404
    actions.change_role(place(mona), role="manager", by=nora, at=clock.now())
    assert browser.post(f"{MEMBERS}{place(mona).pk}/remove/")["Location"] == "/"
    assert browser.get("/profile/").status_code == 302


def test_an_admin_may_leave_an_organisation_without_manager(ada: User, mona: User) -> None:
    actions.remove_member(place(mona), by=ada, at=clock.now())
    assert not Membership.objects.active().exists()


def test_admins_add_members_by_hand(ada: User, mona: User, fred: User, bo: User, northwind: Organization) -> None:
    added = actions.add_member(northwind, fred, role="member", by=ada, at=clock.now())
    assert added.via == "staff"
    with pytest.raises(Conflict):
        actions.add_member(northwind, fred, role="member", by=ada, at=clock.now())
    with pytest.raises(Invalid):
        actions.add_member(northwind, bo, role="member", by=ada, at=clock.now())
    with pytest.raises(NotAllowed):
        actions.add_member(northwind, fred, role="member", by=mona, at=clock.now())


def test_joins_by_domain_are_seen_by_managers(client_of: ClientOf, mona: User, northwind: Organization) -> None:
    """S060"""
    newcomer = User.objects.create_user("newcomer@northwind.example", "x", name="New Comer")
    actions.claim(newcomer, at=clock.now())
    page = client_of(mona).get(MEMBERS).content.decode()
    assert "New Comer" in page
    assert "verified domain" in page


def test_the_number_of_queries_is_constant(
    client_of: ClientOf, mona: User, northwind: Organization, count_queries: Callable[[], Any]
) -> None:
    browser = client_of(mona)
    browser.get(MEMBERS)
    with count_queries() as few:
        browser.get(MEMBERS)
    for number in range(30):
        member(f"Colleague{number}", northwind)
    for number in range(15):
        actions.invite(northwind, email=f"x{number}@p.example", role="member", by=mona, at=clock.now())
    with count_queries() as many:
        browser.get(MEMBERS)
    assert len(many) == len(few) <= 8


def test_a_long_list_is_paged(client_of: ClientOf, mona: User, northwind: Organization, monkeypatch: Any) -> None:
    monkeypatch.setattr("accounts.views.members.PAGE_SIZE", 2)
    for number in range(3):
        member(f"Colleague{number}", northwind)
    page = client_of(mona).get(MEMBERS).content.decode()
    assert "Older" in page
    assert client_of(mona).get(f"{MEMBERS}?page=nonsense").status_code == 404
