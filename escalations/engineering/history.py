"""What happened to a record, told to those who see it: one line an event."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

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
    "finish_as": "end",
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
    data = event.data
    return bool(data.get("move") == Move.FAIL or data.get("checks") == "failed")


def _words(event: EscalationEvent) -> str:
    """Who, and what they did; the customers' own doings name the ticket."""
    data = event.data
    match event.kind:
        case Kind.CUSTOMER_REPLIED:
            return f"{_actor(event, 'The customer')} wrote on {_ticket(data)}"
        case Kind.CUSTOMER_SOLVED:
            return f"{_actor(event, 'The customer')} says that {_ticket(data)} is solved"
        case Kind.WARNED:
            return _warned(data)
        case Kind.PAGED:
            return "On-call of SET is being paged: nobody has begun the review"
        case Kind.PULL_REQUEST:
            return _pull_request(event)
    return f"{_actor(event, 'The system')} {_did(event)}"


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
            other = data.get("source") or data.get("other") or data.get("target") or "a duplicate"
            return f"merged {other} into {'this' if data.get('source') else 'another record'}"
        case Kind.UNMERGED:
            return f"took back the merge with {data.get('source') or data.get('other') or data.get('target') or 'it'}"
        case Kind.PUBLISHED:
            return f"{data.get('what') or 'changed'} the known issue that customers read"
        case Kind.OUTSIDE_LINK:
            did = "removed" if data.get("removed") or data.get("unlinked") else "added"
            return f"{did} the link to {data.get('label') or data.get('url') or 'an outside issue'}"
    return EscalationEvent.Kind(event.kind).label


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
    step = data.get("step")
    about = f" ({RULES[Step(step)].label})" if step in set(Step) else ""
    if data.get("ticket"):
        return f"told the customer of {_ticket(data)} after all{about}"
    number, held = int(data.get("told") or 0), int(data.get("held") or 0)
    rest = f", {held} held back" if held else ""
    return (
        f"told {number} customer{'' if number == 1 else 's'}{rest}{about}" if number or held else "had nobody to tell"
    )


def _warned(data: dict[str, Any]) -> str:
    what = str(data.get("deadline") or data.get("field") or "").removesuffix("_due_at") or "next step"
    due = (
        parse_datetime(str(data.get("due_at") or data.get("due") or ""))
        if data.get("due_at") or data.get("due")
        else None
    )
    when = f": due {exact(timezone.localtime(due))}" if due else ""
    return f"The lead was warned of the {what}{when}"


def _pull_request(event: EscalationEvent) -> str:
    """Told by a person who linked it, or by its host."""
    data = event.data
    name = data.get("pull_request") or data.get("name") or data.get("url") or "a pull request"
    if event.actor is not None:
        did = "unlinked" if data.get("unlinked") or data.get("new") == "unlinked" else "linked"
        return f"{event.actor.display_name} {did} the pull request {name}"
    news = [str(data[key]).replace("_", " ") for key in ("state", "checks", "release_tag", "new") if data.get(key)]
    return f"Pull request {name}: {', '.join(news) or 'news'}"


def _quoted(event: EscalationEvent) -> str:
    """The words that belong to it: of a move the question, the answer or the reason; of a hold why."""
    data = event.data
    if event.kind == Kind.HELD_BACK:
        return str(data.get("why", ""))
    return next((str(data[name]) for name in _SAID if data.get(name)), "") if event.kind == Kind.MOVED else ""


def _whom(data: dict[str, Any]) -> str:
    if data.get("team") in Involved.values:
        return Involved(data["team"]).label
    return str(data.get("person") or data.get("name") or "somebody")


def _ticket(data: dict[str, Any]) -> str:
    return f"#{data['ticket']}" if data.get("ticket") else "a ticket"


def _actor(event: EscalationEvent, otherwise: str) -> str:
    return event.actor.display_name if event.actor else otherwise
