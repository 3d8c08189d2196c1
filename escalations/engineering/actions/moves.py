"""The one place that assigns a record's step, with what comes and goes with it."""

from datetime import datetime
from typing import Any

from django.db.models import Q

from accounts.models import User
from escalations.engineering.clocks import deadlines
from escalations.engineering.events import Kind
from escalations.engineering.steps import ENDED, Step
from escalations.models import Escalation
from supportdesk.lib.errors import Conflict, NotAllowed

_BY_THE_WAY = {"news_at", "owes_update"}
_CHANGES = (Kind.MOVED, Kind.EDITED, Kind.PUBLISHED, Kind.MERGED, Kind.UNMERGED)
"""What makes a version: who wrote in the discussion, or told customers, changed nothing that is decided upon."""
_OF_ONE_TICKET = Q(kind=Kind.EDITED, data__has_key="ticket")


def locked(escalation: Escalation, *, by: User | None, seen_version: int | None = None) -> Escalation:
    """The record's row, fresh and locked. NotAllowed when the person no longer sees it; Conflict, naming who, when
    somebody changed it since the `seen_version`."""
    rows = Escalation.objects.select_for_update(of=("self",)).select_related("owner")
    rows = rows if by is None else rows.visible_to(by)
    found = rows.filter(pk=escalation.pk).first()
    if found is None:
        raise NotAllowed("You no longer have access to this escalation.", code="access_lost")
    if seen_version is not None and seen_version != found.version:
        raise Conflict(_changed(found, by), code="changed_meanwhile")
    return found


def _changed(escalation: Escalation, by: User | None) -> str:
    rows = escalation.events.filter(kind__in=_CHANGES).exclude(_OF_ONE_TICKET)
    last = rows.exclude(actor=by).exclude(actor=None).select_related("actor").last()
    who = last.actor.display_name if last and last.actor else "Somebody"
    return (
        f"{who} changed this escalation while you were at it: it is at “{escalation.at_step.label}” now."
        " Look at it, then do it again if it still fits."
    )


def require(allowed: bool, what: str) -> None:
    """NotAllowed, naming what was wanted, unless `allowed`."""
    if not allowed:
        raise NotAllowed(f"You may not {what}.")


def require_active(escalation: Escalation) -> None:
    """Conflict for a record that is over."""
    if not escalation.is_active:
        state = "merged into another" if escalation.merged_into_id else escalation.at_step.label.lower()
        raise Conflict(f"{escalation.reference} is {state}: nothing can be added to it.", code="over")


def write(escalation: Escalation, *, at: datetime, rewords: bool = False, **changes: Any) -> None:
    """Save `changes`, that the record was touched `at`, and the deadlines that follow.

    Only a change of what people decide upon counts as a version: news from a code host or a ticket that joins must not
    refuse what somebody is just writing. `rewords`: what customers are to be told was changed.
    """
    for name, value in changes.items():
        setattr(escalation, name, value)
    follow = deadlines(escalation)
    follow["updated_at"] = max(at, escalation.updated_at)
    if rewords or changes.keys() - _BY_THE_WAY:
        follow["version"] = escalation.version + 1
    for name, value in follow.items():
        setattr(escalation, name, value)
    escalation.save(update_fields=["step", *changes, *follow])


def advance(escalation: Escalation, to: Step, *, at: datetime, **changes: Any) -> Step:
    """Take the locked record to another step together with `changes`; return the former one."""
    former = escalation.at_step
    escalation.step = to.value
    ends: dict[str, Any] = {"ended_at": at if to in ENDED else None}
    write(escalation, at=at, step_since=at, news_at=at, **ends, **changes)
    return former
