"""The watcher's look: every invariant, the alarms that follow, a heartbeat, and the ping that says all is well.

It runs in a process of its own, because what it watches may be what is broken.
"""

import logging
import socket
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import requests
from django.conf import settings
from django.db import DatabaseError
from django.db.models.functions import Now
from django.utils import timezone

from escalations.models import EngineHeartbeat, WatcherHeartbeat
from escalations.paging import alarms, coverage, shifts
from escalations.paging.invariants import CHECK_MS, Finding, check, check_all, time_limit

logger = logging.getLogger(__name__)

FRESH = timedelta(seconds=60)
_FORGOTTEN_AFTER = timedelta(days=7)
_MEND_MS = 5000
_PING_EVERY = 60.0
_PING_SECONDS = 5
_A_MOMENT = timedelta(seconds=2)
_pinged_at: float | None = None
_ahead_before: timedelta | None = None


def look(*, now: datetime, limit_ms: int = CHECK_MS) -> list[Finding]:
    """Check everything, let alarms follow and be told, leave a heartbeat; what was found."""
    started = time.monotonic()
    before = [] if _clock_was_moved(now) else _seen_before()
    findings = [_mended(finding, now) for finding in check_all(now=now, limit_ms=limit_ms)]
    found = alarms.troubles(findings)
    alarms.follow(found, before=before, now=now)
    _beat(time.monotonic() - started, [trouble.key for trouble in found])
    alarms.tell(now=now)
    return findings


def holds(findings: Sequence[Finding]) -> bool:
    """Whether everything is as it must be for a page to reach somebody."""
    return all(finding.holds for finding in findings if finding.invariant.critical)


def ping(findings: Sequence[Finding]) -> bool:
    """Ask the dead-man's address, at most once a minute, and only while all critical invariants hold.

    Its owner raises the alarm when this stops: because something is broken, or because nothing runs here at all.
    """
    global _pinged_at
    address, at = settings.PAGING_DEADMAN_URL, time.monotonic()
    if not address or not holds(findings) or (_pinged_at is not None and at - _pinged_at < _PING_EVERY):
        return False
    try:
        requests.get(address, timeout=_PING_SECONDS, allow_redirects=False).raise_for_status()
    except requests.RequestException as failure:
        logger.warning("the dead-man's address could not be asked: %s", type(failure).__name__)  # itself a secret
        return False
    _pinged_at = at
    return True


def forget() -> None:
    """As a process begins: it has pinged nobody, and knows of no look before."""
    global _pinged_at, _ahead_before
    _pinged_at = _ahead_before = None


def is_alive(watcher: str = "") -> bool:
    """Whether any watcher (or this host's) looked at everything within a minute, by the database's clock."""
    rows = WatcherHeartbeat.objects.filter(finished_at__gt=Now() - FRESH)
    return (rows.filter(watcher=watcher) if watcher else rows).exists()


def says() -> int | None:
    """How many things the watchers found broken at their last looks; None when none of them looks."""
    rows = WatcherHeartbeat.objects.filter(finished_at__gt=Now() - FRESH)
    broken = [set(found) for found in rows.values_list("broken", flat=True)]
    return len(set().union(*broken)) if broken else None


def named() -> str:
    return socket.gethostname()[:100]


def _clock_was_moved(now: datetime) -> bool:
    """Whether the desk's clock was moved since the look before (demo, tests): all that fell due is late at once."""
    global _ahead_before
    ahead, before = now - timezone.now(), _ahead_before
    _ahead_before = ahead
    return before is not None and abs(ahead - before) > _A_MOMENT


def _seen_before() -> list[str]:
    """What this host's watcher had found at its look before, if that was a moment ago."""
    row = WatcherHeartbeat.objects.filter(watcher=named(), finished_at__gt=Now() - 3 * FRESH).first()
    return list(row.broken) if row else []


def _beat(took: float, broken: list[str]) -> None:
    WatcherHeartbeat.objects.update_or_create(
        watcher=named(), defaults={"finished_at": Now(), "took_ms": int(took * 1000), "broken": broken}
    )


def _mended(finding: Finding, now: datetime) -> Finding:
    """Calendars that are out of date are written again and looked at anew: an alarm is for what that doesn't help."""
    if finding.invariant.key != "stale_shifts" or not finding.offences:
        return finding
    try:
        with time_limit(_MEND_MS):
            shifts.materialise([schedule.pk for schedule in coverage.stale_schedules(now)], now=now)
    except DatabaseError:
        logger.exception("calendars could not be written again")
        return finding
    return check(finding.invariant, now=now)


def tidy() -> None:
    """Forget hosts that have been silent for a week, such as containers that are gone."""
    for heartbeats in (WatcherHeartbeat.objects, EngineHeartbeat.objects):
        heartbeats.filter(finished_at__lt=Now() - _FORGOTTEN_AFTER).delete()
