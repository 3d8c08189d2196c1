"""The verbs on engineering escalations: each locks, checks, changes and records in one transaction."""

from escalations.engineering.actions.comment import comment
from escalations.engineering.actions.edit import edit, give_to
from escalations.engineering.actions.invite import (
    apply_rules,
    dismiss_person,
    dismiss_team,
    follow,
    invite_person,
    invite_team,
    mute,
    unfollow,
)
from escalations.engineering.actions.known_issue import (
    Notice,
    publish_known_issue,
    report_known_issue,
    reported_by,
    withdraw_known_issue,
)
from escalations.engineering.actions.links import add_ticket, finish_ticket_as, join, mark_seen, unlink
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
    "Notice",
    "Problem",
    "add_ticket",
    "apply_rules",
    "change_notice",
    "comment",
    "dismiss_person",
    "dismiss_team",
    "edit",
    "finish_ticket_as",
    "follow",
    "give_to",
    "hold_notice",
    "invite_person",
    "invite_team",
    "join",
    "mark_seen",
    "mute",
    "publish_known_issue",
    "release_notice",
    "report_known_issue",
    "reported_by",
    "request_escalation",
    "send_update",
    "take_step",
    "unfollow",
    "unlink",
    "withdraw_known_issue",
    "word_update",
]
