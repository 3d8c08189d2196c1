"""Mails about accounts: written as rows, sent by a worker. None holds text that a person typed (S014)."""

import logging
import secrets
from datetime import timedelta
from smtplib import (
    SMTPAuthenticationError,
    SMTPConnectError,
    SMTPDataError,
    SMTPException,
    SMTPHeloError,
    SMTPRecipientsRefused,
    SMTPServerDisconnected,
)
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.template.loader import render_to_string

from accounts import health
from accounts.addresses import mailbox_of
from accounts.models import AccountMail
from supportdesk.lib import clock, queue
from supportdesk.lib.mail import ANSWERS, compose, in_words, is_about_address, message_id
from supportdesk.lib.signed_addresses import return_path

logger = logging.getLogger(__name__)

MOST_PER_HOUR = 10  # of one kind to one mailbox, whatever its +tag
RETRY_AFTER = (5, 15, 45, 120, 300, 900, *[3600] * 24)  # seconds
TOO_LATE_AFTER = {
    "password_reset_key": timedelta(hours=1),  # its link is dead then
    "claim": timedelta(hours=1),
    "shift_day": timedelta(hours=12),  # the shift has begun, or is about to
    "shift_soon": timedelta(minutes=15),
}
ANSWERING = {"mail_redirected"}  # answers to a mail, not mails of our own accord (RFC 3834, 5)
LEASE = timedelta(seconds=60)  # longer than settings.EMAIL_TIMEOUT
_BATCH = 200


class ServerDown(Exception):
    """The mail server can't be talked to at all: no mail's fault."""


def post(template: str, *, to: str, **context: Any) -> None:
    """Queue the mail of `{template}_subject.txt` and `…_message.txt`; dropped when the mailbox has had too many."""
    kind = template.rpartition("/")[2]
    before = AccountMail.objects.filter(
        kind=kind, base_address=mailbox_of(to), created_at__gt=Now() - timedelta(hours=1)
    )
    if before.count() >= MOST_PER_HOUR:
        logger.warning("too many %s mails to one mailbox within an hour: dropped", kind)
        return
    context |= {"VENDOR_NAME": settings.VENDOR_NAME, "SUPPORT_EMAIL": settings.SUPPORT_EMAIL}
    AccountMail.objects.create(
        kind=kind,
        to_email=to,
        base_address=mailbox_of(to),
        subject=" ".join(render_to_string(f"{template}_subject.txt", context).split()),
        text=render_to_string(f"{template}_message.txt", context).strip() + "\n",
        message_id=message_id("account", secrets.token_hex(12)),
    )
    queue.wake("account_mail")


def deliver_due() -> int:
    """Send what is due, oldest first, until the mail server doesn't answer; the number sent.

    Any number of workers may do so at once.
    """
    due = AccountMail.objects.due().order_by("due_at").values_list("pk", flat=True)[:_BATCH]
    sent = 0
    for pk in list(due):
        try:
            sent += deliver(pk)
        except ServerDown as failure:
            logger.error("the mail server can't be reached, account mails wait: %s", failure)
            break
    return sent


def deliver(pk: int) -> bool:
    """Send one mail unless somebody else has it; whether it was sent. A failure is tried again later, by its row.

    Raises ServerDown, after putting the mail off, when no mail could be sent now.
    """
    taken = AccountMail.objects.due().filter(pk=pk).update(due_at=Now() + LEASE, attempts=F("attempts") + 1)
    if not taken:
        return False
    mail = AccountMail.objects.get(pk=pk)
    if _is_too_late(mail):
        _finish(mail, AccountMail.State.FAILED, last_error="It would have come too late to be of use.")
        return False
    if health.is_suppressed(mail.to_email):
        _finish(mail, AccountMail.State.FAILED, last_error=health.STOPPED)
        return False
    try:
        _message(mail).send()
    except Exception as failure:
        _put_off(mail, failure)
        if _is_servers(failure):
            raise ServerDown(str(failure)) from failure
        return False
    _finish(mail, AccountMail.State.SENT, sent_at=Now())
    return True


def _message(mail: AccountMail) -> EmailMessage:
    return compose(
        to=mail.to_email,
        subject=mail.subject,
        text=mail.text,
        message_id=mail.message_id,
        return_path=return_path("account", mail.pk),
        headers=ANSWERS if mail.kind in ANSWERING else None,
    )


def _put_off(mail: AccountMail, failure: Exception) -> None:
    error = f"{type(failure).__name__}: {failure}"[:300]
    logger.warning("account mail %s was not sent (attempt %s): %s", mail.pk, mail.attempts, error)
    if mail.attempts > len(RETRY_AFTER) or _is_permanent(failure):
        if _finish(mail, AccountMail.State.FAILED, last_error=error) and _is_permanent(failure):
            _note_refusal(mail, failure)
        return
    delay = timedelta(seconds=RETRY_AFTER[mail.attempts - 1])
    _held(mail).update(due_at=Now() + delay, last_error=error)


def _note_refusal(mail: AccountMail, failure: Exception) -> None:
    """A mail server that won't take mail for an address is as good as one that sends it back."""
    if not isinstance(failure, SMTPRecipientsRefused):
        return
    code, why = next(iter(failure.recipients.values()))
    words = in_words(code, why)
    if is_about_address(words):
        health.note_bounce(mail.to_email, is_permanent=True, why=words, at=clock.now())


def _finish(mail: AccountMail, state: str, **changes: Any) -> int:
    return _held(mail).update(state=state, due_at=None, text="", **changes)


def _held(mail: AccountMail) -> QuerySet[AccountMail]:
    """The row while nobody else has taken it since: a worker slower than its lease records nothing."""
    return AccountMail.objects.filter(pk=mail.pk, state=AccountMail.State.QUEUED, attempts=mail.attempts)


def _is_too_late(mail: AccountMail) -> bool:
    limit = TOO_LATE_AFTER.get(mail.kind)
    return limit is not None and AccountMail.objects.filter(pk=mail.pk, created_at__lt=Now() - limit).exists()


def _is_permanent(failure: Exception) -> bool:
    """Whether the other side said for good that it won't take this mail (RFC 5321, 4.2.1)."""
    if isinstance(failure, SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in failure.recipients.values())
    return isinstance(failure, SMTPDataError) and failure.smtp_code >= 500


def _is_servers(failure: Exception) -> bool:
    """Whether it is the server's fault, or its password's, and not the mail's."""
    theirs = (SMTPServerDisconnected, SMTPConnectError, SMTPHeloError, SMTPAuthenticationError)
    return isinstance(failure, theirs) or (isinstance(failure, OSError) and not isinstance(failure, SMTPException))
