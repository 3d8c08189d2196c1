"""Recording what happened to a record, and waking those who act on it."""

from datetime import datetime
from typing import Any

from accounts.models import User
from escalations.models import Escalation, EscalationEvent
from supportdesk.lib import queue

Kind = EscalationEvent.Kind


def record(
    escalation: Escalation,
    kind: EscalationEvent.Kind,
    *,
    by: User | None,
    at: datetime,
    from_step: str = "",
    to_step: str = "",
    **data: Any,
) -> EscalationEvent:
    """Append what happened to the locked record, in the caller's transaction; `by` None is the system."""
    event = EscalationEvent.objects.create(
        escalation=escalation, kind=kind, actor=by, from_step=from_step, to_step=to_step, data=data, at=at
    )
    queue.wake("engineering")
    return event
