"""{% load tickets %}: a message of a conversation, written without a template: they are most of what its page costs."""

from typing import Any

from django import template
from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString, mark_safe

from supportdesk.lib.html import markup
from supportdesk.lib.tags import ago, face
from tickets.models import Message

register = template.Library()

_MESSAGE = (
    '<article class="msg{}" id="message-{}">{}<div><header><b>{}</b>{} <span class="small muted">{}{}{}</span></header>'
    '<div class="body prose">{}</div>{}</div></article>\n'
)
_NOTE_BADGE = mark_safe(' <span class="badge warn">Internal note</span>')
_STAFF_BADGE = ' <span class="badge">{} Support</span>'


@register.simple_tag
def message(said: Message, audience: str) -> SafeString:
    """A message with its author and attachments loaded; `audience` "staff" adds the door that it came through."""
    return markup(
        _MESSAGE,
        " note" if said.is_note else "",
        said.pk,
        face(said.author, "l"),
        said.author.display_name if said.author else settings.SITE_NAME,
        _badge(said),
        "automatic · " if said.is_automatic else "",
        f"by {said.get_channel_display()} · " if audience == "staff" and not said.is_note else "",
        ago(said.created_at),
        said.html,
        _attached(said),
    )


def _badge(said: Message) -> SafeString:
    if said.is_note:
        return _NOTE_BADGE
    return markup(_STAFF_BADGE, settings.VENDOR_NAME) if said.from_staff else SafeString("")


def _attached(said: Message) -> Any:
    files = said.attachments.all()
    return render_to_string("tickets/_attachments.html", {"attachments": files}) if files else ""
