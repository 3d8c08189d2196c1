"""How a person is reached, how soon, and from which device they may answer without logging in."""

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import User
from escalations.querysets import ContactMethodQuerySet, OnCallDeviceQuerySet
from tickets.models import Priority

PAGING_PRIORITIES = [(Priority.URGENT.value, Priority.URGENT.label), (Priority.HIGH.value, Priority.HIGH.label)]


class ContactMethod(models.Model):
    """An address at which a person may be paged once it is verified; what refuses for good is disabled, not deleted.

    `value` is what a person reads: an address, a number in E.164, a device's name. What its channel needs beside that
    is in `details` (`push`: the browser's subscription; `mattermost`: the id of the user; `chat`: Apprise's address).
    """

    class Kind(models.TextChoices):
        PUSH = "push", "push notification"
        MATTERMOST = "mattermost", "Mattermost"
        CHAT = "chat", "chat"
        SMS = "sms", "text message"
        VOICE = "voice", "phone call"
        EMAIL = "email", "e-mail"

    NUMBERS = (Kind.SMS, Kind.VOICE)

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="contact_methods")
    kind = models.CharField(max_length=12, choices=Kind)
    value = models.CharField("address", max_length=254, help_text="An e-mail address, a phone's number, a name.")
    details = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    verified_at = models.DateTimeField(null=True, blank=True, help_text="Only verified contacts are used for pages.")
    disabled_at = models.DateTimeField(null=True, blank=True, help_text="Set when its provider refuses it for good.")
    disabled_why = models.CharField(max_length=200, blank=True)
    code_digest = models.CharField(max_length=64, blank=True, editable=False)
    code_expires_at = models.DateTimeField(null=True, editable=False)
    code_tries = models.PositiveSmallIntegerField(default=0, editable=False)

    objects: ClassVar[ContactMethodQuerySet] = ContactMethodQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("user", "kind", "value")
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "value"], name="contact_once_per_person"),
            models.UniqueConstraint(
                fields=["kind", "value"],
                condition=Q(kind__in=["sms", "voice"], verified_at__isnull=False),
                name="contact_number_is_one_persons",
                violation_error_message="This number is somebody else's.",
            ),
            models.CheckConstraint(condition=~Q(value=""), name="contact_has_address"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_kind_display()} {self.value}"

    @property
    def is_usable(self) -> bool:
        return self.verified_at is not None and self.disabled_at is None

    @property
    def is_removed(self) -> bool:
        """Removed by its owner: kept for what was sent there, and shown to nobody."""
        return "removed_at" in self.details


class NotificationRule(models.Model):
    """A person's wish: for pages of this urgency use this contact, so long after having been paged first."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="notification_rules")
    priority = models.PositiveSmallIntegerField("urgency", choices=PAGING_PRIORITIES)
    contact = models.ForeignKey(ContactMethod, on_delete=models.CASCADE, related_name="rules")
    delay = models.PositiveIntegerField(default=0, help_text="Seconds after the person was first paged; 0 is at once.")

    class Meta:
        ordering = ("user", "priority", "delay")
        constraints = [
            models.UniqueConstraint(fields=["user", "priority", "contact", "delay"], name="rule_once"),
            models.CheckConstraint(
                condition=Q(priority__in=[Priority.URGENT, Priority.HIGH]), name="rule_priority_pages"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_priority_display()}, {self.contact}, after {self.delay} s"


class OnCallDevice(models.Model):
    """A phone whose owner answers pages without logging in: it may see, acknowledge, escalate and hand over theirs.

    What its cookie holds is kept as a hash only; it lasts 90 days, is listed to its owner and can be taken away.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="on_call_devices")
    name = models.CharField(max_length=64)
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_seen_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects: ClassVar[OnCallDeviceQuerySet] = OnCallDeviceQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("user", "-created_at")
        constraints = [models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="device_expires_later")]

    def __str__(self) -> str:
        return f"{self.user}: {self.name}"
