"""The verbs on calendar feeds: an address that shows shifts to whoever knows it, until it is taken away."""

from datetime import datetime

from django.db import transaction

from accounts import tokens
from accounts.models import User
from escalations import access
from escalations.models import CalendarFeed, Schedule
from supportdesk.lib.errors import Conflict, NotAllowed


@transaction.atomic
def open_feed(owner: User, *, schedule: Schedule | None, at: datetime) -> str:
    """A new address of the owner's own shifts, or a schedule's; its secret, of which only the hash is kept.

    Raises NotAllowed, Conflict while there is another: who lost an address revokes it first.
    """
    if not access.is_responder(owner):
        raise NotAllowed("You don't take turns on call.")
    User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    if CalendarFeed.objects.filter(owner=owner, schedule=schedule, revoked_at=None).exists():
        raise Conflict("There is an address for this already: revoke it first.", field="schedule", code="feed_exists")
    secret = tokens.new_secret()
    CalendarFeed.objects.create(owner=owner, schedule=schedule, token_hash=tokens.digest(secret), created_at=at)
    return secret


def revoke_feed(feed: CalendarFeed, *, by: User, at: datetime) -> None:
    """The address shows nothing any more. Raises NotAllowed for somebody else's, Conflict when it was revoked."""
    if feed.owner_id != by.pk:
        raise NotAllowed("This is somebody else's address.")
    if not CalendarFeed.objects.filter(pk=feed.pk, revoked_at=None).update(revoked_at=at):
        raise Conflict("It was revoked already.", code="feed_revoked")
