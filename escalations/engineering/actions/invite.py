"""Stakeholders: bringing teams and people into a record, by hand or by rule, following it, leaving it."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet

from accounts.models import STAKEHOLDER_ROLES, User
from escalations.engineering import access
from escalations.engineering.actions.moves import locked, require
from escalations.engineering.events import Kind, record
from escalations.engineering.steps import Step
from escalations.models import Escalation, EscalationLink, Follower, InvitationRule, Involved, TeamInvolved
from supportdesk.lib.errors import Invalid

_CONFIRMED = {Step.CONFIRMED, Step.PLANNED, Step.TESTED, Step.RELEASED}


# --- Teams ---------------------------------------------------------------------------------------------------------


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
    """A team is no longer in: its stakeholders see the record no more, but those whom somebody brought in by name.

    Raises NotAllowed.
    """
    escalation = locked(escalation, by=by)
    require(access.may_invite(by), "take anybody out")
    gone, _ = escalation.teams.filter(team=team).delete()
    if gone:
        _came_with(escalation, team).delete()
        record(escalation, Kind.UNINVITED, by=by, at=at, team=team.value)


def _came_with(escalation: Escalation, team: Involved) -> QuerySet[Follower]:
    """Those of its stakeholders who follow the record by their own doing: to follow is to see (S054)."""
    roles = [role for role in team.roles if role in STAKEHOLDER_ROLES]
    return escalation.followers.filter(Q(added_by=None) | Q(added_by=F("user")), user__role__in=roles)


def apply_rules(escalation: Escalation, *, at: datetime) -> list[Involved]:
    """Bring in the teams that the invitation rules name for the locked record as it is now; those that came in.

    A team that somebody took out by hand stays out: a rule does not overrule a person.
    """
    if not escalation.is_active:
        return []
    dismissed = set(escalation.events.filter(kind=Kind.UNINVITED).values_list("data__team", flat=True))
    came: list[Involved] = []
    for rule in _matching(escalation):
        team = Involved(rule.team)
        if team.value not in dismissed and involve(escalation, team, by=None, at=at, rule=rule):
            came.append(team)
    return came


def _matching(escalation: Escalation) -> QuerySet[InvitationRule]:
    """Severity 1 is the worst, so a rule's own is the mildest that it takes."""
    tickets = EscalationLink.objects.active().filter(escalation=escalation)
    plans = tickets.values("ticket__organization__plan")
    rules = InvitationRule.objects.filter(Q(plan=None) | Q(plan__in=plans), severity__gte=escalation.severity)
    return rules if _is_confirmed(escalation) else rules.filter(on_confirmed=False)


def _is_confirmed(escalation: Escalation) -> bool:
    """A question interrupts a step, it doesn't take it back."""
    step = Step(escalation.asked_from) if escalation.asked_from else escalation.at_step
    return step in _CONFIRMED


# --- People --------------------------------------------------------------------------------------------------------


def add_follower(escalation: Escalation, user: User, *, by: User | None, at: datetime) -> bool:
    """Let `user` follow the locked record; False where they do already."""
    _, is_new = Follower.objects.get_or_create(
        escalation=escalation, user=user, defaults={"added_by": by, "added_at": at}
    )
    return is_new


@transaction.atomic
def invite_person(escalation: Escalation, person: User, *, by: User, at: datetime) -> bool:
    """Bring one member of the staff in, who follows it from now on; False where they did. NotAllowed, Invalid."""
    escalation = locked(escalation, by=by)
    require(access.may_invite(by), "bring anybody in")
    if not (person.is_active and person.is_desk):
        raise Invalid("Choose somebody of the staff.", code="not_staff", field="person")
    return bring_in_person(escalation, person, by=by, at=at)


def bring_in_person(escalation: Escalation, person: User, *, by: User, at: datetime, mentioned: bool = False) -> bool:
    """The same for the locked record; who was `mentioned` is told by that."""
    is_new = add_follower(escalation, person, by=by, at=at)
    if is_new:
        name = person.display_name
        record(escalation, Kind.INVITED, by=by, at=at, person=name, person_id=person.pk, mentioned=mentioned)
    return is_new


@transaction.atomic
def dismiss_person(escalation: Escalation, person: User, *, by: User, at: datetime) -> None:
    """Somebody follows it no more; a stakeholder whose team isn't in sees it no more. Raises NotAllowed."""
    escalation = locked(escalation, by=by)
    require(access.may_invite(by), "take anybody out")
    gone, _ = escalation.followers.filter(user=person).delete()
    if gone:
        record(escalation, Kind.UNINVITED, by=by, at=at, person=person.display_name, person_id=person.pk)


@transaction.atomic
def follow(escalation: Escalation, *, by: User, at: datetime) -> None:
    """Be told of it from now on, again if it was muted. Raises NotAllowed for who doesn't see it."""
    escalation = locked(escalation, by=by)
    if not add_follower(escalation, by, by=by, at=at):
        escalation.followers.filter(user=by, is_muted=True).update(is_muted=False)


@transaction.atomic
def mute(escalation: Escalation, *, by: User, at: datetime) -> None:
    """See it and be told of nothing but mentions, whatever team one is in. Raises NotAllowed."""
    escalation = locked(escalation, by=by)
    add_follower(escalation, by, by=by, at=at)
    escalation.followers.filter(user=by).update(is_muted=True)


@transaction.atomic
def unfollow(escalation: Escalation, *, by: User, at: datetime) -> None:
    """Follow it no more; a stakeholder whose team isn't in leaves it by that. Raises NotAllowed."""
    escalation = locked(escalation, by=by)
    escalation.followers.filter(user=by).delete()
