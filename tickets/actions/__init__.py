"""The verbs on tickets: each locks, checks, changes and records in one transaction.

Whoever calls has already found the ticket through `visible_to`; a verb checks once more under the lock, so that what
was seen a moment ago can't be acted on with rights that are gone.
"""

from tickets.actions.answer import add_note, answer
from tickets.actions.assign import assign, assign_many, take, unassign
from tickets.actions.copies import add_cc, remove_cc
from tickets.actions.customer import mark_solved, raise_priority, reply
from tickets.actions.edit import change_fields, set_do_not_close
from tickets.actions.status import hold, reopen, solve, unhold
from tickets.actions.submit import Request, submit
from tickets.actions.upkeep import close_solved, follow_up_pending
from tickets.actions.uploads import discard_upload, upload

__all__ = [
    "Request",
    "add_cc",
    "add_note",
    "answer",
    "assign",
    "assign_many",
    "change_fields",
    "close_solved",
    "discard_upload",
    "follow_up_pending",
    "hold",
    "mark_solved",
    "raise_priority",
    "remove_cc",
    "reopen",
    "reply",
    "set_do_not_close",
    "solve",
    "submit",
    "take",
    "unassign",
    "unhold",
    "upload",
]
