"""What happened to a ticket, told to the staff: one line an event, between the messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tickets.models import EventKind, Priority, TicketEvent
from tickets.states import LABELS, Status

_FIELD_NAMES = {"product_version": "version", "mobile_version": "mobile version", "mobile_device": "mobile device"}
_SENTENCES = {
    EventKind.SOLVED: "solved it",
    EventKind.CUSTOMER_SOLVED: "marked it as solved",
    EventKind.REOPENED: "reopened it",
    EventKind.UNHELD: "took it off hold",
    EventKind.CLOSED: "closed it",
    EventKind.REMINDED: "reminded the customer that we wait for an answer",
    EventKind.GAVE_UP_WAITING: "solved it: no answer came",
}


@dataclass(frozen=True)
class Line:
    """`look` is hot or good, for the line's colour; `follow_up` a ticket to link to."""

    at: datetime
    text: str
    look: str = ""
    follow_up: int | None = None


def lines(events: Iterable[TicketEvent]) -> list[Line]:
    """A line for each of `events` (with their actors) that the messages themselves don't tell."""
    told = []
    for event in events:
        if text := _words(event):
            told.append(Line(event.at, text, _look(event), event.data.get("number")))
    return told


def _words(event: TicketEvent) -> str:
    who = event.actor.display_name if event.actor else "The system"
    if event.kind in _SENTENCES:
        return f"{who} {_SENTENCES[EventKind(event.kind)]}"
    said = _by_kind(event)
    return f"{who} {said}" if said else ""


def _by_kind(event: TicketEvent) -> str:
    data = event.data
    match event.kind:
        case EventKind.CREATED:
            return "opened it for the customer" if event.actor and event.actor.is_desk else ""
        case EventKind.ASSIGNED:
            return ("took it" if data.get("to") == event.actor_id else f"assigned it to {data['to_name']}") + _to(event)
        case EventKind.UNASSIGNED:
            own = data.get("former") == event.actor_id
            return ("gave it back" if own else f"took it from {data['former_name']}: nobody has it") + _to(event)
        case EventKind.ANSWERED:
            return _answered(event)
        case EventKind.CUSTOMER_REPLIED:
            return f"answered{_to(event)}" if event.from_status != event.to_status else ""
        case EventKind.HELD:
            return f"put it on hold: {data['reason']}"
        case EventKind.FOLLOWED_UP:
            return "opened a follow-up:"
        case EventKind.CC_ADDED:
            return f"added {data['email']} to CC"
        case EventKind.CC_REMOVED:
            return f"removed {data['email']} from CC"
    return _edited(event)


def _edited(event: TicketEvent) -> str:
    data = event.data
    match event.kind:
        case EventKind.PRIORITY_CHANGED:
            reason = f": “{data['reason']}”" if data.get("reason") else ""
            return f"changed the priority from {_priority(data['old'])} to {_priority(data['new'])}{reason}"
        case EventKind.FIELD_CHANGED:
            name = _FIELD_NAMES.get(data["field"], data["field"])
            return f"changed the {name} from {_quoted(data['old'])} to {_quoted(data['new'])}"
        case EventKind.DO_NOT_CLOSE_CHANGED:
            return "keeps it from closing by itself" if data["to"] else "lets it close by itself again"
    return ""


def _answered(event: TicketEvent) -> str:
    parts = ["took it"] if event.data.get("took") else []
    if event.from_status != event.to_status:
        parts.append(f"set it to {LABELS[Status(event.to_status)]}")
    return " and ".join(parts)


def _to(event: TicketEvent) -> str:
    moved = event.to_status and event.from_status != event.to_status
    return f", now {LABELS[Status(event.to_status)]}" if moved else ""


def _priority(value: int | None) -> str:
    return "none" if value is None else Priority(value).label


def _quoted(value: object) -> str:
    return f"“{value}”" if value else "nothing"


def _look(event: TicketEvent) -> str:
    if event.kind == EventKind.PRIORITY_CHANGED:
        return "hot" if (event.data.get("new") or Priority.LOW) <= Priority.HIGH else ""
    if event.kind in {EventKind.REOPENED}:
        return "hot"
    return "good" if event.to_status == Status.SOLVED and event.from_status != Status.SOLVED else ""
