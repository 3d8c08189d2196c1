"""Whose contacts and rules they are, and one change at a time of each person's."""

from accounts.models import User
from escalations import access
from supportdesk.lib.errors import NotAllowed


def own(owner: int, by: User) -> None:
    """Raises NotAllowed unless they are `by`'s own, and `by` answers pages."""
    if owner != by.pk or not access.is_responder(by):
        raise NotAllowed("This is somebody else's.")


def lock_person(person: User) -> None:
    """Two changes of one person's contacts at once are one after the other."""
    User.objects.select_for_update(no_key=True).get(pk=person.pk)
