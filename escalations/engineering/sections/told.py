"""What the customers of a record were told and when, step by step."""

from typing import Any

from django.http import HttpRequest

from escalations.engineering import progress
from escalations.engineering.views.gate import viewer
from escalations.models import CustomerUpdate, Escalation

_LATEST = 30


def context(escalation: Escalation, request: HttpRequest) -> dict[str, Any]:
    """Two queries; the newest first."""
    sent = escalation.updates.filter(state=CustomerUpdate.State.SENT).select_related("sent_by").order_by("-id")
    updates = list(sent[:_LATEST])
    found = progress.of(updates, viewer(request))
    return {"told": [(update, found.get(update.pk, progress.Progress())) for update in updates]}
