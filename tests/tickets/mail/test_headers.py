"""How mails of ours present themselves: to mail servers, to mail clients and to other robots."""

from datetime import UTC, datetime, timedelta
from email.message import Message as Mail
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django.test import Client

from accounts import mail as account_mail
from accounts.models import User
from escalations.models import Page, PagingAlarm
from escalations.paging import alarms
from escalations.paging.channels import PageText
from escalations.paging.channels.email import Email
from supportdesk.lib.signed_addresses import parse_reply, parse_return_path
from tests import factories
from tests.accounts.conftest import sign_up
from tickets import actions, notifications
from tickets.mail import send
from tickets.mail.headers import message_of
from tickets.mail.threads import thread_of
from tickets.models import IncomingMail, Message, OutgoingMail, Ticket, WorkflowSettings
from tickets.models.incoming import MailReason, MailState
from tickets.notifications.audience import Kind
from tickets.sla.sweep import act as sweep_promises
from tickets.states import Status

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
PARTNER = "partner@consulting.example"

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(rita: User, bo: User, lea: User) -> Ticket:
    return factories.open_ticket(rita, at=AT, cc=[PARTNER])


def deliver(now: datetime = LATER) -> None:
    notifications.notify(now=now)
    notifications.mail_notices(now=now)
    send.deliver_due()


def came_by_mail(message: Message, internet_id: str) -> IncomingMail:
    """As if the message had been a mail: what the receiver leaves behind."""
    return IncomingMail.objects.create(
        digest=f"{message.pk:064}",
        file="mail/raw.eml",
        size=1,
        door=IncomingMail.Door.SMTP,
        received_at=message.created_at,
        state=MailState.REPLY,
        reason=MailReason.THREAD,
        internet_id=internet_id,
        ticket=message.ticket,
        message=message,
    )


# --- S012 ----------------------------------------------------------------------------------------------------------


def is_marked(mail: EmailMessage, *, kind: str, submitted: str = "auto-generated") -> bool:
    """Whether robots leave it alone, it can't be mistaken for another's, and comes back to us alone."""
    built: Any = mail.message()
    assert built.get_all("Auto-Submitted") == [submitted]
    assert built.get_all("X-Auto-Response-Suppress") == ["All"]
    assert str(built["Message-ID"]).endswith("@desk.example>")
    assert built.get_all("From") == ["Mattermost Support <support@desk.example>"]
    found = parse_return_path(mail.from_email)
    return found is not None and found[0] == kind


def test_s012_every_kind_of_ticket_mail_is_marked(
    ticket: Ticket, rita: User, tom: User, ann: User, bo: User, lea: User, mailoutbox: list[EmailMessage]
) -> None:
    quick = {"at": LATER}
    actions.add_note(ticket, by=ann, body="Note", **quick)
    actions.assign(ticket, by=lea, to=bo, **quick)
    actions.add_note(ticket, by=lea, body="Another", **quick)
    for submit_as in (Status.OPEN, Status.PENDING):
        actions.answer(ticket, by=bo, body="Words", submit_as=submit_as, **quick)
    actions.follow_up_pending(ticket.pk, now=LATER + timedelta(days=3))
    actions.reply(ticket, by=rita, body="Here", **quick)
    actions.solve(ticket, by=bo, **quick)
    actions.reply(ticket, by=rita, body="Not so", **quick)
    actions.answer(ticket, by=bo, body="Words", submit_as=Status.PENDING, **quick)
    WorkflowSettings.objects.update(remind_after_days=[], solve_after_days=1)
    Ticket.objects.update(pending_due_at=LATER)
    actions.follow_up_pending(ticket.pk, now=LATER)
    actions.close_solved(ticket.pk, now=LATER + timedelta(hours=48))
    other = factories.open_ticket(rita, at=AT, cc=[tom.email])
    actions.assign(other, by=lea, to=bo, **quick)
    actions.mark_solved(other, by=rita, **quick)
    third = factories.open_ticket(rita, at=AT)
    actions.escalate(third, by=bo, body="Our engineers look", reference="SET-1", **quick)
    actions.come_back(third, by=None, reference="SET-1", why="returned", **quick)
    factories.open_ticket(rita, at=AT)  # nobody answers it
    evening = AT + timedelta(hours=10)
    sweep_promises(now=evening)
    deliver(evening)
    kinds = dict(OutgoingMail.objects.values_list("message_id", "kind"))
    seen = set()
    for mail in mailoutbox:
        assert is_marked(mail, kind="ticket")
        kind = Kind(kinds[mail.extra_headers["Message-ID"]])
        seen.add(kind)
        stream = "desk" if kind.is_for_staff else "requests"
        assert mail.extra_headers["List-Id"] == f"<{stream}.desk.example>"
    others = {
        Kind.STAFF_MAIL_ALERT,
        Kind.STAFF_ADDRESS_DEAD,
        Kind.STAFF_DIGEST,
        Kind.DIGEST,
        Kind.SURVEY,
        Kind.STAFF_RATED,
        Kind.STAFF_ESCALATION,  # tests/escalations/engineering/test_notifications.py
        Kind.STAFF_ENGINEERING_DIGEST,
    }
    assert seen == set(Kind) - others


@pytest.mark.parametrize("kind", Kind)
def test_s012_no_kind_goes_unmarked(kind: Kind, ticket: Ticket, rita: User, bo: User) -> None:
    reader = bo if kind.is_for_staff else rita
    row = OutgoingMail(
        pk=7, ticket=ticket, kind=kind, to_email=reader.email, to_user=reader, message_id="<7@desk.example>"
    )
    mail = message_of(row)
    assert is_marked(mail, kind="ticket")
    assert str(mail.extra_headers["List-Unsubscribe"]).startswith("<http")


def test_s012_account_mails_are_marked(client: Client, rita: User, mailoutbox: list[EmailMessage]) -> None:
    sign_up(client, "new.person@northwind.example")
    sign_up(client, rita.email)
    client.post("/accounts/password/reset/", {"email": rita.email})
    account_mail.post("accounts/email/invitation", to="eva@northwind.example", link="http://testserver/x/")
    account_mail.deliver_due()
    assert len(mailoutbox) >= 4
    assert all(is_marked(mail, kind="account") for mail in mailoutbox)
    assert len({mail.from_email for mail in mailoutbox}) == len(mailoutbox)


def page_text(key: str) -> PageText:
    return PageText(
        to="bo@desk.example", person="bo@desk.example", method="email", tickets=("1",), priority="Urgent",
        kind=Page.Kind.TICKET.value, headline="Urgent: Northwind #1", text="Acknowledge it.",
        url="http://testserver/desk/pages/1/", key=key, at=AT, contact_id=3,
    )  # fmt: skip


def test_s012_pages_codes_and_alarms_are_marked(mailoutbox: list[EmailMessage], lea: User) -> None:
    Email().deliver(page_text("17.1"))
    Email().deliver(page_text("code.3.abcd"))
    PagingAlarm.objects.create(key="x", text="Deliveries are overdue.", began_at=AT)
    assert alarms.tell(now=AT) == 1
    page, code, alarm = mailoutbox
    assert is_marked(alarm, kind="alarm")
    assert is_marked(page, kind="page")
    assert parse_return_path(page.from_email) == ("page", 17)
    assert is_marked(code, kind="contact")
    assert parse_return_path(code.from_email) == ("contact", 3)


# --- Where an answer goes ------------------------------------------------------------------------------------------


def sent_to(mailoutbox: list[EmailMessage], address: str) -> Mail:
    return next(mail for mail in reversed(mailoutbox) if mail.to == [address]).message()


def test_s002_each_reader_has_a_reply_address_that_is_nobody_elses(
    ticket: Ticket, rita: User, mailoutbox: list[EmailMessage]
) -> None:
    deliver()
    readers = (rita.email, PARTNER)
    claims = {reader: parse_reply(sent_to(mailoutbox, reader)["Reply-To"]) for reader in readers}
    for reader, claim in claims.items():
        assert claim is not None
        assert claim.number == ticket.number
        assert [other for other in readers if claim.belongs_to(other)] == [reader]


def test_staff_answers_by_mail_only_where_they_chose_to_and_never_to_a_note(
    ticket: Ticket, rita: User, ann: User, bo: User, lea: User, mailoutbox: list[EmailMessage]
) -> None:
    actions.assign(ticket, by=lea, to=bo, at=LATER)
    actions.reply(ticket, by=rita, body="Here", at=LATER)
    deliver()
    assert sent_to(mailoutbox, bo.email)["Reply-To"] == "support@desk.example"
    User.objects.filter(pk=bo.pk).update(answers_by_mail=True)
    actions.reply(ticket, by=rita, body="And here", at=LATER)
    deliver()
    claim = parse_reply(sent_to(mailoutbox, bo.email)["Reply-To"])
    assert claim is not None
    assert claim.belongs_to(bo.email)
    actions.add_note(ticket, by=ann, body="Between us", at=LATER)
    deliver()
    assert sent_to(mailoutbox, bo.email)["Reply-To"] == "support@desk.example"


def test_where_the_plan_takes_no_answers_there_is_no_address_for_them(
    fred: User, bo: User, mailoutbox: list[EmailMessage]
) -> None:
    actions.submit(fred, by=bo, organization=None, request=factories.request_of(), channel="agent", at=AT)
    deliver()
    mail = sent_to(mailoutbox, fred.email)
    assert mail["Reply-To"] == "support@desk.example"
    assert "write above this line" not in mail.as_string()


# --- Threads -------------------------------------------------------------------------------------------------------


def test_answers_join_the_customers_own_conversation(
    ticket: Ticket, rita: User, bo: User, mailoutbox: list[EmailMessage]
) -> None:
    came_by_mail(ticket.messages.get(), "<opened@northwind.example>")
    for words in ("asked.1", "asked.2"):
        came_by_mail(actions.reply(ticket, by=rita, body=words, at=LATER), f"<{words}@northwind.example>")
    note = actions.add_note(ticket, by=bo, body="Between us", at=LATER)
    came_by_mail(note, "<secret@desk.example>")
    actions.answer(ticket, by=bo, body="This way.", submit_as=Status.OPEN, at=LATER)
    deliver()
    mail = sent_to(mailoutbox, rita.email)
    own = f"<ticket.{ticket.number}@desk.example>"
    assert mail["In-Reply-To"] == "<asked.2@northwind.example>"
    assert mail["References"].split() == [own, "<opened@northwind.example>", "<asked.2@northwind.example>"]


@pytest.mark.parametrize("theirs", ["<a@b>\r\nBcc: x@evil.example", "no brackets@x", "<ä@b>", "<a@b> <c@d>", ""])
def test_s024_what_is_no_message_id_is_not_repeated(ticket: Ticket, theirs: str) -> None:
    came_by_mail(ticket.messages.get(), theirs)
    assert thread_of(ticket) == [f"<ticket.{ticket.number}@desk.example>"]
