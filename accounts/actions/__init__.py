"""The verbs on people, memberships and invitations: each locks, checks, changes and records in one transaction."""

from accounts.actions.invitations import accept_invitation, invite, revoke_invitation
from accounts.actions.members import (
    add_member,
    change_role,
    join_by_domain,
    leave_by_domain,
    remove_member,
    welcome_domain,
)
from accounts.actions.people import (
    change_staff_role,
    claim,
    deactivate,
    person_for_address,
    reactivate,
)
from accounts.actions.sessions import end_sessions

__all__ = [
    "accept_invitation",
    "add_member",
    "change_role",
    "change_staff_role",
    "claim",
    "deactivate",
    "end_sessions",
    "invite",
    "join_by_domain",
    "leave_by_domain",
    "person_for_address",
    "reactivate",
    "remove_member",
    "revoke_invitation",
    "welcome_domain",
]
