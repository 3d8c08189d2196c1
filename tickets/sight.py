"""Tickets that higher apps let the staff's stakeholders see.

The role table says that stakeholders see "those they are brought into". Into what, a higher app knows: it registers in
`AppConfig.ready()`, and `Ticket.objects.visible_to` asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import User

Provider = Callable[[User], "QuerySet[Any, Any]"]
"""The keys of the tickets that somebody was brought into, as a query of one column."""

_providers: list[Provider] = []


def register(provider: Provider) -> None:
    """Have `provider` asked for each stakeholder who looks; called from AppConfig.ready()."""
    if provider not in _providers:
        _providers.append(provider)


def brought_into(user: User) -> Q:
    """The tickets that any provider names for `user`; none where nobody does."""
    seen = Q(pk__in=[])
    for provider in _providers:
        seen |= Q(pk__in=provider(user))
    return seen
