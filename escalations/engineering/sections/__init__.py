"""The parts of a record's page: each a module `<name>` with `context(escalation, request)` and `_<name>.html`.

A part asks its own, constant number of queries, and is rendered with its context alone: on the page, or by itself for
htmx, which names it as the target.
"""

from importlib import import_module
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from escalations.models import Escalation


def rendered(name: str, escalation: Escalation, request: HttpRequest) -> SafeString:
    """The section `name` of the record as the person of the request sees it."""
    return render_to_string(template_of(name), context_of(name, escalation, request), request)


def context_of(name: str, escalation: Escalation, request: HttpRequest, **given: Any) -> dict[str, Any]:
    """What the section's template needs; `given` is what its module takes besides, such as a form that was refused."""
    return {"escalation": escalation, **import_module(f"{__name__}.{name}").context(escalation, request, **given)}


def template_of(name: str) -> str:
    return f"escalations/engineering/_{name}.html"
