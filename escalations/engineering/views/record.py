"""One record: where it stands, what its customers are owed, and all that surrounds it."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from escalations.engineering import access
from escalations.engineering.board import moves_of
from escalations.engineering.overdue import overdue
from escalations.engineering.sections import rendered
from escalations.engineering.stepper import Stop, stops
from escalations.engineering.views import parts
from escalations.engineering.views.gate import find, on_the_board, seen_among, viewer
from escalations.models import Escalation, EscalationEvent
from supportdesk.lib import clock
from supportdesk.lib.http import page

ABOVE = ("owed",)
MAIN = ("evidence", "tickets", "told", "discussion", "history")
BESIDE = ("pull_requests", "stakeholders", "outside_issues", "duplicates", "known_issue")
"""The sections of the page, in order; their modules are in `sections`."""


@on_the_board
@require_safe
def escalation_detail(request: HttpRequest, ref: str) -> HttpResponseBase:
    """The record's page; for htmx the section that it names as its target."""
    escalation = find(viewer(request), ref)
    wanted = getattr(request, "htmx", None) and request.htmx.target  # type: ignore[attr-defined]
    if wanted in (*ABOVE, *MAIN, *BESIDE):
        return parts.show(request, escalation, wanted)
    response = page(request, "escalations/engineering/record.html", _context(request, escalation))
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _context(request: HttpRequest, escalation: Escalation) -> dict[str, Any]:
    me = viewer(request)
    return {
        "escalation": escalation,
        "seen": seen_among(me, (escalation.merged_into_id,)),
        "stops": _stops(escalation),
        "overdue": overdue(escalation, clock.now()),
        "moves": [move for move, _ in moves_of(escalation)] if access.may_move(me) else [],
        "may_edit": access.may_word(me),
        "above": [rendered(name, escalation, request) for name in ABOVE],
        "main": [rendered(name, escalation, request) for name in MAIN],
        "beside": [rendered(name, escalation, request) for name in BESIDE],
    }


def _stops(escalation: Escalation) -> list[Stop]:
    moved = escalation.events.filter(kind=EscalationEvent.Kind.MOVED).order_by("at", "id").values_list("to_step", "at")
    return stops(escalation.at_step, escalation.created_at, moved)
