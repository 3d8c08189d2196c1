"""Delivering the mails that wait as rows. At least once: see docs/email.md.

A worker claims some rows for `_LEASE` by the database's clock, commits, and then talks to the mail server, outside of
any transaction. Dying in between it leaves its claims to run out, and another sends the same mail under the same
Message-ID again. Workers never share a row while its claim holds.
"""

import logging
import smtplib
import time
from dataclasses import dataclass
from datetime import timedelta

from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts import health
from supportdesk.lib import clock
from supportdesk.lib.mail import in_words, is_about_address
from tickets import access
from tickets.mail import tracking, wanted
from tickets.mail.headers import WHAT_HEADERS_TELL, message_of
from tickets.models import OutgoingMail, Participant, Ticket
from tickets.notifications import digests
from tickets.notifications.audience import Kind

logger = logging.getLogger(__name__)

_BATCH = 20
_LEASE = timedelta(minutes=5)
_LAST_START = 120.0  # seconds after a claim until which a mail of it may still be begun: a mail takes a minute at most
_RETRY_AFTER = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 360, 360, 360, 360)]
_SERVER_RESTS = timedelta(minutes=1)
_REFUSED_FOR_GOOD = range(500, 600)


class ServerDown(Exception):
    """The mail server can't be talked to at all: no mail's fault."""


@dataclass(frozen=True)
class Failure:
    """Why a mail could not be sent, and whether trying again is pointless."""

    why: str
    is_permanent: bool
    is_recipients: bool = False
    """Whether the server refused the address, not the mail."""


def deliver_due() -> int:
    """Send what is due, oldest first, over one connection a batch; the number sent. Returns when nothing is left,
    or when the mail server doesn't answer."""
    sent = 0
    while batch := _claim():
        try:
            sent += _deliver(batch)
        except ServerDown as failure:
            logger.error("the mail server can't be reached, mails wait: %s", failure)
            break
    return sent


def _claim() -> list[OutgoingMail]:
    free = Q(lease_until=None) | Q(lease_until__lte=Now())
    due = OutgoingMail.objects.filter(free, state=OutgoingMail.State.QUEUED, next_attempt_at__lte=Now())
    with transaction.atomic():
        rows = due.select_for_update(skip_locked=True).order_by("next_attempt_at", "pk")
        ids = list(rows.values_list("pk", flat=True)[:_BATCH])
        claimed = OutgoingMail.objects.filter(pk__in=ids)
        claimed.update(lease_until=Now() + _LEASE, attempts=F("attempts") + 1)
        return list(claimed.select_related(*WHAT_HEADERS_TELL).order_by("next_attempt_at", "pk"))


def _deliver(batch: list[OutgoingMail]) -> int:
    """Send a claimed batch. ServerDown when the server can't be reached, after giving back what wasn't sent."""
    begun, sent = time.monotonic(), 0
    dead = health.suppressed_among(mail.to_email for mail in batch)
    connection = get_connection()
    try:
        for at, mail in enumerate(batch):
            if time.monotonic() - begun > _LAST_START:
                _give_back(batch[at:], timedelta())
                break
            try:
                sent += _deliver_one(mail, connection, is_dead=mail.to_email.lower() in dead)
            except ServerDown:
                _give_back(batch[at:], _SERVER_RESTS)
                raise
    finally:
        _close(connection)
    return sent


def _deliver_one(mail: OutgoingMail, connection: BaseEmailBackend, *, is_dead: bool = False) -> bool:
    if mail.attempts > len(_RETRY_AFTER) + 1:
        _finish(mail, OutgoingMail.State.FAILED, last_error="Whoever tried to send it never came back.")
        return False
    if is_dead:
        _finish(mail, OutgoingMail.State.CANCELLED, last_error=health.STOPPED)
        return False
    if not still_wanted(mail):
        _cancel(mail)
        return False
    _open(connection)
    outcome = _send(mail, connection)
    if isinstance(outcome, Failure):
        _put_off(mail, outcome)
        return False
    _finish(mail, OutgoingMail.State.SENT, sent_at=Now(), provider_id=outcome)
    return True


def still_wanted(mail: OutgoingMail) -> bool:
    """Whether its reader may still read it: asked at the last moment, because access ends at once (S054)."""
    reader = mail.to_user
    if reader is None:
        return _is_copied(mail, email=mail.to_email)
    if check := wanted.check_of(mail.kind):
        return check(mail)
    if Kind(mail.kind).is_for_staff:
        return access.sees_desk(reader)
    if mail.kind == Kind.DIGEST:
        return reader.is_active and digests.still_readable(mail)
    if not reader.is_active or mail.ticket is None:
        return reader.is_active
    return Ticket.objects.visible_to(reader).filter(pk=mail.ticket.pk).exists() or _is_copied(mail, user=reader)


def _cancel(mail: OutgoingMail) -> None:
    """What a digest told is told by another, as far as its reader may still read it."""
    with transaction.atomic():
        if _finish(mail, OutgoingMail.State.CANCELLED) and mail.kind in digests.KINDS:
            digests.write_anew(mail)


def _is_copied(mail: OutgoingMail, **who: object) -> bool:
    return Participant.objects.current().filter(ticket=mail.ticket, **who).exists()


# --- The mail server -----------------------------------------------------------------------------------------------


def _open(connection: BaseEmailBackend) -> None:
    try:
        connection.open()
    except (OSError, smtplib.SMTPException) as failure:
        raise ServerDown(str(failure)) from failure


def _close(connection: BaseEmailBackend) -> None:
    try:
        connection.close()
    except (OSError, smtplib.SMTPException) as failure:
        logger.info("the mail server took no leave: %s", failure)


def _send(mail: OutgoingMail, connection: BaseEmailBackend) -> Failure | str:
    """Hand one mail over; what went wrong, or what a provider calls it: empty where it gives no name."""
    try:
        message = _message(mail)
        connection.send_messages([message])
    except smtplib.SMTPRecipientsRefused as refusal:
        code, why = next(iter(refusal.recipients.values()))
        return Failure(in_words(code, why), code in _REFUSED_FOR_GOOD, is_recipients=True)
    except smtplib.SMTPSenderRefused as refusal:
        # It is us whom the server doesn't want, so the mail may well go once that is settled.
        return Failure(in_words(refusal.smtp_code, refusal.smtp_error), is_permanent=False)
    except smtplib.SMTPDataError as refusal:
        return Failure(in_words(refusal.smtp_code, refusal.smtp_error), refusal.smtp_code in _REFUSED_FOR_GOOD)
    except (OSError, smtplib.SMTPException) as failure:
        _close(connection)  # whatever state it is in, the next mail begins afresh
        return Failure(f"{type(failure).__name__}: {failure}", is_permanent=False)
    except Exception as failure:
        logger.exception("mail %s can't be built", mail.pk)
        return Failure(f"{type(failure).__name__}: {failure}", is_permanent=True)
    return _provider_id(message)


def _provider_id(message: EmailMessage) -> str:
    """Anymail's backends leave their status at the message."""
    status = getattr(message, "anymail_status", None)
    named = getattr(status, "message_id", None)
    return named[:255] if isinstance(named, str) else ""


def _message(mail: OutgoingMail) -> EmailMessage:
    message = message_of(mail)
    message.metadata = tracking.metadata_of(mail)  # type: ignore[attr-defined]  # only Anymail's backends look at it
    return message


# --- The row -------------------------------------------------------------------------------------------------------


def _finish(mail: OutgoingMail, state: OutgoingMail.State, **changes: object) -> int:
    waiting = OutgoingMail.objects.filter(pk=mail.pk, state=OutgoingMail.State.QUEUED)
    return waiting.update(state=state, next_attempt_at=None, lease_until=None, **changes)


def _put_off(mail: OutgoingMail, failure: Failure) -> None:
    """Try again later, or give up; unless the claim ran out meanwhile and the row is another worker's business."""
    why = failure.why[:300]
    logger.warning("mail %s was not sent (attempt %s): %s", mail.pk, mail.attempts, why)
    if failure.is_permanent or mail.attempts > len(_RETRY_AFTER):
        with transaction.atomic():
            gave_up = _finish(mail, OutgoingMail.State.FAILED, last_error=why)
            if gave_up and failure.is_permanent and failure.is_recipients and is_about_address(why):
                health.note_bounce(mail.to_email, is_permanent=True, why=why, at=clock.now())
        return
    mine = OutgoingMail.objects.filter(
        pk=mail.pk, state=OutgoingMail.State.QUEUED, lease_until=mail.lease_until, attempts=mail.attempts
    )
    mine.update(next_attempt_at=Now() + _RETRY_AFTER[mail.attempts - 1], lease_until=None, last_error=why)


def _give_back(mails: list[OutgoingMail], rest: timedelta) -> None:
    """Let others have what was claimed and not tried; it doesn't count as an attempt."""
    for mail in mails:
        OutgoingMail.objects.filter(pk=mail.pk, state=OutgoingMail.State.QUEUED, lease_until=mail.lease_until).update(
            next_attempt_at=Now() + rest, lease_until=None, attempts=F("attempts") - 1
        )
