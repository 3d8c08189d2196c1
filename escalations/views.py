"""Doors to paging: one page (an alert), who is on call, the engine's health. A GET never acknowledges (S075)."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.db import DatabaseError, InterfaceError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from escalations import actions, timeline
from escalations.access import is_responder
from escalations.models import EscalationPolicy, Page
from escalations.paging import breaches, engine
from escalations.people import contacts_of, duties, ringing_people
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.http import ask_to_log_in, next_path
from supportdesk.lib.http import page as answer
from supportdesk.lib.toasts import say

security = logging.getLogger("security")
View = Callable[..., HttpResponseBase]
_TIMELINE_LENGTH = 200
_PAGES_LISTED = 100


@require_safe
@never_cache
def healthz_paging(request: HttpRequest) -> JsonResponse:
    """200 only if the engine finished a full pass within the last 15 s."""
    try:
        alive = engine.is_alive()
    except (DatabaseError, InterfaceError):
        alive = False
    return JsonResponse({"status": "ok" if alive else "stopped"}, status=200 if alive else 503)


def responders_only(view: View) -> View:
    """Log-in for strangers; for anybody who doesn't answer pages these addresses don't exist."""

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not request.user.is_authenticated:
            if request.method == "POST" and "pk" in kwargs and not getattr(request, "htmx", False):
                return HttpResponseRedirect(f"{reverse('account_login')}?next={reverse('page_detail', kwargs=kwargs)}")
            return ask_to_log_in(request)
        if not is_responder(request.user):
            security.warning("authz.denied user=%s path=%s", request.user.pk, request.path)
            raise Http404
        return view(request, *args, **kwargs)

    return gated


def _viewer(request: HttpRequest) -> User:
    """Who looks at it; `responders_only` has let nobody else in."""
    return cast(User, request.user)


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
        context["rings_me"] = _viewer(request).pk in context["ringing_ids"]
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
        taken = actions.acknowledge(page, by=_viewer(request), at=clock.now())
    except DomainError as refusal:
        return _refuse(request, page, refusal)
    page = _find(request, pk)
    if taken.already:
        local = taken.at.astimezone(ZoneInfo(_viewer(request).time_zone or "UTC"))
        return _show(request, page, notice=f"Already acknowledged by {taken.by.display_name} at {local:%H:%M}.")
    return _done(request, page, "Acknowledged. It stops ringing.")


@require_POST
@responders_only
def page_hand_over(request: HttpRequest, pk: int) -> HttpResponseBase:
    page = _find(request, pk)
    try:
        actions.hand_over(page, by=_viewer(request), at=clock.now())
    except DomainError as refusal:
        return _refuse(request, page, refusal)
    return _done(request, page, "Handed over. The next step rings now.")


@require_safe
@responders_only
def on_call(request: HttpRequest) -> HttpResponse:
    """Who is on call now per schedule, how they are reached, who comes next; and the pages that are open."""
    pages = list(
        Page.objects.visible_to(request.user)
        .open()
        .select_related("ticket__organization__plan", "acknowledged_by")
        .order_by("-state", "priority", "pk")[:_PAGES_LISTED]
    )
    ringing = ringing_people(pages)
    context = {
        "duties": duties(clock.now()),
        "rows": [(page, ringing.get(page.pk, [])) for page in pages],
        "unreached": [page for page in pages if page.is_ringing and page.nobody_reached_at],
        "policy": EscalationPolicy.objects.filter(is_default=True).first(),
        "breach_policy": breaches.policy(),
        "engine_runs": engine.is_alive(),
        "my_contacts": contacts_of([_viewer(request)]).get(_viewer(request).pk, []),
    }
    return answer(request, "escalations/on_call.html", context, fragment="escalations/_on_call.html")


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
