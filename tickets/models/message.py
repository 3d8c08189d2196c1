"""What people wrote on a ticket, and who is copied in."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils.safestring import SafeString, mark_safe

from accounts.models import User
from supportdesk.lib import html
from tickets.models.ticket import Channel, Ticket
from tickets.querysets import MessageQuerySet, ParticipantQuerySet


class Format(models.TextChoices):
    """How a message was written. Of an HTML mail `body` is the plain text, for search and for plain mails."""

    MARKDOWN = "markdown", "Markdown"
    TEXT = "text", "plain text"
    HTML = "html", "HTML"


class Message(models.Model):
    """A public message or an internal note; text stays as it was written."""

    ticket = models.ForeignKey(Ticket, on_delete=models.PROTECT, related_name="messages")
    author = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="messages")
    is_public = models.BooleanField(help_text="Notes are not: only the staff sees them.")
    from_staff = models.BooleanField(help_text="Written for the vendor, not for the customer's side.")
    is_automatic = models.BooleanField(default=False)
    channel = models.CharField(max_length=10, choices=Channel)
    format = models.CharField(max_length=8, choices=Format, default=Format.MARKDOWN, help_text="How it was written.")
    body = models.TextField()
    body_html = models.TextField(help_text="The body rendered and sanitised.")
    quoted_html = models.TextField(
        blank=True, help_text="Quoted text and signature of a mail, sanitised: kept, folded away."
    )
    rendered_with = models.PositiveSmallIntegerField(default=html.RENDERER_VERSION)
    submission_key = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()

    objects: ClassVar[MessageQuerySet] = MessageQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("created_at", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["author", "submission_key"], condition=~Q(submission_key=""), name="message_sent_once"
            )
        ]
        indexes = [models.Index(fields=["ticket", "created_at", "id"], name="message_of_ticket")]

    def __str__(self) -> str:
        return f"{'Message' if self.is_public else 'Note'} {self.pk} on #{self.ticket_id}"

    @property
    def is_note(self) -> bool:
        return not self.is_public

    @property
    def html(self) -> SafeString:
        """The body to show; Markdown is rendered afresh when the renderer has changed since it was stored.

        What a mail said in its own way is shown as it was stored: its text is no Markdown.
        """
        if self.format == Format.MARKDOWN and self.rendered_with != html.RENDERER_VERSION:
            return html.render_markdown(self.body)
        return mark_safe(self.body_html)  # noqa: S308 - sanitised when it was stored


class Participant(models.Model):
    """Somebody copied in: gets the public messages of this one ticket; sees it too if the address has an account."""

    ticket = models.ForeignKey(Ticket, on_delete=models.CASCADE, related_name="participants")
    email = models.EmailField()
    user = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="participations")
    added_by = models.ForeignKey(User, null=True, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True, blank=True)
    is_pending = models.BooleanField(
        default=False, help_text="Copied in by mail: gets nothing before somebody confirms it (S004)."
    )

    objects: ClassVar[ParticipantQuerySet] = ParticipantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("added_at", "id")
        constraints = [
            models.UniqueConstraint(
                fields=["ticket", "email"], condition=Q(removed_at=None), name="participant_once_per_ticket"
            )
        ]
        indexes = [models.Index(fields=["user", "ticket"], condition=Q(removed_at=None), name="participant_of_user")]

    def __str__(self) -> str:
        return self.email
