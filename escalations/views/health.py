"""Whether paging works and how well: one address for watchers from outside, two pages for leads and admins."""

from datetime import datetime, timedelta
from typing import Any

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from escalations.access import may_watch_paging
from escalations.models import PagingAlarm
from escalations.paging import canary, coverage, engine, health, invariants, numbers, watcher
from escalations.paging.shifts import reachable
from escalations.period import Period
from escalations.views.gate import responders_only, viewer
from supportdesk.lib import clock
from supportdesk.lib.errors import NotAllowed
from supportdesk.lib.http import page as answer

_LOOK_MS = 500
_ALARMS_LISTED = 10
PERIODS = (7, 30, 90)


@require_safe
@never_cache
def healthz_paging(request: HttpRequest) -> JsonResponse:
    """200 only if the engine finished a full pass within the last 15 s; beside that, what the watcher says."""
    try:
        alive, said = engine.is_alive(), watcher.says()
    except (DatabaseError, InterfaceError):
        alive, said = False, None
    words = {"watcher": "stopped"} if said is None else {"watcher": "ok", "broken": said}
    return JsonResponse({"status": "ok" if alive else "stopped", **words}, status=200 if alive else 503)


@require_safe
@responders_only
def paging_health(request: HttpRequest) -> HttpResponse:
    """Everything that must hold, looked at now, and who and what it depends on."""
    _only_for_watchers(request)
    now = clock.now()
    findings = invariants.check_all(now=now, limit_ms=_LOOK_MS)
    alarms = list(PagingAlarm.objects.filter(ended_at=None))
    watchers = health.watchers()
    context = {
        "findings": sorted(findings, key=lambda finding: finding.holds),
        "alarms": alarms,
        "past_alarms": PagingAlarm.objects.filter(ended_at__isnull=False)[:_ALARMS_LISTED],
        "engines": health.engines(),
        "watchers": watchers,
        "watcher_runs": any(beat.is_alive for beat in watchers),
        "canaries": canary.recent(),
        "providers": health.providers(now),
        "is_well": all(finding.holds for finding in findings) and not alarms,
        **_people(now),
    }
    return answer(request, "escalations/health.html", context, fragment="escalations/_health.html")


def _people(now: datetime) -> dict[str, Any]:
    """The hours ahead in which nobody would be reached, and who can't be."""
    gaps = coverage.gaps(now, coverage.LISTED_AHEAD)
    soon = now + coverage.ALARMED_AHEAD
    people = coverage.turn_takers(now)
    fine = reachable(person.pk for person in people)
    contacts, services = health.disabled()
    return {
        "gaps_soon": [gap for gap in gaps if gap.starts_at < soon],
        "gaps_later": [gap for gap in gaps if gap.starts_at >= soon],
        "people": people,
        "unreachable": [person for person in people if person.pk not in fine],
        "disabled_contacts": contacts,
        "disabled_services": services,
    }


@require_safe
@responders_only
def paging_numbers(request: HttpRequest) -> HttpResponse:
    """What was measured over the last 7, 30 or 90 days."""
    _only_for_watchers(request)
    asked = request.GET.get("days", "")
    days = int(asked) if asked in map(str, PERIODS) else 30
    now = clock.now()
    period = Period(now - timedelta(days=days), now)
    context = {
        "days": days,
        "periods": PERIODS,
        "dwell": numbers.dwell(period),
        "answers": numbers.answers(period),
        "loads": numbers.loads(period),
        "punctuality": numbers.punctuality(period),
    }
    return answer(request, "escalations/numbers.html", context)


def _only_for_watchers(request: HttpRequest) -> None:
    if not may_watch_paging(viewer(request)):
        raise NotAllowed("The health of paging and its numbers are for leads and admins.")
