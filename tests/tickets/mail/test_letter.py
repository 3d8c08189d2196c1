"""What a mail looks like and says, in text and in HTML alike."""

from datetime import UTC, datetime, timedelta

import pytest

from accounts.models import User
from supportdesk.lib.html import with_images_named
from tests import factories
from tickets import actions, notifications
from tickets.mail.reply_line import REPLY_LINE
from tickets.models import Message, OutgoingMail, Ticket
from tickets.models.message import Format
from tickets.states import Status

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
PARTNER = "partner@consulting.example"

pytestmark = pytest.mark.django_db


@pytest.fixture
def ticket(rita: User, bo: User) -> Ticket:
    return factories.open_ticket(rita, at=AT, cc=[PARTNER])


def mail_to(address: str, *, now: datetime = LATER) -> OutgoingMail:
    notifications.notify(now=now)
    return OutgoingMail.objects.filter(to_email=address).order_by("-pk")[0]


def by_mail(ticket: Ticket, **changes: object) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(channel="email", **changes)


@pytest.mark.parametrize("reader", ["rita@northwind.example", PARTNER])
def test_who_may_answer_is_told_how_and_where_to_write(ticket: Ticket, reader: str) -> None:
    mail = mail_to(reader)
    assert mail.text.startswith(f"{REPLY_LINE}\n")
    assert mail.html.index(REPLY_LINE) < mail.html.index("<h1")
    for part in (mail.text, mail.html):
        assert "Reply to this mail to add to the request." in part


def test_a_closed_request_says_what_an_answer_does_now(ticket: Ticket, rita: User, bo: User) -> None:
    actions.solve(ticket, by=bo, at=LATER)
    actions.close_solved(ticket.pk, now=LATER + timedelta(hours=48))
    mail = mail_to(rita.email, now=LATER + timedelta(hours=48))
    assert "A reply to this mail opens a follow-up request." in mail.text
    to_partner = mail_to(PARTNER, now=LATER + timedelta(hours=48))
    assert REPLY_LINE not in to_partner.text


def test_staff_is_told_only_where_an_answer_reaches_the_customer(ticket: Ticket, rita: User, bo: User) -> None:
    assert REPLY_LINE not in mail_to(bo.email).text
    User.objects.filter(pk=bo.pk).update(answers_by_mail=True)
    actions.reply(ticket, by=rita, body="Here", at=LATER)
    assert "Reply to this mail to answer the customer." in mail_to(bo.email).text


def test_a_customer_sees_their_status_and_no_plan_the_staff_both(
    ticket: Ticket, rita: User, bo: User, lea: User
) -> None:
    actions.assign(ticket, by=lea, to=bo, at=LATER)
    actions.hold(ticket, by=bo, reason="Secret reason", at=LATER)
    actions.reply(ticket, by=rita, body="Any news?", at=LATER)
    theirs, ours = mail_to(PARTNER), mail_to(bo.email)
    assert "Status: Open\n" in theirs.text
    assert "Premier" not in theirs.text + theirs.html
    assert "Status: On-hold\n" in ours.text
    assert "Plan: Premier\n" in ours.text
    assert "On-hold" in ours.html


def test_images_of_a_mail_are_named_and_never_fetched(ticket: Ticket, rita: User, bo: User) -> None:
    message = actions.reply(ticket, by=rita, body="Look: shot", at=LATER)
    Message.objects.filter(pk=message.pk).update(
        format=Format.HTML, body_html='<p>Look: <img src="/attachments/7/preview/" alt="a &gt; b.png"> &amp; that</p>'
    )
    mail = mail_to(PARTNER)
    assert "<img" not in mail.html
    assert "/attachments/7/" not in mail.html
    assert "<p>Look: [image: a &gt; b.png] &amp; that</p>" in mail.html
    assert "Look: shot" in mail.text


def test_what_a_mail_quoted_is_not_sent_again(ticket: Ticket, rita: User, bo: User) -> None:
    message = actions.reply(ticket, by=rita, body="New words", at=LATER)
    Message.objects.filter(pk=message.pk).update(quoted_html="<blockquote>Old words</blockquote>")
    mail = mail_to(PARTNER)
    assert "New words" in mail.html
    assert "Old words" not in mail.text + mail.html


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ("<p>a &lt;b&gt; &#39;c&#39; &nbsp;</p>", "<p>a &lt;b&gt; &#39;c&#39; &nbsp;</p>"),
        ('<img src="x" alt="&lt;script&gt;">', "[image: &lt;script&gt;]"),
        ('<a href="http://x.example/?a=1&amp;b=2"><img src="x"></a>',
         '<a href="http://x.example/?a=1&amp;b=2">[image: without a name]</a>'),
        ('<img alt="a>b" src="x"><br>', "[image: a&gt;b]<br>"),
    ],
)  # fmt: skip
def test_naming_images_leaves_the_rest_as_it_is(given: str, named: str) -> None:
    assert with_images_named(given) == named


# --- The priority --------------------------------------------------------------------------------------------------


def test_who_opened_a_request_by_mail_is_asked_how_pressing_it_is(ticket: Ticket, rita: User) -> None:
    by_mail(ticket, priority=None)
    mail = mail_to(rita.email)
    for part in (mail.text, mail.html):
        assert "Answer this mail with Urgent, High, Normal or Low as the first word" in part
        assert "Production is down or unusable for many users" in part
        assert "Without an answer within 15 minutes we treat it as High." in part
    assert "How pressing" not in mail_to(PARTNER).text


def test_a_plan_that_does_not_page_is_promised_no_15_minutes(sam: User, bo: User) -> None:
    by_mail(factories.open_ticket(sam, at=AT), priority=None)
    mail = mail_to(sam.email)
    assert "How pressing is it?" in mail.text
    assert "15 minutes" not in mail.text


def test_who_has_said_how_pressing_it_is_is_not_asked(ticket: Ticket, rita: User) -> None:
    by_mail(ticket)
    assert "How pressing" not in mail_to(rita.email).text


def test_the_priority_is_asked_once(ticket: Ticket, rita: User, bo: User) -> None:
    by_mail(ticket, priority=None)
    notifications.notify(now=AT)
    ticket.refresh_from_db()
    actions.answer(ticket, by=bo, body="Which?", submit_as=Status.PENDING, at=LATER)
    assert "How pressing" not in mail_to(rita.email).text
