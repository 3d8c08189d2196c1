"""The tokens of mailed links: 256 bits or signed, bound to person, address and purpose, by the desk's own clock."""

import hashlib
import secrets
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import signing
from django.urls import reverse

from accounts.models import User
from supportdesk.lib import clock

CONFIRMATION_LASTS = timedelta(hours=72)
INVITATION_LASTS = timedelta(hours=72)
_CONFIRMATION = "accounts.confirm-address"


class ResetTokens(PasswordResetTokenGenerator):
    """Works once, for settings.PASSWORD_RESET_TIMEOUT; ends with a log-in, another password or another address."""

    def _now(self) -> datetime:
        return clock.now().replace(tzinfo=None)

    def check_token(self, user: User | None, token: str | None) -> bool:
        return user is not None and user.is_active and super().check_token(user, token)


def password_link(user: User) -> str:
    """The full address at which `user` chooses a new password, once, within an hour."""
    kwargs = {"uidb36": user_pk_to_url_str(user), "key": ResetTokens().make_token(user)}
    return settings.SITE_URL + reverse("account_reset_password_from_key", kwargs=kwargs)


def confirmation_key(address: EmailAddress, *, at: datetime) -> str:
    """What the link to confirm `address` carries."""
    return signing.dumps([address.pk, address.user_id, address.email, int(at.timestamp())], salt=_CONFIRMATION)


def confirmed_address(key: str, *, now: datetime) -> EmailAddress | None:
    """The address that `key` confirms; None once it is confirmed, changed or 72 hours old."""
    try:
        pk, user_id, email, made = signing.loads(key, salt=_CONFIRMATION)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    if now.timestamp() - made > CONFIRMATION_LASTS.total_seconds():
        return None
    rows = EmailAddress.objects.select_related("user").filter(user__is_active=True, verified=False)
    return rows.filter(pk=pk, user_id=user_id, email=email).first()


def new_secret() -> str:
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()
