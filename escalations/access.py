"""Who may answer a page: the row "acknowledge a page" of the domain's role table."""

from accounts.models import User
from escalations.querysets import RESPONDERS


def is_responder(user: User) -> bool:
    """Agents, leads, SET and admins see pages, acknowledge them, and hand them over."""
    return user.is_active and user.role in RESPONDERS
