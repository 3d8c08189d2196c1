"""Services outside the desk that a page may be handed to."""

from django.db import models
from django.db.models import Q

from supportdesk.lib.fields import SealedCharField, SealedTextField, WebAddressField


class OutsideService(models.Model):
    """PagerDuty, a webhook of somebody's, or the desk's own canary; a page is handed to it by a signed message.

    `secret` is PagerDuty's routing key, or what a webhook's messages are signed with. `inbound_secrets` (one a line,
    the newest first) are what its own calls to the desk are signed with: with none of them nothing is believed. Both
    are encrypted at rest.
    """

    class Kind(models.TextChoices):
        PAGERDUTY = "pagerduty", "PagerDuty"
        WEBHOOK = "webhook", "webhook"
        CANARY = "canary", "canary"

    name = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=10, choices=Kind)
    address = WebAddressField(max_length=500, blank=True, help_text="A webhook's address; empty for PagerDuty.")
    secret = SealedCharField(max_length=200, help_text="The routing key, or the webhook's signing secret.")
    inbound_secrets = SealedTextField(blank=True, help_text="What its calls to us are signed with, one a line.")
    disabled_at = models.DateTimeField(null=True, blank=True, help_text="Set when it refuses us for good.")
    disabled_why = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(fields=["kind"], condition=Q(kind="canary"), name="outside_one_canary"),
            models.CheckConstraint(condition=~Q(kind="webhook") | ~Q(address=""), name="outside_webhook_has_address"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def believed(self) -> tuple[str, ...]:
        """The secrets by which its calls are believed."""
        return tuple(line.strip() for line in self.inbound_secrets.splitlines() if line.strip())
