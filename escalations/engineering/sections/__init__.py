"""The parts of a record's page: each a module `<name>` with `context(escalation, request)` and `_<name>.html`.

A part asks its own, constant number of queries, and is rendered with its context alone: on the page, or by itself for
htmx, which names it as the target.
"""

from importlib import import_module

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from escalations.models import Escalation


def rendered(name: str, escalation: Escalation, request: HttpRequest) -> SafeString:
    """The section `name` of the record as the person of the request sees it."""
    context = import_module(f"{__name__}.{name}").context(escalation, request)
    shown = {"escalation": escalation, "section": name, **context}
    return render_to_string(f"escalations/engineering/_{name}.html", shown, request)
