"""{% slot "name" object %}: what higher apps put on a lower app's page."""

from typing import Any

from django import template
from django.template import Context
from django.utils.safestring import SafeString

from supportdesk.lib import slots

register = template.Library()


@register.simple_tag(takes_context=True)
def slot(context: Context, name: str, subject: Any = None) -> SafeString:
    """The HTML for one object of the page, or for the signed-in person when none is named."""
    request = context["request"]
    return slots.fill_one(name, subject if subject is not None else request.user, request)
