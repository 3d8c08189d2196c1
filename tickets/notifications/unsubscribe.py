"""The way out of a mail: off the request for who is copied in, else to the choices of who has an account.

The link is signed for one request and one address. Who holds it can do nothing but take that address off.
"""

from typing import Any

from django.conf import settings
from django.core import signing
from django.urls import reverse

from tickets.models import OutgoingMail
from tickets.notifications.audience import Kind

_SALT = "supportdesk.unsubscribe"


def unsubscribe_link(mail: OutgoingMail) -> str:
    """Where the reader of `mail` says that they want no more of it; for `List-Unsubscribe` and beneath the text."""
    if not is_one_click(mail):
        return settings.SITE_URL + reverse("mail_choices")
    token = signing.dumps([mail.ticket_id, mail.to_email], salt=_SALT)
    return settings.SITE_URL + reverse("unsubscribe", args=[token])


def is_one_click(mail: OutgoingMail) -> bool:
    """Whether a POST to the link does it (RFC 8058, `List-Unsubscribe-Post`): for who is copied in.

    The requester chooses in the portal, after logging in; the staff in the desk.
    """
    if mail.ticket is None or Kind(mail.kind).is_for_staff or mail.kind == Kind.DIGEST:
        return False
    return mail.to_user_id is None or mail.to_user_id != mail.ticket.requester_id


def read_token(token: str) -> tuple[int, str] | None:
    """The request's number and the address that a link was made for; None for what we didn't sign."""
    try:
        found: Any = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        return None
    return int(found[0]), str(found[1])
