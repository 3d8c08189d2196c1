"""What an event means to clocks: one reading, for who follows as it happens and for who reads it afterwards."""

from collections.abc import Mapping

from tickets.models import EventKind, ServiceTerms, Ticket, TicketEvent
from tickets.sla.clocks import Moment
from tickets.sla.promises import FINISHED, WITHOUT_PRIORITY
from tickets.states import Status

STARTING = (EventKind.CREATED, EventKind.ANSWERED, EventKind.CUSTOMER_REPLIED, EventKind.REOPENED)
"""These may begin a clock, so they carry the terms that hold."""
MATTERING = (
    *STARTING,
    *(EventKind.ASSIGNED, EventKind.UNASSIGNED, EventKind.SOLVED, EventKind.CUSTOMER_SOLVED, EventKind.CLOSED),
    *(EventKind.HELD, EventKind.UNHELD, EventKind.GAVE_UP_WAITING, EventKind.STATUS_CHANGED, EventKind.CAME_BACK),
    *(EventKind.PRIORITY_CHANGED, EventKind.DO_NOT_CLOSE_CHANGED, EventKind.RETARGETED),
)
_REASONS = {
    EventKind.CREATED: "submitted",
    EventKind.CUSTOMER_REPLIED: "customer_wrote",
    EventKind.ANSWERED: "replied",
    EventKind.PRIORITY_CHANGED: "priority",
    EventKind.DO_NOT_CLOSE_CHANGED: "may_close",
    EventKind.REOPENED: "reopened",
}


def moment(
    event: TicketEvent,
    *,
    status: Status,
    priority: int | None,
    kept_open: bool,
    was_answered: bool,
    ticket: Ticket,
    terms: ServiceTerms | None,
    moves: Mapping[ServiceTerms, ServiceTerms] | None = None,
) -> Moment:
    """The meaning of `event`, after which the ticket stands as told; `terms` and `moves` are what it carries."""
    kind = EventKind(event.kind)
    opens_answered = kind is EventKind.CREATED and bool(event.data.get("answered"))
    return Moment(
        at=event.at,
        why=_why(event),
        status=status,
        priority=priority or WITHOUT_PRIORITY,
        kept_open=kept_open,
        terms=terms,
        moves=moves or {},
        retargeted=kind is EventKind.RETARGETED,
        opened=kind is EventKind.CREATED,
        asked=kind is EventKind.CUSTOMER_REPLIED or (kind is EventKind.REOPENED and bool(event.data.get("waits"))),
        answered=kind is EventKind.ANSWERED or opens_answered,
        was_finished=event.from_status in FINISHED,
        was_answered=was_answered,
        created_at=ticket.created_at,
    )


def _why(event: TicketEvent) -> str:
    if event.kind == EventKind.RETARGETED:
        return f"terms_{event.data.get('cause', 'policy')}"
    return _REASONS.get(EventKind(event.kind), "open_again")
