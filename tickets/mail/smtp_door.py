"""Mail by SMTP or LMTP from our own relay: 250 is said once a message is stored, and for nothing else.

One event loop speaks with everybody; storing happens in threads, so that a slow disk or database holds up nobody
else. There is no state: any number of these processes may run, and one that is killed loses nothing it had taken.
"""

import asyncio
import ipaddress
import logging
import signal
import ssl
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.db import close_old_connections

from supportdesk.lib import clock
from supportdesk.lib.signed_addresses import is_ours
from tickets.mail.store import store, verdict_of
from tickets.models import IncomingMail

logger = logging.getLogger(__name__)

_IDLE_SECONDS = 120.0
_STORING_AT_ONCE = 8
_LONGEST_LINE = 1024 * 1024
"""RFC 5321 says 1,000; whole files on one line, and whole mails with bare LF, do come. No more: it is memory."""
_MOST_RECIPIENTS = 100
_LONGEST_ADDRESS = 320
_FINISH_WITHIN = 30.0
_LATER = "451 4.3.0 We can't store it just now, try again later"


class Intake:
    """What is done with addresses and messages; aiosmtpd calls it. `storing` counts conversations within DATA."""

    def __init__(self, *, by_recipient: bool) -> None:
        self.by_recipient = by_recipient
        self.connections: set[SMTP] = set()
        self.storing = 0

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(address) > _LONGEST_ADDRESS or not is_ours(address):
            return "550 5.1.1 No such mailbox here"
        if len(envelope.rcpt_tos) >= _MOST_RECIPIENTS:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """LMTP has an answer for each recipient (RFC 2033); all share one fate here."""
        try:
            row = await asyncio.to_thread(_store, envelope, str(session.peer[0]) if session.peer else "")
            answer = f"250 2.0.0 Stored as {row.pk}"
        except Exception as failure:  # of the database, of the disk: the sender keeps it meanwhile
            logger.error("a mail could not be stored: %s: %s", type(failure).__name__, str(failure).strip())
            answer = _LATER
        return "\r\n".join([answer] * (len(envelope.rcpt_tos) if self.by_recipient else 1))

    async def handle_exception(self, error: Exception) -> str:
        logger.error("a conversation broke: %s: %s", type(error).__name__, error)
        return _LATER

    @contextmanager
    def busy(self) -> Iterator[None]:
        self.storing += 1
        try:
            yield
        finally:
            self.storing -= 1


def _store(envelope: Envelope, peer: str) -> IncomingMail:
    close_old_connections()  # one that broke is not asked again
    try:
        raw = envelope.original_content or b""
        return store(
            raw,
            door=IncomingMail.Door.SMTP,
            envelope_from=envelope.mail_from or "",
            envelope_to=envelope.rcpt_tos,
            verdict=verdict_of(raw, authserv_id=settings.MAIL_AUTH_SERVER) if is_trusted(peer) else "",
            at=clock.now(),
        )
    finally:
        close_old_connections()


def is_trusted(peer: str) -> bool:
    """Whether what this machine says of a sender is believed (settings.MAIL_TRUSTED_RELAYS)."""
    try:
        address = ipaddress.ip_address(peer.partition("%")[0])
    except ValueError:
        return False
    address = getattr(address, "ipv4_mapped", None) or address
    return any(address in network for network in settings.MAIL_TRUSTED_RELAYS)


class _Conversation(SMTP):
    """So many conversations at a time, and no more; each is known, so that the end can wait for those that store."""

    line_length_limit = _LONGEST_LINE
    event_handler: Intake

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        here = self.event_handler.connections
        if self not in here and len(here) >= settings.MAIL_INTAKE_CONNECTIONS:
            transport = cast(asyncio.Transport, transport)
            transport.write(b"421 4.3.2 Too many connections, try again later\r\n")
            # The protocol was never set up, so that it is not told of the end either.
            transport.set_protocol(asyncio.Protocol())
            transport.close()
            return
        here.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self.event_handler.connections.discard(self)
        super().connection_lost(error)

    async def smtp_DATA(self, arg: str) -> None:
        with self.event_handler.busy():
            await super().smtp_DATA(arg)


class _LmtpConversation(_Conversation, LMTP):
    """The same in LMTP."""


def protocol_factory(intake: Intake) -> Callable[[], SMTP]:
    """What makes a conversation for each connection; call it in a running event loop."""
    return partial(
        _LmtpConversation if intake.by_recipient else _Conversation,
        intake,
        data_size_limit=settings.MAIL_MAX_BYTES,
        enable_SMTPUTF8=True,
        hostname=settings.MAIL_DOMAIN,
        ident="SupportDesk",
        tls_context=_tls(),
        timeout=_IDLE_SECONDS,
        auth_exclude_mechanism=["LOGIN", "PLAIN"],
        loop=asyncio.get_running_loop(),
    )


def _tls() -> ssl.SSLContext | None:
    """STARTTLS is offered where there is a certificate."""
    if not settings.MAIL_INTAKE_CERT:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.MAIL_INTAKE_CERT, settings.MAIL_INTAKE_KEY or None)
    return context


async def serve(host: str, port: int, *, lmtp: bool = False, ready: Callable[[int], object] | None = None) -> None:
    """Take mail until SIGTERM or SIGINT, then finish what is being stored. `ready` is told the port."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await serve_until(stop.wait, host, port, lmtp=lmtp, ready=ready)


async def serve_until(
    stopped: Callable[[], Awaitable[Any]],
    host: str,
    port: int,
    *,
    lmtp: bool = False,
    ready: Callable[[int], object] | None = None,
) -> None:
    """The same, until `stopped` returns."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(_STORING_AT_ONCE, thread_name_prefix="store"))
    intake = Intake(by_recipient=lmtp)
    server = await loop.create_server(protocol_factory(intake), host, port)
    if ready is not None:
        ready(server.sockets[0].getsockname()[1])
    await stopped()
    server.close()
    until = loop.time() + _FINISH_WITHIN
    while intake.storing and loop.time() < until:
        await asyncio.sleep(0.05)
    for conversation in tuple(intake.connections):
        if conversation.transport is not None:
            conversation.transport.close()
    await asyncio.sleep(0)  # they learn of it
