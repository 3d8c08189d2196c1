"""Mails about accounts: the row exists before anything goes over the wire, and retries are rows, too."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.querysets import AccountMailQuerySet, AddressHealthQuerySet


class AddressHealth(models.Model):
    """What other mail servers have said of an address: after three hard bounces nothing is sent there any more."""

    class Why(models.TextChoices):
        BOUNCES = "bounces", "mails to it came back"
        COMPLAINT = "complaint", "its owner took a mail for spam"
        STAFF = "staff", "stopped by the staff"

    email = models.EmailField(unique=True)
    hard_bounces = models.PositiveIntegerField(default=0, help_text="In a row: a delivered mail begins anew.")
    last_bounce_at = models.DateTimeField(null=True)
    last_bounce = models.CharField(max_length=300, blank=True)
    suppressed_at = models.DateTimeField(null=True, blank=True)
    suppressed_why = models.CharField(max_length=10, choices=Why, blank=True)

    objects: ClassVar[AddressHealthQuerySet] = AddressHealthQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name_plural = "addresses' health"
        constraints = [
            models.CheckConstraint(
                condition=Q(suppressed_at=None, suppressed_why="")
                | (Q(suppressed_at__isnull=False) & ~Q(suppressed_why="")),
                name="address_suppressed_with_reason",
            )
        ]
        indexes = [models.Index(fields=["-suppressed_at"], condition=~Q(suppressed_at=None), name="address_suppressed")]

    def __str__(self) -> str:
        return self.email


class AccountMail(models.Model):
    """One mail with a link or a notice about somebody's account.

    `due_at` is set exactly while it waits. All its times are the database's own. The text may hold a link that lets
    its reader in, so it is wiped as soon as it is sent or given up.
    """

    class State(models.TextChoices):
        QUEUED = "queued", "queued"
        SENT = "sent", "sent"
        FAILED = "failed", "failed"

    kind = models.CharField(max_length=64)
    to_email = models.EmailField()
    base_address = models.EmailField(help_text="Without +tag: what the limit of mails to a mailbox counts by (S061).")
    subject = models.CharField(max_length=255)
    text = models.TextField(blank=True)
    message_id = models.CharField(max_length=255, unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(null=True, db_default=Now(), help_text="Who tries now has it until then.")
    sent_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    objects = AccountMailQuerySet.as_manager()

    class Meta:
        verbose_name = "account mail"
        constraints = [
            models.CheckConstraint(
                condition=Q(state="queued", due_at__isnull=False) | (~Q(state="queued") & Q(due_at=None)),
                name="account_mail_due_while_queued",
            ),
            models.CheckConstraint(condition=Q(state="queued") | Q(text=""), name="account_mail_wiped_when_done"),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state="queued"), name="account_mail_due"),
            models.Index(fields=["base_address", "created_at"], name="account_mail_to_mailbox"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} to {self.to_email}"
