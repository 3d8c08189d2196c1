"""What goes out because something came in: the alert of a forged mail, the answer that points elsewhere."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.mail import EmailMessage

from accounts import mail as account_mail
from accounts.models import AccountMail, User
from tests.at_once import at_once
from tests.tickets.mail.test_headers import is_marked
from tickets.mail import send
from tickets.models import IncomingMail, OutgoingMail
from tickets.models.incoming import MailReason, MailState
from tickets.notifications.mail_alert import alert_forged
from tickets.notifications.redirected import answer_redirected

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def forged(number: int = 1) -> IncomingMail:
    return IncomingMail.objects.create(
        digest=f"{number:064}",
        file="mail/raw.eml",
        size=1,
        door=IncomingMail.Door.SMTP,
        received_at=AT,
        state=MailState.QUARANTINED,
        reason=MailReason.FORGED_STAFF,
        sender="bo@desk.example",
        sender_name="Win http://evil.example",
        subject="Click http://evil.example",
        excerpt="Secret words",
    )


def test_leads_are_told_of_mail_in_the_staffs_name(
    lea: User, bo: User, ada: User, mailoutbox: list[EmailMessage]
) -> None:
    mail = forged()
    assert alert_forged(mail, at=AT) == 1
    send.deliver_due()
    (told,) = mailoutbox
    assert told.to == [lea.email]
    assert is_marked(told, kind="ticket")
    assert told.reply_to == ["support@desk.example"]
    for part in (told.body, told.alternatives[0][0]):  # type: ignore[attr-defined]
        assert f"http://testserver/desk/mail/{mail.pk}/" in part
        assert "bo@desk.example" in part
        assert "evil.example" not in part
        assert "Secret words" not in part


def test_a_lead_hears_of_it_once_an_hour(lea: User) -> None:
    assert alert_forged(forged(1), at=AT) == 1
    assert alert_forged(forged(2), at=AT + timedelta(minutes=59)) == 0
    assert alert_forged(forged(3), at=AT + timedelta(minutes=61)) == 1


@pytest.mark.django_db(transaction=True)
def test_two_at_once_are_one_mail(lea: User) -> None:
    first, second = forged(1), forged(2)
    results = at_once(lambda: alert_forged(first, at=AT), lambda: alert_forged(second, at=AT))
    assert sorted(results) == [0, 1]
    assert OutgoingMail.objects.count() == 1


@pytest.mark.parametrize("has_portal", [True, False])
def test_who_may_not_write_is_pointed_to_where_they_may_ask(
    has_portal: bool, db: None, mailoutbox: list[EmailMessage]
) -> None:
    answer_redirected("pia@fabrikam.example", has_portal=has_portal)
    account_mail.deliver_due()
    (mail,) = mailoutbox
    assert is_marked(mail, kind="account", submitted="auto-replied")
    assert ("http://testserver/requests/new/" in mail.body) == has_portal
    assert ("https://docs.mattermost.com" in mail.body) != has_portal
    assert "http://testserver/help/" in mail.body
    assert "\n" not in mail.subject


def test_a_mailbox_that_keeps_writing_gets_ten_an_hour(db: None) -> None:
    for _ in range(12):
        answer_redirected("pia@fabrikam.example", has_portal=True)
    assert AccountMail.objects.count() == 10
