"""Who is on call."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from escalations.models import CoverageGap, EscalationPolicy, Leave, Page, PagingAlarm
from escalations.paging import breaches, engine
from escalations.people import contacts_of, duties, places, ringing_people
from escalations.views.gate import responders_only, viewer
from supportdesk.lib import clock
from supportdesk.lib.http import page as answer

_PAGES_LISTED = 100
_GAPS_AHEAD = timedelta(hours=72)
_AWAY_AHEAD = timedelta(days=14)
_LINES = 10


@require_safe
@responders_only
def on_call(request: HttpRequest) -> HttpResponse:
    """Who is on call now per schedule, how they are reached, who comes next; and the pages that are open."""
    pages = list(
        Page.objects.visible_to(request.user)
        .real()
        .open()
        .filter(ticket__isnull=False)
        .select_related("ticket__organization__plan", "acknowledged_by")
        .order_by("-state", "priority", "pk")[:_PAGES_LISTED]
    )
    ringing = ringing_people(pages)
    now = clock.now()
    context = {
        **_now(now),
        "away": Leave.objects.visible_to(viewer(request))
        .not_over(now)
        .filter(starts_at__lt=now + _AWAY_AHEAD)
        .select_related("user")
        .order_by("starts_at")[:_LINES],
        "rows": [(page, ringing.get(page.pk, [])) for page in pages],
        "unreached": [page for page in pages if page.is_ringing and page.nobody_reached_at],
        "policy": EscalationPolicy.objects.filter(is_default=True).first(),
        "breach_policy": breaches.policy(),
        "engine_runs": engine.is_alive(),
        "my_contacts": contacts_of([viewer(request)]).get(viewer(request).pk, []),
    }
    return answer(request, "escalations/on_call.html", context, fragment="escalations/_on_call.html")


def _now(now: datetime) -> dict[str, Any]:
    """Who has which duty, where they are, and what is wrong or will be within three days."""
    found = duties(now)
    gaps = CoverageGap.objects.unaccepted().between(now, now + _GAPS_AHEAD).select_related("schedule", "person")
    return {
        "duties": found,
        "places": places(found, now),
        "alarms": PagingAlarm.objects.filter(ended_at=None).order_by("began_at")[:_LINES],
        "gaps": gaps.order_by("starts_at", "pk")[:_LINES],
    }
