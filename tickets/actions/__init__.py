"""The verbs on tickets: each locks, checks, changes and records in one transaction.

Whoever calls has already found the ticket through `visible_to`; a verb checks once more under the lock, so that what
was seen a moment ago can't be acted on with rights that are gone.
"""

from tickets.actions.answer import add_note, answer
from tickets.actions.assign import assign, assign_many, take, unassign
from tickets.actions.copies import add_cc, confirm_cc, propose_cc, remove_cc
from tickets.actions.customer import mark_solved, note_machine, raise_priority, reply, set_priority
from tickets.actions.edit import change_fields, set_do_not_close
from tickets.actions.engineering import change_escalation, come_back, escalate, join_escalation, tell, wait_again
from tickets.actions.mailroom import block_sender, dismiss, unblock_sender, undo_dismiss
from tickets.actions.mails import retry_mail
from tickets.actions.split import split
from tickets.actions.status import hold, reopen, solve, unhold
from tickets.actions.submit import Request, submit
from tickets.actions.survey import ask_survey, rate
from tickets.actions.unreachable import note_unreachable
from tickets.actions.unsubscribe import unsubscribe
from tickets.actions.upkeep import close_solved, follow_up_pending
from tickets.actions.uploads import discard_upload, upload

__all__ = [
    "Request",
    "add_cc",
    "add_note",
    "answer",
    "ask_survey",
    "assign",
    "assign_many",
    "block_sender",
    "change_escalation",
    "change_fields",
    "close_solved",
    "come_back",
    "confirm_cc",
    "discard_upload",
    "dismiss",
    "escalate",
    "follow_up_pending",
    "hold",
    "join_escalation",
    "mark_solved",
    "note_machine",
    "note_unreachable",
    "propose_cc",
    "raise_priority",
    "rate",
    "remove_cc",
    "reopen",
    "reply",
    "retry_mail",
    "set_do_not_close",
    "set_priority",
    "solve",
    "split",
    "submit",
    "take",
    "tell",
    "unassign",
    "unblock_sender",
    "undo_dismiss",
    "unhold",
    "unsubscribe",
    "upload",
    "wait_again",
]
