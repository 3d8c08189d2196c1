"""What comes back: believed only where we signed for it, counted, told to the staff once, and acted on."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.core.mail import EmailMessage
from django.db.models.functions import Now
from django.test import Client

from accounts import health
from accounts import mail as account_mail
from accounts.models import AccountMail, AddressHealth, User
from supportdesk.lib.errors import NotAllowed
from supportdesk.lib.signed_addresses import return_path
from tests import factories
from tests.tickets.desk.page import text
from tickets import notifications, tasks
from tickets.mail.bounces import UNPROVED, note_report
from tickets.mail.parsed import Report
from tickets.models import OutgoingMail, Ticket

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
GONE = Report("bounce", is_permanent=True, status="5.1.1", diagnosis="550 no such user")
LATE = Report("bounce", status="4.2.2", diagnosis="452 mailbox full")
SPAM = Report("complaint")

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(rita: User, lea: User) -> Ticket:
    return factories.open_ticket(rita, at=AT)


def sent(ticket: Ticket, number: int = 1, **fields: Any) -> list[OutgoingMail]:
    rows = {"state": "sent", "sent_at": AT, "to_email": ticket.requester.email, "to_user": ticket.requester, **fields}
    before = OutgoingMail.objects.count()
    return OutgoingMail.objects.bulk_create(
        OutgoingMail(
            ticket=ticket,
            kind="answered",
            subject="x",
            text="x",
            html="x",
            message_id=f"<bounce.{before + at}@desk.example>",
            created_at=AT,
            **rows,
        )
        for at in range(number)
    )


def report(mail: OutgoingMail, said: Report = GONE) -> str:
    return note_report(said, return_paths=["other@x.example", return_path("ticket", mail.pk)], at=AT)


def state(mail: OutgoingMail) -> tuple[str, str]:
    mail.refresh_from_db()
    return mail.state, mail.bounce


# --- One -----------------------------------------------------------------------------------------------------------


def test_a_mail_that_came_back_says_so(ticket: Ticket, rita: User) -> None:
    (mail,) = sent(ticket)
    assert report(mail) == f"About the mail to {rita.email} on #{ticket.number}: 5.1.1 550 no such user"
    assert state(mail) == ("bounced", "5.1.1 550 no such user")
    assert mail.bounced_at == AT
    row = AddressHealth.objects.get()
    assert (row.email, row.hard_bounces, row.suppressed_at) == (rita.email, 1, None)


def test_the_same_report_twice_counts_once(ticket: Ticket) -> None:
    (mail,) = sent(ticket)
    assert report(mail) == report(mail)
    assert AddressHealth.objects.get().hard_bounces == 1


def test_one_that_waits_to_be_sent_again_is_not(ticket: Ticket, mailoutbox: list[EmailMessage]) -> None:
    (mail,) = sent(ticket, state="queued", sent_at=None, next_attempt_at=Now())  # its worker died after sending
    report(mail)
    tasks.deliver_mail()
    assert mailoutbox == []


def test_a_delay_is_a_note(ticket: Ticket) -> None:
    (mail,) = sent(ticket)
    report(mail, LATE)
    assert state(mail) == ("sent", "late: 4.2.2 452 mailbox full")
    assert not AddressHealth.objects.exists()
    report(mail)
    report(mail, LATE)
    assert state(mail) == ("bounced", "5.1.1 550 no such user")


@pytest.mark.parametrize(
    "forge",
    [
        lambda mail: [],
        lambda mail: ["support@desk.example"],
        lambda mail: [f"support+b-ticket-{mail.pk}-{'a' * 26}@desk.example"],
        lambda mail: [return_path("ticket", mail.pk).replace("ticket", "account")],
        lambda mail: [return_path("ticket", mail.pk).replace("desk.example", "evil.example")],
        lambda mail: [return_path("page", mail.pk)],
        lambda mail: [return_path("nothing", mail.pk)],
    ],
)
def test_s011_what_did_not_come_to_our_return_path_changes_nothing(
    ticket: Ticket, forge: Callable[[OutgoingMail], list[str]]
) -> None:
    (mail,) = sent(ticket)
    for said in (GONE, LATE, SPAM):
        assert note_report(said, return_paths=forge(mail), at=AT) == UNPROVED
    assert state(mail) == ("sent", "")
    assert not AddressHealth.objects.exists()


def test_whom_a_report_names_does_not_matter(ticket: Ticket, rita: User) -> None:
    (mail,) = sent(ticket)
    report(mail, Report("bounce", recipient="ada@desk.example", is_permanent=True, diagnosis="550 no"))
    assert AddressHealth.objects.get().email == rita.email


# --- Three in a row ------------------------------------------------------------------------------------------------


def test_three_in_a_row_stop_mail_and_tell_the_staff_once(
    ticket: Ticket, rita: User, lea: User, mailoutbox: list[EmailMessage]
) -> None:
    notifications.notify(now=AT)
    OutgoingMail.objects.all().delete()
    for mail in sent(ticket, 5):
        report(mail)
    row = AddressHealth.objects.get()
    assert (row.hard_bounces, row.suppressed_why) == (5, "bounces")
    note = ticket.messages.get(is_public=False)
    assert (note.author, note.is_automatic, note.from_staff) == (None, True, True)
    assert f"Mails to {rita.email} came back three times" in note.body
    ticket.refresh_from_db()
    assert ticket.status == "new"
    for _ in range(2):
        notifications.notify(now=AT)
    (told,) = OutgoingMail.objects.filter(kind="staff_address_dead")
    assert told.to_user == lea
    assert rita.email in told.text


def test_two_and_a_sign_of_life_are_none(ticket: Ticket, rita: User) -> None:
    first, second, third, fourth = sent(ticket, 4)
    report(first)
    report(second)
    health.note_heard_from(rita.email.upper())
    report(third)
    report(fourth)
    assert not health.is_suppressed(rita.email)


def test_a_mail_from_the_address_begins_anew_but_not_after_a_complaint(ticket: Ticket, rita: User, tom: User) -> None:
    for mail in sent(ticket, 3):
        report(mail)
    assert health.is_suppressed(rita.email)
    health.note_delivery(rita.email)
    assert health.is_suppressed(rita.email)
    health.note_heard_from(rita.email)
    assert not health.is_suppressed(rita.email)
    (mail,) = sent(ticket, to_email=tom.email, to_user=tom)
    report(mail, SPAM)
    health.note_heard_from(tom.email)
    assert health.is_suppressed(tom.email)


def test_a_complaint_stops_at_once(ticket: Ticket, rita: User) -> None:
    (mail,) = sent(ticket)
    assert "taken for spam" in report(mail, SPAM)
    report(mail, SPAM)
    assert AddressHealth.objects.get().suppressed_why == "complaint"
    assert state(mail)[0] == "sent"
    assert ticket.messages.filter(is_public=False).count() == 1
    assert "taken for spam" in ticket.messages.get(is_public=False).body


def test_a_mail_about_an_account_counts_too(ticket: Ticket, rita: User) -> None:
    sent(ticket)
    for _ in range(3):
        mail = AccountMail.objects.create(
            kind="password_reset_key",
            to_email=rita.email,
            base_address=rita.email,
            subject="x",
            message_id=f"<account.{AccountMail.objects.count()}@desk.example>",
            state="sent",
            due_at=None,
        )
        for _ in range(2):
            said = note_report(GONE, return_paths=[return_path("account", mail.pk)], at=AT)
        assert said == f"About the mail to {rita.email} (password reset key): 5.1.1 550 no such user"
    assert health.is_suppressed(rita.email)
    assert AddressHealth.objects.get().hard_bounces == 3
    assert ticket.messages.filter(is_public=False).count() == 1


def test_an_address_that_no_ticket_was_about_is_stopped_without_a_note(rita: User) -> None:
    for _ in range(3):
        health.note_bounce("who@x.example", is_permanent=True, why="550", at=AT)
    assert health.is_suppressed("Who@X.example")


# --- What is sent --------------------------------------------------------------------------------------------------


def test_nothing_is_sent_to_a_suppressed_address(
    ticket: Ticket, rita: User, tom: User, lea: User, mailoutbox: list[EmailMessage]
) -> None:
    health.stop(rita.email, by=lea, at=AT)
    sent(ticket, state="queued", sent_at=None, next_attempt_at=Now())
    sent(
        ticket,
        state="queued",
        sent_at=None,
        next_attempt_at=Now(),
        to_email=lea.email,
        to_user=lea,
    )
    OutgoingMail.objects.filter(to_user=lea).update(kind="staff_noted")
    account_mail.post("account/email/password_reset_key", to=rita.email, password_reset_url="x")
    tasks.deliver_mail()
    account_mail.deliver_due()
    assert [mail.to for mail in mailoutbox] == [[lea.email]]
    row = OutgoingMail.objects.get(to_email=rita.email)
    assert (row.state, row.last_error) == ("cancelled", health.STOPPED)
    account = AccountMail.objects.get()
    assert (account.state, account.text, account.last_error) == ("failed", "", health.STOPPED)


# --- The staff's side ----------------------------------------------------------------------------------------------


def test_only_leads_and_admins_lift_and_it_is_put_down(rita: User, bo: User, lea: User) -> None:
    health.stop(rita.email, by=lea, at=AT)
    assert not health.stop(rita.email, by=lea, at=AT)
    with pytest.raises(NotAllowed):
        health.lift(rita.email, by=bo, at=AT)
    with pytest.raises(NotAllowed):
        health.stop("x@x.example", by=bo, at=AT)
    assert health.lift(rita.email, by=lea, at=AT)
    assert not health.lift(rita.email, by=lea, at=AT)
    said = list(LogEntry.objects.order_by("pk").values_list("user__name", "object_repr", "change_message"))
    assert [(name, about) for name, about, _ in said] == [("Lea", rita.email)] * 2
    assert "Mail is sent there again." in said[1][2]


def test_the_ticket_page_says_it_and_a_lead_sends_again(
    ticket: Ticket, rita: User, bo: User, lea: User, client_of: Callable[[User], Client]
) -> None:
    assert "come back" not in text(client_of(lea).get(ticket.desk_url))
    for at, mail in enumerate(sent(ticket, 3)):
        report(mail)
        page = text(client_of(bo).get(ticket.desk_url))
        assert "mails come back" in page
        assert ("Nothing is sent to this address." in page) == (at == 2)
    assert "Send again to this address" not in page
    path = f"{ticket.desk_url}addresses/lift/"
    assert client_of(bo).post(path, {"email": rita.email}).status_code == 403
    assert client_of(lea).post(path, {"email": "other@x.example"}).status_code == 404
    assert "Send again to this address" in text(client_of(lea).get(ticket.desk_url))
    assert client_of(lea).post(path, {"email": rita.email}).status_code == 302
    assert not health.is_suppressed(rita.email)


def test_a_copied_address_is_marked_as_well(rita: User, lea: User, client_of: Callable[[User], Client]) -> None:
    ticket = factories.open_ticket(rita, at=AT, cc=["partner@x.example"])
    health.note_complaint("partner@x.example", why="spam", at=AT)
    assert "mail was taken for spam Nothing is sent to this address." in text(client_of(lea).get(ticket.desk_url))


def test_admins_look_stop_and_lift(rita: User, ada: User, client_of: Callable[[User], Client]) -> None:
    admin = client_of(ada)
    address = "/admin/accounts/addresshealth/"
    assert admin.post(f"{address}add/", {"email": "Dead@X.example"}).status_code == 302
    row = AddressHealth.objects.get()
    assert (row.email, row.suppressed_why) == ("dead@x.example", "staff")
    assert "dead@x.example" in admin.get(f"{address}?suppressed_at__isempty=0").content.decode()
    assert admin.get(f"{address}{row.pk}/change/").status_code == 200
    answer = admin.post(address, {"action": "lift", "_selected_action": [row.pk]}, follow=True)
    assert "1 sent to again" in answer.content.decode()
    assert not health.is_suppressed(row.email)
    admin.post(address, {"action": "stop", "_selected_action": [row.pk]})
    assert health.is_suppressed(row.email)
    assert LogEntry.objects.filter(object_id=str(row.pk), user=ada).count() >= 3
