"""What django-anymail tells of. Whatever a receiver raises reaches the provider as "try again later"."""

from email import policy
from typing import Any

from anymail.inbound import AnymailInboundMessage
from anymail.signals import AnymailInboundEvent, inbound
from django.conf import settings
from django.dispatch import receiver
from django.utils.crypto import salted_hmac

from supportdesk.lib import clock
from supportdesk.lib.signed_addresses import ours_among
from tickets.mail.head import addresses_in
from tickets.mail.store import store, verdict_of
from tickets.models import IncomingMail

_RECIPIENT_FIELDS = (b"delivered-to", b"x-original-to", b"to", b"cc")


@receiver(inbound)
def keep(event: AnymailInboundEvent, **kwargs: Any) -> None:
    """A message that came in by the provider is stored, or an error raised."""
    message: AnymailInboundMessage = event.message
    raw = _raw(event.esp_event) or _put_together(message)
    told = (message.envelope_recipient or "").split(",")
    store(
        raw,
        door=IncomingMail.Door.WEBHOOK,
        envelope_from=message.envelope_sender or "",
        envelope_to=list(ours_among([*told, *addresses_in(raw, *_RECIPIENT_FIELDS)])),
        verdict=verdict_of(raw, authserv_id=settings.MAIL_PROVIDER_AUTH_SERVER),
        at=clock.now(),
    )


def _raw(posted: Any) -> bytes:
    """The message as it came, where the provider posts it so (for Mailgun, SendGrid and Postmark an option of theirs).
    From taken-apart fields anymail makes one that says the same, and of which no signature is right any more."""
    if isinstance(posted, dict):
        return str(posted.get("RawEmail", "")).encode(errors="replace")
    return getattr(posted, "raw_mail", b"")


def _put_together(message: AnymailInboundMessage) -> bytes:
    """The same bytes each time that the provider posts the same fields: the email package would draw its boundaries."""
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        if part.get_boundary() is None and "Content-Type" in part:
            part.set_boundary(salted_hmac("supportdesk.mail.part", f"{number} {message['Message-ID']}").hexdigest())
    return bytes(message.as_bytes(policy=policy.SMTP.clone(refold_source="none", utf8=True)))
