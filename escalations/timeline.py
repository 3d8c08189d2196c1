"""What happened to a page, in words: one line an event."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from escalations.models import PageDelivery, PageEvent
from escalations.paging.breaches import in_words
from tickets.models import Priority

_Kind = PageEvent.Kind
_ATTEMPTS = (_Kind.SENT, _Kind.DELIVERED, _Kind.UNDELIVERED, _Kind.FAILED, _Kind.UNKNOWN)
_HOT = (_Kind.BEGAN, _Kind.PAGED, _Kind.LAST_RESORT, _Kind.STEP_EMPTY, _Kind.EXPIRED, _Kind.CONTACT_DISABLED)
_GOOD = (_Kind.ACKNOWLEDGED, _Kind.ENDED)


@dataclass(frozen=True)
class Line:
    """`look` is hot or good, for the line's colour."""

    at: datetime
    text: str
    look: str


def line(event: PageEvent) -> Line:
    return Line(event.at, _words(event), "hot" if event.kind in _HOT else "good" if event.kind in _GOOD else "")


def _words(event: PageEvent) -> str:
    data, who = event.data, event.actor.display_name if event.actor else "The system"
    if event.kind in _ATTEMPTS:
        return _attempt(event)
    match event.kind:
        case _Kind.BEGAN:
            return _began(who, data)
        case _Kind.PAGED:
            missed = f". No way to reach {_listed(data['unreachable'])}" if data.get("unreachable") else ""
            return f"Paging {_listed(data['names'])} ({_where(data)}){missed}"
        case _Kind.STEP_EMPTY:
            return _nobody(data)
        case _Kind.LAST_RESORT:
            return f"The policy reached nobody. Last resort: {_listed(data['names'])}"
        case _Kind.CONTACT_DISABLED:
            return f"No longer used, its provider refuses it: {data['name']}"
        case _Kind.HANDED_OUTSIDE if data.get("word"):
            return _from_outside(data)
        case _Kind.HANDED_OUTSIDE:
            return f"Handed to {_listed(data['names'])}"
        case _Kind.ACKNOWLEDGED:
            return f"{who} acknowledged{_by(data)}" + (" and took the ticket" if data.get("took") else "")
        case _Kind.EXPIRED if data.get("snoozed"):
            return f"{data['name']} had put it aside until now: ringing again"
        case _Kind.EXPIRED:
            return f"{data['name']} acknowledged, but no answer came: ringing again"
        case _Kind.ESCALATED:
            return f"{who} escalated{_by(data)}: the next step rings"
        case _Kind.HANDED_OVER:
            return f"{who} handed over to {data.get('name', 'the next step')}"
        case _Kind.SNOOZED:
            return f"{who} put it aside: {data['reason']}"
        case _Kind.PRIORITY_CHANGED:
            return f"Priority now {Priority(data['new']).label}"
        case _Kind.ENDED:
            return f"Paging ended: {data['why']}"
    return str(event)


def _began(who: str, data: dict[str, Any]) -> str:
    urgency = Priority(data["priority"]).label
    if data.get("reason"):
        return f"{who} paged on-call, {urgency}: {data['reason']}"
    broken = f", {in_words(data['promises'])} overdue" if data.get("promises") else ""
    unset = ", because nobody has set a priority" if data.get("unset") else ""
    return f"Began to page: {urgency}{broken}{unset}"


def _from_outside(data: dict[str, Any]) -> str:
    """What a service outside says; what it led to here is a line of its own."""
    on = ". Nobody here is known by that address: it rings on" if data.get("rings_on") else ""
    return f"{_listed(data['names'])} says: {data['said']} by {data['who']}{on}"


def _by(data: dict[str, Any]) -> str:
    return f" by {data['via']}" if data.get("via") else ""


def _attempt(event: PageEvent) -> str:
    data = event.data
    to = f"{data['name']} by {data['method']}" if data.get("person") else data["name"]
    number = f", attempt {data['attempt']}" if data.get("attempt", 1) > 1 else ""
    if data.get("purpose") in {PageDelivery.Purpose.ACKNOWLEDGED, PageDelivery.Purpose.RESOLVED}:
        what = "that it is acknowledged" if data["purpose"] == PageDelivery.Purpose.ACKNOWLEDGED else "that it is over"
        return f"Told {to}, {what}" if event.kind == _Kind.SENT else f"Not sure to have told {to}, {what}"
    if data.get("purpose") == PageDelivery.Purpose.TAKEN:
        return f"Told {to} who took it" if event.kind == _Kind.SENT else f"Not sure to have told {to} who took it"
    if event.kind == _Kind.DELIVERED:
        return f"Arrived at {to}"
    if event.kind == _Kind.UNDELIVERED:
        return f"Did not arrive at {to}: {data.get('why', '')}"
    if event.kind == _Kind.SENT:
        return f"Sent to {to}{number}" + (" (a repeat)" if data.get("repeat") else "")
    if event.kind == _Kind.UNKNOWN:
        return f"Unknown whether it reached {to}{number}" + (": sending again" if data.get("again") else "")
    return f"Not sent to {to}{number}: {data.get('why', '')}" + (". Trying again" if data.get("again") else "")


def _where(data: dict[str, int]) -> str:
    where = f"step {data['step']} of {data['of']}" if data["step"] else "everybody"
    return f"{where}, round {data['round']}" if data["round"] > 1 else where


def _nobody(data: dict[str, list[str]]) -> str:
    why = "it names nobody now"
    if data.get("before"):
        why = f"{_listed(data['before'])} ring{'s' if len(data['before']) == 1 else ''} already"
    elif data.get("unreachable"):
        why = f"no verified way to reach {_listed(data['unreachable'])}"
    return f"Skipped {_where(data)}: {why}"  # type: ignore[arg-type]


def _listed(names: list[str]) -> str:
    return ", ".join(names) if names else "nobody"
