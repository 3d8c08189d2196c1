"""Putting a message on a ticket: shared by submission, replies and notes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.conf import settings

from accounts.models import User
from supportdesk.lib import html, text
from supportdesk.lib.errors import Conflict, Invalid
from tickets.models import Attachment, Channel, Message, Ticket


def write_message(
    ticket: Ticket,
    *,
    by: User | None,
    body: str,
    uploads: Sequence[UUID],
    is_public: bool,
    from_staff: bool,
    channel: Channel,
    key: str,
    at: datetime,
    is_automatic: bool = False,
    field: str = "body",
) -> Message:
    """Add a message and hand it the uploads of its author; Invalid for empty text or files that aren't theirs."""
    body = text.body(body, field=field, most_bytes=settings.DESCRIPTION_MAX_BYTES)
    if not body.strip():
        raise Invalid("Please write something.", code="empty", field=field)
    message = Message.objects.create(
        ticket=ticket,
        author=by,
        body=body,
        body_html=html.render_markdown(body),
        is_public=is_public,
        from_staff=from_staff,
        is_automatic=is_automatic,
        channel=channel,
        submission_key=key,
        created_at=at,
    )
    take_uploads(message, uploads, by=by)
    return message


def take_uploads(message: Message, uploads: Sequence[UUID], *, by: User | None) -> None:
    """Attach what `by` uploaded before; Invalid when a file is unknown, another's, or already sent."""
    wanted = set(uploads)
    if not wanted:
        return
    if len(wanted) > settings.ATTACHMENT_MAX_COUNT:
        sentence = f"At most {settings.ATTACHMENT_MAX_COUNT} files fit on one message."
        raise Invalid(sentence, code="too_many_files", field="attachments")
    taken = Attachment.objects.filter(message=None, uploaded_by=by, pk__in=wanted).update(message=message)
    if taken != len(wanted):
        sentence = "A file is no longer there. Please attach it again."
        raise Invalid(sentence, code="unknown_file", field="attachments")


def sent_before(by: User, key: str, *, ticket: Ticket, body: str, is_public: bool) -> Message | None:
    """The message that this form already sent; Conflict when it was sent with other words (S089)."""
    if not key:
        return None
    message = Message.objects.filter(author=by, submission_key=key).first()
    if message is None:
        return None
    same_body = text.body(body, field="body", most_bytes=settings.DESCRIPTION_MAX_BYTES) == message.body
    if message.ticket_id != ticket.pk or message.is_public != is_public or not same_body:
        raise Conflict("This form was already sent with other text. Reload the page to send more.", code="key_reused")
    return message
