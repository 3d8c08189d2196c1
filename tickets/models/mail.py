"""Mails to send: the row exists, once per cause and address, before anything goes over the wire."""

from django.db import models
from django.db.models import Q

from accounts.models import User
from tickets.models.event import TicketEvent
from tickets.models.ticket import Ticket


class MailWording(models.Model):
    """What an admin made of one kind of mail; where there is no row, or no text, it is the product's own.

    The texts may name the variables of `tickets.notifications.variables` and nothing else.
    """

    kind = models.CharField(max_length=32, unique=True)
    lead = models.TextField(blank=True, help_text="The first sentence or two.")
    closing = models.TextField(blank=True, help_text="After what was written and the facts, before the links.")
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name = "mail text"
        ordering = ("kind",)

    def __str__(self) -> str:
        return self.kind


class MailChoice(models.Model):
    """How somebody wants to be told of a topic, where it differs from the topic's default."""

    class How(models.TextChoices):
        EACH = "each", "a mail each"
        DIGEST = "digest", "once a day"
        NEVER = "never", "no mail"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="mail_choices")
    topic = models.CharField(max_length=20)
    how = models.CharField(max_length=8, choices=How)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "topic"], name="mail_choice_once_per_topic")]

    def __str__(self) -> str:
        return f"{self.user}: {self.topic}, {self.get_how_display()}"


class DigestEntry(models.Model):
    """One thing that happened, for somebody's next digest. `settled_at`: mailed, or dropped (no `mail`)."""

    event = models.ForeignKey(TicketEvent, on_delete=models.CASCADE, related_name="+")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="digest_entries")
    kind = models.CharField(max_length=32)
    due_at = models.DateTimeField(help_text="When the reader's digest is to be written.")
    mail = models.ForeignKey("tickets.OutgoingMail", null=True, on_delete=models.PROTECT, related_name="+")
    settled_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "digest entries"
        constraints = [models.UniqueConstraint(fields=["event", "user"], name="digest_entry_once")]
        indexes = [models.Index(fields=["due_at", "user"], condition=Q(settled_at=None), name="digest_entry_due")]

    def __str__(self) -> str:
        return f"{self.kind} for {self.user}"


class OutgoingMail(models.Model):
    """One mail to one address. `next_attempt_at` is set exactly while it waits to be sent."""

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        SENT = "sent", "sent"
        FAILED = "failed", "failed"
        CANCELLED = "cancelled", "cancelled"
        BOUNCED = "bounced", "bounced"

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
    provider_id = models.CharField(max_length=255, blank=True, help_text="What the mail provider calls it.")
    delivered_at = models.DateTimeField(null=True, help_text="Where the provider tells of it.")
    bounced_at = models.DateTimeField(null=True)
    bounce = models.CharField(max_length=300, blank=True, help_text="What the other side said.")
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
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state="queued"), name="mail_due"),
            models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="mail_by_provider_id"),
            models.Index(fields=["to_email", "-id"], name="mail_to_address"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to_email}"
