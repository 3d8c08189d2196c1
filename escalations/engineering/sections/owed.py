"""What the record's customers are owed now, first of all on its page: the step isn't complete before."""

from typing import Any

from django.http import HttpRequest

from escalations.engineering import access, progress
from escalations.engineering.steps import RULES
from escalations.engineering.views.gate import viewer
from escalations.models import CustomerUpdate, Escalation

State = CustomerUpdate.State


def context(escalation: Escalation, request: HttpRequest) -> dict[str, Any]:
    """Two queries: the update that is owed or was sent last, and how far it has come."""
    me, update = viewer(request), escalation.updates.exclude(state=State.DROPPED).last()
    return {
        "update": update,
        "is_owed": update is not None and update.state == State.OWED,
        "owes": RULES[update.at_step].owes if update else "",
        "progress": progress.of([update], me)[update.pk] if update else progress.Progress(),
        "may_send": access.may_move(me),
    }
