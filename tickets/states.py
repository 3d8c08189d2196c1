"""The statuses of a ticket and the table of its moves. Pure: no Django, no database.

The source is the table "The moves" of the domain description: nothing else changes a status, and a pair of verb and
status that isn't here is refused. Verbs that leave a status as it is are in the table too, so that it says where they
are permitted.
"""

from enum import StrEnum


class Status(StrEnum):
    NEW = "new"
    OPEN = "open"
    PENDING = "pending"
    ON_HOLD = "on_hold"
    SOLVED = "solved"
    CLOSED = "closed"

    @property
    def label(self) -> str:
        return LABELS[self]


LABELS = {
    Status.NEW: "New",
    Status.OPEN: "Open",
    Status.PENDING: "Pending",
    Status.ON_HOLD: "On-hold",
    Status.SOLVED: "Solved",
    Status.CLOSED: "Closed",
}
UNFINISHED = (Status.NEW, Status.OPEN, Status.PENDING, Status.ON_HOLD)


class Verb(StrEnum):
    """Everything that happens to a ticket and that its status has a say in."""

    ASSIGN = "assign"
    UNASSIGN = "unassign"
    ANSWER_OPEN = "answer_open"
    ANSWER_PENDING = "answer_pending"
    ANSWER_SOLVED = "answer_solved"
    NOTE = "note"
    SOLVE = "solve"
    HOLD = "hold"
    UNHOLD = "unhold"
    REOPEN = "reopen"
    EDIT = "edit"
    CUSTOMER_REPLY = "customer_reply"
    CUSTOMER_SOLVE = "customer_solve"
    CUSTOMER_RAISE = "customer_raise"
    CLOSE = "close"
    REMIND = "remind"
    GIVE_UP_WAITING = "give_up_waiting"
    ESCALATE = "escalate"
    TELL = "tell"
    ASK_FOR_ENGINEERING = "ask_for_engineering"
    COME_BACK = "come_back"
    COME_BACK_SOLVED = "come_back_solved"


_N, _O, _P, _H, _S, _C = Status.NEW, Status.OPEN, Status.PENDING, Status.ON_HOLD, Status.SOLVED, Status.CLOSED


def _stays(*statuses: Status) -> dict[Status, Status]:
    return {status: status for status in statuses}


MOVES: dict[Verb, dict[Status, Status]] = {
    Verb.ASSIGN: {_N: _O, **_stays(_O, _P, _H, _S)},
    # Back to New only where nobody has answered yet: see `target`.
    Verb.UNASSIGN: {_N: _N, _O: _N, **_stays(_P, _H, _S)},
    Verb.ANSWER_OPEN: {_N: _O, _O: _O, _P: _P, _H: _H, _S: _O},
    Verb.ANSWER_PENDING: {_N: _P, _O: _P, _P: _P, _H: _P, _S: _P},
    Verb.ANSWER_SOLVED: {_N: _S, _O: _S, _P: _S, _H: _S, _S: _S},
    Verb.NOTE: _stays(*Status),
    Verb.SOLVE: {_N: _S, _O: _S, _P: _S, _H: _S},
    Verb.HOLD: {_O: _H, _P: _H},
    Verb.UNHOLD: {_H: _O},
    Verb.REOPEN: {_S: _O},
    Verb.EDIT: _stays(_N, _O, _P, _H, _S),
    # A reply to a Closed ticket opens a follow-up, which is a ticket of its own: Closed stays Closed.
    Verb.CUSTOMER_REPLY: {_N: _N, _O: _O, _P: _O, _H: _H, _S: _O, _C: _C},
    Verb.CUSTOMER_SOLVE: {_N: _S, _O: _S, _P: _S, _H: _S},
    Verb.CUSTOMER_RAISE: _stays(_N, _O, _P, _H),
    Verb.CLOSE: {_S: _C},
    Verb.REMIND: _stays(_P),
    Verb.GIVE_UP_WAITING: {_P: _S},
    Verb.ESCALATE: {_N: _H, _O: _H, _P: _H},
    # What engineering has to say is told on finished tickets, too, and changes nothing there.
    Verb.TELL: {_N: _O, **_stays(_O, _P, _H, _S, _C)},
    Verb.ASK_FOR_ENGINEERING: {_N: _P, _O: _P, _P: _P, _H: _P, **_stays(_S, _C)},
    Verb.COME_BACK: {_P: _O, _H: _O, **_stays(_N, _O, _S, _C)},
    Verb.COME_BACK_SOLVED: {_N: _S, _O: _S, _P: _S, _H: _S, **_stays(_S, _C)},
}
_NOT_FROM_HOLD_WHILE_ESCALATED = (Verb.ANSWER_PENDING, Verb.ANSWER_SOLVED, Verb.SOLVE, Verb.UNHOLD)


def target(verb: Verb, status: Status, *, answered: bool = False, escalated: bool = False) -> Status | None:
    """The status that `verb` leads to from `status`, None where it is refused.

    `answered`: has staff ever replied? `escalated`: is an engineering escalation active? It keeps the ticket On-hold.
    """
    to = MOVES[verb].get(status)
    if escalated and status is Status.ON_HOLD and verb in _NOT_FROM_HOLD_WHILE_ESCALATED:
        return None
    if escalated and status is Status.PENDING and verb is Verb.CUSTOMER_REPLY:
        return Status.ON_HOLD
    if verb is Verb.UNASSIGN and to is Status.NEW and answered:
        return status
    return to


def permits(verb: Verb, status: Status, *, escalated: bool = False) -> bool:
    return target(verb, status, escalated=escalated) is not None


def as_seen_by_customer(status: Status) -> Status:
    """On-hold is internal: the customer sees Open."""
    return Status.OPEN if status is Status.ON_HOLD else status
