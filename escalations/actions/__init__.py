"""The verbs of paging, each one function and one transaction."""

from escalations.actions.asked import page_by_hand, page_me
from escalations.actions.buttons import press
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
from escalations.actions.replies import answer_key, answer_text, start_texts, stop_texts

__all__ = [
    "Acknowledgement",
    "Came",
    "Said",
    "Word",
    "acknowledge",
    "acknowledge_all",
    "answer_from_outside",
    "answer_key",
    "answer_text",
    "escalate",
    "finish",
    "hand_over",
    "page_by_hand",
    "page_me",
    "press",
    "snooze",
    "start_texts",
    "stop_texts",
]
