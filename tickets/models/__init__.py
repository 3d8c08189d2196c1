from tickets.models.attachment import Attachment
from tickets.models.catalog import Category, Environment, MobileDevice, PromiseTarget, WorkflowSettings
from tickets.models.event import EventKind, TicketEvent
from tickets.models.mail import OutgoingMail
from tickets.models.message import Message, Participant
from tickets.models.ticket import Channel, Priority, Ticket

__all__ = [
    "Attachment",
    "Category",
    "Channel",
    "Environment",
    "EventKind",
    "Message",
    "MobileDevice",
    "OutgoingMail",
    "Participant",
    "Priority",
    "PromiseTarget",
    "Ticket",
    "TicketEvent",
    "WorkflowSettings",
]
