"""The calendar of all schedules, by the week or the month, in the viewer's zone."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from escalations import rota
from escalations.models import Schedule
from escalations.paging.shifts import AHEAD
from escalations.views.gate import responders_only, viewer
from supportdesk.lib import clock
from supportdesk.lib.http import page as answer

_WEEK = 7
_YEARS = range(2000, 2101)


@require_safe
@responders_only
def on_call_calendar(request: HttpRequest) -> HttpResponse:
    """`?view=week|month&on=YYYY-MM-DD&schedule=…`; what isn't understood is this week, of all schedules."""
    now, zone = clock.now(), timezone.get_current_timezone()
    today = now.astimezone(zone).date()
    view = "month" if request.GET.get("view") == "month" else "week"
    on = _date(request.GET.get("on", "")) or today
    every = list(Schedule.objects.by_use())
    chosen = next((row for row in every if str(row.pk) == request.GET.get("schedule")), None)
    schedules = [chosen] if chosen else every
    first, number = _month(on) if view == "month" else (on - timedelta(days=on.weekday()), _WEEK)
    days = rota.days(first, number, zone, today=today, month=on.month if view == "month" else None)
    found = rota.pieces(schedules, days[0].begins, days[-1].ends, viewer=viewer(request), now=now)
    rota.fill(days, found, zone)
    context: dict[str, Any] = {
        "view": view,
        "on": on,
        "zone": zone,
        "schedules": every,
        "chosen": chosen,
        "days": days,
        "slots": sum(day.slots for day in days),
        "lanes": rota.lanes(found, schedules, days) if view == "week" else [],
        "weeks": [days[n : n + _WEEK] for n in range(0, number, _WEEK)] if view == "month" else [],
        "planned_until": now + AHEAD if days[-1].ends > now + AHEAD else None,
        "links": _links(view, on, today, chosen),
    }
    return answer(request, "escalations/calendar.html", context)


def _date(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if found.year in _YEARS else None


def _month(on: date) -> tuple[date, int]:
    """The Monday on or before the first of the month, and the days of whole weeks until its last."""
    first = on.replace(day=1)
    start = first - timedelta(days=first.weekday())
    number = (_next_month(first) - start).days
    return start, -(-number // _WEEK) * _WEEK


def _next_month(first: date) -> date:
    return (first + timedelta(days=32)).replace(day=1)


def _links(view: str, on: date, today: date, chosen: Schedule | None) -> dict[str, str]:
    if view == "month":
        before, after = (on.replace(day=1) - timedelta(days=1)).replace(day=1), _next_month(on.replace(day=1))
    else:
        before, after = on - timedelta(days=_WEEK), on + timedelta(days=_WEEK)

    def link(view: str, on: date) -> str:
        more = {"schedule": chosen.pk} if chosen else {}
        return f"?{urlencode({'view': view, 'on': on.isoformat(), **more})}"

    return {
        "before": link(view, before),
        "after": link(view, after),
        "today": link(view, today),
        "week": link("week", on),
        "month": link("month", on),
    }
