"""The way out of a mail, for who is copied in."""

import re
from datetime import UTC, datetime

import pytest
from django.core import signing
from django.test import Client

from accounts.models import User
from tests import factories
from tests.tickets.desk.page import text
from tickets import actions, notifications
from tickets.models import OutgoingMail, Participant, Ticket
from tickets.notifications import is_one_click, unsubscribe_link
from tickets.states import Status

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PARTNER = "partner@consulting.example"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(rita: User, tom: User, bo: User) -> Ticket:
    return factories.open_ticket(rita, at=AT, subject="Secret subject", cc=[PARTNER, tom.email])


def mail_to(email: str) -> OutgoingMail:
    notifications.notify(now=AT)
    return OutgoingMail.objects.select_related("ticket").filter(to_email=email).latest("pk")


def path_of(email: str) -> str:
    return unsubscribe_link(mail_to(email)).removeprefix("http://testserver")


def copied() -> set[str]:
    return set(Participant.objects.current().values_list("email", flat=True))


def test_s070_looking_changes_nothing(ticket: Ticket, tom: User) -> None:
    path = path_of(PARTNER)
    for _ in range(20):
        answer = Client().get(path)
        Client().head(path)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert f"#{ticket.number}" in page
    assert "Secret subject" not in page
    assert PARTNER not in page
    assert copied() == {PARTNER, tom.email}


def test_the_button_takes_the_address_off_once(ticket: Ticket, tom: User, bo: User) -> None:
    path, browser = path_of(PARTNER), Client(enforce_csrf_checks=True)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.get(path).content.decode())
    assert token is not None
    for _ in range(2):
        answer = browser.post(path, {"csrfmiddlewaretoken": token[1]})
        assert answer.status_code == 200
        assert "You get no more mails" in answer.content.decode()
    assert copied() == {tom.email}
    event = ticket.events.get(kind="cc_removed")
    assert (event.actor, event.data["email"]) == (None, PARTNER)
    OutgoingMail.objects.all().delete()
    actions.answer(ticket, by=bo, body="Try this.", submit_as=Status.OPEN, at=AT)
    notifications.notify(now=AT)
    assert PARTNER not in OutgoingMail.objects.values_list("to_email", flat=True)


def test_mail_programs_do_it_in_one_click_without_a_cookie(ticket: Ticket, tom: User) -> None:
    answer = Client(enforce_csrf_checks=True).post(path_of(PARTNER), ONE_CLICK)
    assert answer.status_code == 200
    assert copied() == {tom.email}


def test_s076_any_other_post_needs_the_pages_own_form(ticket: Ticket, tom: User) -> None:
    assert Client(enforce_csrf_checks=True).post(path_of(PARTNER), {}).status_code == 403
    assert copied() == {PARTNER, tom.email}


def test_forged_links_are_nobodys(ticket: Ticket, tom: User) -> None:
    path = path_of(PARTNER)
    forged = [
        path[:-3] + "xx/",
        f"/unsubscribe/{signing.dumps([ticket.number, PARTNER])}/",  # signed for something else
        f"/unsubscribe/{signing.dumps([ticket.number, PARTNER], salt='supportdesk.mail')}/",
        "/unsubscribe/nonsense/",
    ]
    for one in forged:
        assert Client().get(one).status_code == 404
        assert Client().post(one, ONE_CLICK).status_code == 404
    assert copied() == {PARTNER, tom.email}


def test_a_link_is_good_for_its_own_request_and_address_alone(ticket: Ticket, rita: User, tom: User) -> None:
    other = factories.open_ticket(rita, at=AT, cc=[PARTNER])
    path = path_of(PARTNER)
    Client().post(path, ONE_CLICK)
    assert set(ticket.participants.filter(removed_at=None).values_list("email", flat=True)) | set(
        other.participants.filter(removed_at=None).values_list("email", flat=True)
    ) == {tom.email, PARTNER}
    assert Participant.objects.filter(email=PARTNER, removed_at=None).count() == 1


def test_who_is_copied_in_with_an_account_has_the_same_page(ticket: Ticket, tom: User) -> None:
    mail = mail_to(tom.email)
    assert is_one_click(mail)
    Client().post(unsubscribe_link(mail).removeprefix("http://testserver"), ONE_CLICK)
    assert copied() == {PARTNER}


def test_the_requesters_link_is_no_one_click(ticket: Ticket, rita: User) -> None:
    assert not is_one_click(mail_to(rita.email))


def test_the_agent_reads_who_wanted_out(ticket: Ticket, bo: User) -> None:
    Client().post(path_of(PARTNER), ONE_CLICK)
    browser = Client()
    browser.force_login(bo)
    assert f"{PARTNER} wants no more mails and is off CC" in text(browser.get(ticket.desk_url))
