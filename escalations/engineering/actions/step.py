"""Taking a record from step to step: what the table of moves permits and demands, and what each step then owes."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import User
from escalations.engineering import access, wording
from escalations.engineering.actions.invite import add_follower, apply_rules, involve
from escalations.engineering.actions.moves import advance, locked, require
from escalations.engineering.actions.request import TEXT_BYTES, needed
from escalations.engineering.actions.updates import drop_owed, drop_question, owe, take_up_again
from escalations.engineering.events import Kind, record
from escalations.engineering.steps import MOVES, RULES, Move, Step, replaces_an_owed_update, target
from escalations.models import Escalation, FinishAs, Involved
from supportdesk.lib import text as words
from supportdesk.lib.errors import Conflict, Invalid

_SENTENCES = {
    "question": "Write the question.",
    "answer": "Write the answer: it is what the customers are told.",
    "plan": "Write the plan.",
    "evidence": "Say what was tested, how, and what came of it.",
    "reason": "Say why.",
    "comes_with": "Name the version that is to bring the fix.",
    "version": "Name the version that has the fix.",
}
_LINES = {"version": 40, "comes_with": 40}
_PRESSED_TWICE = timedelta(minutes=1)


@transaction.atomic
def take_step(
    escalation: Escalation,
    what: Move,
    *,
    by: User,
    given: Mapping[str, Any],
    at: datetime,
    seen_version: int | None = None,
) -> Escalation:
    """Carry out the move `what` with the fields `given` for it; from then on its step's update is owed.

    `given` holds the fields that the move demands (see `steps.MOVES`), `asks_customer`, `comes_with`, `finish_as`,
    `backup` where they belong to it, and `text` for the customers, empty for the one proposed.
    Raises NotAllowed, Conflict (another step, an update is owed, changed since `seen_version`), Invalid (the field).
    """
    escalation = locked(escalation, by=by, seen_version=seen_version)
    require(access.may_move(by), "move this escalation")
    to = _permitted(escalation, what)
    changes = _changes(escalation, what, given, by=by, at=at)
    if what is Move.CONFIRM:
        for team in _teams(given):
            involve(escalation, team, by=by, at=at)
    _drop_what_was_to_be_said(escalation, by=by, at=at)
    former = advance(escalation, to, at=at, **changes)
    if what is Move.FAIL:
        take_up_again(escalation, by=by, at=at)
    steps = {"from_step": former.value, "to_step": to.value}
    record(escalation, Kind.MOVED, by=by, at=at, **steps, move=what.value, **_kept(what, given))
    _let_follow(escalation, what, by=by, at=at)
    if owes(escalation, what):
        owe(escalation, text=_worded(given, to, what), failed=what is Move.FAIL, by=by, at=at)
    return escalation


def taken_already(escalation: Escalation, what: Move, *, by: User, given: Mapping[str, Any], at: datetime) -> bool:
    """Whether the record stands where this person's own move `what`, `given` the same, led it within a minute.

    A button pressed twice is one move; no move leads to a step that it starts from.
    """
    last = escalation.events.filter(kind=Kind.MOVED).order_by("at", "id").last()
    if last is None or at - last.at > _PRESSED_TWICE:
        return False
    if (last.actor_id, last.data.get("move"), last.to_step) != (by.pk, what.value, escalation.step):
        return False
    changes = _changes(escalation, what, given, by=by, at=at)
    changes.pop("asked_from", None)
    said = escalation.updates.filter(created_at=last.at).values_list("text", flat=True).last()
    return (
        all(getattr(escalation, name) == value for name, value in changes.items())
        and set(_teams(given)) <= set(escalation.teams.values_list("team", flat=True))
        and (said is None or said == _worded(given, escalation.at_step, what))
    )


def _let_follow(escalation: Escalation, what: Move, *, by: User, at: datetime) -> None:
    """Who has it in hand follows it; once it is confirmed, rules bring in whom they name for that."""
    if what is Move.REVIEW:
        for person in filter(None, (escalation.owner, escalation.backup)):
            add_follower(escalation, person, by=by, at=at)
    if what is Move.CONFIRM:
        apply_rules(escalation, at=at)


def _drop_what_was_to_be_said(escalation: Escalation, *, by: User, at: datetime) -> None:
    """Of the step that is left: an update that is replaced, a question that is over."""
    drop_owed(escalation)
    if escalation.at_step is Step.NEEDS_INFORMATION:
        drop_question(escalation, by=by, at=at)


def owes(escalation: Escalation, what: Move) -> bool:
    """Whether the step that `what` has led to owes its customers a word."""
    if what in {Move.RESUME, Move.REVIEW}:
        return False
    return bool(RULES[escalation.at_step].owes) and (what is not Move.ASK or escalation.asks_customer)


def _permitted(escalation: Escalation, what: Move) -> Step:
    if escalation.merged_into_id is not None:
        raise Conflict(f"{escalation.reference} was merged into another.", code="merged")
    asked_from = Step(escalation.asked_from) if escalation.asked_from else None
    to = target(what, escalation.at_step, asked_from=asked_from)
    if to is None:
        here = f"{escalation.reference} is at “{escalation.at_step.label}”"
        sentence = f"{here}: “{what.label}” can't be done from there."
        raise Conflict(sentence, code="wrong_step")
    if escalation.owes_update and not replaces_an_owed_update(what):
        owed = RULES[escalation.at_step].owes
        sentence = f"“{escalation.at_step.label}” isn't complete: the customers were not told {owed}. Tell them first."
        raise Conflict(sentence, code="update_owed")
    return to


def _changes(escalation: Escalation, what: Move, given: Mapping[str, Any], *, by: User, at: datetime) -> dict[str, Any]:
    """The columns that the move writes, each demand checked."""
    changes: dict[str, Any] = {}
    for field in MOVES[what].demands:
        changes |= _demanded(escalation, field, given, by=by, at=at)
    if what is Move.ASK:
        changes |= {"asked_from": escalation.step, "asks_customer": bool(given.get("asks_customer"))}
    elif escalation.at_step is Step.NEEDS_INFORMATION:
        changes |= {"asked_from": "", "question_due_at": None}
    if what is Move.FAIL:
        changes |= {"fixed_version": "", "comes_with": "", "owner": escalation.owner or by}
    if what in {Move.RELEASE, Move.RETURN} and given.get("finish_as"):
        changes["finish_as"] = _finish(given["finish_as"])
    if what is Move.REVIEW and given.get("backup"):
        changes["backup"] = _owner(given["backup"], "backup")
    return changes


def _demanded(
    escalation: Escalation, field: str, given: Mapping[str, Any], *, by: User, at: datetime
) -> dict[str, Any]:
    match field:
        case "owner":
            return {"owner": _owner(given.get("owner") or by, "owner")}
        case "question_due_at":
            return {field: _due(given.get(field), at)}
        case "teams":
            return {}
        case "pull_request":
            return _linked(escalation)
        case "comes_with":
            return {field: needed(_line(given, field), field, _SENTENCES[field])}
        case "version":
            return {"fixed_version": needed(_line(given, "version"), "version", _SENTENCES["version"])}
    value = words.body(str(given.get(field) or ""), field=field, most_bytes=TEXT_BYTES).strip()
    return {field: needed(value, field, _SENTENCES[field])}


def _linked(escalation: Escalation) -> dict[str, Any]:
    if not escalation.pull_requests.filter(unlinked_at=None).exists():
        raise Invalid("Link the pull request with the fix first.", code="no_pull_request", field="pull_request")
    return {}


def _owner(user: User, field: str) -> User:
    if not access.may_own(user):
        raise Invalid("Choose an engineer of SET, a lead or an admin.", code="no_engineer", field=field)
    return user


def _due(value: object, at: datetime) -> datetime:
    if not isinstance(value, datetime):
        raise Invalid("Say by when you need it.", code="required", field="question_due_at")
    if value <= at:
        raise Invalid("This is past already.", code="past", field="question_due_at")
    return value


def _finish(value: object) -> str:
    if value not in FinishAs.values:
        raise Invalid("Choose Open or Solved.", code="unknown", field="finish_as")
    return str(value)


def _teams(given: Mapping[str, Any]) -> list[Involved]:
    """Which teams are brought in: none needs to be, what is said must be a team."""
    try:
        return [Involved(team) for team in given.get("teams") or ()]
    except ValueError:
        raise Invalid("Choose among the teams shown.", code="unknown_team", field="teams") from None


def _line(given: Mapping[str, Any], field: str) -> str:
    return words.one_line(str(given.get(field) or ""), field=field, most=_LINES[field])


def _worded(given: Mapping[str, Any], to: Step, what: Move) -> str:
    text = words.body(str(given.get("text") or ""), field="text", most_bytes=TEXT_BYTES).strip()
    if fault := wording.fault_of(text):
        raise Invalid(fault, code="unknown_variable", field="text")
    return text or wording.proposed(to, failed=what is Move.FAIL)


def _kept(what: Move, given: Mapping[str, Any]) -> dict[str, str]:
    """What the record's history says of a move later, when its columns may hold something else."""
    named = ("question", "answer", "plan", "evidence", "reason", "version", "comes_with")
    return {name: str(given[name]) for name in named if name in MOVES[what].demands and given.get(name)}
