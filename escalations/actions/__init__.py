"""The verbs of paging, each one function and one transaction."""

from escalations.actions.asked import page_by_hand, page_me
from escalations.actions.buttons import Pressed, press
from escalations.actions.outside import Came, Said, Word, answer_from_outside
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
    "Came",
    "Pressed",
    "Said",
    "Word",
    "acknowledge",
    "acknowledge_all",
    "answer_from_outside",
    "escalate",
    "finish",
    "hand_over",
    "page_by_hand",
    "page_me",
    "press",
    "snooze",
]
