"""Engineering's numbers over the last 30, 90 or 365 days, and the records that each of them counts."""

from datetime import timedelta

from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from escalations.engineering import numbers
from escalations.engineering.queues import BY_SLUG, in_words
from escalations.engineering.views.queues import queues_only
from escalations.period import Period
from supportdesk.lib import clock, keyset
from supportdesk.lib.errors import Invalid
from supportdesk.lib.http import page

PERIODS = (30, 90, 365)
_AT_ONCE = 50


@queues_only
@require_safe
def escalation_numbers(request: HttpRequest) -> HttpResponseBase:
    """The numbers; with `behind`, the records behind one of them."""
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, PERIODS) else PERIODS[0]
    now = clock.now()
    period = Period(now - timedelta(days=days), now)
    if what := request.GET.get("behind", ""):
        return _behind(request, what, days, period)
    untold = BY_SLUG["fixed-untold"]
    context = {
        "days": days,
        "periods": PERIODS,
        "decided": numbers.decided(period),
        "spread": numbers.spread(period),
        "steps": numbers.step_times(period),
        "areas": numbers.by_area(period),
        "versions": numbers.by_version(period),
        "untold": in_words(untold.count(now)),
        "untold_queue": untold,
    }
    return page(request, "escalations/engineering/numbers.html", context)


def _behind(request: HttpRequest, what: str, days: int, period: Period) -> HttpResponseBase:
    rows = numbers.behind(what, period)
    if rows is None:
        raise Http404
    rows = rows.select_related("owner", "area")
    try:
        shown = keyset.page_of(rows, by="id", size=_AT_ONCE, cursor=request.GET.get("page", ""))
    except Invalid:
        shown = keyset.page_of(rows, by="id", size=_AT_ONCE)
    context = {
        "days": days,
        "records": shown.rows,
        "newer": _link(days, what, shown.newer),
        "older": _link(days, what, shown.older),
    }
    return page(request, "escalations/engineering/numbers_behind.html", context)


def _link(days: int, what: str, cursor: str) -> str:
    return f"?{urlencode({'days': days, 'behind': what, 'page': cursor})}" if cursor else ""
