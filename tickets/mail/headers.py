"""A mail as it goes over the wire: who it is from, where its reader answers, and how they switch it off."""

from django.conf import settings
from django.core.mail import EmailMessage

from supportdesk.lib.mail import compose
from supportdesk.lib.signed_addresses import reply_address, return_path
from tickets.models import OutgoingMail
from tickets.notifications.answering import may_answer_by_mail
from tickets.notifications.audience import Kind
from tickets.notifications.unsubscribe import is_one_click, unsubscribe_link

WHAT_HEADERS_TELL = ("to_user", "ticket__organization__plan", "ticket__requester")
"""What a mail's headers are made of: for `select_related`."""


def message_of(mail: OutgoingMail) -> EmailMessage:
    """The mail with its headers, ready to hand over. Its own reader alone is believed at its Reply-To (S002)."""
    return compose(
        to=mail.to_email,
        subject=mail.subject,
        text=mail.text,
        html=mail.html,
        message_id=mail.message_id,
        return_path=return_path("ticket", mail.pk),
        references=mail.references,
        reply_to=_reply_to(mail),
        headers={"List-Id": _stream(mail), **_off_switch(mail)},
    )


def _reply_to(mail: OutgoingMail) -> str:
    if mail.ticket is None or not may_answer_by_mail(Kind(mail.kind), mail.to_user, mail.ticket):
        return settings.SUPPORT_EMAIL
    return reply_address(mail.ticket.number, reader=mail.to_email.lower())


def _stream(mail: OutgoingMail) -> str:
    """Which list of ours it belongs to, for people's filters (RFC 2919)."""
    name = "desk" if Kind(mail.kind).is_for_staff else "requests"
    return f"<{name}.{settings.MAIL_DOMAIN}>"


def _off_switch(mail: OutgoingMail) -> dict[str, str]:
    """Where the reader chooses how they are told (RFC 2369).

    Only a signed link takes the one click of RFC 8058: what asks for a log-in first can't keep that promise.
    """
    headers = {"List-Unsubscribe": f"<{unsubscribe_link(mail)}>"}
    if is_one_click(mail):
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers
