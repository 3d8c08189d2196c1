"""Mails to send: the row exists, once per cause and address, before anything goes over the wire."""

from django.db import models
from django.db.models import Q

from accounts.models import User
from tickets.models.event import TicketEvent
from tickets.models.ticket import Ticket


class OutgoingMail(models.Model):
    """One mail to one address. `next_attempt_at` is set exactly while it waits to be sent."""

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        SENT = "sent", "sent"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"

    ticket = models.ForeignKey(Ticket, null=True, on_delete=models.PROTECT, related_name="mails")
    event = models.ForeignKey(TicketEvent, null=True, on_delete=models.PROTECT, related_name="mails")
    kind = models.CharField(max_length=32)
    to_email = models.EmailField()
    to_user = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    subject = models.CharField(max_length=255)
    text = models.TextField()
    html = models.TextField()
    message_id = models.CharField(max_length=255, unique=True)
    references = models.JSONField(default=list)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True, help_text="By the database's clock: who sends it now may until then.")
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "kind", "to_email"], name="mail_once_per_cause"),
            models.CheckConstraint(
                condition=Q(state="queued", next_attempt_at__isnull=False)
                | (~Q(state="queued") & Q(next_attempt_at=None)),
                name="mail_due_while_queued",
            ),
        ]
        indexes = [models.Index(fields=["next_attempt_at"], condition=Q(state="queued"), name="mail_due")]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to_email}"
