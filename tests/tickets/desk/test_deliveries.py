"""What became of the mails of a message, as the staff sees it; and sending one again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.mail import EmailMessage
from django.db.models.functions import Now
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.desk.page import text
from tickets import actions, notifications
from tickets.mail import send
from tickets.models import OutgoingMail, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
PARTNER = "partner@consulting.example"
RITA = "rita@northwind.example"


@pytest.fixture
def ticket(rita: User, bo: User) -> Ticket:
    """rita's, answered by bo: mailed to her and to a partner."""
    ticket = factories.open_ticket(rita, at=AT, cc=[PARTNER])
    notifications.notify(now=AT)
    OutgoingMail.objects.all().delete()
    actions.answer(ticket, by=bo, body="Which version?", submit_as=Status.OPEN, at=LATER)
    notifications.notify(now=LATER)
    return ticket


def becomes(to: str, state: str, **changes: object) -> OutgoingMail:
    mail = OutgoingMail.objects.get(to_email=to)
    OutgoingMail.objects.filter(pk=mail.pk).update(state=state, next_attempt_at=None, **changes)
    return mail


def shown(browser: Client, ticket: Ticket) -> str:
    return text(browser.get(f"/desk/tickets/{ticket.number}/"))


def retry(browser: Client, ticket: Ticket, mail: OutgoingMail) -> HttpResponse:
    return browser.post(f"/desk/tickets/{ticket.number}/mails/{mail.pk}/retry/")


def test_each_message_says_to_whom_it_was_mailed_and_what_became_of_it(
    ticket: Ticket, bo: User, client_of: ClientOf
) -> None:
    browser = client_of(bo)
    page = shown(browser, ticket)
    assert "Mailed to 2" in page
    assert f"{RITA} · about to be sent" in page
    send.deliver_due()
    assert f"{RITA} · sent" in shown(browser, ticket)
    becomes(RITA, "sent", delivered_at=LATER)
    becomes(PARTNER, "bounced", bounce="550 5.1.1 no such user", bounced_at=LATER)
    page = shown(browser, ticket)
    assert "1 of 2 mails did not arrive" in page
    assert f"{RITA} · delivered" in page
    assert f"{PARTNER} · bounced: 550 5.1.1 no such user" in page


def test_a_mail_that_waits_says_why_and_until_when(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    OutgoingMail.objects.filter(to_email=RITA).update(last_error="451 come back later", attempts=1)
    page = shown(client_of(bo), ticket)
    assert "Mail to 2 waits" in page
    assert f"{RITA} · waiting: 451 come back later, next try" in page


@pytest.mark.parametrize(
    ("why", "said"),
    [("", "not sent: they may not read it any more"), ("The address is suppressed.", "not sent: The address is supp")],
)
def test_a_mail_that_was_not_sent_says_why(ticket: Ticket, bo: User, client_of: ClientOf, why: str, said: str) -> None:
    becomes(RITA, "cancelled", last_error=why)
    page = shown(client_of(bo), ticket)
    assert f"{RITA} · {said}" in page
    assert "did not arrive" not in page


def test_what_a_mail_server_says_is_text(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    becomes(RITA, "failed", last_error="550 <script>alert(1)</script>")
    body = client_of(bo).get(f"/desk/tickets/{ticket.number}/").content.decode()
    assert "<script>alert" not in body
    assert "550 &lt;script&gt;" in body


def test_customers_see_nothing_of_it(ticket: Ticket, rita: User, client_of: ClientOf) -> None:
    becomes(PARTNER, "failed", last_error="550 no such user")
    page = text(client_of(rita).get(f"/requests/{ticket.number}/"))
    assert "Which version?" in page
    for hidden in ("Mailed to", "did not arrive", "550"):
        assert hidden not in page


def test_a_mail_that_failed_is_sent_again(
    ticket: Ticket, bo: User, client_of: ClientOf, mailoutbox: list[EmailMessage]
) -> None:
    mail = becomes(RITA, "failed", last_error="550 no such user", attempts=9)
    OutgoingMail.objects.filter(to_email=PARTNER).delete()
    browser = client_of(bo)
    assert "Send again" in shown(browser, ticket)
    answer = retry(browser, ticket, mail)
    assert answer.status_code == 303
    page = shown(browser, ticket)
    assert f"The mail to {RITA} is sent again." in page
    assert "Send again" not in page
    mail.refresh_from_db()
    assert (mail.state, mail.attempts, mail.last_error) == ("queued", 0, "")
    send.deliver_due()
    assert [sent.to for sent in mailoutbox] == [[RITA]]


@pytest.mark.parametrize("state", ["sent", "cancelled", "bounced", "queued"])
def test_a_mail_that_is_not_given_up_is_left_alone(ticket: Ticket, bo: User, client_of: ClientOf, state: str) -> None:
    mail = OutgoingMail.objects.get(to_email=RITA)
    due = Now() if state == "queued" else None
    OutgoingMail.objects.filter(pk=mail.pk).update(state=state, next_attempt_at=due, attempts=3)
    answer = retry(client_of(bo), ticket, mail)
    assert answer.status_code == 409
    assert "This mail is not given up any more." in text(answer)
    mail.refresh_from_db()
    assert (mail.state, mail.attempts) == (state, 3)


def test_a_mail_of_another_request_is_not_reached_through_this_one(
    ticket: Ticket, sam: User, bo: User, client_of: ClientOf
) -> None:
    other = factories.open_ticket(sam, at=AT)
    mail = becomes(RITA, "failed")
    assert retry(client_of(bo), other, mail).status_code == 409
    mail.refresh_from_db()
    assert mail.state == "failed"


def test_set_engineers_see_it_but_send_nothing_again(ticket: Ticket, sven: User, client_of: ClientOf) -> None:
    mail = becomes(RITA, "failed", last_error="550 no such user")
    page = shown(client_of(sven), ticket)
    assert "550 no such user" in page
    assert "Send again" not in page
    assert retry(client_of(sven), ticket, mail).status_code == 403


def test_many_mails_cost_one_query(
    ticket: Ticket, bo: User, client_of: ClientOf, count_queries: Callable[[], CaptureQueriesContext]
) -> None:
    def cost() -> int:
        clock.forget()
        with count_queries() as queries:
            shown(browser, ticket)
        assert sum("outgoingmail" in query["sql"] for query in queries) == 1
        return len(queries)

    browser = client_of(bo)
    few = cost()
    for number in range(8):
        actions.answer(ticket, by=bo, body="More", submit_as=Status.OPEN, at=LATER + timedelta(minutes=number))
    notifications.notify(now=LATER + timedelta(hours=1))
    assert cost() == few <= 19
