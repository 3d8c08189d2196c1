"""What happened to a ticket, told to the staff: one line an event, between the messages."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone

from supportdesk.lib.tags import exact
from tickets.models import EventKind, Priority, ServiceTerms, TicketEvent
from tickets.sla.promises import Promise
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
    EventKind.SURVEYED: "asked the customer how it went",
}
_TOLD = {
    "under_review": "that engineering looks into it",
    "needs_information": "what engineering needs to know",
    "confirmed": "that engineering has confirmed it",
    "planned": "that engineering has a plan",
    "tested": "that the fix is tested",
    "released": "that the fix is released",
    "returned": "engineering's answer",
    "withdrawn": "that engineering looks into it no more",
}
"""What a customer was told at each step of an engineering escalation."""
_CAME_BACK = {
    "held": "the customer was not told of it",
    "unlinked": "it was taken out",
    "released": "the fix is released",
    "returned": "it is answered",
    "withdrawn": "it was withdrawn",
}


@dataclass(frozen=True)
class Line:
    """`look` is hot or good, for the line's colour; `follow_up` a ticket to link to, `linked` one that isn't one."""

    at: datetime
    text: str
    look: str = ""
    follow_up: int | None = None
    linked: int | None = None


_CAUSES = {
    "policy": "the policy was edited",
    "calendar": "the calendar was edited",
    "plan": "the plan was edited",
    "organization": "the organisation's plan or place changed",
    "person": "the requester's place changed",
}


def lines(events: Iterable[TicketEvent]) -> list[Line]:
    """A line for each of `events` (with their actors) that the messages themselves don't tell; times are the viewer's.

    One query more where promises were moved to other terms.
    """
    told, events = [], list(events)
    versions = _versions(events)
    for event in events:
        if text := _of_promise(event, versions) or _words(event):
            number = event.data.get("number")
            link = "linked" if event.kind == EventKind.SPLIT else "follow_up"
            told.append(Line(event.at, text, _look(event), **{link: number}))
    return told


def _words(event: TicketEvent) -> str:
    who = event.actor.display_name if event.actor else "The system"
    if event.kind in _SENTENCES:
        return f"{who} {_SENTENCES[EventKind(event.kind)]}"
    if event.data.get("by_link"):
        return f"{event.data['email']} wants no more mails and is off CC"
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
        case EventKind.CC_PROPOSED:
            return f"copied {data['email']} in by mail: to be confirmed"
        case EventKind.SPLIT:
            return "split a message off to" if data.get("is_origin") else "split this off from"
        case EventKind.ESCALATED:
            return f"says that it is the same as {data['escalation']}" if event.actor else _taken_up_again(data)
        case EventKind.CAME_BACK:
            return _came_back(event)
        case EventKind.RATED:
            return f"{'changed the rating to' if data['former'] else 'rated our support:'} {data['rating']}"
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
    data = event.data
    parts = ["took it"] if data.get("took") else []
    if data.get("escalated"):
        parts.append(f"escalated it to SET ({data['escalation']})")
    elif told := _TOLD.get(data.get("stage", "")):
        parts.append(f"told the customer {told} ({data['escalation']})")
    if event.from_status != event.to_status:
        parts.append(f"set it to {LABELS[Status(event.to_status)]}")
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def _taken_up_again(data: dict[str, Any]) -> str:
    return f"counts it as escalated again: the fix of {data['escalation']} did not hold"


def _came_back(event: TicketEvent) -> str:
    why = _CAME_BACK.get(event.data.get("why", ""), "it is over")
    return f"gave it back from {event.data['escalation']}: {why}{_to(event)}"


def _to(event: TicketEvent) -> str:
    moved = event.to_status and event.from_status != event.to_status
    return f", now {LABELS[Status(event.to_status)]}" if moved else ""


def _priority(value: int | None) -> str:
    return "none" if value is None else Priority(value).label


def _quoted(value: object) -> str:
    return f"“{value}”" if value else "nothing"


# --- Promises ------------------------------------------------------------------------------------------------------


def _of_promise(event: TicketEvent, versions: dict[int, str]) -> str:
    data = event.data
    match event.kind:
        case EventKind.SLA_WARNED:
            return f"{Promise(data['promise']).label} is due {_time(data['due_at'])}: {_points(data['points'])}"
        case EventKind.SLA_BREACHED:
            return f"{Promise(data['promise']).label} broke: it was due {_time(data['broke_at'])}"
        case EventKind.RETARGETED:
            return _retargeted(event, versions)
    return ""


def _time(written: str) -> str:
    return exact(timezone.localtime(datetime.fromisoformat(written)))


def _points(points: list[int]) -> str:
    """`75 % used up`, `less than 30 minutes left`: the last that was reached of each kind."""
    percents = [point for point in points if point >= 0]
    minutes = [-point for point in points if point < 0]
    used = [f"{max(percents)} % used up"] if percents else []
    return ", ".join([*used, f"less than {min(minutes)} minutes left"] if minutes else used)


def _retargeted(event: TicketEvent, versions: dict[int, str]) -> str:
    """To which versions, and why; a calendar or a place changes the deadlines and leaves the versions as they are."""
    moves = _moves(event)
    former, new = ({versions[pk] for pk in keys if pk in versions} for keys in (moves.keys(), moves.values()))
    why = _CAUSES.get(event.data.get("cause", ""), "their terms changed")
    who = event.actor.display_name if event.actor else ""
    if former == new:
        return f"{who} set the deadlines anew: {why}" if who else f"The deadlines were set anew: {why}"
    to = " and ".join(sorted(new))
    return f"{who} moved the promises to {to}: {why}" if who else f"The promises moved to {to}: {why}"


def _versions(events: Iterable[TicketEvent]) -> dict[int, str]:
    """The names of the policies' versions that promises were moved from and to, by the key of the terms."""
    keys = {pk for event in events for move in _moves(event).items() for pk in move}
    if not keys:
        return {}
    rows = ServiceTerms.objects.filter(pk__in=keys).select_related(
        "policy_version__policy__plan", "policy_version__policy__organization"
    )
    return {terms.pk: str(terms.policy_version) for terms in rows}


def _moves(event: TicketEvent) -> dict[int, int]:
    moved = event.data.get("moves", {}) if event.kind == EventKind.RETARGETED else {}
    return {int(old): new for old, new in moved.items()}


def _look(event: TicketEvent) -> str:
    if event.kind == EventKind.PRIORITY_CHANGED:
        return "hot" if (event.data.get("new") or Priority.LOW) <= Priority.HIGH else ""
    if event.kind == EventKind.RATED:
        return "good" if event.data["rating"] == "good" else "hot"
    if event.kind in {EventKind.REOPENED, EventKind.SLA_BREACHED}:
        return "hot"
    return "good" if event.to_status == Status.SOLVED and event.from_status != Status.SOLVED else ""
