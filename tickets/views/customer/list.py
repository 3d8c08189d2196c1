"""*My requests*."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from accounts.models import Organization, User
from supportdesk.lib import clock, keyset
from supportdesk.lib.errors import Invalid
from supportdesk.lib.http import page
from tickets import access
from tickets.models import Participant, SlaClock, Ticket
from tickets.querysets import TicketQuerySet
from tickets.standing import standing_of
from tickets.states import UNFINISHED, Status
from tickets.views.customer.self_service import self_service_options
from tickets.views.gate import for_customers

PAGE_SIZE = 25
_MOST_COUNTED = 99
_LARGEST_NUMBER = 2**63 - 1

STATUSES = {
    "unfinished": ("Not solved yet", UNFINISHED),
    "new": ("New", (Status.NEW,)),
    "open": ("Open", (Status.OPEN, Status.ON_HOLD)),
    "pending": ("Pending: we wait for you", (Status.PENDING,)),
    "solved": ("Solved", (Status.SOLVED,)),
    "closed": ("Closed", (Status.CLOSED,)),
}


@dataclass(frozen=True)
class Scope:
    """A tab: whose requests."""

    key: str
    label: str
    is_current: bool
    organization: Organization | None = None


@require_safe
@for_customers
def request_list(request: HttpRequest) -> HttpResponseBase:
    user = request.user
    scopes = _scopes(user, request.GET.get("of", ""))
    scope = next(one for one in scopes if one.is_current)
    status = request.GET.get("status", "")
    words = request.GET.get("q", "").replace("\x00", "").strip()[:200]
    base = _of_scope(user, scope)
    rows = _matching(base, status, words)
    try:
        shown = keyset.page_of(
            rows.with_row_data(), by="public_updated_at", size=PAGE_SIZE, cursor=request.GET.get("page", "")
        )
    except Invalid:
        return redirect("request_list")
    context = {
        "scopes": scopes,
        "scope": scope,
        "statuses": [(key, label) for key, (label, _) in STATUSES.items()],
        "status": status if status in STATUSES else "",
        "q": words,
        "rows": _rows(shown.rows, now=clock.now()),
        "waiting_for_you": base.filter(status=Status.PENDING)[:_MOST_COUNTED].count(),
        "is_filtered": bool(words or status in STATUSES),
        "can_submit": access.may_submit(user, list(access.organizations_to_submit_for(user))),
        "options": self_service_options(),
        **_pager(request, shown),
    }
    return page(request, "tickets/customer/list.html", context)


def _rows(tickets: list[Ticket], *, now: datetime) -> list[dict[str, Any]]:
    clocks = SlaClock.objects.running().of(tickets).by_ticket()
    return [
        {"ticket": ticket, "standing": standing_of(ticket, clocks.get(ticket.pk, ()), now=now)} for ticket in tickets
    ]


def _scopes(user: User, wanted: str) -> list[Scope]:
    managed = list(Organization.objects.managed_by(user))
    keys = [("", "My requests", None), ("copy", "In copy", None)]
    keys += [(f"org-{one.slug}", one.name, one) for one in managed]
    current = wanted if wanted in {key for key, _, _ in keys} else ""
    return [Scope(key, label, key == current, one) for key, label, one in keys]


def _of_scope(user: User, scope: Scope) -> TicketQuerySet:
    visible = Ticket.objects.visible_to(user)
    if scope.organization is not None:
        return visible.filter(organization=scope.organization)
    if scope.key == "copy":
        return visible.filter(pk__in=Participant.objects.current().filter(user=user).values("ticket_id"))
    return visible.filter(requester=user)


def _matching(rows: TicketQuerySet, status: str, words: str) -> TicketQuerySet:
    if status in STATUSES:
        rows = rows.filter(status__in=STATUSES[status][1])
    if not words:
        return rows
    found = Q(subject__icontains=words)
    number = words.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) < 20 and int(number) <= _LARGEST_NUMBER:
        found |= Q(pk=int(number))
    return rows.filter(found)


def _pager(request: HttpRequest, shown: keyset.Page[Ticket]) -> dict[str, Any]:
    kept = keyset.without(request.GET.lists(), "page")

    def link(cursor: str) -> str:
        return f"?{urlencode([*kept, ('page', cursor)])}" if cursor else ""

    return {"newer": link(shown.newer), "older": link(shown.older)}
