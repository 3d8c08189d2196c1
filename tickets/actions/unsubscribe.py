"""Somebody copied in wants no more of it, and says so by the signed link of a mail."""

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from tickets.actions.moves import locked, write
from tickets.events import record
from tickets.models import EventKind, Participant, Ticket


@transaction.atomic
def unsubscribe(ticket: Ticket, *, email: str, at: datetime) -> bool:
    """Take the address `email` off; False when it isn't there any more. It is put down as its owner's own act.

    Who calls has a proof that `email` asks for it: nothing else is checked.
    """
    ticket = locked(ticket, by=None)
    copies = Participant.objects.filter(Q(email=email) | Q(user__email=email), ticket=ticket, removed_at=None)
    found = list(copies)
    for copy in found:
        Participant.objects.filter(pk=copy.pk).update(removed_at=at)
        record(ticket, EventKind.CC_REMOVED, by=None, at=at, email=copy.email, by_link=True)
    if found:
        write(ticket, at=at, public_updated_at=at)
    return bool(found)
