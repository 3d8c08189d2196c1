"""Mail fetched from mailboxes elsewhere. A message stays where it is and is marked as seen, once it is stored.

What was fetched is remembered by UID (RFC 3501, 2.3.1.1). Where the server counts anew, everything is fetched again:
the same message is the same row, so that costs time and nothing else.
"""

import ipaddress
import logging
import os
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from imaplib import IMAP4
from urllib.parse import urlencode

import certifi
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections, connection
from imapclient import SEEN, IMAPClient, SocketTimeout

from supportdesk.lib import clock, egress
from supportdesk.lib.signed_addresses import ours_among
from tickets.mail.head import addresses_in, verdict_of
from tickets.mail.store import store
from tickets.models import ImapMailbox, IncomingMail

logger = logging.getLogger(__name__)

_TIMEOUT = SocketTimeout(connect=10, read=60)
_POLL_SECONDS = 60.0
_IDLE_SECONDS = 60.0
"""After so long it is looked anyway: of what arrived just before the IDLE it says nothing."""
_SESSION_SECONDS = 30 * 60.0
"""Then it is logged in anew, by what the mailbox's row says by now; access tokens live for an hour."""
_FIRST_REST, _LONGEST_REST = 1.0, 15 * 60.0
_CUT_AT = 1024 * 1024
_RECIPIENT_FIELDS = (b"delivered-to", b"x-original-to", b"envelope-to", b"to", b"cc")


class MailboxError(Exception):
    """Why a mailbox can't be fetched from; says no secret."""


FAILURES = (MailboxError, OSError, IMAP4.error, egress.EgressError)
"""What fetching raises when the mailbox or the way there is at fault."""


def fetch(mailbox: ImapMailbox) -> int:
    """Store whatever is new in the mailbox; the number of messages. Raises FAILURES, and what `store` raises."""
    with _session(mailbox) as client:
        return _fetch(mailbox, client)


def try_out(mailbox: ImapMailbox) -> int:
    """Log in and open the folder; the number of messages in it. Raises FAILURES."""
    with _session(mailbox) as client:
        return int(client.select_folder(mailbox.folder, readonly=True)[b"EXISTS"])


def attend(pk: int, stop: threading.Event) -> None:
    """Fetch from a mailbox as soon as something arrives, until it is taken out of use or `stop` is set.

    An error is written down at the mailbox and outlived, with a longer rest after each further one.
    """
    rest = _FIRST_REST
    while not stop.is_set():
        try:
            close_old_connections()
            mailbox = ImapMailbox.objects.filter(pk=pk, is_active=True).first()
            if mailbox is None:
                break
            _attend(mailbox, stop)
            rest = _FIRST_REST
        except Exception as failure:  # whatever it is, the other mailboxes and the next attempt go on
            note(pk, failure)
            stop.wait(rest)
            rest = min(rest * 2, _LONGEST_REST)
    connection.close()


def note(pk: int, failure: Exception) -> None:
    """Write down at the mailbox why it could not be fetched from."""
    words = f"{type(failure).__name__}: {failure}".replace("\0", "")[:300]
    logger.error("mailbox %s: %s", pk, words)
    with suppress(DatabaseError, InterfaceError):
        ImapMailbox.objects.filter(pk=pk).update(last_error=words)


# --- One session -----------------------------------------------------------------------------------------------------


@contextmanager
def _session(mailbox: ImapMailbox) -> Iterator[IMAPClient]:
    client = _connect(mailbox)
    try:
        _log_in(client, mailbox)
        yield client
        client.logout()
    except BaseException:
        with suppress(OSError, IMAP4.error):
            client.shutdown()  # a leave-taking would wait for who doesn't answer
        raise


def _connect(mailbox: ImapMailbox) -> IMAPClient:
    security = mailbox.security
    if security == ImapMailbox.Security.NONE and not is_this_machine(mailbox.host):
        raise MailboxError("without encryption only a server on this machine is asked")
    context = ssl.create_default_context(cafile=os.environ.get("SSL_CERT_FILE") or certifi.where())
    is_encrypted = security == ImapMailbox.Security.TLS
    client = IMAPClient(
        mailbox.host, mailbox.port, ssl=is_encrypted, ssl_context=context if is_encrypted else None, timeout=_TIMEOUT
    )
    if security == ImapMailbox.Security.STARTTLS:
        client.starttls(context)
    return client


def is_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _log_in(client: IMAPClient, mailbox: ImapMailbox) -> None:
    if mailbox.log_in == ImapMailbox.LogIn.OAUTH:
        client.oauth2_login(mailbox.username, _access_token(mailbox))
    else:
        client.login(mailbox.username, mailbox.password)


def _access_token(mailbox: ImapMailbox) -> str:
    """By the refresh token where there is one, else by the client's own credentials (RFC 6749, 6 and 4.4)."""
    form = {
        "grant_type": "refresh_token" if mailbox.oauth_refresh_token else "client_credentials",
        "refresh_token": mailbox.oauth_refresh_token,
        "client_id": mailbox.oauth_client_id,
        "client_secret": mailbox.oauth_client_secret,
        "scope": mailbox.oauth_scope,
    }
    body = urlencode({name: value for name, value in form.items() if value}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    answer = egress.send("POST", mailbox.oauth_token_url, body=body, headers=headers)
    told = answer.json()
    token = told.get("access_token") if isinstance(told, dict) else None
    if not answer.is_success or not token:
        raise MailboxError(f"the token address answered {answer.status} without a token")
    if told.get("refresh_token"):  # each is good once at some providers
        mailbox.oauth_refresh_token = told["refresh_token"]
        mailbox.save(update_fields=["oauth_refresh_token"])
    return str(token)


def _attend(mailbox: ImapMailbox, stop: threading.Event) -> None:
    until = time.monotonic() + _SESSION_SECONDS
    with _session(mailbox) as client:
        while not stop.is_set() and time.monotonic() < until:
            close_old_connections()
            if not ImapMailbox.objects.filter(pk=mailbox.pk, is_active=True).exists():
                return
            _fetch(mailbox, client)
            _wait(client, stop)


def _wait(client: IMAPClient, stop: threading.Event) -> None:
    """Until the server tells of something (IDLE), or for a while."""
    if not client.has_capability("IDLE"):
        stop.wait(_POLL_SECONDS)
        return
    until = time.monotonic() + _IDLE_SECONDS
    client.idle()
    while not stop.is_set() and time.monotonic() < until and not client.idle_check(timeout=1):
        pass
    client.idle_done()


# --- Messages --------------------------------------------------------------------------------------------------------


def _fetch(mailbox: ImapMailbox, client: IMAPClient) -> int:
    """One after the other, the oldest first; each is remembered as soon as it is stored."""
    validity = int(client.select_folder(mailbox.folder)[b"UIDVALIDITY"])
    if validity != mailbox.uid_validity:
        mailbox.uid_validity, mailbox.last_uid = validity, 0
    # The last message is always part of `n:*`, whatever its number.
    uids = sorted(uid for uid in client.search(["UID", f"{mailbox.last_uid + 1}:*"]) if uid > mailbox.last_uid)
    for uid in uids:
        _take(mailbox, client, uid)
        mailbox.last_uid = uid
        mailbox.save(update_fields=["uid_validity", "last_uid"])
    mailbox.checked_at, mailbox.last_error = clock.now(), ""
    mailbox.save(update_fields=["uid_validity", "last_uid", "checked_at", "last_error"])
    return len(uids)


def _take(mailbox: ImapMailbox, client: IMAPClient, uid: int) -> None:
    raw = _raw(client, uid)
    if raw is None:
        return  # somebody deleted it meanwhile
    store(
        raw,
        door=IncomingMail.Door.IMAP,
        envelope_from=next(iter(addresses_in(raw, b"return-path")), ""),
        envelope_to=list(ours_among(addresses_in(raw, *_RECIPIENT_FIELDS))),
        verdict=verdict_of(raw, authserv_id=mailbox.auth_server),
        at=clock.now(),
    )
    try:
        client.add_flags([uid], [SEEN], silent=True)
    except IMAP4.abort:
        raise
    except IMAP4.error as refusal:  # a folder that we may only read
        logger.info("mailbox %s: message %s can't be marked as seen: %s", mailbox.pk, uid, refusal)


def _raw(client: IMAPClient, uid: int) -> bytes | None:
    """The message, or, of one that is too large, its beginning: enough for people to see who wrote and about what."""
    size = client.fetch([uid], ["RFC822.SIZE"]).get(uid, {}).get(b"RFC822.SIZE")
    if size is None:
        return None
    is_whole = size <= settings.MAIL_MAX_BYTES
    if not is_whole:
        logger.warning("message %s is too large (%s bytes): only its beginning is stored", uid, size)
    found = client.fetch([uid], ["BODY.PEEK[]" if is_whole else f"BODY.PEEK[]<0.{_CUT_AT}>"]).get(uid, {})
    return next((value for name, value in found.items() if name.startswith(b"BODY[]")), None)
