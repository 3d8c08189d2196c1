"""What it means for tickets that somebody proved an address: they are the CC with that address from now on."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed, password_reset
from django.dispatch import receiver

from accounts.models import User
from tickets.actions.copies import recognise


@receiver(email_confirmed, dispatch_uid="tickets.recognises")
def recognises_by_confirmation(email_address: EmailAddress, **_: Any) -> None:
    recognise(User.objects.get(pk=email_address.user_id), email=email_address.email)


@receiver(password_reset, dispatch_uid="tickets.recognises_by_reset")
def recognises_by_reset(user: User, **_: Any) -> None:
    recognise(user, email=user.email)
