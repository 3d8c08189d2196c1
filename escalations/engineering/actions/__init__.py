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
from escalations.engineering.actions.merge import merge, unmerge
from escalations.engineering.actions.outside_issues import link_outside_issue, unlink_outside_issue
from escalations.engineering.actions.pull_requests import (
    Came,
    Delivery,
    forget_old_deliveries,
    link_pull_request,
    take_delivery,
    unlink_pull_request,
)
from escalations.engineering.actions.request import Problem, request_escalation
from escalations.engineering.actions.step import take_step, taken_already
from escalations.engineering.actions.updates import (
    change_notice,
    dismiss_notice,
    hold_notice,
    release_notice,
    send_update,
    word_update,
)

__all__ = [
    "Came",
    "Delivery",
    "Notice",
    "Problem",
    "add_ticket",
    "apply_rules",
    "change_notice",
    "comment",
    "dismiss_notice",
    "dismiss_person",
    "dismiss_team",
    "edit",
    "finish_ticket_as",
    "follow",
    "forget_old_deliveries",
    "give_to",
    "hold_notice",
    "invite_person",
    "invite_team",
    "join",
    "link_outside_issue",
    "link_pull_request",
    "mark_seen",
    "merge",
    "mute",
    "publish_known_issue",
    "release_notice",
    "report_known_issue",
    "reported_by",
    "request_escalation",
    "send_update",
    "take_delivery",
    "take_step",
    "taken_already",
    "unfollow",
    "unlink",
    "unlink_outside_issue",
    "unlink_pull_request",
    "unmerge",
    "withdraw_known_issue",
    "word_update",
]
