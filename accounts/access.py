"""Who may manage whom, and which doors a person's plan opens."""

from django.conf import settings
from django.db.models import QuerySet

from accounts.models import Membership, Organization, SupportPlan, User


def active_memberships(user: User) -> QuerySet[Membership]:
    """The person's places in organisations that are customers today, with organisation and plan."""
    rows = Membership.objects.active().filter(user=user, organization__is_active=True)
    return rows.select_related("organization__plan").order_by("organization__name")


def may_manage_members(user: User, organization: Organization) -> bool:
    """Its managers, and admins."""
    return user.is_active and Organization.objects.managed_by(user).filter(pk=organization.pk).exists()


def may_invite(user: User, organization: Organization) -> bool:
    """Who manages the members, while the organisation is a customer."""
    return organization.is_active and may_manage_members(user, organization)


def plan_for(user: User | None, organization: Organization | None) -> SupportPlan | None:
    """The organisation's plan; without an organisation the default one (Free)."""
    if organization is not None:
        return organization.plan
    return SupportPlan.objects.filter(is_default=True).first()


def may_use_portal(user: User, organization: Organization | None) -> bool:
    """Which plan may use the portal is the plan's own data."""
    plan = plan_for(user, organization)
    return plan is not None and plan.uses_portal


def may_use_email(user: User, organization: Organization | None) -> bool:
    """Which plan may open requests by e-mail is the plan's own data."""
    plan = plan_for(user, organization)
    return plan is not None and plan.uses_email


def is_of_the_staff(email: str) -> bool:
    """Whether an address, in small letters, is a colleague's, or at our own domain, where it could be one's."""
    at_ours = email.endswith(f"@{settings.MAIL_DOMAIN.lower()}")
    return at_ours or User.objects.filter(email=email).exclude(role="").exists()
