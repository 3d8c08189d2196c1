"""What happened to a ticket: append-only, written in the transaction of what it tells."""

from django.db import models
from django.db.models import Q

from accounts.models import User
from tickets.models.message import Message
from tickets.models.ticket import Ticket


class EventKind(models.TextChoices):
    CREATED = "created", "opened the request"
    ASSIGNED = "assigned", "assigned"
    UNASSIGNED = "unassigned", "unassigned"
    ANSWERED = "answered", "replied"
    NOTED = "noted", "added a note"
    CUSTOMER_REPLIED = "customer_replied", "replied"
    STATUS_CHANGED = "status_changed", "changed the status"
    SOLVED = "solved", "solved"
    CUSTOMER_SOLVED = "customer_solved", "marked as solved"
    REOPENED = "reopened", "reopened"
    HELD = "held", "put on hold"
    UNHELD = "unheld", "took off hold"
    PRIORITY_CHANGED = "priority_changed", "changed the priority"
    FIELD_CHANGED = "field_changed", "changed"
    DO_NOT_CLOSE_CHANGED = "do_not_close_changed", "changed do not close"
    CC_ADDED = "cc_added", "added a CC"
    CC_REMOVED = "cc_removed", "removed a CC"
    MACHINE_WROTE = "machine_wrote", "answered by a machine"
    CC_PROPOSED = "cc_proposed", "copied somebody in by mail"
    SPLIT = "split", "split a message off"
    SURVEYED = "surveyed", "asked how it went"
    RATED = "rated", "rated it"
    FOLLOWED_UP = "followed_up", "opened a follow-up"
    REMINDED = "reminded", "reminded the customer"
    GAVE_UP_WAITING = "gave_up_waiting", "solved for want of an answer"
    CLOSED = "closed", "closed"
    ESCALATED = "escalated", "joined an engineering escalation"
    CAME_BACK = "came_back", "came back from engineering"
    RETARGETED = "retargeted", "moved its promises to other terms"
    SLA_WARNED = "sla_warned", "warned of a promise"
    SLA_BREACHED = "sla_breached", "broke a promise"


class TicketEvent(models.Model):
    """One thing that happened; `actor` None is the system. Only who writes its mails ever writes to it again."""

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=24, choices=EventKind)
    actor = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    message = models.ForeignKey(Message, null=True, on_delete=models.PROTECT, related_name="events")
    from_status = models.CharField(max_length=10, blank=True)
    to_status = models.CharField(max_length=10, blank=True)
    data = models.JSONField(default=dict)
    at = models.DateTimeField()
    notified_at = models.DateTimeField(null=True, help_text="When its mails were written; None: not yet.")
    notify_after = models.DateTimeField(null=True, help_text="Not before, because writing its mails failed.")

    class Meta:
        ordering = ("at", "id")
        indexes = [
            models.Index(fields=["ticket", "at", "id"], name="event_of_ticket"),
            models.Index(fields=["id"], condition=Q(notified_at=None), name="event_to_notify"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} on #{self.ticket_id}"
