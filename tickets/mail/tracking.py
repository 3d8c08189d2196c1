"""What a mail provider tells of the mails that it sends for us (Anymail's tracking webhooks, which it has verified).

Each is told at least once and in any order: what arrived after all stays arrived, what came back stays so.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from accounts import health
from supportdesk.lib import clock
from tickets.mail import bounces
from tickets.models import OutgoingMail

if TYPE_CHECKING:
    from anymail.signals import AnymailTrackingEvent

_OF_ADDRESS = {"bounced", "invalid", "timed_out"}
"""Reasons for which a provider refuses an address as we would; the others are its own rules."""
_METADATA = "mail"


def connect() -> None:
    """Hear Anymail's signal: where its app is installed."""
    from anymail.signals import tracking

    tracking.connect(hear, dispatch_uid="tickets.tracking")


def metadata_of(mail: OutgoingMail) -> dict[str, str]:
    """What goes along to the provider and comes back: by it a mail is found before its `provider_id` is stored."""
    return {_METADATA: str(mail.pk)}


def hear(sender: object, event: "AnymailTrackingEvent", esp_name: str, **_: Any) -> None:
    """Take down one event; of mails that aren't ours, and of opened and clicked ones, nothing."""
    act = _ACTS.get(event.event_type)
    mail = _find(event) if act else None
    if act is None or mail is None:
        return
    said = event.mta_response or event.description or event.reject_reason or event.event_type
    act(mail, event, " ".join(str(said).split()), event.timestamp or clock.now())


def _find(event: "AnymailTrackingEvent") -> OutgoingMail | None:
    """By the provider's own id and, since that may name a mail to several, the recipient; else by our metadata."""
    key = str((event.metadata or {}).get(_METADATA, ""))
    found = None
    if event.message_id:
        found = OutgoingMail.objects.filter(provider_id=event.message_id).first()
    if found is None and key.isdecimal() and len(key) < 19:
        found = OutgoingMail.objects.filter(pk=int(key)).first()
    if found is None or (event.recipient and event.recipient.strip().lower() != found.to_email.lower()):
        return None
    return found


def _delivered(mail: OutgoingMail, event: "AnymailTrackingEvent", why: str, at: datetime) -> None:
    rows = OutgoingMail.objects.filter(pk=mail.pk, delivered_at=None, bounced_at=None)
    if rows.update(delivered_at=at, bounce=""):
        health.note_delivery(mail.to_email)


def _bounced(mail: OutgoingMail, event: "AnymailTrackingEvent", why: str, at: datetime) -> None:
    if _is_passing(event):
        bounces.is_late(mail, why=why)
    else:
        bounces.came_back(mail, why=why, at=at)


def _is_passing(event: "AnymailTrackingEvent") -> bool:
    """Whether a provider that calls everything a bounce (Amazon SES) says that this one is for a while."""
    details = event.esp_event if isinstance(event.esp_event, dict) else {}
    bounce = details.get("bounce")
    return isinstance(bounce, dict) and bounce.get("bounceType") == "Transient"


def _deferred(mail: OutgoingMail, event: "AnymailTrackingEvent", why: str, at: datetime) -> None:
    bounces.is_late(mail, why=f"late: {why}")


def _complained(mail: OutgoingMail, event: "AnymailTrackingEvent", why: str, at: datetime) -> None:
    bounces.was_spam(mail, why=f"taken for spam: {why}", at=at)


def _rejected(mail: OutgoingMail, event: "AnymailTrackingEvent", why: str, at: datetime) -> None:
    if event.reject_reason in _OF_ADDRESS:
        bounces.came_back(mail, why=f"the provider refuses it: {why}", at=at)
    elif event.reject_reason == "spam":
        bounces.was_spam(mail, why=f"the provider refuses it: {why}", at=at)
    else:
        bounces.is_late(mail, why=f"the provider refuses it: {why}")


_ACTS = {
    "delivered": _delivered,
    "bounced": _bounced,
    "deferred": _deferred,
    "complained": _complained,
    "rejected": _rejected,
}
