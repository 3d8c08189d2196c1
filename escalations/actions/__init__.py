"""The verbs of paging, each one function and one transaction."""

from escalations.actions.asked import page_by_hand, page_me
from escalations.actions.devices import register_device, revoke_device
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
    "escalate",
    "finish",
    "hand_over",
    "page_by_hand",
    "page_me",
    "register_device",
    "revoke_device",
    "snooze",
]
