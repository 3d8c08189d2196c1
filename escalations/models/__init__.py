from escalations.models.page import EngineHeartbeat, Page, PageDelivery, PageEvent
from escalations.models.people import PAGING_PRIORITIES, ContactMethod, NotificationRule
from escalations.models.policy import EscalationPolicy, PolicyStep
from escalations.models.schedule import Layer, LayerMember, Override, Schedule

__all__ = [
    "PAGING_PRIORITIES",
    "ContactMethod",
    "EngineHeartbeat",
    "EscalationPolicy",
    "Layer",
    "LayerMember",
    "NotificationRule",
    "Override",
    "Page",
    "PageDelivery",
    "PageEvent",
    "PolicyStep",
    "Schedule",
]
