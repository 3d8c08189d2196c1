"""Building and writing mails: headers that thread and mark automatic mail, and the demo's outbox of .eml files."""

import uuid
from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend

AUTOMATIC = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All"}
"""Marks every mail we send by ourselves, so that robots don't answer it (RFC 3834)."""


def message_id(*parts: object) -> str:
    """A Message-ID of our own domain, always the same for the same parts (RFC 5322)."""
    return f"<{'.'.join(str(part) for part in parts)}@{settings.MAIL_DOMAIN}>"


def compose(
    *, to: str, subject: str, text: str, html: str, message_id: str, references: Sequence[str] = ()
) -> EmailMessage:
    """A mail to one address, text first, with the headers that keep a conversation together (RFC 5322, 3.6.4)."""
    headers = {**AUTOMATIC, "Message-ID": message_id}
    if references:
        headers |= {"In-Reply-To": references[-1], "References": " ".join(references)}
    mail = EmailMultiAlternatives(subject=" ".join(subject.split()), body=text, to=[to], headers=headers)
    mail.attach_alternative(html, "text/html")
    return mail


class EmlFileBackend(BaseEmailBackend):
    """Writes each mail as one .eml file into settings.MAIL_DIR, whole or not at all."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        folder = Path(settings.MAIL_DIR)
        folder.mkdir(parents=True, exist_ok=True)
        for mail in email_messages:
            name = f"{uuid.uuid4().hex}.eml"
            unfinished = folder / f".{name}.part"
            unfinished.write_bytes(mail.message().as_bytes(linesep="\r\n"))  # type: ignore[call-arg]
            unfinished.replace(folder / f"{_stamp()}-{name}")
        return len(email_messages)


def _stamp() -> str:
    from supportdesk.lib import clock

    return f"{clock.now():%Y%m%dT%H%M%S%f}"
