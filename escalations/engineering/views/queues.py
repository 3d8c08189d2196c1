"""What is owed and overdue: all queues at a glance, and one queue's rows with what is to be done next."""

from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from escalations.engineering import access
from escalations.engineering.queues import BY_SLUG, QUEUES, Queue, count_all, in_words
from escalations.engineering.views.gate import only
from supportdesk.lib import clock, keyset
from supportdesk.lib.errors import Invalid
from supportdesk.lib.http import page

_AT_ONCE = 50
queues_only = only(access.sees_queues, "see what engineering owes")


@queues_only
@require_safe
def escalation_queues(request: HttpRequest) -> HttpResponseBase:
    """Every queue with its number."""
    counts = count_all(now=clock.now())
    rows = [(queue, in_words(counts[queue.slug]) if counts[queue.slug] else "") for queue in QUEUES]
    return page(request, "escalations/engineering/queues.html", {"rows": rows, "is_clear": not any(counts.values())})


@queues_only
@require_safe
def escalation_queue(request: HttpRequest, slug: str) -> HttpResponseBase:
    """One queue, what waits longest first."""
    queue, now = BY_SLUG.get(slug), clock.now()
    if queue is None:
        raise Http404
    shown = _page(queue, request.GET.get("page", ""))
    context = {
        "queue": queue,
        "count": in_words(queue.count(now)),
        "items": [queue.item(row) for row in shown.rows],
        "now": now,
        "before": _link(shown.newer),
        "after": _link(shown.older),
    }
    return page(request, "escalations/engineering/queue.html", context)


def _page(queue: Queue, cursor: str) -> keyset.Page:
    rows = queue.listed(clock.now())
    try:
        return keyset.page_of(rows, by="sort_at", size=_AT_ONCE, cursor=cursor, ascending=True)
    except Invalid:
        return keyset.page_of(rows, by="sort_at", size=_AT_ONCE, ascending=True)


def _link(cursor: str) -> str:
    return f"?{urlencode({'page': cursor})}" if cursor else ""
