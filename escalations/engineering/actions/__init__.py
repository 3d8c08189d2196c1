"""The verbs on engineering escalations: each locks, checks, changes and records in one transaction."""

from escalations.engineering.actions.invite import dismiss_team, invite_team
from escalations.engineering.actions.links import add_ticket, finish_ticket_as, join, unlink
from escalations.engineering.actions.request import Problem, request_escalation
from escalations.engineering.actions.step import take_step
from escalations.engineering.actions.updates import (
    change_notice,
    hold_notice,
    release_notice,
    send_update,
    word_update,
)

__all__ = [
    "Problem",
    "add_ticket",
    "change_notice",
    "dismiss_team",
    "finish_ticket_as",
    "hold_notice",
    "invite_team",
    "join",
    "release_notice",
    "request_escalation",
    "send_update",
    "take_step",
    "unlink",
    "word_update",
]
