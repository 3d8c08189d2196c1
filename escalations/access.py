"""Who may do what with pages and schedules: rows of the domain's role table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.models import AnonymousUser

from accounts.models import Role, User

if TYPE_CHECKING:
    from escalations.models import Override

RESPONDERS = (Role.AGENT, Role.LEAD, Role.SET, Role.ADMIN)


def is_responder(user: User | AnonymousUser) -> bool:
    """Agents, leads, SET and admins see pages, acknowledge them, and hand them over."""
    return isinstance(user, User) and user.is_active and user.role in RESPONDERS


def may_page_by_hand(user: User | AnonymousUser) -> bool:
    """Who answers pages may ask for one, too: agents, leads, SET and admins."""
    return is_responder(user)


def may_watch_paging(user: User | AnonymousUser) -> bool:
    """The health of paging and its numbers, which name people: leads and admins."""
    return isinstance(user, User) and user.is_active and user.role in (Role.LEAD, Role.ADMIN)


def may_edit_schedules(user: User | AnonymousUser) -> bool:
    """Schedules, overrides and leave of anybody: leads and admins; their own shifts: everybody who takes them."""
    return isinstance(user, User) and user.is_active and user.role in (Role.LEAD, Role.ADMIN)


def may_cancel_override(user: User | AnonymousUser, override: Override) -> bool:
    """Leads and admins any; others hours that they took by themselves, not those of a swap."""
    own = is_responder(user) and override.user_id == user.pk and override.created_by_id == user.pk
    return may_edit_schedules(user) or own
