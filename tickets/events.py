"""Recording what happened, and waking those who act on it."""

from datetime import datetime
from typing import Any

from accounts.models import User
from supportdesk.lib import queue
from tickets.models import EventKind, Message, Ticket, TicketEvent


def record(
    ticket: Ticket,
    kind: EventKind,
    *,
    by: User | None,
    at: datetime,
    message: Message | None = None,
    from_status: str = "",
    to_status: str = "",
    **data: Any,
) -> TicketEvent:
    """Append what happened, in the caller's transaction; `by` None is the system. Workers are woken after commit."""
    event = TicketEvent.objects.create(
        ticket=ticket,
        kind=kind,
        actor=by,
        message=message,
        from_status=from_status,
        to_status=to_status,
        data=data,
        at=at,
    )
    queue.wake("ticket")
    return event
