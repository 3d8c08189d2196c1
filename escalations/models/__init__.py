from escalations.models.outside import OutsideService
from escalations.models.page import Gathering, Page, PageDelivery, PageEvent
from escalations.models.people import PAGING_PRIORITIES, ContactMethod, NotificationRule, OnCallDevice
from escalations.models.policy import EscalationPolicy, PolicyChoice, PolicyStep
from escalations.models.schedule import (
    CalendarFeed,
    CoverageGap,
    Layer,
    LayerMember,
    LayerWindow,
    Leave,
    Override,
    Schedule,
    Shift,
    ShiftReminder,
    SwapRequest,
)
from escalations.models.watch import EngineHeartbeat, PagingAlarm, WatcherHeartbeat

__all__ = [
    "PAGING_PRIORITIES",
    "CalendarFeed",
    "ContactMethod",
    "CoverageGap",
    "EngineHeartbeat",
    "EscalationPolicy",
    "Gathering",
    "Layer",
    "LayerMember",
    "LayerWindow",
    "Leave",
    "NotificationRule",
    "OnCallDevice",
    "OutsideService",
    "Override",
    "Page",
    "PageDelivery",
    "PageEvent",
    "PagingAlarm",
    "PolicyChoice",
    "PolicyStep",
    "Schedule",
    "Shift",
    "ShiftReminder",
    "SwapRequest",
    "WatcherHeartbeat",
]
