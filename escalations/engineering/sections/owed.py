"""What the record's customers are owed now, first of all on its page: the step isn't complete before."""

from typing import Any

from django.http import HttpRequest

from escalations.engineering import access, progress
from escalations.engineering.steps import RULES
from escalations.engineering.views.gate import viewer
from escalations.models import CustomerUpdate, Escalation

State = CustomerUpdate.State
_LATEST = 30


def context(escalation: Escalation, request: HttpRequest) -> dict[str, Any]:
    """The update that is owed or was sent last, and how far it has come."""
    update, done = next(iter(latest(escalation, request)), (None, progress.Progress()))
    return {
        "update": update,
        "is_owed": update is not None and update.state == State.OWED,
        "owes": RULES[update.at_step].owes if update else "",
        "progress": done,
        "may_send": access.may_move(viewer(request)),
    }


def latest(escalation: Escalation, request: HttpRequest) -> list[tuple[CustomerUpdate, progress.Progress]]:
    """The record's newest updates, each with how far it has come: two queries, and those once a request."""
    known = getattr(request, "_latest_updates", None)
    if known is None:
        updates = escalation.updates.exclude(state=State.DROPPED).select_related("sent_by").order_by("-id")[:_LATEST]
        found = progress.of(updates, viewer(request))
        known = [(update, found[update.pk]) for update in updates]
        request._latest_updates = known  # type: ignore[attr-defined]
    return known
