"""The canary: a page to the desk itself that goes through the whole chain, and what it says about the chain.

It proves what the invariants can't see: that the engine fires, that a message leaves, that the web takes it in.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from escalations.models import Page, PageEvent
from escalations.paging.findings import Offence

WAITS = timedelta(seconds=120)
"""One that has not come back by then is lost."""

KEPT = timedelta(days=7)
_MISSED_AT_MOST = 3


@dataclass(frozen=True)
class Flight:
    """One canary: when it began, and after how many seconds it was back (None: not)."""

    began_at: datetime
    seconds: float | None
    flies: bool


def recent(number: int = 12) -> list[Flight]:
    """The last canaries, newest first; two queries."""
    pages = list(Page.objects.filter(kind=Page.Kind.CANARY).order_by("-pk")[:number])
    came_back = PageEvent.objects.filter(page__in=pages, kind=PageEvent.Kind.DELIVERED)
    seconds = {row["page_id"]: row["data"].get("seconds") for row in came_back.values("page_id", "data")}
    return [Flight(page.created_at, seconds.get(page.pk), page.is_open) for page in pages]


def missing(now: datetime) -> list[Offence]:
    """The last one that is over did not come back, or none did for three times as long as they are apart."""
    every = timedelta(minutes=settings.PAGING_CANARY_MINUTES)
    if not every:
        return []
    last = Page.objects.filter(kind=Page.Kind.CANARY, state=Page.State.ENDED).order_by("-pk").first()
    if last is not None and not PageEvent.objects.filter(page=last, kind=PageEvent.Kind.DELIVERED).exists():
        return [Offence(f"the canary of {last.created_at:%H:%M} UTC did not come back within {WAITS.seconds} s")]
    if _silent_for() > _MISSED_AT_MOST * every:
        return [Offence(f"no canary came back for {_MISSED_AT_MOST * settings.PAGING_CANARY_MINUTES} minutes")]
    return []


def _silent_for() -> timedelta:
    """Since one left that came back; at most since the database was started, or paging was installed or changed.

    All by the database's clock: the desk's may be moved by days while no canary could fly.
    """
    sql = """
        SELECT clock_timestamp() - greatest(
            (SELECT max(delivery.looked_at)
               FROM escalations_pagedelivery delivery JOIN escalations_page page ON page.id = delivery.page_id
              WHERE page.kind = 'canary' AND delivery.purpose = 'page'
                AND EXISTS (SELECT FROM escalations_pageevent event
                             WHERE event.page_id = page.id AND event.kind = 'delivered')),
            pg_postmaster_start_time(),
            (SELECT max(applied) FROM django_migrations WHERE app = 'escalations'))
    """
    with connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    silent: timedelta = row[0]
    return silent
