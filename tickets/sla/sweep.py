"""Warnings and breaches: what is due now is told as events, once each, whoever else sweeps at the time."""

import logging
from datetime import datetime
from typing import Any

from django.db import transaction

from supportdesk.lib import bulk, queue
from tickets.events import breach_data
from tickets.models import EventKind, SlaClock, Ticket, TicketEvent
from tickets.sla.clocks import note_breach
from tickets.sla.live import next_action, warning_points

logger = logging.getLogger(__name__)

_AT_ONCE = 2000
_BATCH = 50


def act(*, now: datetime) -> int:
    """Warn of and note the breach of what is due; the number of events. Costs what is due, found by an index.

    Tickets are taken in batches, each a transaction; a batch in which a row fails is gone through again one by one, so
    that the bad row alone is logged and stepped over.
    """
    due = SlaClock.objects.to_act_on(now).order_by("next_action_at").values_list("ticket_id", flat=True)[:_AT_ONCE]
    numbers = list(dict.fromkeys(due))
    told = 0
    for start in range(0, len(numbers), _BATCH):
        batch = numbers[start : start + _BATCH]
        try:
            told += _act_on(batch, now)
        except Exception:
            logger.exception("a batch of promises could not be looked at")
            told += sum(_alone(number, now) for number in batch)
    if told:
        queue.wake("ticket")
    return told


def _alone(number: int, now: datetime) -> int:
    try:
        return _act_on([number], now)
    except Exception:
        logger.exception("the promises of request #%s could not be looked at", number)
        return 0


@transaction.atomic
def _act_on(numbers: list[int], now: datetime) -> int:
    """Lock the tickets (those that somebody acts on are the next sweep's), then look at their clocks anew."""
    rows = Ticket.objects.select_for_update(of=("self",), no_key=True, skip_locked=True).filter(pk__in=numbers)
    ours = list(rows.order_by("pk").values_list("pk", flat=True))
    clocks = list(SlaClock.objects.to_act_on(now).filter(ticket__in=ours).with_terms())
    events = [event for clock in clocks if (event := look_at(clock, now)) is not None]
    bulk.update(clocks, ["breached_at", "warned", "warned_at", "next_action_at"])
    TicketEvent.objects.bulk_create(events)
    return len(events)


def look_at(clock: SlaClock, now: datetime) -> TicketEvent | None:
    """What is to be told of a clock now; a warning that comes after the breach is none."""
    event = None
    if note_breach(clock, now):
        event = _event(clock, EventKind.SLA_BREACHED, now, breach_data(clock))
    else:
        reached = [point for point, at in warning_points(clock) if at < now and point not in clock.warned]
        if reached and clock.breached_at is None:
            clock.warned = sorted({*clock.warned, *reached})
            clock.warned_at = now
            event = _event(clock, EventKind.SLA_WARNED, now, _warning_data(clock, reached))
    clock.next_action_at = next_action(clock, now)
    return event


def _event(clock: SlaClock, kind: EventKind, now: datetime, data: dict[str, Any]) -> TicketEvent:
    return TicketEvent(ticket_id=clock.ticket_id, kind=kind, data=data, at=now)


def _warning_data(clock: SlaClock, points: list[int]) -> dict[str, Any]:
    assert clock.due_at is not None  # noqa: S101 - only running clocks have points
    return {"clock": clock.pk, "promise": clock.promise, "due_at": clock.due_at.isoformat(), "points": points}
