"""What workers do for accounts, woken by name or by beat."""

from datetime import timedelta

from celery import shared_task
from django.db.models.functions import Now

from accounts import mail
from accounts.models import AccountMail
from accounts.sessions import SessionStore

_KEPT = timedelta(days=30)


@shared_task(name="accounts.deliver_mail")
def deliver_mail() -> None:
    mail.deliver_due()


@shared_task(name="accounts.tidy")
def tidy() -> None:
    """Forget sessions that ran out, and which account mails were sent a month ago."""
    SessionStore.clear_expired()
    AccountMail.objects.exclude(state=AccountMail.State.QUEUED).filter(created_at__lt=Now() - _KEPT).delete()
