"""What happens to accounts elsewhere, as far as pages are concerned."""

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.dispatch import receiver

from accounts.models import User
from escalations import actions
from supportdesk.lib import clock

PUSH_CONTACT = "push_contact"
"""In the session: which push contact is this browser's."""


@receiver(user_logged_out, dispatch_uid="escalations.logged_out")
def ends_push(request: Any, user: User | None, **_: Any) -> None:
    """Logging out clears what the site has in the browser, and with it the worker that shows pages."""
    contact = request.session.get(PUSH_CONTACT) if request is not None else None
    if user is not None and contact is not None:
        actions.end_here(user, contact=contact, at=clock.now())
