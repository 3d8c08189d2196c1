"""The demo's engineering escalations: which requests are in which, each step by the verb that a person would use."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db.models import F

from escalations.demo.faults import FAULTS, Fault
from escalations.demo.plot import Case, Step
from escalations.engineering import actions, replies, telling, watch
from escalations.engineering.steps import Move
from escalations.engineering.steps import Step as At
from escalations.engineering.wording import proposed
from escalations.models import (
    CodeHost,
    CustomerNotice,
    Escalation,
    EscalationEvent,
    KnownIssue,
    PullRequest,
)
from tickets import actions as tickets
from tickets.models import Category

if TYPE_CHECKING:
    from escalations.demo.play import Play

_KEPT_ON_HOLD = 2
_URGENT = 1
_ENDED = {"solve", "thanks", "follow_up", "close"}
_OWNERS = ("sven@desk.example", "tova@desk.example", "raj@desk.example")
_REPOSITORY = "acme/server"
HOOK_SECRET = "demo-hook-secret"  # noqa: S105 - of the demo, and in its documentation
"""What the demo's code host signs with: see docs/set-escalation.md."""


# --- The plan: pure --------------------------------------------------------------------------------------------------


def plan(cases: list[Case], now: datetime) -> None:
    """Give requests that wait, or that an agent has answered, to engineering's records, step by step until `now`."""
    waiting = _candidates(cases)
    for number, fault in enumerate(FAULTS):
        theirs: list[Case] = []
        while waiting and len(theirs) < fault.tickets:
            theirs.append(_next(waiting, theirs))
        if theirs:
            _plan_one(number, fault, theirs, now)


def _next(waiting: list[Case], theirs: list[Case]) -> Case:
    """Taken from `waiting`: the oldest of a company that isn't in the record yet, or else the oldest."""
    met = {case.company.slug for case in theirs}
    found = next((case for case in waiting if case.company.slug not in met), waiting[0])
    waiting.remove(found)
    return found


def _candidates(cases: list[Case]) -> list[Case]:
    """The oldest first: what is to be released by now has been with engineering for longest."""
    held, answered = [], []
    for case in cases:
        verbs = [step.verb for step in sorted(case.steps, key=lambda step: step.at)]
        if case.priority == _URGENT or _ENDED & set(verbs):
            continue
        if "hold" in verbs:
            held.append(case)
        elif verbs[-1] in {"say", "reply"} and {"ask", "say"} & set(verbs):
            answered.append(case)
    held.sort(key=_last)
    for case in held[_KEPT_ON_HOLD:]:
        hold = next(step for step in case.steps if step.verb == "hold")
        case.steps = [step for step in case.steps if step.at < hold.at]
    return sorted([*held[_KEPT_ON_HOLD:], *sorted(answered, key=_last)[:10]], key=_last)


def _last(case: Case) -> datetime:
    return max(step.at for step in case.steps)


def _plan_one(number: int, fault: Fault, cases: list[Case], now: datetime) -> None:
    """Its requests are escalated one after the other, then the moves come at even distances."""
    begun = max(map(_last, cases)) + timedelta(minutes=4)
    beat = (now - begun) / (len(cases) + len(fault.moves) + 2)
    for place, case in enumerate(cases):
        case.steps.append(Step(begun + place * beat, "escalate", case.agent, value=number))
    for place, move in enumerate(fault.moves, start=len(cases)):
        by = _OWNERS[number % len(_OWNERS)]
        cases[0].steps.append(Step(begun + place * beat, "engineer", by, move, value=number))


# --- The verbs -------------------------------------------------------------------------------------------------------


def escalate(play: Play, case: Case, step: Step) -> None:
    """Open the record of the fault, or add the request to it."""
    fault, ticket, by = FAULTS[step.value], play.tickets[id(case)], play.cast[step.by]
    text = proposed(At.REQUESTED)
    ticket.refresh_from_db()
    if step.value in play.records:
        actions.add_ticket(play.records[step.value], ticket, by=by, text=text, at=step.at)
        return
    problem = actions.Problem(
        fault.title,
        fault.severity,
        fault.impact,
        fault.reproduction,
        area=Category.objects.get(name=case.story.category),
        affected_versions=fault.versions,
        environment=case.environment,
    )
    play.records[step.value] = actions.request_escalation(ticket, problem, by=by, text=text, at=step.at)


def engineer(play: Play, case: Case, step: Step) -> None:
    """One move of the record, or what belongs to one: telling its customers, holding one back, an answer."""
    fault, escalation, by = FAULTS[step.value], play.records[step.value], play.cast[step.by]
    escalation.refresh_from_db()
    match step.text:
        case "tell":
            actions.send_update(escalation, by=by, at=step.at)
            telling.tell_customers(now=step.at)
        case "hold":
            notice = CustomerNotice.objects.filter(update_of__escalation=escalation, state="owed").latest("pk")
            actions.hold_notice(notice, why="They asked to be called before", by=play.cast[case.agent], at=step.at)
        case "answered":
            ticket = play.tickets[id(case)]
            ticket.refresh_from_db()
            tickets.reply(ticket, by=ticket.requester, body="OpenLDAP 2.6.7, as on the old node.", at=step.at)
        case move:
            _move(play, fault, escalation, Move(move), step)


def _move(play: Play, fault: Fault, escalation: Escalation, what: Move, step: Step) -> None:
    by = play.cast[step.by]
    given: dict[str, Any] = {**fault.given, "teams": fault.teams}
    if what is Move.ASK:
        given["question_due_at"] = step.at + timedelta(days=2)
    if what is Move.PLAN:
        _pull_request(fault, escalation, step, by)
    actions.take_step(escalation, what, by=by, given=given, at=step.at)
    if what is Move.REVIEW:
        _discuss(play, fault, escalation, step.at)
    if what is Move.CONFIRM:
        _publish(fault, escalation, step.at, by)


def _pull_request(fault: Fault, escalation: Escalation, step: Step, by: Any) -> None:
    """Linked by its address; what its host would have told of it since is put down."""
    CodeHost.objects.get_or_create(
        name="GitHub",
        defaults={
            "kind": "github",
            "address": "https://github.com",
            "repositories": _REPOSITORY,
            "secrets": HOOK_SECRET,
        },
    )
    url = f"https://github.com/{_REPOSITORY}/pull/{2400 + escalation.pk}"
    pull = actions.link_pull_request(escalation, url, by=by, at=step.at)
    merged = {"state": "merged", "merged_at": step.at} if fault.is_merged else {"state": "open"}
    PullRequest.objects.filter(pk=pull.pk).update(title=fault.pull_request, checks="passed", **merged)


def _discuss(play: Play, fault: Fault, escalation: Escalation, at: datetime) -> None:
    for place, (email, body) in enumerate(fault.comments, start=1):
        said = at + timedelta(minutes=2 * place)
        if said > play.now:
            return
        actions.comment(escalation, by=play.cast[email], body=body, at=said)


def _publish(fault: Fault, escalation: Escalation, at: datetime, by: Any) -> None:
    if not fault.known_as:
        return
    has_workaround = "tab" in fault.known_as
    notice = actions.Notice(
        fault.known_as,
        f"We have confirmed this as a fault of {settings.PRODUCT_NAME} and are mending it.",
        state=KnownIssue.State.WORKAROUND if has_workaround else KnownIssue.State.INVESTIGATING,
        workaround="Use a single tab until then." if has_workaround else "",
        affected_versions=fault.versions,
    )
    actions.publish_known_issue(escalation, notice, by=by, at=at)


def settle(now: datetime) -> None:
    """What the sweeps would have put down by now; who was to be told of the past has been told."""
    replies.note_all(now=now)
    watch.warn_all(now=now)
    EscalationEvent.objects.filter(notified_at=None).update(notified_at=F("at"))
