"""What happened to a record, told to those who see it: one line an event, and no word that a customer wrote."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from escalations.engineering.steps import RULES, Step
from escalations.models import EscalationEvent, Involved

Kind = EscalationEvent.Kind
_HOT = (Kind.HELD_BACK, Kind.WARNED, Kind.PAGED)
_GOOD = (Kind.TOLD, Kind.CUSTOMER_SOLVED)


@dataclass(frozen=True)
class Line:
    """`look` is hot or good, for the line's colour."""

    at: datetime
    text: str
    look: str = ""


def line(event: EscalationEvent) -> Line:
    """The event, its actor loaded, in words. No query."""
    look = "hot" if event.kind in _HOT else "good" if event.kind in _GOOD else ""
    return Line(event.at, _words(event), look)


def _words(event: EscalationEvent) -> str:
    who, ticket = event.actor.display_name if event.actor else "The system", f"#{event.data.get('ticket', '')}"
    match event.kind:
        case Kind.REQUESTED:
            return f"{who} requested it for {ticket}"
        case Kind.MOVED:
            return f"{who} moved it to {RULES[Step(event.to_step)].label}"
        case Kind.LINKED:
            return f"{who} added {ticket}"
        case Kind.UNLINKED:
            return f"{who} took {ticket} out"
        case Kind.TOLD:
            return f"{who} told the customers"
        case Kind.COMMENTED:
            return f"{who} wrote in the discussion"
        case Kind.CUSTOMER_REPLIED:
            return f"The customer wrote on {ticket}"
        case Kind.CUSTOMER_SOLVED:
            return f"The customer says that {ticket} is solved"
        case Kind.INVITED:
            return f"{who} brought {_whom(event.data)} in{', as a rule says' if event.data.get('rule') else ''}"
        case Kind.UNINVITED:
            return f"{who} took {_whom(event.data)} out"
    return f"{who} {EscalationEvent.Kind(event.kind).label}"


def _whom(data: dict[str, Any]) -> str:
    if data.get("team") in Involved.values:
        return Involved(data["team"]).label
    return str(data.get("person") or "somebody")
