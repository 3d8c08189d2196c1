"""Mail fetched by IMAP: from a real server on loopback, with what goes wrong there and here."""

import threading
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from accounts.models import User
from tests.listener import listening
from tests.tickets.mail.imap_server import PASSWORD, TOKEN, USER, ImapServer, imap_server
from tests.tickets.mail.raw import raw, verdict
from tickets.mail import imap_door
from tickets.models import ImapMailbox, IncomingMail

pytestmark = pytest.mark.django_db


@pytest.fixture
def server() -> Iterator[ImapServer]:
    with imap_server() as state:
        yield state


@pytest.fixture
def mailbox(server: ImapServer) -> ImapMailbox:
    return ImapMailbox.objects.create(
        name="Support",
        host="127.0.0.1",
        port=server.port,
        security=ImapMailbox.Security.NONE,
        username=USER,
        password=PASSWORD,
        auth_server="mx.host.example",
    )


def fetch_once() -> str:
    out = StringIO()
    call_command("fetch_mail", once=True, stdout=out)
    return out.getvalue()


def test_what_is_new_is_fetched_once_and_left_there_as_seen(server: ImapServer, mailbox: ImapMailbox) -> None:
    above = "Return-Path: <rita@northwind.example>\r\nDelivered-To: support+7-x@desk.example\r\n"
    message = raw(above=above + verdict("mx.host.example"))
    server.deliver(message)
    server.deliver(raw("Another.\r\n", To="Somebody <somebody@elsewhere.example>"))
    assert fetch_once() == "Support: 2 new\n"
    assert fetch_once() == "Support: 0 new\n"
    first, second = IncomingMail.objects.order_by("pk")
    assert first.file.read() == message
    assert (first.door, first.envelope_from) == ("imap", "rita@northwind.example")
    assert first.envelope_to == ["support+7-x@desk.example", "support@desk.example"]
    assert first.verdict == "mx.host.example; dmarc=pass header.from=northwind.example"
    assert (second.envelope_to, second.verdict) == ([], "")
    assert server.seen == set(server.messages) == {1, 2}
    mailbox.refresh_from_db()
    assert (mailbox.last_uid, mailbox.uid_validity, mailbox.last_error) == (2, 1, "")
    assert mailbox.checked_at is not None


def test_when_the_server_counts_anew_everything_is_fetched_and_nothing_is_doubled(
    server: ImapServer, mailbox: ImapMailbox
) -> None:
    server.deliver(raw())
    fetch_once()
    server.validity, server.messages = 2, {1: raw("New.\r\n"), 2: raw()}
    assert fetch_once() == "Support: 2 new\n"
    assert IncomingMail.objects.count() == 2


def test_of_a_message_that_is_too_large_the_beginning_is_kept(
    server: ImapServer, mailbox: ImapMailbox, settings: Any
) -> None:
    settings.MAIL_MAX_BYTES = 2_000_000
    server.deliver(raw("x" * 70 + "\r\n" * 1_500_000))
    server.deliver(raw("Small.\r\n"))
    assert fetch_once() == "Support: 2 new\n"
    assert [row.size for row in IncomingMail.objects.order_by("pk")] == [1024 * 1024, len(raw("Small.\r\n"))]
    assert "(BODY.PEEK[]<0.1048576>)" in server.fetched


def test_what_could_not_be_stored_is_fetched_again(server: ImapServer, mailbox: ImapMailbox) -> None:
    server.deliver(raw())
    server.broken = {"UID FETCH"}
    with pytest.raises(CommandError, match="not now"):
        fetch_once()
    mailbox.refresh_from_db()
    assert (mailbox.last_uid, server.seen) == (0, set())
    assert "not now" in mailbox.last_error
    server.broken = {"UID STORE"}  # a folder that may only be read
    assert fetch_once() == "Support: 1 new\n"
    mailbox.refresh_from_db()
    assert (mailbox.last_uid, mailbox.last_error) == (1, "")


@pytest.mark.django_db(transaction=True)
def test_a_message_that_the_database_refused_is_fetched_again(server: ImapServer, mailbox: ImapMailbox) -> None:
    server.deliver(raw())
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tickets_incomingmail RENAME TO away")
        try:
            with pytest.raises(CommandError):
                fetch_once()
        finally:
            cursor.execute("ALTER TABLE away RENAME TO tickets_incomingmail")
    assert server.seen == set()
    assert fetch_once() == "Support: 1 new\n"


def test_one_mailbox_at_fault_doesnt_keep_the_others_waiting(server: ImapServer, mailbox: ImapMailbox) -> None:
    other = ImapMailbox.objects.create(name="A", host="127.0.0.1", port=server.port, security="none", username="x")
    server.deliver(raw())
    with pytest.raises(CommandError, match="who") as failure:
        fetch_once()
    assert PASSWORD not in str(failure.value)
    other.refresh_from_db()
    assert "who?" in other.last_error
    assert IncomingMail.objects.count() == 1


def test_without_encryption_only_this_machine_is_asked(mailbox: ImapMailbox) -> None:
    mailbox.host = "mail.elsewhere.example"
    with pytest.raises(imap_door.MailboxError, match="without encryption"):
        imap_door.fetch(mailbox)


def test_a_server_whose_certificate_proves_nothing_gets_no_password(server: ImapServer, mailbox: ImapMailbox) -> None:
    for security in (ImapMailbox.Security.TLS, ImapMailbox.Security.STARTTLS):
        mailbox.security = security
        with pytest.raises(imap_door.FAILURES):
            imap_door.fetch(mailbox)
    assert server.logins == 0


@pytest.mark.parametrize("refresh_token", ["", "refresh-1"])
def test_oauth_logs_in_by_a_token_that_was_just_given(
    server: ImapServer, mailbox: ImapMailbox, refresh_token: str
) -> None:
    with listening() as provider:
        provider.replies = {"/token": (200, {"access_token": TOKEN, "refresh_token": refresh_token and "refresh-2"})}
        mailbox.log_in, mailbox.oauth_refresh_token = ImapMailbox.LogIn.OAUTH, refresh_token
        mailbox.oauth_token_url, mailbox.oauth_client_id = f"{provider.url}/token", "desk"
        mailbox.oauth_client_secret = "the-secret"
        mailbox.save()
        server.deliver(raw())
        assert imap_door.fetch(mailbox) == 1
        asked = provider.requests[0].body.decode()
        grant = "refresh_token&refresh_token=refresh-1" if refresh_token else "client_credentials"
        assert asked == f"grant_type={grant}&client_id=desk&client_secret=the-secret"
        mailbox.refresh_from_db()
        assert mailbox.oauth_refresh_token == (refresh_token and "refresh-2")
        provider.replies = {"/token": (400, {"error": "invalid_grant"})}
        with pytest.raises(imap_door.MailboxError, match="400"):
            imap_door.fetch(mailbox)


@pytest.mark.django_db(transaction=True)
def test_what_arrives_is_fetched_at_once_and_errors_are_outlived(server: ImapServer, mailbox: ImapMailbox) -> None:
    server.broken = {"UID SEARCH"}
    stop = threading.Event()
    attending = threading.Thread(target=imap_door.attend, args=(mailbox.pk, stop))
    attending.start()
    try:
        while not ImapMailbox.objects.exclude(last_error="").exists():
            assert attending.is_alive()
        server.broken = set()
        server.wait_until_seen(server.deliver(raw()))
        server.wait_until_seen(server.deliver(raw("Another.\r\n")))
    finally:
        stop.set()
        attending.join(20)
    assert not attending.is_alive()
    assert IncomingMail.objects.count() == 2


# --- Django admin ----------------------------------------------------------------------------------------------------


def form_of(mailbox: ImapMailbox, **changes: object) -> dict[str, object]:
    names = ("name", "host", "port", "security", "folder", "auth_server", "username", "log_in")
    empty = ("oauth_token_url", "oauth_client_id", "oauth_client_secret", "oauth_refresh_token", "oauth_scope")
    kept = {name: getattr(mailbox, name) for name in names}
    return {**kept, "is_active": "on", "password": "", **dict.fromkeys(empty, ""), **changes}


@pytest.fixture
def admin(ada: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(ada)


def test_a_password_is_kept_and_never_shown(admin: Client, mailbox: ImapMailbox) -> None:
    page = f"/admin/tickets/imapmailbox/{mailbox.pk}/change/"
    assert "pass &quot;word" not in admin.get(page).content.decode()
    assert admin.post(page, form_of(mailbox, folder="Support")).status_code == 302
    mailbox.refresh_from_db()
    assert (mailbox.folder, mailbox.password) == ("Support", PASSWORD)
    assert admin.post(page, form_of(mailbox, password="another")).status_code == 302
    mailbox.refresh_from_db()
    assert mailbox.password == "another"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"host": "mail.elsewhere.example"}, "could be read on the way"),
        ({"log_in": "oauth", "oauth_token_url": "https://10.0.0.1/token"}, "it leads into a private network"),
        ({"log_in": "oauth", "oauth_token_url": ""}, "Enter the id that the provider knows the desk by"),
    ],
)
def test_a_mailbox_that_cant_be_fetched_from_is_refused(
    admin: Client, mailbox: ImapMailbox, changes: dict[str, object], sentence: str
) -> None:
    page = admin.post(f"/admin/tickets/imapmailbox/{mailbox.pk}/change/", form_of(mailbox, **changes))
    assert sentence in page.content.decode()


def test_a_connection_can_be_tried(admin: Client, server: ImapServer, mailbox: ImapMailbox) -> None:
    server.deliver(raw())

    def tried() -> str:
        form = {"action": "test_connection", "_selected_action": [mailbox.pk]}
        return admin.post("/admin/tickets/imapmailbox/", form, follow=True).content.decode()

    assert "Support: it works, with 1 messages in INBOX." in tried()
    assert not IncomingMail.objects.exists()
    server.broken = {"LOGIN"}
    assert "not now" in tried()
