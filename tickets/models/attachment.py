"""Files, kept under random keys outside of anything that a web server serves by itself."""

import uuid

from django.db import models
from django.db.models import Q

from accounts.models import User
from supportdesk.lib.fields import RandomlyNamedFileField
from tickets.models.message import Message
from tickets.querysets import AttachmentQuerySet


class Attachment(models.Model):
    """A file of a message, or an upload that its owner has not sent yet."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    message = models.ForeignKey(Message, null=True, on_delete=models.PROTECT, related_name="attachments")
    uploaded_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="uploads")
    file = RandomlyNamedFileField(max_length=100)
    name = models.CharField(max_length=255, help_text="What its owner called it; only ever a label.")
    size = models.PositiveBigIntegerField()
    content_type = models.CharField(max_length=100, help_text="As found in the file's own bytes.")
    is_inline = models.BooleanField(default=False, help_text="Shown within a mail's text, not in the list of files.")
    is_image = models.BooleanField(default=False, help_text="A raster image that may be shown in place.")
    created_at = models.DateTimeField()

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        ordering = ("created_at", "id")
        constraints = [models.CheckConstraint(condition=Q(size__gt=0), name="attachment_is_not_empty")]
        indexes = [models.Index(fields=["created_at"], condition=Q(message=None), name="attachment_unsent")]

    def __str__(self) -> str:
        return self.name
