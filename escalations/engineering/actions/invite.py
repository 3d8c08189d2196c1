"""Stakeholders: bringing teams and people into a record, following it, leaving it."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from escalations.engineering import access
from escalations.engineering.actions.moves import locked, require
from escalations.engineering.events import Kind, record
from escalations.models import Escalation, Follower, InvitationRule, Involved, TeamInvolved


def involve(
    escalation: Escalation, team: Involved, *, by: User | None, at: datetime, rule: InvitationRule | None = None
) -> bool:
    """Bring a team into the locked record; False where it is in already."""
    _, is_new = TeamInvolved.objects.get_or_create(
        escalation=escalation, team=team, defaults={"invited_by": by, "rule": rule, "invited_at": at}
    )
    if is_new:
        record(escalation, Kind.INVITED, by=by, at=at, team=team.value, rule=str(rule or ""))
    return is_new


@transaction.atomic
def invite_team(escalation: Escalation, team: Involved, *, by: User, at: datetime) -> bool:
    """Bring a team in by hand. Raises NotAllowed."""
    escalation = locked(escalation, by=by)
    require(access.may_invite(by), "bring anybody in")
    return involve(escalation, team, by=by, at=at)


@transaction.atomic
def dismiss_team(escalation: Escalation, team: Involved, *, by: User, at: datetime) -> None:
    """A team is no longer in: its stakeholders see the record no more. Raises NotAllowed."""
    escalation = locked(escalation, by=by)
    require(access.may_invite(by), "take anybody out")
    gone, _ = escalation.teams.filter(team=team).delete()
    if gone:
        record(escalation, Kind.UNINVITED, by=by, at=at, team=team.value)


def add_follower(escalation: Escalation, user: User, *, by: User | None, at: datetime) -> bool:
    """Let `user` follow the locked record; False where they do already."""
    _, is_new = Follower.objects.get_or_create(
        escalation=escalation, user=user, defaults={"added_by": by, "added_at": at}
    )
    return is_new
