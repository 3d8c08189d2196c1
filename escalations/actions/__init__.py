"""The verbs of paging, each one function and one transaction."""

from escalations.actions.asked import page_by_hand, page_me
from escalations.actions.buttons import press
from escalations.actions.canary import begin_canary, end_canary, tidy_canaries
from escalations.actions.codes import send_code, verify
from escalations.actions.contacts import add_contact, end_here, greet, remove_contact, subscribe
from escalations.actions.devices import register_device, revoke_device
from escalations.actions.feeds import open_feed, revoke_feed
from escalations.actions.leave import LeavesGap, begin_leave, end_leave
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
from escalations.actions.shifts import cancel_override, override, take_shift
from escalations.actions.swaps import answer_swap, ask_swap, withdraw_swap

__all__ = [
    "Acknowledgement",
    "Came",
    "LeavesGap",
    "Said",
    "Word",
    "acknowledge",
    "acknowledge_all",
    "add_contact",
    "answer_from_outside",
    "answer_key",
    "answer_swap",
    "answer_text",
    "ask_swap",
    "begin_canary",
    "begin_leave",
    "cancel_override",
    "delete_schedule",
    "end_canary",
    "end_here",
    "end_leave",
    "escalate",
    "finish",
    "greet",
    "hand_over",
    "open_feed",
    "override",
    "page_by_hand",
    "page_me",
    "press",
    "register_device",
    "remove_contact",
    "revoke_device",
    "revoke_feed",
    "save_rules",
    "save_schedule",
    "send_code",
    "snooze",
    "start_texts",
    "stop_texts",
    "subscribe",
    "take_shift",
    "tidy_canaries",
    "use_default_rules",
    "verify",
    "withdraw_swap",
]
