from tickets.models.attachment import Attachment
from tickets.models.catalog import Category, Environment, MobileDevice, WorkflowSettings
from tickets.models.event import EventKind, TicketEvent
from tickets.models.mail import OutgoingMail
from tickets.models.message import Message, Participant
from tickets.models.sla import (
    BusinessCalendar,
    CalendarDate,
    CalendarSpan,
    CalendarVersion,
    PolicyVersion,
    PromiseTarget,
    ServiceTerms,
    SlaClock,
    SlaPolicy,
)
from tickets.models.sla_work import PolicyDraft, Retargeting, SlaNotice, SlaNoticeChoice
from tickets.models.ticket import Channel, Priority, Ticket

__all__ = [
    "Attachment",
    "BusinessCalendar",
    "CalendarDate",
    "CalendarSpan",
    "CalendarVersion",
    "Category",
    "Channel",
    "Environment",
    "EventKind",
    "Message",
    "MobileDevice",
    "OutgoingMail",
    "Participant",
    "PolicyDraft",
    "PolicyVersion",
    "Priority",
    "PromiseTarget",
    "Retargeting",
    "ServiceTerms",
    "SlaClock",
    "SlaNotice",
    "SlaNoticeChoice",
    "SlaPolicy",
    "Ticket",
    "TicketEvent",
    "WorkflowSettings",
]
