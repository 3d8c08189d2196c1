"""How well paging did in a period: five questions, one statement each, answered by the database. Real pages only."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from escalations.period import Period
from tickets.models import EventKind, Priority

NIGHT = ("22:00", "07:00")
ON_TIME_SECONDS = 10
WITHIN_SECONDS = 60
_CAUSES = (EventKind.CREATED, EventKind.CUSTOMER_REPLIED, EventKind.REOPENED, EventKind.PRIORITY_CHANGED)


@dataclass(frozen=True)
class Dwell:
    """From a page's cause to the first provider's yes, in seconds; `owed` are the pages of which one was due."""

    pages: int
    accepted: int
    owed: int
    within: int
    p50: float | None
    p95: float | None
    p99: float | None
    worst: float | None

    @property
    def share(self) -> float | None:
        return self.within / self.owed if self.owed else None


@dataclass(frozen=True)
class Answer:
    """How soon pages of a priority, or by people of a region, were acknowledged, in seconds."""

    name: str
    pages: int
    median: float
    p90: float


@dataclass(frozen=True)
class Answers:
    all: Answer | None
    by_priority: list[Answer]
    by_region: list[Answer]


@dataclass(frozen=True)
class Load:
    """How often somebody was paged; at night by their own clock."""

    name: str
    zone: str
    pages: int
    at_night: int
    nights: int


@dataclass(frozen=True)
class Punctuality:
    """How late the steps after a page's first fired, in seconds."""

    steps: int
    on_time: int
    p95: float | None
    worst: float | None

    @property
    def share(self) -> float | None:
        return self.on_time / self.steps if self.steps else None


_DWELL = """
WITH paged AS MATERIALIZED (
    SELECT page.created_at, page.ended_at,
           (SELECT min(delivery.accepted_at) FROM escalations_pagedelivery delivery
             WHERE delivery.page_id = page.id AND delivery.purpose = 'page') AS accepted_at,
           CASE WHEN page.kind = 'ticket' AND NOT EXISTS (
                    SELECT FROM escalations_pageevent began
                     WHERE began.page_id = page.id AND began.kind = 'began' AND began.data @> '{"unset": true}')
                THEN (SELECT max(event.at) FROM tickets_ticketevent event
                       WHERE event.ticket_id = page.ticket_id AND event.at <= page.created_at
                         AND event.kind = ANY(%(causes)s))
           END AS caused_at
      FROM escalations_page page
     WHERE page.created_at >= %(since)s AND page.created_at < %(until)s AND page.kind NOT IN ('test', 'canary')
), timed AS MATERIALIZED (
    SELECT extract(epoch FROM accepted_at - coalesce(caused_at, created_at)) AS seconds,
           extract(epoch FROM coalesce(ended_at, %(until)s) - coalesce(caused_at, created_at)) AS lasted
      FROM paged
)
SELECT count(*), count(seconds), count(*) FILTER (WHERE seconds IS NOT NULL OR lasted > %(within)s),
       count(*) FILTER (WHERE seconds <= %(within)s),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), percentile_cont(0.95) WITHIN GROUP (ORDER BY seconds),
       percentile_cont(0.99) WITHIN GROUP (ORDER BY seconds), max(seconds)
  FROM timed
"""

_ANSWERS = """
WITH answered AS MATERIALIZED (
    SELECT DISTINCT ON (page.id) page.priority, coalesce(region.name, 'No region') AS region,
           extract(epoch FROM event.at - page.created_at) AS seconds
      FROM escalations_page page
      JOIN escalations_pageevent event ON event.page_id = page.id AND event.kind = 'acknowledged'
      JOIN accounts_user person ON person.id = event.actor_id
      LEFT JOIN accounts_region region ON region.id = person.region_id
     WHERE page.created_at >= %(since)s AND page.created_at < %(until)s AND page.kind NOT IN ('test', 'canary')
     ORDER BY page.id, event.at, event.id
)
SELECT grouping(priority, region), priority, region, count(*),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds), percentile_cont(0.9) WITHIN GROUP (ORDER BY seconds)
  FROM answered GROUP BY GROUPING SETS ((), (priority), (region)) ORDER BY priority, region
"""

_LOADS = """
WITH rung AS MATERIALIZED (
    SELECT person.id, coalesce(nullif(person.name, ''), split_part(person.email, '@', 1)) AS name,
           coalesce(nullif(person.time_zone, ''), region.time_zone, 'UTC') AS zone,
           delivery.page_id, delivery.episode, min(delivery.accepted_at) AS at
      FROM escalations_pagedelivery delivery
      JOIN escalations_page page ON page.id = delivery.page_id
      JOIN accounts_user person ON person.id = delivery.person_id
      LEFT JOIN accounts_region region ON region.id = person.region_id
     WHERE delivery.purpose = 'page' AND delivery.accepted_at >= %(since)s AND delivery.accepted_at < %(until)s
       AND page.kind NOT IN ('test', 'canary')
     GROUP BY person.id, region.id, delivery.page_id, delivery.episode
), local AS MATERIALIZED (
    SELECT id, name, zone, (at AT TIME ZONE zone)::time >= %(dusk)s OR (at AT TIME ZONE zone)::time < %(dawn)s AS dark,
           ((at AT TIME ZONE zone) - interval '12 hours')::date AS night
      FROM rung
)
SELECT name, zone, count(*), count(*) FILTER (WHERE dark), count(DISTINCT night) FILTER (WHERE dark)
  FROM local GROUP BY id, name, zone ORDER BY count(*) FILTER (WHERE dark) DESC, count(*) DESC, name
"""

_PUNCTUALITY = """
WITH fired AS MATERIALIZED (
    SELECT (event.data ->> 'late_ms')::numeric / 1000 AS late
      FROM escalations_page page JOIN escalations_pageevent event ON event.page_id = page.id AND event.kind = 'paged'
     WHERE event.at >= %(since)s AND event.at < %(until)s AND page.kind NOT IN ('test', 'canary')
       AND event.data ? 'late_ms' AND NOT event.data @> '{"round": 1, "step": 1}'
)
SELECT count(*), count(*) FILTER (WHERE late <= %(on_time)s), percentile_cont(0.95) WITHIN GROUP (ORDER BY late),
       max(late)
  FROM fired
"""


def dwell(period: Period) -> Dwell:
    causes = [str(kind) for kind in _CAUSES]
    row = _ask(_DWELL, period, causes=causes, within=WITHIN_SECONDS)[0]
    return Dwell(*row[:4], *(_number(value) for value in row[4:]))


def answers(period: Period) -> Answers:
    """`grouping` tells which column a row is not about: 3 all, 1 a priority, 2 a region."""
    found: dict[int, list[Answer]] = {1: [], 2: [], 3: []}
    for group, priority, region, pages, median, p90 in _ask(_ANSWERS, period):
        if not pages:
            continue
        name = Priority(priority).label if priority is not None else region or "All"
        found[group].append(Answer(str(name), pages, float(median), float(p90)))
    return Answers(next(iter(found[3]), None), found[1], found[2])


def loads(period: Period) -> list[Load]:
    """Who was paged most at night comes first."""
    return [Load(*row) for row in _ask(_LOADS, period, dusk=NIGHT[0], dawn=NIGHT[1])]


def punctuality(period: Period) -> Punctuality:
    steps, on_time, p95, worst = _ask(_PUNCTUALITY, period, on_time=ON_TIME_SECONDS)[0]
    return Punctuality(steps, on_time, _number(p95), _number(worst))


def _ask(sql: str, period: Period, **more: Any) -> Sequence[Sequence[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, period.bounds | more)
        rows: Sequence[Sequence[Any]] = cursor.fetchall()
    return rows


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
