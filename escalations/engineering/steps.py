"""The steps of an engineering escalation and the table of its moves. Pure: no Django, no database.

The source is the table "Escalation to the Sustained Engineering Team" of the domain description: what a step demands,
what it owes the customer, and what the customer's timeline shows of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Step(StrEnum):
    REQUESTED = "requested"
    UNDER_REVIEW = "under_review"
    NEEDS_INFORMATION = "needs_information"
    CONFIRMED = "confirmed"
    PLANNED = "planned"
    TESTED = "tested"
    RELEASED = "released"
    RETURNED = "returned"
    WITHDRAWN = "withdrawn"

    @property
    def label(self) -> str:
        return RULES[self].label


class Stage(StrEnum):
    """What the customer's timeline shows, in its order; `ANSWERED` in place of all after the first."""

    REPORTED = "reported"
    CONFIRMED = "confirmed"
    PLAN = "plan"
    FIX_TESTED = "fix_tested"
    RELEASED = "released"
    ANSWERED = "answered"

    @property
    def label(self) -> str:
        return STAGES[self]


STAGES = {
    Stage.REPORTED: "Reported",
    Stage.CONFIRMED: "Confirmed",
    Stage.PLAN: "Plan",
    Stage.FIX_TESTED: "Fix tested",
    Stage.RELEASED: "Released",
    Stage.ANSWERED: "Answered",
}
TO_RELEASE = (Stage.REPORTED, Stage.CONFIRMED, Stage.PLAN, Stage.FIX_TESTED, Stage.RELEASED)


class Move(StrEnum):
    """What is done to a record that takes it to another step."""

    REVIEW = "review"
    ASK = "ask"
    RESUME = "resume"
    RETURN = "return"
    CONFIRM = "confirm"
    PLAN = "plan"
    TEST = "test"
    RELEASE = "release"
    FAIL = "fail"
    WITHDRAW = "withdraw"

    @property
    def label(self) -> str:
        return MOVES[self].label


@dataclass(frozen=True)
class StepRule:
    """`stage` is what the customer sees, None where it stays what it was; `owes` what they have to be told."""

    label: str
    stage: Stage | None
    owes: str = ""


@dataclass(frozen=True)
class MoveRule:
    """From which steps a move leads to which; to None: back to where the record came from.

    `demands` are the record's fields that must be filled by then.
    """

    label: str
    starts: tuple[Step, ...]
    to: Step | None
    demands: tuple[str, ...] = ()


RULES: Mapping[Step, StepRule] = {
    Step.REQUESTED: StepRule("Requested", Stage.REPORTED, "that engineering is looking"),
    Step.UNDER_REVIEW: StepRule("Under review", None),
    Step.NEEDS_INFORMATION: StepRule("Needs information", None, "the question"),
    Step.CONFIRMED: StepRule("Confirmed", Stage.CONFIRMED, "that it is confirmed"),
    Step.PLANNED: StepRule("Action plan created", Stage.PLAN, "the plan"),
    Step.TESTED: StepRule("Action plan executed", Stage.FIX_TESTED, "that the fix is tested, and its version"),
    Step.RELEASED: StepRule("Released", Stage.RELEASED, "the version to upgrade to"),
    Step.RETURNED: StepRule("Returned", Stage.ANSWERED, "the answer"),
    Step.WITHDRAWN: StepRule("Withdrawn", None, "that engineering looks into it no more"),
}
ENDED = (Step.RELEASED, Step.RETURNED, Step.WITHDRAWN)
ACTIVE = tuple(step for step in Step if step not in ENDED)
COLUMNS = (*(step for step in ACTIVE), Step.RELEASED, Step.RETURNED)
"""The board's, in order."""

_LATER = (Step.CONFIRMED, Step.PLANNED, Step.TESTED)
MOVES: Mapping[Move, MoveRule] = {
    Move.REVIEW: MoveRule("Start the review", (Step.REQUESTED,), Step.UNDER_REVIEW, ("owner",)),
    Move.ASK: MoveRule(
        "Ask for information", (Step.UNDER_REVIEW, *_LATER), Step.NEEDS_INFORMATION, ("question", "question_due_at")
    ),
    Move.RESUME: MoveRule("Go on", (Step.NEEDS_INFORMATION,), None),
    Move.RETURN: MoveRule("Return: not a product issue", (Step.UNDER_REVIEW,), Step.RETURNED, ("answer",)),
    Move.CONFIRM: MoveRule("Confirm: product issue", (Step.UNDER_REVIEW,), Step.CONFIRMED, ("teams",)),
    Move.PLAN: MoveRule("Create the action plan", (Step.CONFIRMED,), Step.PLANNED, ("plan",)),
    Move.TEST: MoveRule(
        "Plan executed: fix tested", (Step.PLANNED,), Step.TESTED, ("pull_request", "evidence", "comes_with")
    ),
    Move.RELEASE: MoveRule("Release", (Step.TESTED,), Step.RELEASED, ("version",)),
    Move.FAIL: MoveRule("The fix failed", (Step.TESTED, Step.RELEASED), Step.CONFIRMED, ("reason",)),
    Move.WITHDRAW: MoveRule("Withdraw", ACTIVE, Step.WITHDRAWN, ("reason",)),
}


def target(move: Move, step: Step, *, asked_from: Step | None = None) -> Step | None:
    """The step that `move` leads to from `step`, None where it is refused; back from a question to `asked_from`."""
    rule = MOVES[move]
    if step not in rule.starts:
        return None
    return rule.to or asked_from or Step.UNDER_REVIEW


def possible(step: Step) -> list[Move]:
    """The moves that lead on from `step`, the usual one first."""
    return [move for move, rule in MOVES.items() if step in rule.starts]


def move_to(step: Step, to: Step, *, asked_from: Step | None = None) -> Move | None:
    """The move by which a card dragged from `step` gets to `to`; None where there is none."""
    return next((move for move in possible(step) if target(move, step, asked_from=asked_from) is to), None)


def replaces_an_owed_update(move: Move) -> bool:
    """By these a record may leave a step whose update was not sent: what was to be told is no longer true."""
    return move in {Move.FAIL, Move.WITHDRAW}
