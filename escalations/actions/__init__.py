"""The verbs of paging, each one function and one transaction."""

from escalations.actions.asked import page_by_hand, page_me
from escalations.actions.feeds import open_feed, revoke_feed
from escalations.actions.leave import LeavesGap, begin_leave, end_leave
from escalations.actions.pages import (
    Acknowledgement,
    acknowledge,
    acknowledge_all,
    escalate,
    finish,
    hand_over,
    snooze,
)
from escalations.actions.shifts import cancel_override, override, take_shift
from escalations.actions.swaps import answer_swap, ask_swap, withdraw_swap

__all__ = [
    "Acknowledgement",
    "LeavesGap",
    "acknowledge",
    "acknowledge_all",
    "answer_swap",
    "ask_swap",
    "begin_leave",
    "cancel_override",
    "end_leave",
    "escalate",
    "finish",
    "hand_over",
    "open_feed",
    "override",
    "page_by_hand",
    "page_me",
    "revoke_feed",
    "snooze",
    "take_shift",
    "withdraw_swap",
]
