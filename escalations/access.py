"""Who may answer a page: the row "acknowledge a page" of the domain's role table."""

from django.contrib.auth.models import AnonymousUser

from accounts.models import Role, User

RESPONDERS = (Role.AGENT, Role.LEAD, Role.SET, Role.ADMIN)


def is_responder(user: User | AnonymousUser) -> bool:
    """Agents, leads, SET and admins see pages, acknowledge them, and hand them over."""
    return isinstance(user, User) and user.is_active and user.role in RESPONDERS
