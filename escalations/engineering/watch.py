"""Warning of engineering's deadlines: what is near or over is put down as an event, once each, for the leads.

Costs what is due, found by a partial index. Two sweeps at once do no harm.
"""

import logging
from datetime import datetime

from django.db import transaction

from escalations.engineering.clocks import Deadline, columns, running_deadlines
from escalations.engineering.events import Kind, record
from escalations.models import Escalation

logger = logging.getLogger(__name__)

_AT_ONCE = 1000


def warn_all(*, now: datetime) -> int:
    """Look at every record whose clocks are due to be looked at; the number of warnings. A bad row is stepped over."""
    due = Escalation.objects.to_warn(now).order_by("warn_at", "pk").values_list("pk", flat=True)[:_AT_ONCE]
    warnings = 0
    for pk in list(due):
        try:
            warnings += _look_at(pk, now=now)
        except Exception:
            logger.exception("the deadlines of SET-%s could not be looked at", pk)
    return warnings


@transaction.atomic
def _look_at(pk: int, *, now: datetime) -> int:
    """Reckon one record's deadlines anew and warn of what is reached; one that somebody acts on is the next sweep's."""
    rows = Escalation.objects.select_for_update(of=("self",), skip_locked=True)
    escalation = rows.filter(pk=pk, warn_at__lte=now).first()
    if escalation is None:
        return 0
    warned, warnings = list(escalation.warned), 0
    running = running_deadlines(escalation)
    for deadline in running:
        reached = [name for name, at in deadline.points if at <= now and name not in warned]
        if not reached:
            continue
        warned += reached
        _warn(escalation, deadline, is_over=deadline.overdue in reached, now=now)
        warnings += 1
    Escalation.objects.filter(pk=pk).update(**columns(running, warned=warned))
    return warnings


def _warn(escalation: Escalation, deadline: Deadline, *, is_over: bool, now: datetime) -> None:
    """One that is over was near as well: that is said once."""
    record(
        escalation,
        Kind.WARNED,
        by=None,
        at=now,
        deadline=deadline.clock.value,
        label=deadline.clock.label,
        due_at=deadline.due_at.isoformat(),
        over=is_over,
    )
