"""The verbs of paging, each one function and one transaction."""

from escalations.actions.asked import page_by_hand, page_me
from escalations.actions.pages import (
    Acknowledgement,
    acknowledge,
    acknowledge_all,
    escalate,
    finish,
    hand_over,
    snooze,
)
from escalations.actions.schedules import delete_schedule, save_schedule

__all__ = [
    "Acknowledgement",
    "acknowledge",
    "acknowledge_all",
    "delete_schedule",
    "escalate",
    "finish",
    "hand_over",
    "page_by_hand",
    "page_me",
    "save_schedule",
    "snooze",
]
