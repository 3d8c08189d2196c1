"""Pages: those that ring me, with one button for all of them, and all there are."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from escalations import actions
from escalations.models import Page
from escalations.people import ringing_people
from escalations.querysets import PageQuerySet
from escalations.views.gate import answering, by_device, viewer
from escalations.views.pages import base_of, pages_for, way
from supportdesk.lib import clock, keyset
from supportdesk.lib.errors import Invalid
from supportdesk.lib.http import page as answer
from supportdesk.lib.toasts import say

_MINE_AT_MOST = 500
_AT_ONCE = 50
STATES = {"open": "Open", "ringing": "Ringing", "acknowledged": "Acknowledged", "snoozed": "Put aside", "ended": "Over"}

Row = tuple[Page, list[User]]


@require_safe
@answering
def page_list(request: HttpRequest) -> HttpResponse:
    """What rings me first, every one of them; then the others by state, newest first."""
    state = request.GET.get("state", "")
    state = state if state in STATES else "open"
    mine = list(_with_subjects(pages_for(request).ringing_somebody(viewer(request))).order_by("priority", "pk"))
    others = _others(request, state, [page.pk for page in mine])
    people = ringing_people([*mine, *others.rows])
    context = {
        "base": base_of(request),
        "by_device": by_device(request),
        "mine": _rows(mine[:_MINE_AT_MOST], people),
        "more_of_mine": max(0, len(mine) - _MINE_AT_MOST),
        "rows": _rows(others.rows, people),
        "newer": _link(state, others.newer),
        "older": _link(state, others.older),
        "state": state,
        "states": STATES.items(),
    }
    return answer(request, "escalations/page_list.html", context, fragment="escalations/_page_list.html")


def _others(request: HttpRequest, state: str, mine: list[int]) -> keyset.Page[Page]:
    rows = _with_subjects(pages_for(request)).exclude(pk__in=mine)
    rows = rows.open() if state == "open" else rows.filter(state=state)
    try:
        return keyset.page_of(rows, by="id", size=_AT_ONCE, cursor=request.GET.get("after", ""))
    except Invalid:
        return keyset.page_of(rows, by="id", size=_AT_ONCE)


def _with_subjects(pages: PageQuerySet) -> PageQuerySet:
    return pages.select_related("ticket__organization__plan", "acknowledged_by", "person")


def _rows(pages: list[Page], people: dict[int, list[User]]) -> list[Row]:
    return [(page, people.get(page.pk, [])) for page in pages]


def _link(state: str, cursor: str) -> str:
    query: dict[str, Any] = {"state": state, "after": cursor}
    return f"?{urlencode(query)}" if cursor else ""


@require_POST
@answering
def page_acknowledge_all(request: HttpRequest) -> HttpResponseBase:
    """Acknowledge those that were shown, as far as they ring me: what came after stays unseen and rings on."""
    shown = [int(given) for given in request.POST.getlist("page")[:_MINE_AT_MOST] if _is_number(given)]
    ringing = pages_for(request).ringing_somebody(viewer(request)).filter(pk__in=shown)
    taken = actions.acknowledge_all(ringing, by=viewer(request), at=clock.now(), via=way(request))
    mine = sum(1 for one in taken if not one.already)
    say(request, f"{mine} page{'' if mine == 1 else 's'} acknowledged." if mine else "None of them rang you any more.")
    return HttpResponseRedirect(reverse("page_list"), status=303)


def _is_number(given: str) -> bool:
    return given.isascii() and given.isdigit() and len(given) < 19
