"""What it means for tickets that accounts change: addresses are proved, plans and places become others."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import email_confirmed, password_reset
from django.db.models import Model
from django.db.models.signals import post_save, pre_save
from django.dispatch import receiver

from accounts import health
from accounts.models import Organization, SupportPlan, User
from supportdesk.lib import clock
from tickets.actions.copies import recognise
from tickets.actions.unreachable import note_unreachable
from tickets.models import Retargeting
from tickets.sla import publish, retarget

_PLACE = ("time_zone", "country", "subdivision")
_TERMS_OF: dict[type[Model], tuple[Retargeting.Scope, tuple[str, ...]]] = {
    Organization: (Retargeting.Scope.ORGANIZATION, ("plan_id", *_PLACE)),
    User: (Retargeting.Scope.PERSON, _PLACE),
    SupportPlan: (Retargeting.Scope.PLAN, ("covers_weekends",)),
}
"""The columns that clocks' terms are made from, by the model that has them."""


@receiver(email_confirmed, dispatch_uid="tickets.recognises")
def recognises_by_confirmation(email_address: EmailAddress, **_: Any) -> None:
    recognise(User.objects.get(pk=email_address.user_id), email=email_address.email)


@receiver(password_reset, dispatch_uid="tickets.recognises_by_reset")
def recognises_by_reset(user: User, **_: Any) -> None:
    recognise(user, email=user.email)


@receiver(health.suppressed, dispatch_uid="tickets.tells_of_dead_addresses")
def tells_of_dead_addresses(email: str, why: str, at: datetime, **_: Any) -> None:
    note_unreachable(email, why=why, at=at)


@receiver(pre_save, sender=Organization, dispatch_uid="tickets.notes_terms_of_organization")
@receiver(pre_save, sender=User, dispatch_uid="tickets.notes_terms_of_person")
@receiver(pre_save, sender=SupportPlan, dispatch_uid="tickets.notes_terms_of_plan")
def notes_terms(sender: type[Model], instance: Any, update_fields: Collection[str] | None, **_: Any) -> None:
    """Keep for after the save whether it changes what promises are reckoned by."""
    columns = [name for name in _TERMS_OF[sender][1] if _is_saved(name, update_fields)]
    instance._changes_terms = False
    if instance.pk is None or not columns:
        return
    stored = sender._default_manager.filter(pk=instance.pk).values(*columns).first()
    if stored is not None:
        instance._changes_terms = any(getattr(instance, name) != value for name, value in stored.items())


def _is_saved(column: str, update_fields: Collection[str] | None) -> bool:
    return update_fields is None or column in update_fields or column.removesuffix("_id") in update_fields


@receiver(post_save, sender=Organization, dispatch_uid="tickets.retargets_organization")
@receiver(post_save, sender=User, dispatch_uid="tickets.retargets_person")
@receiver(post_save, sender=SupportPlan, dispatch_uid="tickets.retargets_plan")
def retargets(sender: type[Model], instance: Any, **_: Any) -> None:
    """Open clocks run on what holds now, with the time used so far."""
    if instance.__dict__.pop("_changes_terms", False):
        retarget.ask_if_open(_TERMS_OF[sender][0], instance.pk, by=None, at=clock.now())


@receiver(post_save, sender=SupportPlan, dispatch_uid="tickets.begins_policy")
def begins_policy(instance: SupportPlan, created: bool, raw: bool = False, **_: Any) -> None:
    """A new plan promises nothing yet, and stands in the matrix."""
    if created and not raw:
        publish.begin_policy(instance, at=clock.now())
