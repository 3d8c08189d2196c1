"""What a mail provider tells of mails it sent for us: at least once, in any order."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from anymail.signals import AnymailTrackingEvent
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models.functions import Now

from accounts import health
from accounts.models import AddressHealth, User
from tests import factories
from tickets import tasks
from tickets.mail import tracking
from tickets.models import OutgoingMail, Ticket

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

pytestmark = pytest.mark.django_db


@pytest.fixture
def mail(rita: User, lea: User) -> OutgoingMail:
    ticket = factories.open_ticket(rita, at=AT)
    return make(ticket, state="sent", provider_id="provider-1")


def make(ticket: Ticket, **fields: Any) -> OutgoingMail:
    return OutgoingMail.objects.create(
        ticket=ticket,
        kind="answered",
        to_email=ticket.requester.email,
        to_user=ticket.requester,
        subject="x",
        text="x",
        html="x",
        message_id=f"<track.{OutgoingMail.objects.count()}@desk.example>",
        created_at=AT,
        **fields,
    )


def hear(kind: str, minutes: int = 0, **fields: Any) -> None:
    fields = {"message_id": "provider-1", "recipient": "Rita@northwind.example", **fields}
    event = AnymailTrackingEvent(event_type=kind, timestamp=AT + timedelta(minutes=minutes), **fields)
    tracking.hear(None, event=event, esp_name="Test")


def now(mail: OutgoingMail) -> OutgoingMail:
    mail.refresh_from_db()
    return mail


def test_delivered_is_noted_once_and_begins_anew(mail: OutgoingMail, rita: User) -> None:
    health.note_bounce(rita.email, is_permanent=True, why="550", at=AT)
    hear("delivered")
    hear("delivered", 5)
    assert now(mail).delivered_at == AT
    assert AddressHealth.objects.get().hard_bounces == 0


@pytest.mark.parametrize("order", [("deferred", "bounced", "delivered"), ("bounced", "delivered", "deferred")])
def test_what_came_back_stays_so_whatever_is_heard_later(mail: OutgoingMail, order: tuple[str, ...]) -> None:
    for kind in (*order, *order):
        hear(kind, mta_response="550 5.1.1 no such user" if kind == "bounced" else "wait")
    assert (now(mail).state, mail.bounce, mail.delivered_at) == ("bounced", "550 5.1.1 no such user", None)
    assert AddressHealth.objects.get().hard_bounces == 1


def test_delivered_goes_before_a_delay_that_is_heard_late(mail: OutgoingMail) -> None:
    hear("deferred", mta_response="451 wait")
    assert now(mail).bounce == "late: 451 wait"
    hear("delivered", 3)
    hear("deferred", 1, mta_response="451 wait")
    assert (now(mail).bounce, mail.state) == ("", "sent")


def test_a_mail_that_came_back_after_all_did(mail: OutgoingMail) -> None:
    hear("delivered")
    hear("bounced", 3, description="no such user after all")
    assert now(mail).state == "bounced"


def test_a_complaint_stops_mail_to_the_address(mail: OutgoingMail, rita: User) -> None:
    hear("delivered")
    hear("complained")
    hear("complained")
    assert AddressHealth.objects.get().suppressed_why == "complaint"
    assert mail.ticket is not None
    assert mail.ticket.messages.filter(is_public=False).count() == 1


@pytest.mark.parametrize(
    ("reason", "state", "suppressed"),
    [("invalid", "bounced", False), ("bounced", "bounced", False), ("blocked", "sent", False), ("spam", "sent", True)],
)
def test_what_a_provider_refuses_counts_by_its_reason(
    mail: OutgoingMail, rita: User, reason: str, state: str, suppressed: bool
) -> None:
    hear("rejected", reject_reason=reason)
    assert now(mail).state == state
    assert reason in mail.bounce
    assert health.is_suppressed(rita.email) == suppressed


def test_a_bounce_for_a_while_is_none(mail: OutgoingMail) -> None:
    hear("bounced", esp_event={"bounce": {"bounceType": "Transient"}}, mta_response="mailbox full")
    assert now(mail).state == "sent"
    assert not AddressHealth.objects.exists()


def test_of_others_mails_and_of_opened_ones_nothing_is_kept(mail: OutgoingMail) -> None:
    hear("bounced", message_id="another")
    hear("bounced", recipient="sam@contoso.example")
    hear("bounced", message_id=None, metadata={"mail": "no number"})
    hear("bounced", message_id=None, metadata={"mail": "9" * 30})
    hear("opened")
    assert now(mail).state == "sent"


class Provider(BaseEmailBackend):
    """Does what Anymail's backends do: leaves the provider's id at the message, and hears before we have stored it."""

    def send_messages(self, messages: Any) -> int:
        for message in messages:
            message.anymail_status = type("Status", (), {"message_id": "provider-7"})()
            hear("delivered", message_id="provider-7", metadata=message.metadata)
        return len(messages)


def test_the_providers_id_is_kept_and_nothing_is_lost_that_comes_before(rita: User, settings: Any) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Provider"
    mail = make(factories.open_ticket(rita, at=AT), state="queued", next_attempt_at=Now())
    tasks.deliver_mail()
    assert (now(mail).state, mail.provider_id, mail.delivered_at) == ("sent", "provider-7", AT)


def test_other_backends_give_no_id(rita: User, mailoutbox: list[EmailMessage]) -> None:
    mail = make(factories.open_ticket(rita, at=AT), state="queued", next_attempt_at=Now())
    tasks.deliver_mail()
    assert (now(mail).state, mail.provider_id, len(mailoutbox)) == ("sent", "", 1)
