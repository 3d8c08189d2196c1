"""Account mails are rows: a dead mail server costs nobody their sign-up, and nothing is lost or sent twice."""

from datetime import timedelta
from smtplib import SMTPAuthenticationError, SMTPRecipientsRefused
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db.models.functions import Now
from django.test import Client

from accounts.mail import RETRY_AFTER, ServerDown, deliver, deliver_due, post
from accounts.models import AccountMail, User
from accounts.tasks import deliver_mail, tidy
from tests.accounts.conftest import sign_up

RITA = "rita.lang@northwind.example"


class Broken(EmailBackend):
    failure: Exception = ConnectionRefusedError("nobody listens")
    asked = 0

    def send_messages(self, messages: Any) -> int:
        Broken.asked += 1
        raise self.failure


@pytest.fixture
def dead_server(settings: Any) -> type[Broken]:
    settings.EMAIL_BACKEND = f"{__name__}.Broken"
    return Broken


@pytest.fixture
def queued(db: None) -> AccountMail:
    post("accounts/email/invitation", to=RITA, link="http://testserver/x/")
    return AccountMail.objects.get()


def make_due() -> None:
    AccountMail.objects.filter(state="queued").update(due_at=Now() - timedelta(seconds=1))


def test_a_dead_mail_server_fails_no_sign_up(client: Client, dead_server: Any, db: None, settings: Any) -> None:
    assert sign_up(client, RITA).status_code == 302
    assert client.post("/accounts/password/reset/", {"email": RITA}).status_code == 302
    Broken.asked = 0
    assert deliver_due() == 0
    assert Broken.asked == 1  # who doesn't answer isn't asked for every mail
    assert AccountMail.objects.filter(state="queued").count() == 2
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    make_due()
    assert deliver_due() == 2
    assert {message.to[0] for message in mail.outbox} == {RITA}


def test_failures_are_tried_again_later_and_given_up_in_the_end(queued: AccountMail, dead_server: Any) -> None:
    for attempt, delay in enumerate(RETRY_AFTER, start=1):
        with pytest.raises(ServerDown):
            deliver(queued.pk)
        row = AccountMail.objects.annotate(now=Now()).get()
        assert row.attempts == attempt
        assert abs((row.due_at - row.now).total_seconds() - delay) < 5
        make_due()
    assert deliver_due() == 0
    row = AccountMail.objects.get()
    assert (row.state, row.text, row.due_at) == ("failed", "", None)
    assert "nobody listens" in row.last_error


def test_a_refused_recipient_is_not_tried_again(queued: AccountMail, dead_server: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Broken, "failure", SMTPRecipientsRefused({RITA: (550, b"no such user")}))
    deliver(queued.pk)
    assert AccountMail.objects.get().state == "failed"


def test_a_recipient_who_is_busy_is_tried_again(queued: AccountMail, dead_server: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(Broken, "failure", SMTPRecipientsRefused({RITA: (451, b"greylisted")}))
    deliver(queued.pk)
    assert AccountMail.objects.get().state == "queued"


def test_a_wrong_password_of_the_mail_server_loses_no_mail(
    queued: AccountMail, dead_server: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(Broken, "failure", SMTPAuthenticationError(535, b"no"))
    assert deliver_due() == 0
    assert AccountMail.objects.get().state == "queued"


def test_a_link_that_would_be_dead_is_not_sent(db: None) -> None:
    post("accounts/email/claim", to=RITA, link="http://testserver/x/")
    AccountMail.objects.update(created_at=Now() - timedelta(minutes=61))
    assert deliver_due() == 0
    row = AccountMail.objects.get()
    assert (row.state, row.text) == ("failed", "")


def test_what_somebody_sends_now_nobody_else_sends(queued: AccountMail, monkeypatch: Any) -> None:
    def during(self: Any, messages: Any) -> int:
        assert not deliver(queued.pk)
        assert deliver_due() == 0
        return 1

    monkeypatch.setattr(EmailBackend, "send_messages", during)
    assert deliver(queued.pk)
    assert not deliver(queued.pk)


def test_a_worker_that_died_leaves_the_mail_to_others(queued: AccountMail, monkeypatch: Any) -> None:
    def die(self: Any, messages: Any) -> int:
        raise SystemExit

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(EmailBackend, "send_messages", die)
        deliver(queued.pk)
    assert deliver_due() == 0
    make_due()  # the lease has run out
    assert deliver_due() == 1


def test_sent_mails_keep_no_text(queued: AccountMail) -> None:
    deliver_mail()
    row = AccountMail.objects.get()
    assert (row.state, row.text) == ("sent", "")
    assert row.sent_at is not None
    [message] = mail.outbox
    assert message.extra_headers["Message-ID"] == row.message_id


def test_a_month_later_even_the_row_is_gone(queued: AccountMail, rita: User, client: Client) -> None:
    deliver_due()
    tidy()
    assert AccountMail.objects.count() == 1
    AccountMail.objects.update(created_at=Now() - timedelta(days=31))
    tidy()
    assert not AccountMail.objects.exists()
