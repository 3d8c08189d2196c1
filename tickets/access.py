"""Who may do what to a ticket: the role table of the domain description, one predicate a row.

Each predicate presumes that the person sees the ticket (`Ticket.objects.visible_to`), asks nothing of its status
(that is `states`), and answers from the ticket's row and at most one query.
"""

from collections.abc import Sequence

from django.db.models import QuerySet

from accounts.access import may_use_portal
from accounts.models import Membership, Organization, Role, User
from tickets.models import Participant, Ticket


def is_customer_of(user: User, ticket: Ticket) -> bool:
    """Whether the person stands on the customer's side of this ticket."""
    return not user.is_desk


def is_manager_of(user: User, ticket: Ticket) -> bool:
    return (
        not user.is_desk
        and ticket.organization_id is not None
        and Membership.objects.active()
        .filter(user=user, organization=ticket.organization_id, role=Membership.Role.MANAGER)
        .exists()
    )


def is_copied(user: User, ticket: Ticket) -> bool:
    return Participant.objects.current().filter(ticket=ticket, user=user).exists()


def _is_owner(user: User, ticket: Ticket) -> bool:
    return not user.is_desk and (ticket.requester_id == user.pk or is_manager_of(user, ticket))


def may_reply_as_customer(user: User, ticket: Ticket) -> bool:
    return not user.is_desk and (_is_owner(user, ticket) or is_copied(user, ticket))


def may_follow_up(user: User, ticket: Ticket) -> bool:
    """Whether a reply to this Closed request may open another one: only under a plan that has the portal."""
    return may_reply_as_customer(user, ticket) and may_use_portal(user, ticket.organization)


def may_add_cc(user: User, ticket: Ticket) -> bool:
    """The requester's side and agents; a CC from outside the organisation may reply but not bring in others."""
    if user.is_agent or user.role == Role.SET or _is_owner(user, ticket):
        return True
    return not user.is_desk and is_copied(user, ticket) and _is_member(user, ticket)


def _is_member(user: User, ticket: Ticket) -> bool:
    return (
        ticket.organization_id is not None
        and Membership.objects.active().filter(user=user, organization=ticket.organization_id).exists()
    )


def may_mark_solved(user: User, ticket: Ticket) -> bool:
    return _is_owner(user, ticket)


def may_reopen(user: User, ticket: Ticket) -> bool:
    return user.is_agent or _is_owner(user, ticket)


def may_raise_priority(user: User, ticket: Ticket) -> bool:
    return _is_owner(user, ticket)


def may_rate(user: User, ticket: Ticket) -> bool:
    """Say how it went: whose request it was, nobody for them."""
    return not user.is_desk and ticket.requester_id == user.pk


def may_answer(user: User, ticket: Ticket) -> bool:
    """Public replies of the staff: agents and SET."""
    return user.is_agent or user.role == Role.SET


def may_note(user: User, ticket: Ticket) -> bool:
    return user.is_desk


def may_work(user: User, ticket: Ticket) -> bool:
    """Assign, solve, hold, edit fields, lower the priority, keep from closing."""
    return user.is_agent


def may_escalate(user: User, ticket: Ticket) -> bool:
    """Hand a ticket to engineering."""
    return user.is_agent


def organizations_to_submit_for(user: User) -> QuerySet[Organization]:
    """The customer's organisations whose plan opens the portal."""
    if user.is_desk:
        return Organization.objects.none()
    return Organization.objects.of_member(user).filter(plan__uses_portal=True).select_related("plan")


def may_submit(user: User, organizations: Sequence[Organization]) -> bool:
    """Customers with one of `organizations` to submit for, or without any where the default plan has the portal."""
    if user.is_desk or organizations:
        return bool(organizations)
    return not Organization.objects.of_member(user).exists() and may_use_portal(user, None)


def may_open_for_customer(user: User) -> bool:
    return user.is_agent


def sees_desk(user: User) -> bool:
    """Who works in the staff dashboard."""
    return user.is_active and user.role in {Role.AGENT, Role.LEAD, Role.SET, Role.ADMIN}


def may_look_in(user: User) -> bool:
    """Who comes to a ticket's page at all: the desk, and stakeholders to those that they are brought into."""
    return sees_desk(user) or (user.is_active and user.is_stakeholder)


def may_sort_mail(user: User) -> bool:
    """Held and quarantined mail is for leads and admins."""
    return user.is_active and user.is_lead
