"""How a verb on a record answers: htmx gets the section that it belongs to, a browser goes back there."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.cache import patch_vary_headers

from escalations.engineering.sections import context_of, template_of
from escalations.engineering.views.gate import find, viewer
from escalations.models import Escalation
from supportdesk.lib.http import page


def done(request: HttpRequest, escalation: Escalation, part: str, *, query: str = "") -> HttpResponseBase:
    """The section `part` of the record as it is now, or its place on the record's page with this `query`."""
    if request.htmx:  # type: ignore[attr-defined]
        return show(request, find(viewer(request), escalation.reference), part)
    return led_to(escalation, part, query=query)


def led_to(escalation: Escalation, part: str, *, query: str = "") -> HttpResponseRedirect:
    address = escalation.get_absolute_url()
    return HttpResponseRedirect(f"{address}?{query}#{part}" if query else f"{address}#{part}", status=303)


def show(request: HttpRequest, escalation: Escalation, part: str, *, status: int = 200, **given: Any) -> HttpResponse:
    """The section for htmx, else on a page of its own: so is what was refused, with all that was typed (`given`)."""
    context = {**context_of(part, escalation, request, **given), "part": template_of(part)}
    whole, fragment = "escalations/engineering/part.html", "escalations/engineering/_part.html"
    answer = page(request, whole, context, fragment=fragment, status=status)
    patch_vary_headers(answer, ["HX-Request", "HX-Target"])
    return answer
