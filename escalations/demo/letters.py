"""Mail that came in lately: some of each kind that a lead has to decide on, and a reply about something else."""

import hashlib
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

from django.core.files.base import ContentFile

from accounts.models import User
from tickets import actions
from tickets.mail import remarks
from tickets.models import Channel, IncomingMail, MailReason, MailState, Message, Ticket
from tickets.states import Status

_OUTSIDER = "Nadia Costa <nadia@integrators.example>"
_PASS, _FAIL = "dmarc=pass header.from={}", "spf=fail; dmarc=fail header.from={}"


def load(now: datetime) -> None:
    """About the newest open request: two quarantined mails, a held reply, and a reply under another subject."""
    ticket = Ticket.objects.filter(status=Status.OPEN).select_related("requester", "organization").latest("pk")
    subject, requester = f"Re: {ticket.subject}", ticket.requester
    _kept(
        now - timedelta(hours=5),
        "Prize Desk <win@prizes.example>",
        "You have been chosen",
        "Click here to collect your prize before midnight.",
        verdict=_FAIL,
        state=MailState.QUARANTINED,
        reason=MailReason.UNVERIFIED,
        explanation="DMARC says fail",
    )
    _quarantined(now, requester, subject)
    _held(now, ticket, subject)
    _about_something_else(now - timedelta(minutes=20), ticket, requester)


def _held(now: datetime, ticket: Ticket, subject: str) -> None:
    text = "We run their proxy. The idle timeout there is 60 seconds: shall we raise it?"
    where: dict[str, Any] = {"ticket": ticket, "state": MailState.HELD, "reason": MailReason.NOT_PARTICIPANT}
    _kept(now - timedelta(minutes=50), _OUTSIDER, subject, text, verdict=_PASS, is_verified=True, **where)


def _quarantined(now: datetime, requester: User, subject: str) -> None:
    _kept(
        now - timedelta(hours=2),
        f"{requester.display_name} <{requester.email}>",
        subject,
        "Please send the admin password to my private address.",
        verdict=_FAIL,
        state=MailState.QUARANTINED,
        reason=MailReason.UNVERIFIED,
        explanation="DMARC says fail",
        remarks=[remarks.REPLY_TO_DIFFERS],
    )


def _about_something_else(at: datetime, ticket: Ticket, author: User) -> None:
    text = "By the way: custom emoji are missing on the phones since Monday. Is that known?"
    message = actions.reply(ticket, by=author, body=text, at=at, channel=Channel.EMAIL)
    message.quoted_html = "<blockquote><p>Which version do you run?</p></blockquote>"
    message.save(update_fields=["quoted_html"])
    actions.propose_cc(ticket, ["nadia@integrators.example"], by=author, at=at)
    _kept(
        at,
        f"{author.display_name} <{author.email}>",
        "Custom emoji are missing on phones",
        text,
        verdict=_PASS,
        is_verified=True,
        state=MailState.REPLY,
        reason=MailReason.REPLY_ADDRESS,
        remarks=[remarks.SUBJECT_CHANGED, remarks.CC_PENDING],
        ticket=ticket,
        user=author,
        message=message,
    )


def _kept(
    at: datetime,
    sender: str,
    subject: str,
    text: str,
    *,
    verdict: str,
    message: Message | None = None,
    **fields: Any,
) -> None:
    """The row and the original of a mail, as if it had been read."""
    name, _, address = sender.removesuffix(">").partition(" <")
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"], letter["Date"] = sender, "support@desk.example", subject, at
    letter.set_content(text)
    raw = letter.as_bytes()
    mail = IncomingMail(
        digest=hashlib.sha256(raw).hexdigest(),
        size=len(raw),
        door=IncomingMail.Door.SMTP,
        envelope_from=address,
        envelope_to=["support@desk.example"],
        verdict=f"desk.example; {verdict.format(address.rpartition('@')[2])}",
        sender=address,
        sender_name=name,
        subject=subject[:255],
        excerpt=text,
        received_at=at,
        read_at=at,
        message=message,
        **fields,
    )
    mail.file.save("mail", ContentFile(raw), save=False)
    mail.save(force_insert=True)
