"""Building and writing mails: headers that thread and mark automatic mail, and the demo's outbox of .eml files."""

import re
import uuid
from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
"""Marks every mail we send by ourselves, so that robots don't answer it (RFC 3834)."""
ANSWERS = {"Auto-Submitted": "auto-replied"}
"""Marks what a machine answers to a mail instead."""

_ENHANCED = re.compile(r"\b5\.(?P<subject>[0-9]{1,3})\.[0-9]{1,3}\b")


def message_id(*parts: object) -> str:
    """A Message-ID of our own domain, always the same for the same parts (RFC 5322)."""
    return f"<{'.'.join(str(part) for part in parts)}@{settings.MAIL_DOMAIN}>"


def compose(
    *,
    to: str,
    subject: str,
    text: str,
    html: str = "",
    message_id: str,
    return_path: str,
    references: Sequence[str] = (),
    reply_to: str = "",
    headers: Mapping[str, str] | None = None,
) -> EmailMessage:
    """A mail to one address, text first, with the headers that keep a conversation together (RFC 5322, 3.6.4).

    It leaves under `return_path`, where servers send what they can't deliver; its author is DEFAULT_FROM_EMAIL.
    `headers` go before the marks of automatic mail.
    """
    said = {**AUTOMATIC, "From": settings.DEFAULT_FROM_EMAIL, "Message-ID": message_id, **(headers or {})}
    if references:
        said |= {"In-Reply-To": references[-1], "References": " ".join(references)}
    mail = EmailMultiAlternatives(
        subject=" ".join(subject.split()),
        body=text,
        from_email=return_path,
        to=[to],
        reply_to=[reply_to] if reply_to else None,
        headers=said,
    )
    if html:
        mail.attach_alternative(html, "text/html")
    return mail


def in_words(code: int, why: bytes | str) -> str:
    """What a mail server answered, on one line."""
    return " ".join(f"{code} {why.decode(errors='replace') if isinstance(why, bytes) else why}".split())


def is_about_address(answer: str) -> bool:
    """Whether a server that refused a recipient for good speaks of the address, not of us or its rules (RFC 3463).

    Enhanced codes 5.1 and 5.2 are of the address and its mailbox; 5.7 and the like would strike everybody we write to.
    """
    code = _ENHANCED.search(answer)
    return code is None or code["subject"] in {"1", "2"}


class EmlFileBackend(BaseEmailBackend):
    """Writes each mail as one .eml file into settings.MAIL_DIR, whole or not at all.

    As the last mail server on its way would, it notes the sender of the envelope on top (RFC 5321, 4.4).
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.MAIL_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        for mail in email_messages:
            name = f"{uuid.uuid4().hex}.eml"
            unfinished = folder / f".{name}.part"
            unfinished.write_bytes(
                f"Return-Path: <{parseaddr(mail.from_email)[1]}>\r\n".encode() + mail.message().as_bytes(linesep="\r\n")  # type: ignore[call-arg]
            )
            unfinished.replace(folder / f"{_stamp()}-{name}")
        return len(email_messages)


def _stamp() -> str:
    from supportdesk.lib import clock

    return f"{clock.now():%Y%m%dT%H%M%S%f}"
