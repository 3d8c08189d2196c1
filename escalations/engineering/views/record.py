"""One record: where it stands, what its customers are owed, and all that surrounds it."""

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from escalations.engineering.sections import discussion, stakeholders
from escalations.engineering.views.gate import find, on_the_board, viewer
from supportdesk.lib.http import page


@on_the_board
@require_safe
def escalation_detail(request: HttpRequest, ref: str) -> HttpResponseBase:
    """The record's page."""
    escalation = find(viewer(request), ref)
    context = {
        "escalation": escalation,
        **stakeholders.context(escalation, request),
        **discussion.context(escalation, request),
    }
    return page(request, "escalations/engineering/record.html", context)
