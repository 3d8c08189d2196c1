"""Whether mail to an address arrives: what other servers said of it, and when we stop writing there.

Three hard bounces in a row, or one complaint, stop every mail to an address; its owner's own verified mail, or a lead,
begins anew. Who tells of a bounce has proved that it is about a mail of ours, and tells of each mail once.
"""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.dispatch import Signal

from accounts.models import AddressHealth, User, UserManager
from supportdesk.lib.errors import NotAllowed

MOST_BOUNCES = 3
STOPPED = "Nothing is sent to this address any more: it is suppressed."
"""What a mail that isn't sent for it says."""

suppressed = Signal()
"""Sent with `email`, `why` and `at` when mail to an address is stopped by what came back, in that transaction."""


@transaction.atomic
def note_bounce(email: str, *, is_permanent: bool, why: str, at: datetime) -> bool:
    """Count a mail that came back; whether it was the one that stops all mail to `email`. A delay counts nothing."""
    if not is_permanent:
        return False
    row = _locked(email)
    row.hard_bounces += 1
    row.last_bounce_at, row.last_bounce = at, why[:300]
    row.save(update_fields=["hard_bounces", "last_bounce_at", "last_bounce"])
    return row.hard_bounces >= MOST_BOUNCES and _suppress(row, AddressHealth.Why.BOUNCES, at)


@transaction.atomic
def note_complaint(email: str, *, why: str, at: datetime) -> bool:
    """Its owner took a mail of ours for spam: stop at once. Whether that was news."""
    row = _locked(email)
    row.last_bounce_at, row.last_bounce = at, why[:300]
    row.save(update_fields=["last_bounce_at", "last_bounce"])
    return _suppress(row, AddressHealth.Why.COMPLAINT, at)


def note_delivery(email: str) -> None:
    """A provider saw a mail arrive: bounces are counted anew. What was stopped stays so."""
    AddressHealth.objects.filter(email=_folded(email), suppressed_at=None).update(hard_bounces=0)


def note_heard_from(email: str) -> None:
    """A verified mail came from the address: it lives, so that whatever bounces stopped goes on.

    A complaint, and what the staff stopped, only a lead takes back.
    """
    row = AddressHealth.objects.filter(email=_folded(email))
    row.filter(suppressed_at=None).exclude(hard_bounces=0).update(hard_bounces=0)
    row.filter(suppressed_why=AddressHealth.Why.BOUNCES).update(hard_bounces=0, suppressed_at=None, suppressed_why="")


def is_suppressed(email: str) -> bool:
    return bool(suppressed_among([email]))


def suppressed_among(emails: Iterable[str]) -> set[str]:
    """Those of `emails`, in small letters, to which nothing is sent: one query."""
    wanted = {_folded(email) for email in emails}
    rows = AddressHealth.objects.suppressed().filter(email__in=wanted)
    return set(rows.values_list("email", flat=True))


@transaction.atomic
def lift(email: str, *, by: User, at: datetime) -> bool:
    """Send to the address again; False when nothing kept mail from it. Leads and admins; it is put down who did."""
    _require_lead(by)
    row = AddressHealth.objects.select_for_update().filter(email=_folded(email)).first()
    if row is None or not (row.suppressed_at or row.hard_bounces):
        return False
    row.hard_bounces, row.suppressed_at, row.suppressed_why = 0, None, ""
    row.save(update_fields=["hard_bounces", "suppressed_at", "suppressed_why"])
    _put_down(row, "Mail is sent there again.", by=by)
    return True


@transaction.atomic
def stop(email: str, *, by: User, at: datetime) -> bool:
    """Send nothing to the address any more; False when that is so already. Leads and admins; it is put down who did."""
    _require_lead(by)
    row = _locked(email)
    if row.suppressed_at is not None:
        return False
    _write_suppressed(row, AddressHealth.Why.STAFF, at)
    _put_down(row, "Nothing is sent there any more.", by=by)
    return True


def _suppress(row: AddressHealth, why: AddressHealth.Why, at: datetime) -> bool:
    if row.suppressed_at is not None:
        return False
    _write_suppressed(row, why, at)
    suppressed.send(AddressHealth, email=row.email, why=why, at=at)
    return True


def _write_suppressed(row: AddressHealth, why: AddressHealth.Why, at: datetime) -> None:
    row.suppressed_at, row.suppressed_why = at, why
    row.save(update_fields=["suppressed_at", "suppressed_why"])


def _locked(email: str) -> AddressHealth:
    address = _folded(email)
    AddressHealth.objects.bulk_create([AddressHealth(email=address)], ignore_conflicts=True)
    return AddressHealth.objects.select_for_update().get(email=address)


def _folded(email: str) -> str:
    return UserManager.normalize_email(email)


def _require_lead(by: User) -> None:
    if not (by.is_active and by.is_lead):
        raise NotAllowed("Only leads and admins decide what is sent to an address.", code="leads_only")


def _put_down(row: AddressHealth, what: str, *, by: User) -> None:
    rows = AddressHealth.objects.filter(pk=row.pk)
    LogEntry.objects.log_actions(by.pk, rows, CHANGE, change_message=what, single_object=True)
