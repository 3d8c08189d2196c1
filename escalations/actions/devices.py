"""The verbs of on-call devices: register a phone that answers pages without a log-in, and take it away."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from accounts.models import User
from accounts.tokens import digest, new_secret
from escalations import access
from escalations.models import OnCallDevice
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed

AT_MOST = 10
"""Valid devices of one person."""

_NAME_LENGTH = 64


@transaction.atomic
def register_device(*, by: User, name: str, at: datetime, instead_of: OnCallDevice | None = None) -> str:
    """Let the device that keeps the returned secret answer `by`'s pages for 90 days; nobody can read it again.

    `instead_of` is the registration that the same device had before: it ends. Raises NotAllowed, Invalid (`name`),
    Conflict beyond ten devices.
    """
    if not access.is_responder(by):
        raise NotAllowed("You don't answer pages.")
    name = " ".join(name.split())
    if not name:
        raise Invalid("Give it a name, such as “My phone”.", field="name", code="required")
    if len(name) > _NAME_LENGTH:
        raise Invalid(f"This is too long: at most {_NAME_LENGTH} characters.", field="name", code="too_long")
    User.objects.select_for_update(no_key=True).get(pk=by.pk)  # two at once are one after the other
    if instead_of is not None:
        _revoke(instead_of, of=by, at=at)
    if OnCallDevice.objects.valid(at).filter(user=by).count() >= AT_MOST:
        raise Conflict(f"You have {AT_MOST} devices. Remove one that you no longer use.", code="too_many")
    secret = new_secret()
    lasts = timedelta(days=settings.ON_CALL_DEVICE_DAYS)
    OnCallDevice.objects.create(user=by, name=name, token_hash=digest(secret), created_at=at, expires_at=at + lasts)
    return secret


@transaction.atomic
def revoke_device(device: OnCallDevice, *, by: User, at: datetime) -> None:
    """The device answers nothing any more, from this moment; a second time changes nothing. Raises NotAllowed."""
    if device.user_id != by.pk:
        raise NotAllowed("This is somebody else's device.")
    _revoke(device, of=by, at=at)


def _revoke(device: OnCallDevice, *, of: User, at: datetime) -> None:
    OnCallDevice.objects.filter(pk=device.pk, user=of, revoked_at=None).update(revoked_at=at)
