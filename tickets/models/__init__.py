from tickets.models.attachment import Attachment
from tickets.models.catalog import Category, Environment, MobileDevice, WorkflowSettings
from tickets.models.event import EventKind, TicketEvent
from tickets.models.incoming import BlockedSender, ImapMailbox, IncomingMail, MailReason, MailState
from tickets.models.mail import DigestEntry, MailChoice, MailWording, OutgoingMail
from tickets.models.message import Format, Message, Participant
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
from tickets.models.survey import Survey
from tickets.models.ticket import Channel, Priority, Ticket

__all__ = [
    "Attachment",
    "BlockedSender",
    "BusinessCalendar",
    "CalendarDate",
    "CalendarSpan",
    "CalendarVersion",
    "Category",
    "Channel",
    "DigestEntry",
    "Environment",
    "EventKind",
    "Format",
    "ImapMailbox",
    "IncomingMail",
    "MailChoice",
    "MailReason",
    "MailState",
    "MailWording",
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
    "Survey",
    "Ticket",
    "TicketEvent",
    "WorkflowSettings",
]
