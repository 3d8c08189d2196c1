"""What is measured of engineering in a period: one statement a question, answered by the database, from the events.

Records that were merged into another count nowhere: their tickets count with the one that stays.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef

from escalations.engineering.querysets import EscalationQuerySet
from escalations.engineering.steps import ENDED, RULES, Step
from escalations.models import Escalation, EscalationEvent
from escalations.period import Period


@dataclass(frozen=True)
class StepTime:
    """How long records stood at a step before they left it, in seconds."""

    step: Step
    stays: int
    median: float
    p90: float


@dataclass(frozen=True)
class Decided:
    """Of how many records it was decided what they are, and how many fixes turned out to be none."""

    confirmed: int
    returned: int
    failed: int

    @property
    def share(self) -> float | None:
        decided = self.confirmed + self.returned
        return self.confirmed / decided if decided else None


@dataclass(frozen=True)
class Spread:
    """How many tickets and customers the records have; who has no organisation is a customer, too."""

    records: int
    tickets: int
    customers: int
    tickets_each: float | None
    customers_each: float | None
    most_customers: int


@dataclass(frozen=True)
class Group:
    """The records of an area, or fixed by a version; `key` finds them."""

    key: str
    name: str
    records: int
    tickets: int
    customers: int


_STEP_TIMES = """
SELECT move.from_step, count(*),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM move.at - before.at)),
       percentile_cont(0.9) WITHIN GROUP (ORDER BY extract(epoch FROM move.at - before.at))
  FROM escalations_escalationevent move
  JOIN escalations_escalation record ON record.id = move.escalation_id AND record.merged_into_id IS NULL
  JOIN LATERAL (
        SELECT event.at FROM escalations_escalationevent event
         WHERE event.escalation_id = move.escalation_id AND event.kind IN ('requested', 'moved')
           AND (event.at, event.id) < (move.at, move.id)
         ORDER BY event.at DESC, event.id DESC LIMIT 1
       ) before ON true
 WHERE move.kind = 'moved' AND move.at >= %(since)s AND move.at < %(until)s AND move.from_step <> ALL(%(ended)s)
 GROUP BY move.from_step
"""

_DECIDED = """
SELECT count(DISTINCT record.id) FILTER (WHERE move.data ->> 'move' = 'confirm'),
       count(DISTINCT record.id) FILTER (WHERE move.data ->> 'move' = 'return'),
       count(*) FILTER (WHERE move.data ->> 'move' = 'fail')
  FROM escalations_escalationevent move
  JOIN escalations_escalation record ON record.id = move.escalation_id AND record.merged_into_id IS NULL
 WHERE move.kind = 'moved' AND move.at >= %(since)s AND move.at < %(until)s
"""

_LINKED = """
WITH linked AS MATERIALIZED (
    SELECT record.id, record.area_id, record.fixed_version, ticket.id AS ticket,
           coalesce('o' || ticket.organization_id, 'p' || ticket.requester_id) AS customer
      FROM escalations_escalation record
      LEFT JOIN escalations_escalationlink link ON link.escalation_id = record.id AND link.unlinked_at IS NULL
      LEFT JOIN tickets_ticket ticket ON ticket.id = link.ticket_id
     WHERE record.merged_into_id IS NULL AND {which}
)
"""
_REQUESTED = _LINKED.format(which="record.created_at >= %(since)s AND record.created_at < %(until)s")
_RELEASED = _LINKED.format(
    which="""record.step = 'released' AND EXISTS (
            SELECT FROM escalations_escalationevent move WHERE move.escalation_id = record.id
               AND move.kind = 'moved' AND move.to_step = 'released'
               AND move.at >= %(since)s AND move.at < %(until)s)"""
)

_SPREAD = """
, each AS (SELECT id, count(ticket) AS tickets, count(DISTINCT customer) AS customers FROM linked GROUP BY id)
SELECT count(*), coalesce(sum(tickets), 0), (SELECT count(DISTINCT customer) FROM linked),
       avg(tickets), avg(customers), coalesce(max(customers), 0)
  FROM each
"""
_BY_AREA = """
SELECT coalesce(area.id, 0)::text, coalesce(area.name, 'No area'),
       count(DISTINCT linked.id), count(ticket), count(DISTINCT customer)
  FROM linked LEFT JOIN tickets_category area ON area.id = linked.area_id
 GROUP BY area.id ORDER BY 3 DESC, 2
"""
_BY_VERSION = """
SELECT fixed_version, fixed_version, count(DISTINCT id), count(ticket), count(DISTINCT customer)
  FROM linked GROUP BY fixed_version ORDER BY 3 DESC, 2
"""


def step_times(period: Period) -> list[StepTime]:
    """In the order of the steps; of stays that ended in the period."""
    rows = _ask(_STEP_TIMES, period, ended=[step.value for step in ENDED])
    found = {row[0]: StepTime(Step(row[0]), row[1], float(row[2]), float(row[3])) for row in rows}
    return [found[step] for step in RULES if step in found]


def decided(period: Period) -> Decided:
    return Decided(*_ask(_DECIDED, period)[0])


def spread(period: Period) -> Spread:
    """Of the records requested in the period."""
    records, tickets, customers, tickets_each, customers_each, most = _ask(_REQUESTED + _SPREAD, period)[0]
    return Spread(records, int(tickets), customers, _number(tickets_each), _number(customers_each), most)


def by_area(period: Period) -> list[Group]:
    """The records requested in the period, the most frequent area first."""
    return [Group(*row) for row in _ask(_REQUESTED + _BY_AREA, period)]


def by_version(period: Period) -> list[Group]:
    """The records released in the period and not failed since, by the version that has the fix."""
    return [Group(*row) for row in _ask(_RELEASED + _BY_VERSION, period)]


def _ask(sql: str, period: Period, **more: Any) -> Sequence[Sequence[Any]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, period.bounds | more)
        rows: Sequence[Sequence[Any]] = cursor.fetchall()
    return rows


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


# --- The records behind a number -----------------------------------------------------------------------------------


def behind(what: str, period: Period) -> EscalationQuerySet | None:
    """The records that a number counts: `step-planned`, `confirmed`, `returned`, `failed`, `requested`, `area-7`,
    `version-9.11.2`; None for what no number is."""
    rows = Escalation.objects.standing()
    kind, _, key = what.partition("-")
    requested = rows.filter(created_at__gte=period.since, created_at__lt=period.until)
    match kind:
        case "step" if key in set(Step):
            return rows.filter(_moved(period, from_step=key))
        case "confirmed" | "returned" | "failed" if not key:
            return rows.filter(_moved(period, data__move=_MOVES[kind]))
        case "requested" if not key:
            return requested
        case "area" if key.isascii() and key.isdigit() and len(key) < 10:
            return requested.filter(area=int(key) or None)
        case "version":
            return rows.filter(_moved(period, to_step=Step.RELEASED), step=Step.RELEASED, fixed_version=key)
    return None


_MOVES = {"confirmed": "confirm", "returned": "return", "failed": "fail"}


def _moved(period: Period, **how: Any) -> Exists:
    kind = EscalationEvent.Kind.MOVED
    moves = EscalationEvent.objects.filter(escalation=OuterRef("pk"), kind=kind, **how)
    return Exists(moves.filter(at__gte=period.since, at__lt=period.until))
