"""What happened to a record, told to those who see it: one line an event."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from escalations.engineering import pulls
from escalations.engineering.steps import MOVES, RULES, Move, Step
from escalations.models import EscalationEvent, FinishAs, Involved, Severity
from supportdesk.lib.tags import exact

Kind = EscalationEvent.Kind
_HOT = (Kind.HELD_BACK, Kind.WARNED, Kind.PAGED)
_GOOD = (Kind.TOLD, Kind.CUSTOMER_SOLVED)
_FIELDS = {
    "title": "title",
    "severity": "severity",
    "area": "area",
    "affected_versions": "affected versions",
    "impact": "impact",
    "reproduction": "reproduction steps",
    "environment": "environment",
    "logs": "logs",
    "owner": "owner",
    "backup": "backup",
}
_LONG = ("impact", "reproduction", "logs")
_SAID = ("question", "answer", "reason")


@dataclass(frozen=True)
class Line:
    """`look` is hot or good, for the line's colour; `quoted` what somebody wrote with it."""

    at: datetime
    text: str
    look: str = ""
    quoted: str = ""


def line(event: EscalationEvent) -> Line:
    """The event, its actor loaded, in words. No query."""
    look = "hot" if event.kind in _HOT or _went_wrong(event) else "good" if event.kind in _GOOD else ""
    return Line(event.at, _words(event), look, _quoted(event))


def _went_wrong(event: EscalationEvent) -> bool:
    if event.kind == Kind.PULL_REQUEST:
        return bool(event.data.get("new", {}).get("checks") == "failed")
    return bool(event.data.get("move") == Move.FAIL)


def _words(event: EscalationEvent) -> str:
    """Who, and what they did; the customers' own doings name the ticket."""
    data = event.data
    match event.kind:
        case Kind.CUSTOMER_REPLIED:
            where = f", which is Closed: in the follow-up #{data['follow_up']}" if data.get("follow_up") else ""
            return f"{data.get('name') or 'The customer'} wrote on {_ticket(data)}{where}"
        case Kind.CUSTOMER_SOLVED:
            return f"{data.get('name') or 'The customer'} says that {_ticket(data)} is solved"
        case Kind.WARNED:
            return _warned(data)
        case Kind.PAGED:
            return "On-call of SET is being paged: nobody has begun the review"
        case Kind.PULL_REQUEST if event.actor is None:
            return f"Pull request {pulls.in_words(data)}"
    who = event.actor.display_name if event.actor else "The system"
    return f"{who} {_did(event)}"


def _did(event: EscalationEvent) -> str:
    data = event.data
    match event.kind:
        case Kind.REQUESTED:
            return f"requested it for {_ticket(data)}"
        case Kind.MOVED:
            return _moved(event)
        case Kind.EDITED:
            return _edited(data)
        case Kind.LINKED if data.get("joined"):
            return f"is affected, too: {_ticket(data)} was added"
        case Kind.LINKED:
            return f"added {_ticket(data)}"
        case Kind.UNLINKED:
            return f"took {_ticket(data)} out"
        case Kind.TOLD:
            return _told(data)
        case Kind.HELD_BACK if data.get("for_good"):
            return f"decided that the customer of {_ticket(data)} is not to be told{_about(data)}, because"
        case Kind.HELD_BACK:
            return f"holds back what the customer of {_ticket(data)} was to be told"
        case Kind.COMMENTED:
            return "wrote in the discussion"
    return _around(event)


def _around(event: EscalationEvent) -> str:
    """What was done to whatever surrounds the record."""
    data = event.data
    match event.kind:
        case Kind.INVITED:
            by_rule = ", as a rule says" if data.get("rule") else ""
            return f"brought {_whom(data)} in{by_rule}"
        case Kind.UNINVITED:
            return f"took {_whom(data)} out"
        case Kind.MERGED:
            return f"merged this into {data['target']}" if _is_source(event) else f"merged {data['source']} into this"
        case Kind.UNMERGED:
            return (
                f"took this out of {data['target']} again" if _is_source(event) else f"took {data['source']} out again"
            )
        case Kind.PUBLISHED:
            return _PUBLISHED[data["what"]]
        case Kind.OUTSIDE_LINK:
            return f"{'removed' if data['what'] == 'unlinked' else 'added'} the link to {data['name']}"
        case Kind.PULL_REQUEST:
            return pulls.in_words(data)
    return EscalationEvent.Kind(event.kind).label


def _is_source(event: EscalationEvent) -> bool:
    """Both records of a merge have its event: of the duplicate it says where that went."""
    return bool(event.data["source"] == f"SET-{event.escalation_id}")


_PUBLISHED = {
    "published": "published the known issue: customers read it",
    "changed": "changed the known issue that customers read",
    "withdrawn": "withdrew the known issue: customers read it no more",
}


def _moved(event: EscalationEvent) -> str:
    move = event.data.get("move", "")
    to = RULES[Step(event.to_step)].label
    if move == Move.FAIL:
        return f"says that the fix failed: back to {to}"
    said = f": {MOVES[Move(move)].label.lower()}" if move in {Move.RESUME} else ""
    version = event.data.get("version") or event.data.get("comes_with")
    return f"moved it to {to}{said}" + (f", with version {version}" if version else "")


def _edited(data: dict[str, Any]) -> str:
    name = str(data.get("field", ""))
    if data.get("ticket"):
        end = FinishAs(data["new"]).label if data.get("new") in FinishAs.values else "as the record says"
        return f"decided how {_ticket(data)} ends: {end}"
    if name in _LONG:
        return f"changed the {_FIELDS[name]}"
    return f"changed the {_FIELDS.get(name, name)} from {_value(name, data, 'old')} to {_value(name, data, 'new')}"


def _value(field: str, data: dict[str, Any], which: str) -> str:
    value = data.get(which)
    if field == "severity" and value in Severity.values:
        return Severity(value).label
    if field in {"owner", "backup"}:
        return str(value or "nobody")
    return f"“{value}”" if value else "nothing"


def _told(data: dict[str, Any]) -> str:
    about = _about(data)
    if data.get("ticket"):
        return f"told the customer of {_ticket(data)} after all{about}"
    number, held = int(data.get("told") or 0), int(data.get("held") or 0)
    rest = f", {held} held back" if held else ""
    return (
        f"told {number} customer{'' if number == 1 else 's'}{rest}{about}" if number or held else "had nobody to tell"
    )


def _about(data: dict[str, Any]) -> str:
    """Of which step something was said."""
    step = data.get("step")
    return f" ({RULES[Step(step)].label})" if step in set(Step) else ""


def _warned(data: dict[str, Any]) -> str:
    """What the leads are warned of, and whether it is over by now."""
    due = exact(timezone.localtime(datetime.fromisoformat(data["due_at"])))
    return f"The {data['label']} is overdue: it was due {due}" if data["over"] else f"The {data['label']} is due {due}"


def _quoted(event: EscalationEvent) -> str:
    """The words that belong to it: of a move the question, the answer or the reason; of a hold why."""
    data = event.data
    if event.kind == Kind.HELD_BACK:
        return str(data.get("why", ""))
    return next((str(data[name]) for name in _SAID if data.get(name)), "") if event.kind == Kind.MOVED else ""


def _whom(data: dict[str, Any]) -> str:
    if data.get("team") in Involved.values:
        return Involved(data["team"]).label
    return str(data["person"])


def _ticket(data: dict[str, Any]) -> str:
    return f"#{data['ticket']}" if data.get("ticket") else "a ticket"
