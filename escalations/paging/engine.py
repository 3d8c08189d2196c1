"""One full pass of the engine. Idempotent: any number of them at once, on any number of hosts, do no harm."""

import logging
import socket
import time
from datetime import timedelta
from importlib import import_module

from django.db import connection
from django.db.models.functions import Now
from django.template.loader import get_template
from django.urls import reverse

from escalations.models import EngineHeartbeat
from escalations.paging.advance import advance
from escalations.paging.channels import chat
from escalations.paging.deliver import deliver
from escalations.paging.derive import derive
from supportdesk.lib import clock

logger = logging.getLogger(__name__)

PASS_SECONDS = 8.0
FRESH = timedelta(seconds=15)
_LAPS = 20
_HEAVY = ("pywebpush", "py_vapid", "twilio.rest.api")


def prepare() -> None:
    """Load beforehand what senders would load while somebody waits: libraries that only they need.

    A page that is acknowledged between the last look and the call can't be taken back, so nothing slow lies there.
    """
    for module in _HEAVY:
        import_module(module)
    reverse("page_list")  # the first address asked for reads those of the whole desk
    get_template("escalations/page_mail.html")
    chat.load()


def run_pass(engine: str) -> int:
    """Derive, advance and deliver until nothing is due, then leave a heartbeat; the number of things done."""
    started, total = time.monotonic(), 0
    for _ in range(_LAPS):
        now = clock.now()
        left = PASS_SECONDS - (time.monotonic() - started)
        done = derive(now=now) + advance(now=now) + deliver(now=now, seconds=max(left, 0.5))
        total += done
        if not done or left <= 0:
            break
    _beat(engine, time.monotonic() - started)
    if total:
        logger.info("paging pass of the %s: %s things done", engine, total)
    return total


def _beat(engine: str, took: float) -> None:
    sql = (
        "INSERT INTO escalations_engineheartbeat (engine, finished_at, took_ms) VALUES (%s, clock_timestamp(), %s) "
        "ON CONFLICT (engine) DO UPDATE SET finished_at = EXCLUDED.finished_at, took_ms = EXCLUDED.took_ms"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [_named(engine), int(took * 1000)])


def _named(engine: str) -> str:
    return f"{engine}@{socket.gethostname()}"[:100]


def is_alive(engine: str = "") -> bool:
    """Whether any engine (or this host's `engine`) finished a full pass within 15 s, by the database's clock."""
    beats = EngineHeartbeat.objects.filter(finished_at__gt=Now() - FRESH)
    return (beats.filter(engine=_named(engine)) if engine else beats).exists()
