"""Which policy a ticket pages by, and how urgently."""

from collections.abc import Sequence

from escalations.models import EscalationPolicy, PolicyChoice
from tickets.models import Priority, Ticket


def choices() -> list[PolicyChoice]:
    """All choices in their order, with their policies; one query."""
    return list(PolicyChoice.objects.select_related("policy"))


def priority_of(ticket: Ticket) -> int:
    """A ticket without a priority pages as High."""
    return ticket.priority if ticket.priority is not None else Priority.HIGH


def policy_for(
    ticket: Ticket, known: Sequence[PolicyChoice], default: EscalationPolicy | None
) -> EscalationPolicy | None:
    """The policy of the first choice that fits the ticket, else the default; the ticket has its organisation loaded."""
    plan = ticket.organization.plan_id if ticket.organization else None
    for choice in known:
        if choice.fits(plan=plan, priority=priority_of(ticket), team=ticket.team_id):
            return choice.policy
    return default


def policy_by_hand(ticket: Ticket) -> EscalationPolicy | None:
    """By which support's on-call is paged for a ticket by hand; None: the last resort rings."""
    return policy_for(ticket, choices(), EscalationPolicy.objects.filter(is_default=True).first())


def policy_for_set() -> EscalationPolicy | None:
    return EscalationPolicy.objects.filter(is_for_set=True).first()
