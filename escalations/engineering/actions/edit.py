"""Changing what is known of a problem, and who has it."""

from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import User
from escalations.engineering import access
from escalations.engineering.actions.invite import add_follower, apply_rules
from escalations.engineering.actions.moves import locked, require, write
from escalations.engineering.actions.request import Problem, checked
from escalations.engineering.events import Kind, record
from escalations.engineering.steps import ENDED, Step
from escalations.models import Escalation
from supportdesk.lib.errors import Invalid
from tickets.models import Category

_WITHOUT_OWNER = (Step.REQUESTED, *ENDED)


@transaction.atomic
def edit(
    escalation: Escalation, problem: Problem, *, by: User, at: datetime, seen_version: int | None = None
) -> list[str]:
    """Make the record say `problem`; the deadlines follow, and the teams that a rule names for its severity.

    Return the columns that changed, each an event.

    Raises NotAllowed, Conflict (changed since `seen_version`), Invalid (the field).
    """
    escalation = locked(escalation, by=by, seen_version=seen_version)
    require(access.may_word(by), "edit this escalation")
    changed = _change(escalation, checked(problem), by=by, at=at)
    if "severity" in changed:
        apply_rules(escalation, at=at)
    return changed


@transaction.atomic
def give_to(
    escalation: Escalation,
    *,
    owner: User | None,
    backup: User | None,
    by: User,
    at: datetime,
    seen_version: int | None = None,
) -> list[str]:
    """Whose it is, and who stands in: they follow it. Raises NotAllowed, Conflict, Invalid (`owner`, `backup`)."""
    escalation = locked(escalation, by=by, seen_version=seen_version)
    require(access.may_move(by), "give this escalation to somebody")
    if owner is None and escalation.at_step not in _WITHOUT_OWNER:
        raise Invalid("Somebody has to own it from the review on.", code="required", field="owner")
    present = {"owner": escalation.owner_id, "backup": escalation.backup_id}
    for field, person in (("owner", owner), ("backup", backup)):
        if person is not None and person.pk != present[field] and not access.may_own(person):
            raise Invalid("Choose an engineer of SET, a lead or an admin.", code="no_engineer", field=field)
    if owner is not None and owner == backup:
        raise Invalid("The backup stands in for the owner: choose somebody else.", code="same", field="backup")
    given = {"owner": owner, "backup": backup}
    changed = _change(escalation, given, by=by, at=at)
    for person in filter(None, (given[name] for name in changed)):
        add_follower(escalation, person, by=by, at=at)
    return changed


def _change(escalation: Escalation, columns: dict[str, Any], *, by: User, at: datetime) -> list[str]:
    former = {name: getattr(escalation, name) for name in columns}
    changes = {name: value for name, value in columns.items() if value != former[name]}
    if changes:
        write(escalation, at=at, **changes)
    for name, value in changes.items():
        record(escalation, Kind.EDITED, by=by, at=at, field=name, old=_told(former[name]), new=_told(value))
    return [*changes]


def _told(value: Any) -> str | int | None:
    """How an event keeps a value: people and areas by their names, which outlive them."""
    if isinstance(value, User):
        return value.display_name
    return value.name if isinstance(value, Category) else value
