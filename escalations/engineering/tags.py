"""{% load engineering %}: how severe a record is and where it stands, by icon, word and colour. None queries."""

from functools import lru_cache

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from escalations.engineering.steps import ACTIVE, Step
from supportdesk.lib.tags import icon

register = template.Library()

_SEVERITIES = {
    1: ("urgent", "Critical", "octagon-alert"),
    2: ("high", "Major", "triangle-alert"),
    3: ("normal", "Moderate", "circle-alert"),
    4: ("low", "Minor", "circle-dot"),
}
_ENDED_WELL = (Step.RELEASED,)


@register.simple_tag
@lru_cache(maxsize=8)
def severity_mark(severity: int) -> SafeString:
    """How bad it is."""
    look, word, drawing = _SEVERITIES[int(severity)]
    return format_html('<span class="prio {}">{}{}</span>', look, icon(drawing), word)


@register.simple_tag
@lru_cache(maxsize=16)
def step_chip(step: str) -> SafeString:
    """The step that a record is at."""
    at = Step(step)
    look = "pending" if at in ACTIVE else "solved" if at in _ENDED_WELL else "closed"
    return format_html('<span class="chip {}">{}</span>', look, at.label)


@register.filter
def counted(number: int, noun: str) -> str:
    """`1 ticket`, `12 tickets`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
