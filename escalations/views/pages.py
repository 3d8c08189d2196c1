"""Doors to one page (an alert). A GET never acknowledges (S075)."""

from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_POST, require_safe

from escalations import actions, timeline
from escalations.models import Page
from escalations.paging import breaches
from escalations.people import ringing_people
from escalations.views.gate import responders_only, viewer
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.http import next_path
from supportdesk.lib.http import page as answer
from supportdesk.lib.toasts import say

_TIMELINE_LENGTH = 200


def _find(request: HttpRequest, pk: int) -> Page:
    rows = Page.objects.visible_to(request.user).select_related(
        "ticket__organization__plan", "ticket__assignee", "acknowledged_by", "policy"
    )
    page = rows.filter(pk=pk).first()
    if page is None:
        raise Http404
    return page


@require_safe
@responders_only
def page_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _show(request, _find(request, pk))


def _show(request: HttpRequest, page: Page, *, notice: str = "") -> HttpResponse:
    context = {"page": page, "notice": notice, "rings_me": False, **_story(page)}
    if page.is_ringing:
        context["rings_me"] = viewer(request).pk in context["ringing_ids"]
    return answer(request, "escalations/page_detail.html", context, fragment="escalations/_page.html")


def _story(page: Page) -> dict[str, Any]:
    """What happened, newest first, and whom it rings now."""
    events = list(page.events.select_related("actor").order_by("-at", "-pk")[:_TIMELINE_LENGTH])
    ringing = ringing_people([page]).get(page.pk, [])
    return {
        "lines": [timeline.line(event) for event in events],
        "ringing": ringing,
        "ringing_ids": {person.pk for person in ringing},
        "broken": breaches.promises_of(page) if page.is_breach and page.is_open else [],
    }


@require_POST
@responders_only
def page_acknowledge(request: HttpRequest, pk: int) -> HttpResponseBase:
    """303 to where the person came from; who is too late is told so, with 200 (S075, S092)."""
    page = _find(request, pk)
    try:
        taken = actions.acknowledge(page, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return _refuse(request, page, refusal)
    page = _find(request, pk)
    if taken.already:
        local = taken.at.astimezone(ZoneInfo(viewer(request).time_zone or "UTC"))
        return _show(request, page, notice=f"Already acknowledged by {taken.by.display_name} at {local:%H:%M}.")
    return _done(request, page, "Acknowledged. It stops ringing.")


@require_POST
@responders_only
def page_escalate(request: HttpRequest, pk: int) -> HttpResponseBase:
    page = _find(request, pk)
    try:
        actions.escalate(page, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return _refuse(request, page, refusal)
    return _done(request, page, "Escalated. The next step rings now.")


def _done(request: HttpRequest, page: Page, sentence: str) -> HttpResponseBase:
    say(request, sentence)
    response = HttpResponseRedirect(next_path(request, page.get_absolute_url()))
    response.status_code = 303
    return response


def _refuse(request: HttpRequest, page: Page, refusal: DomainError) -> HttpResponseBase:
    messages.error(request, refusal.sentence)
    response = HttpResponseRedirect(next_path(request, page.get_absolute_url()))
    response.status_code = 303
    return response
