"""Recording what happened, letting the promises' clocks follow, and waking those who act on it."""

from datetime import datetime
from typing import Any

from accounts.models import User
from supportdesk.lib import queue
from tickets.models import EventKind, Message, ServiceTerms, SlaClock, Ticket, TicketEvent
from tickets.sla import live


def record(
    ticket: Ticket,
    kind: EventKind,
    *,
    by: User | None,
    at: datetime,
    message: Message | None = None,
    from_status: str = "",
    to_status: str = "",
    terms: ServiceTerms | None = None,
    **data: Any,
) -> TicketEvent:
    """Append what happened to the locked `ticket`, in the caller's transaction; `by` None is the system.

    Its clocks follow at once, so that no verb can forget them; workers are woken after commit. Events that may begin a
    clock carry the terms in force, `terms` where the caller knows better. What happens to a ticket never goes back in
    time: who had to wait for the lock comes after whom they waited for, whatever the time at their door.
    """
    at = live.not_before(ticket, kind, at)
    terms = terms or live.terms_for(ticket, kind)
    if terms is not None:
        data["terms"] = terms.pk
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
    for clock in live.follow(ticket, event, terms):
        record_breach(clock, now=at)
    queue.wake("ticket")
    return event


def record_breach(clock: SlaClock, *, now: datetime) -> TicketEvent:
    """Append that a promise broke, whoever noticed: the sweep, or what was recorded before the sweep came by."""
    return TicketEvent.objects.create(
        ticket_id=clock.ticket_id,
        kind=EventKind.SLA_BREACHED,
        data=breach_data(clock),
        at=now,
    )


def breach_data(clock: SlaClock) -> dict[str, Any]:
    assert clock.breached_at is not None  # noqa: S101 - the callers noted it
    return {"clock": clock.pk, "promise": clock.promise, "broke_at": clock.breached_at.isoformat()}
