"""How a verb on a record answers: htmx gets the part of the page that it belongs to, a browser goes back there."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.cache import patch_vary_headers

from escalations.models import Escalation
from supportdesk.lib.http import page


def done(request: HttpRequest, escalation: Escalation, part: str, context: dict[str, Any]) -> HttpResponseBase:
    """The part `part` of the record anew, or its place on the record's page."""
    if not request.htmx:  # type: ignore[attr-defined]
        return HttpResponseRedirect(f"{escalation.get_absolute_url()}#{part}", status=303)
    return show(request, escalation, part, context)


def show(
    request: HttpRequest, escalation: Escalation, part: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """The part for htmx, else on a page of its own: so is what was refused, with all that was typed."""
    template = f"escalations/engineering/_{part}.html"
    said = {"escalation": escalation, "part": template, "alone": True, **context}
    answer = page(
        request,
        "escalations/engineering/part.html",
        said,
        fragment="escalations/engineering/_part.html",
        status=status,
    )
    patch_vary_headers(answer, ["HX-Request"])
    return answer
