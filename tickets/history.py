"""What happened to a request, told to its customer: only what they may know, in their words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from accounts.models import User
from tickets.models import EventKind, Priority, Ticket, TicketEvent
from tickets.states import Status

FOR_CUSTOMERS = (
    *(EventKind.ANSWERED, EventKind.SOLVED, EventKind.CUSTOMER_SOLVED, EventKind.REOPENED, EventKind.CLOSED),
    *(EventKind.GAVE_UP_WAITING, EventKind.REMINDED, EventKind.PRIORITY_CHANGED, EventKind.FIELD_CHANGED),
    *(EventKind.CC_ADDED, EventKind.CC_REMOVED, EventKind.CC_PROPOSED, EventKind.FOLLOWED_UP, EventKind.SPLIT),
)
_FIELD_NAMES = {"product_version": "version", "mobile_version": "mobile version", "mobile_device": "mobile device"}


@dataclass(frozen=True)
class Happening:
    """One line between the messages; `follow_up` is a request to link to."""

    at: datetime
    text: str
    look: str = ""
    follow_up: int | None = None


def happenings(events: Iterable[TicketEvent], *, viewer: User, follow_ups: Iterable[Ticket]) -> list[Happening]:
    """The lines for `events` of the kinds FOR_CUSTOMERS; those of `follow_ups` that the viewer can't see, and what was
    split off to or from such, are passed over."""
    seen = {ticket.number for ticket in follow_ups}
    lines = []
    for event in events:
        number = event.data.get("number") if event.kind in {EventKind.FOLLOWED_UP, EventKind.SPLIT} else None
        if number is not None and number not in seen:
            continue
        if text := _line(event, _who(event, viewer)):
            lines.append(Happening(event.at, text, _look(event), number))
    return lines


def _who(event: TicketEvent, viewer: User) -> str:
    if event.actor is None:
        return "The system"
    return "You" if event.actor_id == viewer.pk else event.actor.display_name


def _look(event: TicketEvent) -> str:
    if event.kind == EventKind.PRIORITY_CHANGED and (event.data.get("new") or Priority.LOW) <= Priority.HIGH:
        return "hot"
    return "good" if event.to_status == Status.SOLVED else ""


def _line(event: TicketEvent, who: str) -> str:
    match event.kind:
        case EventKind.ANSWERED:
            return _answered(event, who)
        case EventKind.SOLVED | EventKind.CUSTOMER_SOLVED:
            return f"{who} marked this request as solved"
        case EventKind.REOPENED:
            return f"{who} reopened this request"
        case EventKind.CLOSED:
            return "This request was closed"
        case EventKind.GAVE_UP_WAITING:
            return "Solved, because no answer came"
        case EventKind.REMINDED:
            return "We sent a reminder that we wait for an answer"
        case EventKind.FOLLOWED_UP:
            return f"{who} opened a follow-up request"
        case EventKind.CC_ADDED:
            return f"{who} added {event.data.get('email', '')} to CC"
        case EventKind.CC_REMOVED:
            return f"{who} removed {event.data.get('email', '')} from CC"
        case EventKind.CC_PROPOSED:
            return f"{who} copied {event.data.get('email', '')} in by mail, to be confirmed"
        case EventKind.SPLIT:
            return f"{who} moved another matter to" if event.data.get("is_origin") else f"{who} opened this beside"
        case EventKind.PRIORITY_CHANGED:
            return _priority(event, who)
        case EventKind.FIELD_CHANGED:
            return _field(event, who)
    return ""


def _answered(event: TicketEvent, who: str) -> str:
    if event.data.get("escalated"):
        return f"{who} handed this to our engineers"
    if event.to_status == event.from_status:
        return ""
    if event.to_status == Status.SOLVED:
        return f"{who} marked this request as solved"
    return f"{who} asked for more information" if event.to_status == Status.PENDING else ""


def _priority(event: TicketEvent, who: str) -> str:
    old, new = event.data.get("old"), event.data.get("new")
    if new is None:
        return f"{who} removed the priority"
    reason = event.data.get("reason")
    verb = "raised" if old is not None and new < old else "changed" if old is not None else "set"
    return f"{who} {verb} the priority to {Priority(new).label}" + (f": “{reason}”" if reason else "")


def _field(event: TicketEvent, who: str) -> str:
    name = str(event.data.get("field", ""))
    new = event.data.get("new")
    shown = f"to “{new}”" if new and new != "None" else "to nothing"
    return f"{who} changed the {_FIELD_NAMES.get(name, name)} {shown}"
