"""Which doors a person's plan opens."""

from accounts.models import Organization, SupportPlan, User


def plan_for(user: User, organization: Organization | None) -> SupportPlan | None:
    """The organisation's plan; without an organisation the default one (Free)."""
    if organization is not None:
        return organization.plan
    return SupportPlan.objects.filter(is_default=True).first()


def may_use_portal(user: User, organization: Organization | None) -> bool:
    """Which plan may use the portal is the plan's own data."""
    plan = plan_for(user, organization)
    return plan is not None and plan.uses_portal
