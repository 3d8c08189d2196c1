"""Giving a message the looks of the mail that it came by: its HTML, what it quotes, its files."""

import re
from dataclasses import replace
from datetime import datetime

from django.conf import settings
from django.core.files import File
from django.urls import reverse
from django.utils.html import linebreaks, urlize
from django.utils.safestring import SafeString

from accounts.models import User
from supportdesk.lib import html
from tickets.actions import uploads
from tickets.mail.parse.clean import with_images
from tickets.mail.parsed import Parsed, Part
from tickets.models import Attachment, Format, Message


def without_secrets(said: Parsed) -> Parsed:
    """The mail without the links of ours that act for their reader with no log-in: an answer quotes the mail that it
    answers, and everybody on the request reads it."""
    secret = re.compile(rf"({re.escape(settings.SITE_URL)}/(?:priority|survey|unsubscribe)/)[\w:%.~-]+")
    texts = (secret.sub(r"\1removed", text) for text in (said.text, said.html, said.quoted_text, said.quoted_html))
    text, own_html, quoted_text, quoted_html = texts
    return replace(said, text=text, html=own_html, quoted_text=quoted_text, quoted_html=quoted_html)


def dress(message: Message, said: Parsed, *, by: User, at: datetime) -> None:
    """Let a message that was just written look as its mail did, in the transaction that wrote it.

    Raises Invalid for a file that can't be kept.
    Its images show from our own copies, anything remote not at all (S045).
    """
    images = attach(message, said, by=by, at=at)
    message.format = Format.HTML if said.html else Format.TEXT
    message.body_html = with_images(said.html, images) if said.html else as_paragraphs(message.body)
    message.quoted_html = with_images(said.quoted_html, images)
    message.rendered_with = html.RENDERER_VERSION
    message.save(update_fields=["format", "body_html", "quoted_html", "rendered_with"])


def attach(message: Message, said: Parsed, *, by: User, at: datetime) -> dict[str, str]:
    """Put the mail's files on the message; where those stand that its text shows, by their Content-ID."""
    images = {}
    for part in said.parts[: settings.ATTACHMENT_MAX_COUNT]:
        kept = _keep(part, message, by=by, at=at)
        if kept.is_inline:
            images[part.content_id] = reverse("attachment_preview", args=[kept.pk])
    return images


def as_paragraphs(text: str) -> SafeString:
    """Plain text as HTML: paragraphs and line breaks as they were typed, addresses as links, nothing else."""
    return SafeString(html.sanitise(linebreaks(urlize(text, nofollow=True, autoescape=True), autoescape=False)))


def _keep(part: Part, message: Message, *, by: User, at: datetime) -> Attachment:
    with part.path.open("rb") as file:
        attachment = uploads.kept(File(file, name="mail"), name=part.name, owner=by, at=at)
    attachment.message = message
    attachment.is_inline = part.is_inline and attachment.is_image
    attachment.save(force_insert=True)
    return attachment
