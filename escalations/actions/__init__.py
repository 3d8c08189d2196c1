"""The verbs of paging, each one function and one transaction."""

from escalations.actions.asked import page_by_hand, page_me
from escalations.actions.buttons import press
from escalations.actions.codes import send_code, verify
from escalations.actions.contacts import add_contact, end_here, greet, remove_contact, subscribe
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
from escalations.actions.rules import save_rules, use_default_rules
from escalations.actions.schedules import delete_schedule, save_schedule

__all__ = [
    "Acknowledgement",
    "Came",
    "Said",
    "Word",
    "acknowledge",
    "acknowledge_all",
    "add_contact",
    "answer_from_outside",
    "answer_key",
    "answer_text",
    "delete_schedule",
    "end_here",
    "escalate",
    "finish",
    "greet",
    "hand_over",
    "page_by_hand",
    "page_me",
    "press",
    "remove_contact",
    "save_rules",
    "save_schedule",
    "send_code",
    "snooze",
    "start_texts",
    "stop_texts",
    "subscribe",
    "use_default_rules",
    "verify",
]
