"""Recording what happened to people and memberships."""

from datetime import datetime
from typing import Any

from accounts.models import AccountEvent, Organization, User


def record(
    kind: AccountEvent.Kind,
    *,
    by: User | None,
    at: datetime,
    user: User | None = None,
    organization: Organization | None = None,
    **data: Any,
) -> AccountEvent:
    """Append what happened, in the caller's transaction; `by` None is the system."""
    return AccountEvent.objects.create(kind=kind, actor=by, user=user, organization=organization, at=at, data=data)
