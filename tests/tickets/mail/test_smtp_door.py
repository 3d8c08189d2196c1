"""Mail by SMTP and LMTP: over real connections on loopback, with odd clients and servers that are away."""

import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as desk
from django.db import connection

from tests.tickets.mail.intake import taking_mail
from tests.tickets.mail.raw import raw, verdict
from tickets.mail.smtp_door import is_trusted
from tickets.models import IncomingMail

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parents[3]
RITA, SUPPORT = "rita@northwind.example", "support@desk.example"


@pytest.fixture
def port() -> Iterator[int]:
    with taking_mail() as port:
        yield port


def send(port: int, message: bytes, *to: str, options: tuple[str, ...] = ()) -> dict[str, Any]:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.ehlo("relay.example")
        return client.sendmail(RITA, list(to or (SUPPORT,)), message, mail_options=options)


def only() -> IncomingMail:
    return IncomingMail.objects.get()


def test_what_is_taken_is_stored(port: int) -> None:
    message = raw(above=verdict())
    send(port, message, SUPPORT, "support+4821-x@desk.example")
    assert only().file.read() == message
    assert only().door == "smtp"
    assert only().envelope_from == RITA
    assert only().envelope_to == [SUPPORT, "support+4821-x@desk.example"]
    assert only().verdict == "demo-relay; dmarc=pass header.from=northwind.example"


def test_it_is_on_the_disk_before_it_is_taken(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operating system is asked to write the file and the folder that names it before the row is there."""
    flushed, real = [], os.fsync

    def watched(descriptor: int) -> None:
        flushed.append((Path(f"/proc/self/fd/{descriptor}").resolve(), descriptor))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    send(port, raw())
    path = Path(only().file.path)
    assert [place for place, _ in flushed][:2] == [path, path.parent]


def test_an_open_relay_is_refused(port: int) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        send(port, raw(), "somebody@elsewhere.example", "support@desk.example.evil.example")
    assert {code for code, _ in refusal.value.recipients.values()} == {550}
    refused = send(port, raw(), SUPPORT, "somebody@elsewhere.example")
    assert list(refused) == ["somebody@elsewhere.example"]
    assert only().envelope_to == [SUPPORT]


def test_more_than_a_hundred_recipients_are_put_off(port: int) -> None:
    refused = send(port, raw(), *(f"support+{number}@desk.example" for number in range(101)))
    assert [code for code, _ in refused.values()] == [452]
    assert len(only().envelope_to) == 100


def test_without_the_table_it_is_451_and_afterwards_it_works_again(port: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tickets_incomingmail RENAME TO away")
        try:
            with pytest.raises(smtplib.SMTPDataError) as refusal:
                send(port, raw())
        finally:
            cursor.execute("ALTER TABLE away RENAME TO tickets_incomingmail")
    assert refusal.value.smtp_code == 451
    assert refusal.value.smtp_error.startswith(b"4.3.0")  # type: ignore[union-attr]
    assert b"tickets_incomingmail" not in refusal.value.smtp_error  # type: ignore[operator]
    send(port, raw())
    assert only().envelope_to == [SUPPORT]


def test_connections_that_the_database_cut_are_made_anew(port: int) -> None:
    send(port, raw())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    send(port, raw("Another.\r\n"))
    assert IncomingMail.objects.count() == 2


def test_a_process_without_a_database_says_451_and_ends_by_sigterm() -> None:
    with socket.socket() as probe, socket.socket() as closed:
        probe.bind(("127.0.0.1", 0))
        closed.bind(("127.0.0.1", 0))  # bound and not listened at: nobody answers there
        port, nobody = probe.getsockname()[1], closed.getsockname()[1]
        probe.close()
        environment = {**os.environ, "DATABASE_URL": f"postgres://n@127.0.0.1:{nobody}/n", "LOG_LEVEL": "INFO"}
        process = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "mail_intake", "--port", str(port)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            assert process.stderr is not None
            assert "mail is taken by SMTP" in process.stderr.readline()
            with pytest.raises(smtplib.SMTPDataError) as refusal:
                send(port, raw())
            assert refusal.value.smtp_code == 451
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait()
    assert not IncomingMail.objects.exists()


def test_what_is_being_sent_when_it_is_told_to_end_is_still_stored() -> None:
    with taking_mail() as port:
        client = smtplib.SMTP("127.0.0.1", port, timeout=10)
        client.ehlo("relay.example")
        client.mail(RITA)
        client.rcpt(SUPPORT)
        assert client.docmd("DATA")[0] == 354
        message = raw()
        client.send(message[:50])
        answer: list[int] = []

        def finish() -> None:
            client.send(message[50:] + b".\r\n")
            answer.append(client.getreply()[0])

        timer = threading.Timer(0.3, finish)  # by then the block has ended, with the rest still to come
        timer.start()
    timer.join()
    assert answer == [250]
    assert only().file.read() == message


def test_too_large_is_552(port: int, settings: Any) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.ehlo("relay.example")
        assert int(client.esmtp_features["size"]) == desk.MAIL_MAX_BYTES
        assert client.docmd("MAIL", f"FROM:<{RITA}> SIZE={desk.MAIL_MAX_BYTES + 1}")[0] == 552
    settings.MAIL_MAX_BYTES = 1000
    with taking_mail() as strict, pytest.raises(smtplib.SMTPException) as refusal:
        send(strict, raw("x" * 70 + "\r\n" * 1000))
    assert refusal.value.smtp_code == 552  # type: ignore[attr-defined]
    assert not IncomingMail.objects.exists()


@pytest.mark.parametrize(
    ("above", "believed"),
    [
        (verdict(), "demo-relay; dmarc=pass header.from=northwind.example"),
        (verdict(results="dmarc=fail") + verdict(), "demo-relay; dmarc=fail"),
        (verdict("mx.elsewhere.example") + verdict(), ""),
        ("", ""),
    ],
    ids=["ours", "a second one", "another server's on top", "none"],
)
def test_only_our_relays_own_verdict_is_believed(port: int, above: str, believed: str) -> None:
    send(port, raw(above=above))
    assert only().verdict == believed


def test_a_verdict_from_a_stranger_is_ignored(port: int, settings: Any) -> None:
    settings.MAIL_TRUSTED_RELAYS = []
    send(port, raw(above=verdict()))
    assert only().verdict == ""


def test_relays_are_known_by_their_networks(settings: Any) -> None:
    settings.MAIL_TRUSTED_RELAYS = [ip_network("10.1.0.0/16"), ip_network("2001:db8::/32")]
    peers = ["10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1%eth0", "10.2.0.1", "127.0.0.1", "", "relay"]
    assert [peer for peer in peers if is_trusted(peer)] == peers[:3]


def test_utf8_addresses_are_taken(port: int) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.ehlo("relay.example")
        assert client.has_extn("smtputf8")
        client.sendmail(
            "jörg@bücher.example", [SUPPORT], raw(Subject="Grüße"), mail_options=("SMTPUTF8", "BODY=8BITMIME")
        )
    assert only().envelope_from == "jörg@bücher.example"
    assert "Grüße".encode() in only().file.read()


def talk(port: int, *lines: bytes) -> list[bytes]:
    """Say each line once the one before was answered; the answers' first lines."""
    answers = []
    with socket.create_connection(("127.0.0.1", port), timeout=10) as wire, wire.makefile("rb") as replies:
        replies.readline()
        for line in lines:
            wire.sendall(line)
            answers.append(replies.readline())
    return answers


@pytest.mark.parametrize(
    "text",
    [
        b"Subject: bare line ends\n\nfirst\nsecond\n",
        b"Subject: caf\xe9\r\n\r\n\xff\xfe\r\n",
        b"Subject: a\0b\r\n\r\nc\0d\r\n",
        b"no header at all\r\n",
        b"",
        b"Subject: long\r\n\r\n" + b"x" * 500_000 + b"\r\n",
    ],
    ids=["bare LF", "8 bit", "NUL", "no From", "nothing", "one long line"],
)
def test_s023_whatever_an_odd_client_sends_is_stored(port: int, text: bytes) -> None:
    envelope = (b"HELO x\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<support@desk.example>\r\n", b"DATA\r\n")
    end = b".\r\n" if text.endswith(b"\r\n") or not text else b"\r\n.\r\n"
    answers = talk(port, *envelope, text + end)
    assert answers[-1].startswith(b"250 2.0.0"), answers
    assert only().envelope_from == "<>"
    assert only().file.read().rstrip(b"\r\n") == text.rstrip(b"\r\n")


def test_a_dot_with_bare_line_ends_does_not_end_a_message(port: int) -> None:
    """Smuggling: what one server takes for two messages must not be two here."""
    envelope = (b"HELO x\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<support@desk.example>\r\n", b"DATA\r\n")
    talk(port, *envelope, b"Subject: x\r\n\r\none\n.\nMAIL FROM:<ann@desk.example>\r\n.\r\n")
    assert b"MAIL FROM:<ann@desk.example>" in only().file.read()


def test_too_many_connections_are_put_off(settings: Any) -> None:
    settings.MAIL_INTAKE_CONNECTIONS = 1
    with taking_mail() as port:
        first = smtplib.SMTP("127.0.0.1", port, timeout=10)
        with pytest.raises(smtplib.SMTPConnectError) as refusal:
            smtplib.SMTP("127.0.0.1", port, timeout=10)
        assert refusal.value.smtp_code == 421
        first.quit()
        while True:  # the server learns of the end a moment later
            try:
                smtplib.SMTP("127.0.0.1", port, timeout=10).quit()
                break
            except smtplib.SMTPConnectError:
                continue


def test_lmtp_answers_for_each_recipient() -> None:
    with taking_mail(lmtp=True) as port:
        wire = socket.create_connection(("127.0.0.1", port), timeout=10)
        with wire, wire.makefile("rb") as replies:
            replies.readline()
            wire.sendall(b"LHLO x\r\n")
            while replies.readline()[3:4] == b"-":
                pass
            for line in (b"MAIL FROM:<>", b"RCPT TO:<support+1@desk.example>", b"RCPT TO:<support+2@desk.example>"):
                wire.sendall(line + b"\r\n")
                replies.readline()
            wire.sendall(b"DATA\r\n")
            replies.readline()
            wire.sendall(raw() + b".\r\n")
            assert [replies.readline()[:9] for _ in range(2)] == [b"250 2.0.0", b"250 2.0.0"]
    assert only().envelope_to == ["support+1@desk.example", "support+2@desk.example"]
