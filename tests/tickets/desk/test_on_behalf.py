"""An agent opens a request for a customer who called."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import Membership, Organization, User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.desk.page import hidden, text
from tests.tickets.forms import file, request_form
from tickets.models import Attachment, Channel, Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
NEW = "/desk/tickets/new/"


def form(email: str, **fields: object) -> dict[str, object]:
    return request_form(email=email, is_public="on", **fields)


def test_first_whom_it_is_for(rita: User, bo: User, client_of: ClientOf) -> None:
    factories.open_ticket(rita, subject="Asked before")
    browser = client_of(bo)
    assert "Customer's e-mail address" in text(browser.get(NEW))
    page = text(browser.get(NEW, {"email": " Rita@Northwind.example "}))
    for said in ("New ticket for Rita", "Northwind Premier", "Asked before", "Opening text is public"):
        assert said in page
    assert "Customer's name" not in page


@pytest.mark.parametrize(
    ("email", "said"),
    [
        ("", "Please give the customer's e-mail address."),
        ("no address", "Enter a valid e-mail address."),
        ("ann@desk.example", "This is a colleague."),
        ("gone@northwind.example", "This account is deactivated."),
        ("a\x00@b.example", "character"),
    ],
)
def test_an_address_that_wont_do_is_told_beside_it(
    email: str, said: str, ann: User, bo: User, client_of: ClientOf
) -> None:
    factories.person("gone@northwind.example", "Gone", is_active=False)
    for answer in (client_of(bo).get(NEW, {"email": email}), client_of(bo).post(NEW, form(email))):
        assert answer.status_code == 400
        assert said.lower() in text(answer).lower()
    assert not Ticket.objects.exists()


def test_public_opening_text_is_the_first_reply(rita: User, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    page = browser.get(NEW, {"email": rita.email})
    filled = {**form(rita.email, priority="2", cc="tom@northwind.example", files=[file()]), **hidden(page, NEW)}
    answer = browser.post(NEW, filled)
    ticket = Ticket.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/desk/tickets/{ticket.number}/")
    assert (ticket.requester, ticket.opened_by, ticket.channel) == (rita, bo, Channel.AGENT)
    assert (ticket.organization.slug, ticket.priority, ticket.state) == ("northwind", Priority.HIGH, Status.NEW)
    assert ticket.first_replied_at is not None
    message = ticket.messages.get()
    assert (message.is_public, message.from_staff, message.author) == (True, True, bo)
    assert message.attachments.get().uploaded_by == bo
    assert [copy.email for copy in ticket.participants.all()] == ["tom@northwind.example"]
    assert "Since the upgrade" in text(client_of(rita).get(f"/requests/{ticket.number}/"))
    again = browser.post(NEW, {name: value for name, value in filled.items() if name != "files"})
    assert again["Location"] == answer["Location"]
    assert Ticket.objects.count() == 1


def test_otherwise_it_is_a_note_and_the_customer_waits(rita: User, bo: User, client_of: ClientOf) -> None:
    client_of(bo).post(NEW, request_form(email=rita.email))
    ticket = Ticket.objects.get()
    assert ticket.messages.get().is_note
    assert ticket.first_replied_at is None
    assert ticket.waiting_since is not None
    assert "Since the upgrade" not in text(client_of(rita).get(f"/requests/{ticket.number}/"))


def test_somebody_unknown_gets_an_account_without_a_password(bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    page = browser.get(NEW, {"email": "Nils@Northwind.example"})
    assert "Customer's name" in text(page)
    assert not User.objects.filter(email="nils@northwind.example").exists()
    browser.post(NEW, form("Nils@Northwind.example", name="Nils Holm"))
    nils = User.objects.get(email="nils@northwind.example")
    assert (nils.name, nils.has_usable_password(), nils.role) == ("Nils Holm", False, "")
    ticket = Ticket.objects.get()
    assert (ticket.requester, ticket.organization) == (nils, None)  # a member only once the address is verified


def test_of_several_organisations_one_is_chosen(
    rita: User, fabrikam: Organization, bo: User, client_of: ClientOf
) -> None:
    Membership.objects.create(user=rita, organization=fabrikam)
    browser = client_of(bo)
    page = browser.get(NEW, {"email": rita.email}).content.decode()
    assert "Fabrikam" in page.split('name="organization"')[1].split("</select>")[0]
    browser.post(NEW, form(rita.email, organization=fabrikam.pk))
    assert Ticket.objects.get().organization == fabrikam


def test_s048_another_organisation_is_refused(
    rita: User, fabrikam: Organization, contoso: Organization, bo: User, client_of: ClientOf
) -> None:
    Membership.objects.create(user=rita, organization=fabrikam)
    answer = client_of(bo).post(NEW, form(rita.email, organization=contoso.pk))
    assert answer.status_code == 400
    assert not Ticket.objects.exists()


def test_an_error_keeps_what_was_typed_and_the_files(rita: User, bo: User, client_of: ClientOf) -> None:
    filled = form(rita.email, subject="", description="Kept text", files=[file("kept.log")])
    answer = client_of(bo).post(NEW, filled)
    body = answer.content.decode()
    assert answer.status_code == 400
    assert "Please give a subject." in text(answer)
    assert "Kept text" in body
    assert 'name="is_public"' in body
    assert f'value="{Attachment.objects.get().pk}"' in body
    assert not Ticket.objects.exists()


def test_a_name_that_may_not_be_is_told(bo: User, client_of: ClientOf) -> None:
    answer = client_of(bo).post(NEW, form("nils@x.example", name="See www.evil.example"))
    assert answer.status_code == 400
    assert "A name can't hold a web address" in text(answer)
    assert not User.objects.filter(email="nils@x.example").exists()


@pytest.mark.parametrize(("name", "status"), [("rita", 404), ("pat", 404), ("sven", 403)])
def test_others_may_not(name: str, status: int, sam: User, request: pytest.FixtureRequest, client_of: ClientOf) -> None:
    browser = client_of(request.getfixturevalue(name))
    assert browser.get(NEW).status_code == status
    assert browser.post(NEW, form(sam.email)).status_code == status
    assert not Ticket.objects.exists()


def test_the_clock_of_the_ticket_is_the_desks(rita: User, bo: User, client_of: ClientOf) -> None:
    before = clock.now()
    client_of(bo).post(NEW, form(rita.email))
    assert before <= Ticket.objects.get().created_at <= clock.now()
