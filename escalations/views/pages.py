"""Doors to one page (an alert). A GET never acknowledges (S075)."""

from hashlib import blake2s
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from escalations import actions, live, timeline
from escalations.models import Page
from escalations.paging import breaches
from escalations.querysets import PageQuerySet
from escalations.views.gate import answering, by_device, responders_only, viewer
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.http import next_path
from supportdesk.lib.http import page as answer
from supportdesk.lib.toasts import say

_TIMELINE_LENGTH = 200
VIA_DEVICE = "on-call device"


def pages_for(request: HttpRequest) -> PageQuerySet:
    """All that who asks may see: a registered phone shows those that rang its owner."""
    pages = Page.objects.visible_to(viewer(request))
    return pages.rang(viewer(request)) if by_device(request) else pages


def find(request: HttpRequest, pk: int) -> Page:
    rows = pages_for(request).select_related(
        "ticket__organization__plan", "ticket__assignee", "acknowledged_by", "policy", "asked_by", "person"
    )
    page = rows.filter(pk=pk).first()
    if page is None:
        raise Http404
    return page


def base_of(request: HttpRequest) -> str:
    """The page around it: the desk's, or on a registered phone one that leads nowhere else."""
    return "escalations/base_device.html" if by_device(request) else "base_desk.html"


@require_safe
@answering
def page_detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _show(request, find(request, pk))


def _show(request: HttpRequest, page: Page, *, notice: str = "") -> HttpResponse:
    person, now = viewer(request), clock.now()
    ringing = live.rung_by([page], now=now).get(page.pk, [])
    context = {
        "page": page,
        "notice": notice,
        "ringing": ringing,
        "rings_me": page.is_ringing and any(one.person == person for one in ringing),
        "coming": live.coming(page, now=now),
        **_story(page),
    }
    context["seen"] = _digest(page, context)
    if getattr(request, "htmx", False) and request.GET.get("seen") == context["seen"]:
        response = HttpResponse(status=204)  # as it was: nothing is swapped under a thumb, nor read out again
        patch_vary_headers(response, ["HX-Request"])
        return response
    context |= {"base": base_of(request), "by_device": by_device(request), "ticket_url": _way_to_ticket(request, page)}
    return answer(request, "escalations/page_detail.html", context, fragment="escalations/_page.html")


def _digest(page: Page, shown: dict[str, Any]) -> str:
    """Changes with whatever the view shows, but for times, which the browser counts on."""
    coming = shown["coming"]
    ticket = page.ticket
    parts = [
        (page.version, page.state),
        (ticket.status, ticket.priority, ticket.subject, ticket.assignee_id) if ticket else (),
        shown["ringing"],
        (coming.at, coming.where, coming.names) if coming else (),
        [line.at for line in shown["lines"]],
        [promise.pk for promise in shown["broken"]],
    ]
    return blake2s(repr(parts).encode(), digest_size=8).hexdigest()


def _story(page: Page) -> dict[str, Any]:
    """What happened, newest first; why it was put aside."""
    events = list(page.events.select_related("actor").order_by("-at", "-pk")[:_TIMELINE_LENGTH])
    snoozed = next((event.data.get("reason", "") for event in events if event.kind == "snoozed"), "")
    return {
        "lines": [timeline.line(event) for event in events],
        "broken": breaches.promises_of(page) if page.is_breach and page.is_open else [],
        "snoozed_why": snoozed if page.is_snoozed else "",
    }


def _way_to_ticket(request: HttpRequest, page: Page) -> str:
    """Its ticket's address, which a phone opens only after a log-in."""
    if page.ticket is None or not by_device(request):
        return page.ticket.desk_url if page.ticket else ""
    return f"{reverse('account_login')}?{urlencode({'next': page.ticket.desk_url}, safe='/')}"


@require_POST
@answering
def page_acknowledge(request: HttpRequest, pk: int) -> HttpResponseBase:
    """303 to where the person came from; who is too late is told so, with 200 (S075, S092)."""
    page = find(request, pk)
    try:
        taken = actions.acknowledge(page, by=viewer(request), at=clock.now(), via=way(request))
    except DomainError as refusal:
        return refuse(request, page, refusal)
    if not taken.already:
        return done(request, page, "Acknowledged. It stops ringing.")
    page = find(request, pk)
    when = f"{timezone.localtime(taken.at):%H:%M}"
    return _show(request, page, notice=f"Already acknowledged by {taken.by.display_name} at {when}.")


def way(request: HttpRequest) -> str:
    return VIA_DEVICE if by_device(request) else ""


@require_POST
@answering
def page_escalate(request: HttpRequest, pk: int) -> HttpResponseBase:
    page = find(request, pk)
    try:
        actions.escalate(page, by=viewer(request), at=clock.now(), via=way(request))
    except DomainError as refusal:
        return refuse(request, page, refusal)
    return done(request, page, "Escalated. The next step rings now.")


@require_POST
@responders_only
def page_finish(request: HttpRequest, pk: int) -> HttpResponseBase:
    """What somebody had asked for is done."""
    page = find(request, pk)
    try:
        actions.finish(page, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return refuse(request, page, refusal)
    return done(request, page, "Done. The page is over.")


def done(request: HttpRequest, page: Page, sentence: str) -> HttpResponseBase:
    say(request, sentence)
    return _back(request, page)


def refuse(request: HttpRequest, page: Page, refusal: DomainError) -> HttpResponseBase:
    messages.error(request, refusal.sentence)
    return _back(request, page)


def _back(request: HttpRequest, page: Page) -> HttpResponseBase:
    response = HttpResponseRedirect(next_path(request, page.get_absolute_url()))
    response.status_code = 303
    return response
