"""Tickets whose customers' side is mailed nothing any more: what is told there counts as told, and nobody reads it."""

from collections.abc import Collection, Iterable

from accounts.models import Membership
from tickets.models import Ticket


def unread_among(tickets: Iterable[Ticket]) -> dict[int, str]:
    """Why nobody reads them, by number, of those of `tickets` of which nobody is mailed.

    They come with their requesters and organisations. One query, and a second one where somebody has gone: to ask of
    every ticket all that counts takes longer than the rest of a page of them.
    """
    loaded = {ticket.pk: ticket for ticket in tickets}
    doubtful = loaded.keys() - _read_by_requester(loaded.values())
    if not doubtful:
        return {}
    heard = set(Ticket.objects.heard().filter(pk__in=doubtful).values_list("pk", flat=True))
    return {pk: _why(loaded[pk]) for pk in doubtful - heard}


def _read_by_requester(tickets: Collection[Ticket]) -> set[int]:
    """Those whose requester is still there: of them `heard` says no other."""
    belong = Membership.objects.active().filter(
        user__in={ticket.requester_id for ticket in tickets},
        organization__in={ticket.organization_id for ticket in tickets if ticket.organization_id},
    )
    members = set(belong.values_list("user_id", "organization_id"))
    return {
        ticket.pk
        for ticket in tickets
        if ticket.requester.is_active
        and ticket.organization is not None
        and ticket.organization.is_active
        and (ticket.requester_id, ticket.organization_id) in members
    }


def _why(ticket: Ticket) -> str:
    requester, company = ticket.requester, ticket.organization
    if not requester.is_active:
        why = f"{requester.display_name}'s account is deactivated"
    elif company is not None and not company.is_active:
        why = f"{company.name} is deactivated"
    else:
        why = f"{requester.display_name} is no longer at {company.name if company else 'the organisation'}"
    return f"{why}, and nobody is in copy."
