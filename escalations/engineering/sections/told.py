"""What the customers of a record were told and when, step by step."""

from typing import Any

from django.http import HttpRequest

from escalations.engineering.sections import owed
from escalations.models import CustomerUpdate, Escalation


def context(escalation: Escalation, request: HttpRequest) -> dict[str, Any]:
    """The newest first; no query beside those of what is owed."""
    latest = owed.latest(escalation, request)
    return {"told": [(update, done) for update, done in latest if update.state == CustomerUpdate.State.SENT]}
