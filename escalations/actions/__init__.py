"""The verbs of paging, each one function and one transaction."""

from escalations.actions.asked import page_by_hand, page_me
from escalations.actions.canary import begin_canary, end_canary, tidy_canaries
from escalations.actions.codes import send_code, verify
from escalations.actions.contacts import add_contact, end_here, greet, remove_contact, subscribe
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
    "acknowledge",
    "acknowledge_all",
    "add_contact",
    "answer_key",
    "answer_text",
    "begin_canary",
    "delete_schedule",
    "end_canary",
    "end_here",
    "escalate",
    "finish",
    "greet",
    "hand_over",
    "page_by_hand",
    "page_me",
    "remove_contact",
    "save_rules",
    "save_schedule",
    "send_code",
    "snooze",
    "start_texts",
    "stop_texts",
    "subscribe",
    "tidy_canaries",
    "use_default_rules",
    "verify",
]
