"""Tickets whose customers' side is mailed nothing any more: what is told there counts as told, and nobody reads it."""

from typing import Any

from django.db.models import Exists, OuterRef

from tickets.models import Ticket


def is_heard(ticket: str) -> Exists:
    """To annotate rows with, as `is_heard`: whether somebody is mailed what is said in the one that `ticket` names."""
    return Exists(Ticket.objects.heard().filter(pk=OuterRef(ticket)))


def why_unread(row: Any, ticket: Ticket) -> str:
    """Why nobody reads it, of an annotated row and its loaded ticket; empty where somebody does. No query."""
    if row.is_heard:
        return ""
    requester, company = ticket.requester, ticket.organization
    if not requester.is_active:
        why = f"{requester.display_name}'s account is deactivated"
    elif company is not None and not company.is_active:
        why = f"{company.name} is deactivated"
    else:
        why = f"{requester.display_name} is no longer at {company.name if company else 'the organisation'}"
    return f"{why}, and nobody is in copy."
