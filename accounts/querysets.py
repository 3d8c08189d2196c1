"""Which people and organisations somebody may see, as QuerySet vocabulary."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Value, When
from django.db.models.functions import Lower, Now

if TYPE_CHECKING:
    from accounts.models import (  # noqa: F401 - the querysets' parameters
        AccountMail,
        AddressHealth,
        Invitation,
        Membership,
        Organization,
        OrganizationDomain,
        User,
    )


class UserQuerySet(models.QuerySet["User"]):
    def active(self) -> UserQuerySet:
        return self.filter(is_active=True)

    def desk(self) -> UserQuerySet:
        """Everybody who works for the vendor."""
        return self.exclude(role="")

    def agents(self) -> UserQuerySet:
        from accounts.models import AGENT_ROLES

        return self.active().filter(role__in=AGENT_ROLES)

    def away(self, off_shift: Iterable[int]) -> UserQuerySet:
        """Whose work somebody else has to look after: of regions (by id) off shift, or no agents any more."""
        from accounts.models import AGENT_ROLES

        return self.filter(Q(region__in=off_shift) | Q(is_active=False) | ~Q(role__in=AGENT_ROLES))

    def customers(self) -> UserQuerySet:
        return self.filter(role="")


class OrganizationQuerySet(models.QuerySet["Organization"]):
    def visible_to(self, user: User) -> OrganizationQuerySet:
        """All for the staff; a customer sees those of an active membership."""
        if user.is_desk:
            return self
        return self.of_member(user)

    def of_member(self, user: User) -> OrganizationQuerySet:
        from accounts.models import Membership

        mine = Membership.objects.active().filter(user=user, organization=OuterRef("pk"))
        return self.filter(Exists(mine), is_active=True)

    def managed_by(self, user: User) -> OrganizationQuerySet:
        """Those whose members the person may manage: a manager's own, an admin's all."""
        from accounts.models import Membership

        if user.is_staff:
            return self
        mine = Membership.objects.active().filter(user=user, organization=OuterRef("pk"), role=Membership.Role.MANAGER)
        return self.filter(Exists(mine), is_active=True)


class MembershipQuerySet(models.QuerySet["Membership"]):
    def active(self) -> MembershipQuerySet:
        return self.filter(ended_at=None)

    def managed_by(self, user: User) -> MembershipQuerySet:
        """Those that the person may change: of the organisations they manage."""
        from accounts.models import Organization

        return self.filter(organization__in=Organization.objects.managed_by(user))


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def unused(self) -> InvitationQuerySet:
        """Neither accepted nor taken back; perhaps too old."""
        return self.filter(accepted_at=None, revoked_at=None)

    def pending(self, *, now: datetime) -> InvitationQuerySet:
        """Those that may still be accepted."""
        return self.unused().filter(expires_at__gt=now, organization__is_active=True)

    def managed_by(self, user: User) -> InvitationQuerySet:
        from accounts.models import Organization

        return self.filter(organization__in=Organization.objects.managed_by(user))

    def of_day_before(self, at: datetime) -> InvitationQuerySet:
        """Those of the last 24 hours, and any that somebody who read the clock a moment later was quicker to make."""
        return self.filter(created_at__gt=at - timedelta(days=1))


class DomainQuerySet(models.QuerySet["OrganizationDomain"]):
    def open(self) -> DomainQuerySet:
        """Those whose verified addresses become members: seen in DNS, and the organisation agreed (S060)."""
        return self.filter(auto_join=True, organization__is_active=True).exclude(verified_at=None)

    def of_address(self, email: str) -> DomainQuerySet:
        return self.filter(domain=email.rpartition("@")[2])


class AccountMailQuerySet(models.QuerySet["AccountMail"]):
    def due(self) -> AccountMailQuerySet:
        """By the database's clock, so that workers with a wrong one do no harm."""
        return self.filter(state="queued", due_at__lte=Now())


class AddressHealthQuerySet(models.QuerySet["AddressHealth"]):
    def suppressed(self) -> AddressHealthQuerySet:
        """Those to which nothing is sent."""
        return self.exclude(suppressed_at=None)

    def state_of(self, email: OuterRef | Lower) -> models.Subquery:
        """For annotations: why nothing is sent to `email`, `came_back` where mails came back lately, else None."""
        state = Case(When(suppressed_at=None, then=Value("came_back")), default=F("suppressed_why"))
        troubled = self.filter(~Q(suppressed_at=None) | Q(hard_bounces__gt=0))
        return models.Subquery(troubled.filter(email=email).annotate(state=state).values("state")[:1])
