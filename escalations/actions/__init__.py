"""The verbs of paging, each one function and one transaction."""

from escalations.actions.asked import page_by_hand, page_me
from escalations.actions.canary import begin_canary, end_canary, tidy_canaries
from escalations.actions.pages import (
    Acknowledgement,
    acknowledge,
    acknowledge_all,
    escalate,
    finish,
    hand_over,
    snooze,
)

__all__ = [
    "Acknowledgement",
    "acknowledge",
    "acknowledge_all",
    "begin_canary",
    "end_canary",
    "escalate",
    "finish",
    "hand_over",
    "page_by_hand",
    "page_me",
    "snooze",
    "tidy_canaries",
]
