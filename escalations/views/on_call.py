"""Who is on call."""

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from escalations.models import EscalationPolicy, Page
from escalations.paging import breaches, engine
from escalations.people import contacts_of, duties, ringing_people
from escalations.views.gate import responders_only, viewer
from supportdesk.lib import clock
from supportdesk.lib.http import page as answer

_PAGES_LISTED = 100


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
    context = {
        "duties": duties(clock.now()),
        "rows": [(page, ringing.get(page.pk, [])) for page in pages],
        "unreached": [page for page in pages if page.is_ringing and page.nobody_reached_at],
        "policy": EscalationPolicy.objects.filter(is_default=True).first(),
        "breach_policy": breaches.policy(),
        "engine_runs": engine.is_alive(),
        "my_contacts": contacts_of([viewer(request)]).get(viewer(request).pk, []),
    }
    return answer(request, "escalations/on_call.html", context, fragment="escalations/_on_call.html")
