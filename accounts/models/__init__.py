from accounts.models.event import AccountEvent
from accounts.models.mail import AccountMail, AddressHealth
from accounts.models.organization import Invitation, Membership, Organization, OrganizationDomain, SupportPlan, Team
from accounts.models.people import (
    AGENT_ROLES,
    STAKEHOLDER_ROLES,
    Region,
    Role,
    User,
    UserManager,
)
from accounts.models.session import Session

__all__ = [
    "AGENT_ROLES",
    "STAKEHOLDER_ROLES",
    "AccountEvent",
    "AccountMail",
    "AddressHealth",
    "Invitation",
    "Membership",
    "Organization",
    "OrganizationDomain",
    "Region",
    "Role",
    "Session",
    "SupportPlan",
    "Team",
    "User",
    "UserManager",
]
