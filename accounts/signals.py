"""What allauth's flows mean for the desk."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_changed, email_confirmed, password_reset
from django.dispatch import receiver

from accounts import actions
from accounts.models import User
from supportdesk.lib import clock


@receiver(email_confirmed, dispatch_uid="accounts.joins")
def joins_by_domain(email_address: EmailAddress, **_: Any) -> None:
    actions.join_by_domain(User.objects.get(pk=email_address.user_id), at=clock.now())


@receiver(email_changed, dispatch_uid="accounts.leaves")
def leaves_by_domain(user: User, from_email_address: EmailAddress | None, **_: Any) -> None:
    if from_email_address is not None:
        fresh = User.objects.get(pk=user.pk)
        actions.leave_by_domain(fresh, former=from_email_address.email, at=clock.now())


@receiver(password_reset, dispatch_uid="accounts.claims")
def claims_by_reset(user: User, **_: Any) -> None:
    actions.claim(user, at=clock.now())
