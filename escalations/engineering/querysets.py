"""Which escalations somebody may see, and what is owed to whom, as QuerySet vocabulary."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Count, Exists, OuterRef, Q

from accounts.models import Role, User
from escalations.engineering.steps import ACTIVE

if TYPE_CHECKING:
    from escalations.models import (  # noqa: F401 - the querysets' parameters
        CustomerNotice,
        Escalation,
        EscalationLink,
    )

_SEE_ALL = (Role.AGENT, Role.LEAD, Role.SET, Role.ADMIN)


class EscalationQuerySet(models.QuerySet["Escalation"]):
    def visible_to(self, user: User) -> EscalationQuerySet:
        """All for agents, leads, SET and admins; stakeholders see what their team or they were brought into."""
        if not user.is_active or not user.is_desk:
            return self.none()
        if user.role in _SEE_ALL:
            return self
        from escalations.models import Follower, TeamInvolved

        teams = TeamInvolved.objects.filter(escalation=OuterRef("pk"), team__in=teams_of(user))
        follows = Follower.objects.filter(escalation=OuterRef("pk"), user=user)
        return self.filter(Q(Exists(teams)) | Q(Exists(follows)))

    def followed_by(self, user: User) -> EscalationQuerySet:
        """What somebody wants to hear of: they follow it, or their team is in and they did not mute it."""
        from escalations.models import Follower, TeamInvolved

        teams = TeamInvolved.objects.filter(escalation=OuterRef("pk"), team__in=teams_of(user))
        follows = Follower.objects.filter(escalation=OuterRef("pk"), user=user)
        wanted = Q(Exists(follows)) | Q(Exists(teams))
        return self.visible_to(user).filter(wanted).exclude(Exists(follows.filter(is_muted=True)))

    def standing(self) -> EscalationQuerySet:
        """Without those that were merged into another."""
        return self.filter(merged_into=None)

    def active(self) -> EscalationQuerySet:
        return self.standing().filter(step__in=ACTIVE)

    def with_card_data(self) -> EscalationQuerySet:
        """What a card of the board shows, in one query."""
        return self.select_related("owner", "area").annotate(
            tickets=Count("links", filter=Q(links__unlinked_at=None), distinct=True)
        )


class LinkQuerySet(models.QuerySet["EscalationLink"]):
    def standing(self) -> LinkQuerySet:
        """Tickets that are in the record, or were when it ended; not those taken out of it."""
        return self.filter(unlinked_at=None)

    def active(self) -> LinkQuerySet:
        return self.filter(is_active=True)


class NoticeQuerySet(models.QuerySet["CustomerNotice"]):
    def to_do(self, now: datetime) -> NoticeQuerySet:
        """Those with a message to be brought into the ticket, or a ticket to be given back."""
        return self.filter(next_attempt_at__lte=now)

    def told(self) -> NoticeQuerySet:
        return self.filter(state="sent")


def tickets_of(user: User) -> models.QuerySet[EscalationLink, int]:
    """The keys of the tickets in records that a stakeholder sees: those that were taken out are theirs no more."""
    from escalations.models import Escalation, EscalationLink

    seen = Escalation.objects.visible_to(user).values("pk")
    return EscalationLink.objects.standing().filter(escalation__in=seen).values_list("ticket_id", flat=True)


def teams_of(user: User) -> list[str]:
    """The teams of stakeholders that the person's role is in."""
    from escalations.models import Involved

    return [team.value for team in Involved if user.role in team.roles]
