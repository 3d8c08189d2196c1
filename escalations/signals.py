"""What happens to accounts and calendars elsewhere, as far as pages and engineering are concerned."""

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver

from accounts.models import User
from escalations import actions
from escalations.engineering import clocks
from escalations.models import EngineeringTarget
from supportdesk.lib import clock
from tickets.models import BusinessCalendar

PUSH_CONTACT = "push_contact"
"""In the session: which push contact is this browser's."""


@receiver(user_logged_out, dispatch_uid="escalations.logged_out")
def ends_push(request: Any, user: User | None, **_: Any) -> None:
    """Logging out clears what the site has in the browser, and with it the worker that shows pages."""
    contact = request.session.get(PUSH_CONTACT) if request is not None else None
    if user is not None and contact is not None:
        actions.end_here(user, contact=contact, at=clock.now())


@receiver(post_save, sender=EngineeringTarget, dispatch_uid="escalations.target_edited")
@receiver(post_delete, sender=EngineeringTarget, dispatch_uid="escalations.target_deleted")
def looks_at_deadlines_anew(instance: EngineeringTarget, **_: Any) -> None:
    """Records under way run on the target as it is now."""
    clocks.look_anew([instance.severity], at=clock.now())


@receiver(post_save, sender=BusinessCalendar, dispatch_uid="escalations.calendar_edited")
def looks_at_deadlines_by_calendar(instance: BusinessCalendar, created: bool, **_: Any) -> None:
    """The same where the hours have changed that targets run on."""
    if created:
        return
    by_it = list(EngineeringTarget.objects.filter(calendar=instance).values_list("severity", flat=True))
    if by_it:
        clocks.look_anew(by_it, at=clock.now())
