"""An address to which nothing is sent any more: the staff is told on the ticket that it was last written to about."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from tickets.actions.moves import locked, write
from tickets.actions.writing import write_message
from tickets.events import record
from tickets.models import Channel, EventKind, Message, OutgoingMail, Ticket

_SENTENCES = {
    "bounces": "Mails to {email} came back three times: nothing is sent there any more. Reach them another way.",
    "complaint": "A mail to {email} was taken for spam: nothing is sent there any more. Reach them another way.",
}


@transaction.atomic
def note_unreachable(email: str, *, why: str, at: datetime) -> Message | None:
    """A note by the system; None where no ticket was ever written about to `email`."""
    mails = OutgoingMail.objects.filter(to_email=email, ticket__isnull=False)
    last = mails.order_by(F("bounced_at").desc(nulls_last=True), "-pk").first()
    if last is None or last.ticket is None:
        return None
    return _note(locked(last.ticket, by=None), _SENTENCES[why].format(email=email), email, at)


def _note(ticket: Ticket, body: str, email: str, at: datetime) -> Message:
    message = write_message(
        ticket,
        by=None,
        body=body,
        uploads=(),
        is_public=False,
        from_staff=True,
        is_automatic=True,
        channel=Channel.EMAIL,
        key="",
        at=at,
    )
    write(ticket, at=at)
    record(ticket, EventKind.NOTED, by=None, at=at, message=message, dead_address=email)
    return message
