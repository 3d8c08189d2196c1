"""How a person is reached, and how soon."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from accounts.models import User
from escalations.querysets import ContactMethodQuerySet
from tickets.models import Priority

PAGING_PRIORITIES = [(Priority.URGENT.value, Priority.URGENT.label), (Priority.HIGH.value, Priority.HIGH.label)]


class ContactMethod(models.Model):
    """An address at which a person may be paged once it is verified; what refuses for good is disabled, not deleted."""

    class Kind(models.TextChoices):
        EMAIL = "email", "e-mail"
        DEMO_PHONE = "demo_phone", "demo phone"

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="contact_methods")
    kind = models.CharField(max_length=12, choices=Kind)
    value = models.CharField("address", max_length=254, help_text="An e-mail address, or the phone's number.")
    verified_at = models.DateTimeField(null=True, blank=True, help_text="Only verified contacts are used for pages.")
    disabled_at = models.DateTimeField(null=True, blank=True, help_text="Set when its provider refuses it for good.")
    disabled_why = models.CharField(max_length=200, blank=True)

    objects: ClassVar[ContactMethodQuerySet] = ContactMethodQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("user", "kind", "value")
        constraints = [
            models.UniqueConstraint(fields=["user", "kind", "value"], name="contact_once_per_person"),
            models.CheckConstraint(condition=~Q(value=""), name="contact_has_address"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_kind_display()} {self.value}"

    @property
    def is_usable(self) -> bool:
        return self.verified_at is not None and self.disabled_at is None


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
