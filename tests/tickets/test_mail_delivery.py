"""Delivering mails: over real SMTP on loopback, with every way it goes wrong."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts import health
from accounts.models import User
from supportdesk import embedded
from supportdesk.lib.signed_addresses import reply_address, return_path
from tests import factories
from tests.tickets.smtp import MailServer, mail_server
from tickets import tasks
from tickets.mail import send
from tickets.models import OutgoingMail, Ticket
from tickets.notifications.audience import Kind

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SENT, QUEUED, FAILED = OutgoingMail.State.SENT, OutgoingMail.State.QUEUED, OutgoingMail.State.FAILED

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings: Any) -> Iterator[MailServer]:
    with mail_server() as desk:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = "127.0.0.1", desk.port, 2
        yield desk


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita, at=AT)


def queue(ticket: Ticket, number: int = 1) -> list[OutgoingMail]:
    """So many mails to the requester that wait to be sent."""
    return OutgoingMail.objects.bulk_create(
        OutgoingMail(
            ticket=ticket,
            kind=Kind.ANSWERED,
            to_email=ticket.requester.email,
            to_user=ticket.requester,
            subject=f"[#{ticket.number}] {ticket.subject}",
            text=f"Mail {at}",
            html=f"<p>Mail {at}</p>",
            message_id=f"<test.{ticket.number}.{at}@desk.example>",
            references=[f"<ticket.{ticket.number}@desk.example>"],
            next_attempt_at=Now(),
            created_at=AT,
        )
        for at in range(number)
    )


def only() -> OutgoingMail:
    return OutgoingMail.objects.get()


def let_time_pass(**changes: Any) -> None:
    """The database's clock can't be moved, so what it waits for is moved instead."""
    OutgoingMail.objects.filter(state=QUEUED).update(next_attempt_at=Now(), lease_until=None, **changes)


def seconds_to_wait(mail: OutgoingMail) -> float:
    waits = OutgoingMail.objects.annotate(now=Now()).get(pk=mail.pk)
    return float((waits.next_attempt_at - waits.now).total_seconds())


def test_a_mail_arrives_with_both_parts_and_its_headers(ticket: Ticket, server: MailServer) -> None:
    queue(ticket)
    tasks.deliver_mail()
    (mail,) = server.mails
    assert mail["Message-ID"] == f"<test.{ticket.number}.0@desk.example>"
    assert mail["References"] == mail["In-Reply-To"] == f"<ticket.{ticket.number}@desk.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["From"] == "Mattermost Support <support@desk.example>"
    assert mail["Reply-To"] == reply_address(ticket.number, reader=ticket.requester.email)
    assert server.senders == [return_path("ticket", only().pk)]
    assert [part.get_content_type() for part in mail.walk()][1:] == ["text/plain", "text/html"]
    row = only()
    assert (row.state, row.attempts, row.next_attempt_at, row.lease_until) == (SENT, 1, None, None)
    assert row.sent_at is not None


def test_a_batch_goes_over_one_connection(ticket: Ticket, server: MailServer) -> None:
    queue(ticket, 15)
    assert send.deliver_due() == 15
    assert (len(server.mails), server.connections) == (15, 1)
    assert send.deliver_due() == 0


def test_what_is_temporary_is_tried_again_later_and_later(ticket: Ticket, server: MailServer) -> None:
    queue(ticket)
    server.recipient = lambda address: "451 come back later"
    for minutes in (1, 5, 15, 60, 360):
        send.deliver_due()
        assert only().state == QUEUED
        assert 60 * minutes - 30 < seconds_to_wait(only()) <= 60 * minutes
        assert only().last_error == "451 come back later"
        assert send.deliver_due() == 0  # not before its time
        let_time_pass()
    server.recipient = lambda address: "250 fine"
    assert send.deliver_due() == 1
    assert len(server.mails) == 1


def test_in_the_end_it_is_given_up(ticket: Ticket, server: MailServer) -> None:
    queue(ticket)
    server.text = lambda text: "452 disk full"
    for _ in range(9):
        assert only().state == QUEUED
        send.deliver_due()
        let_time_pass()
    assert (only().state, only().last_error, only().next_attempt_at) == (FAILED, "452 disk full", None)


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        ({"recipient": "550 no such mailbox"}, FAILED),
        ({"text": "554 looks like spam"}, FAILED),
        ({"sender": "530 log in first"}, QUEUED),
        ({"recipient": "421 closing"}, QUEUED),
        ({"text": "hang up"}, QUEUED),
        ({"recipient": "hang up"}, QUEUED),
    ],
)
def test_what_the_server_says_decides(
    ticket: Ticket, server: MailServer, verdicts: dict[str, str], state: OutgoingMail.State
) -> None:
    queue(ticket)
    for what, verdict in verdicts.items():
        setattr(server, what, lambda _, verdict=verdict: verdict)
    send.deliver_due()
    assert only().state == state
    assert only().last_error
    assert not server.mails


def test_one_bad_mail_does_not_keep_the_others(ticket: Ticket, server: MailServer) -> None:
    mails = queue(ticket, 4)
    server.text = lambda text: "hang up" if b"Mail 1" in text else "250 taken"
    OutgoingMail.objects.filter(pk=mails[2].pk).update(to_email="nobody@\u00fc\u00df.example\u2028")
    send.deliver_due()
    states = dict(OutgoingMail.objects.values_list("pk", "state"))
    assert [states[mail.pk] for mail in mails] == [SENT, QUEUED, FAILED, SENT]


def test_while_the_server_is_down_mails_wait_and_none_counts_it(ticket: Ticket, settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", embedded.free_port()
    queue(ticket, 30)
    assert send.deliver_due() == 0
    assert set(OutgoingMail.objects.values_list("state", "attempts")) == {(QUEUED, 0)}
    with mail_server() as desk:
        settings.EMAIL_PORT = desk.port
        let_time_pass()
        assert send.deliver_due() == 30


def test_a_server_that_hangs_costs_its_time_limit(ticket: Ticket, server: MailServer, settings: Any) -> None:
    settings.EMAIL_TIMEOUT = 0.3
    released = threading.Event()
    server.text = lambda text: "250 taken" if released.wait(5) else "250 late"
    queue(ticket)
    send.deliver_due()
    released.set()
    assert only().state == QUEUED
    assert "timed out" in only().last_error.lower()


@pytest.mark.django_db(transaction=True)
def test_two_workers_send_each_mail_once(ticket: Ticket, server: MailServer) -> None:
    queue(ticket, 90)
    begin, sent = threading.Barrier(2), []

    def work() -> None:
        try:
            begin.wait()
            sent.append(send.deliver_due())
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(sent) == 90
    assert len({mail["Message-ID"] for mail in server.mails}) == len(server.mails) == 90


def test_after_dying_between_claim_and_sending_another_sends_it(ticket: Ticket, server: MailServer) -> None:
    queue(ticket)
    send._claim()  # and here the worker dies
    assert send.deliver_due() == 0
    OutgoingMail.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert send.deliver_due() == 1
    assert only().attempts == 2


def test_after_dying_between_sending_and_record_it_goes_out_again_as_the_same_mail(
    ticket: Ticket, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(ticket)
    with monkeypatch.context() as dying, pytest.raises(KeyboardInterrupt):
        dying.setattr(send, "_finish", _die)
        send.deliver_due()
    assert only().state == QUEUED
    OutgoingMail.objects.update(lease_until=Now() - timedelta(seconds=1))
    send.deliver_due()
    first, second = server.mails
    assert first["Message-ID"] == second["Message-ID"]
    assert only().state == SENT


def _die(*args: object, **changes: object) -> None:
    raise KeyboardInterrupt


def test_a_mail_that_kills_every_worker_is_given_up(ticket: Ticket, server: MailServer) -> None:
    queue(ticket)
    let_time_pass(attempts=9)
    send.deliver_due()
    assert only().state == FAILED
    assert not server.mails


def test_a_record_that_comes_too_late_does_not_disturb_whoever_took_over(ticket: Ticket, server: MailServer) -> None:
    queue(ticket)
    (slow,) = send._claim()
    OutgoingMail.objects.update(lease_until=Now() - timedelta(seconds=1))
    (quick,) = send._claim()
    send._put_off(slow, send.Failure("timed out", is_permanent=False))
    assert only().lease_until == quick.lease_until
    send._finish(quick, SENT, sent_at=Now())
    send._put_off(slow, send.Failure("refused", is_permanent=True))
    assert only().state == SENT


def test_the_demo_writes_files(ticket: Ticket, settings: Any, tmp_path: Any) -> None:
    settings.EMAIL_BACKEND, settings.MAIL_DIR = "supportdesk.lib.mail.EmlFileBackend", tmp_path / "mail"
    queue(ticket, 3)
    assert send.deliver_due() == 3
    assert len(list((tmp_path / "mail").glob("*.eml"))) == 3


# --- Addresses that refuse for good --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        ("550 no such mailbox", True),
        ("550 5.1.1 no such mailbox", True),
        ("550 5.7.1 relaying denied", False),
        ("451 come back later", False),
    ],
)
def test_three_that_the_server_refuses_for_their_address_stop_mail_there(
    ticket: Ticket, server: MailServer, answer: str, counts: bool
) -> None:
    server.recipient = lambda address: answer
    queue(ticket, 3)
    send.deliver_due()
    assert health.is_suppressed(ticket.requester.email) == counts
    assert ticket.messages.filter(is_public=False).count() == counts
    OutgoingMail.objects.all().delete()
    server.recipient = lambda address: "250 fine"
    queue(ticket)
    assert send.deliver_due() == (not counts)


def test_a_text_that_is_refused_says_nothing_of_its_address(ticket: Ticket, server: MailServer) -> None:
    server.text = lambda text: "554 looks like spam"
    queue(ticket, 3)
    send.deliver_due()
    assert not health.is_suppressed(ticket.requester.email)
