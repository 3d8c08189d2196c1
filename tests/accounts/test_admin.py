"""Django admin is one more door to the same verbs."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client

from accounts import actions
from accounts.models import (
    AccountEvent,
    AccountMail,
    Membership,
    Organization,
    OrganizationDomain,
    Region,
    SupportPlan,
    Team,
    User,
)
from supportdesk.lib import clock
from tests.accounts.conftest import ClientOf, MailsTo, choose_password, link_in, log_in
from tests.factories import member, open_ticket, person

MODELS = [
    "user", "region", "team", "supportplan", "organization", "membership", "invitation", "accountevent", "accountmail",
]  # fmt: skip


@pytest.fixture
def admin(client_of: ClientOf, ada: User) -> Client:
    return client_of(ada)


@pytest.fixture
def history(mona: User, rita: User, northwind: Organization) -> None:
    """One row of everything."""
    actions.invite(northwind, email="guest@partner.example", role="member", by=mona, at=clock.now())


INLINES = {f"{rows}-{count}_FORMS": 0 for rows in ("emailaddress_set", "memberships") for count in ("TOTAL", "INITIAL")}


def run(admin: Client, model: str, action: str, *rows: Any) -> str:
    fields = {"action": action, "_selected_action": [row.pk for row in rows]}
    return admin.post(f"/admin/accounts/{model}/", fields, follow=True).content.decode()


@pytest.mark.parametrize("model", MODELS)
def test_every_page_opens_and_is_searchable(admin: Client, history: None, model: str) -> None:
    page = admin.get(f"/admin/accounts/{model}/?q=a")
    assert page.status_code == 200
    assert 'id="searchbar"' in page.content.decode()
    row = page.context["cl"].model.objects.first()
    assert admin.get(f"/admin/accounts/{model}/{row.pk}/change/").status_code == 200


@pytest.mark.parametrize("model", MODELS)
def test_lists_cost_the_same_however_long(
    admin: Client, history: None, northwind: Organization, model: str, count_queries: Callable[[], Any]
) -> None:
    admin.get(f"/admin/accounts/{model}/")
    with count_queries() as few:
        admin.get(f"/admin/accounts/{model}/")
    for number in range(8):
        colleague = member(f"Colleague{number}", northwind)
        actions.remove_member(colleague.memberships.get(), by=User.objects.get(role="admin"), at=clock.now())
        Membership.objects.update(ended_at=None)
        actions.invite(
            northwind, email=f"x{number}@p.example", role="member", by=User.objects.get(role="admin"), at=clock.now()
        )
        Region.objects.create(name=f"R{number}", time_zone="UTC", shift_starts="00:00", shift_ends="01:00")
        Team.objects.create(name=f"T{number}", slug=f"t{number}", lead=colleague)
        SupportPlan.objects.create(name=f"P{number}", slug=f"p{number}")
        Organization.objects.create(name=f"O{number}", slug=f"o{number}", plan=northwind.plan)
    with count_queries() as many:
        admin.get(f"/admin/accounts/{model}/")
    assert len(many) == len(few) <= 14


@pytest.mark.parametrize("who", ["lea", "bo", "mona", "sven"])
def test_others_may_not_enter(request: pytest.FixtureRequest, client_of: ClientOf, who: str) -> None:
    browser = client_of(request.getfixturevalue(who))
    assert browser.get("/admin/accounts/user/", follow=True).status_code == 403


def test_strangers_come_through_the_one_log_in(client: Client, db: None) -> None:
    assert client.get("/admin/", follow=True).redirect_chain[-1][0].startswith("/accounts/login/?next=")
    assert client.post("/admin/login/", {"username": "a", "password": "b"}).status_code == 302


def test_a_person_is_added_without_a_password_and_mailed_a_link(admin: Client, mails_to: MailsTo) -> None:
    fields = {"email": "Kim@Desk.Example", "name": "Kim", "role": "agent", "time_zone": "Asia/Tokyo"}
    assert admin.post("/admin/accounts/user/add/", fields).status_code == 302
    kim = User.objects.get(email="kim@desk.example")
    assert (kim.role, kim.has_usable_password()) == ("agent", False)
    assert AccountEvent.objects.get(kind="staff_role_changed").user == kim
    assert "on its way to 1" in run(admin, "user", "mail_password_link", kim)
    browser = Client()
    choose_password(browser, link_in(mails_to(kim.email)[0]))
    cache.clear()
    assert log_in(browser, kim.email, "another good long password")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"email": "k\u0131m@desk.example"}, "email"),
        ({"name": "http://x.example"}, "name"),
        ({"country": "XX"}, "country"),
        ({"country": "DE", "subdivision": "NY"}, "subdivision"),
        ({"time_zone": "Mars/X"}, "time_zone"),
    ],
)
def test_what_cannot_be_is_said(admin: Client, change: dict[str, str], field: str) -> None:
    fields = {"email": "kim@desk.example", "name": "Kim", "role": "", "time_zone": "", **change}
    page = admin.post("/admin/accounts/user/add/", fields)
    assert page.status_code == 200
    assert field in page.context["adminform"].form.errors


def test_the_password_is_nowhere(admin: Client, rita: User) -> None:
    page = admin.get(f"/admin/accounts/user/{rita.pk}/change/").content.decode()
    assert rita.password not in page
    assert "md5" not in page
    admin.post(
        f"/admin/accounts/user/{rita.pk}/change/",
        {**INLINES, "name": "Rita L", "role": "", "password": "x", "email": "x@y.z"},
    )
    fresh = User.objects.get(pk=rita.pk)
    assert (fresh.name, fresh.password, fresh.email) == ("Rita L", rita.password, rita.email)


def test_a_staff_role_is_changed_by_the_verb(admin: Client, bo: User, ada: User) -> None:
    admin.post(f"/admin/accounts/user/{bo.pk}/change/", {**INLINES, "name": "Bo", "role": "lead"})
    assert AccountEvent.objects.get(kind="staff_role_changed").actor == ada
    assert User.objects.get(pk=bo.pk).role == "lead"
    admin.post(f"/admin/accounts/user/{ada.pk}/change/", {**INLINES, "name": "Ada", "role": ""})
    assert User.objects.get(pk=ada.pk).role == "admin"


def test_accounts_are_shut_and_opened_by_the_verb(admin: Client, rita: User, ada: User) -> None:
    browser = Client()
    log_in(browser, rita.email)
    page = run(admin, "user", "deactivate", rita, ada)
    assert "1 deactivated" in page
    assert "t deactivate your own account" in page
    assert browser.get("/profile/").status_code == 302
    assert "1 reactivated" in run(admin, "user", "reactivate", rita)
    assert list(AccountEvent.objects.values_list("kind", flat=True)) == ["reactivated", "deactivated"]


def test_a_membership_is_changed_and_ended_by_the_verb(admin: Client, mona: User, rita: User) -> None:
    membership = rita.memberships.get()
    page = f"/admin/accounts/membership/{membership.pk}/change/"
    assert admin.post(page, {"role": "manager"}).status_code == 302
    assert AccountEvent.objects.get().data == {"before": "member", "after": "manager"}
    assert "1 removed" in run(admin, "membership", "remove", membership)
    membership.refresh_from_db()
    assert membership.ended_at is not None
    assert admin.post(f"/admin/accounts/membership/{membership.pk}/delete/", {"post": "yes"}).status_code == 403


def test_a_member_is_added_by_the_verb(admin: Client, fred: User, northwind: Organization, ada: User) -> None:
    fields = {"user": fred.pk, "organization": northwind.pk, "role": "member"}
    answer = admin.post("/admin/accounts/membership/add/", fields)
    assert answer.status_code == 302
    assert Membership.objects.get(user=fred).via == "staff"
    assert AccountEvent.objects.get(kind="joined").actor == ada
    again = admin.post("/admin/accounts/membership/add/", fields, follow=True)
    assert "is a member already" in again.content.decode()
    assert Membership.objects.filter(user=fred).count() == 1


def test_an_invitation_is_taken_back_by_the_verb(admin: Client, history: None, northwind: Organization) -> None:
    invitation = northwind.invitations.get()
    assert "1 taken back" in run(admin, "invitation", "revoke", invitation)
    invitation.refresh_from_db()
    assert invitation.revoked_at is not None
    assert (
        invitation.token_hash not in admin.get(f"/admin/accounts/invitation/{invitation.pk}/change/").content.decode()
    )


def test_the_text_of_a_mail_is_not_shown(admin: Client, history: None) -> None:
    mail = AccountMail.objects.get()
    assert "/invitations/" in mail.text
    assert "/invitations/" not in admin.get(f"/admin/accounts/accountmail/{mail.pk}/change/").content.decode()


@pytest.mark.parametrize("model", ["accountevent", "accountmail", "invitation"])
def test_what_happened_cannot_be_edited(admin: Client, history: None, model: str) -> None:
    row = admin.get(f"/admin/accounts/{model}/").context["cl"].model.objects.first()
    assert admin.get(f"/admin/accounts/{model}/add/").status_code == 403
    assert admin.post(f"/admin/accounts/{model}/{row.pk}/change/", {"kind": "x"}).status_code == 403
    assert admin.post(f"/admin/accounts/{model}/{row.pk}/delete/", {"post": "yes"}).status_code == 403


def test_what_is_in_use_is_not_deleted_and_what_uses_it_is_named(
    admin: Client, rita: User, northwind: Organization
) -> None:
    ticket = open_ticket(rita)
    for path in (f"user/{rita.pk}", f"organization/{northwind.pk}", f"supportplan/{northwind.plan_id}"):
        page = admin.post(f"/admin/accounts/{path}/delete/", {"post": "yes"})
        assert page.status_code == 200
        assert "would require deleting the following protected" in page.content.decode()
    assert User.objects.filter(pk=rita.pk).exists()
    assert ticket.subject


def test_the_plan_of_people_without_one_stays(admin: Client) -> None:
    free = SupportPlan.objects.get(is_default=True)
    assert admin.post(f"/admin/accounts/supportplan/{free.pk}/delete/", {"post": "yes"}).status_code == 403


def organization_form(company: Organization, domain: str) -> dict[str, Any]:
    return {
        "name": company.name, "slug": company.slug, "plan": company.plan_id, "is_active": "on", "time_zone": "UTC",
        "domains-TOTAL_FORMS": 1, "domains-INITIAL_FORMS": 0, "domains-0-domain": domain,
        "domains-0-verified_at_0": "2026-01-01", "domains-0-verified_at_1": "00:00", "domains-0-auto_join": "on",
    }  # fmt: skip


def test_a_new_domain_takes_in_who_confirmed_before(admin: Client, contoso: Organization) -> None:
    early = person("early@contoso.test", "Early")
    contoso.domains.all().delete()
    page = f"/admin/accounts/organization/{contoso.pk}/change/"
    assert (
        "1 became members"
        in admin.post(page, organization_form(contoso, "@Contoso.TEST"), follow=True).content.decode()
    )
    assert OrganizationDomain.objects.get().domain == "contoso.test"
    assert Membership.objects.get().user == early


@pytest.mark.parametrize("domain", ["gmail.com", "Outlook.com", "not a domain", "localhost", "x" * 260])
def test_public_and_impossible_domains_are_refused(admin: Client, contoso: Organization, domain: str) -> None:
    """S060"""
    contoso.domains.all().delete()
    page = admin.post(f"/admin/accounts/organization/{contoso.pk}/change/", organization_form(contoso, domain))
    assert page.status_code == 200
    assert not OrganizationDomain.objects.exists()
