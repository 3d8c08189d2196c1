"""The verbs on one's own contacts: add, remove, and have this browser show pages."""

import hashlib
import logging
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.urls import reverse

from accounts.models import User
from escalations import contact_kinds
from escalations.actions.own import lock_person, own
from escalations.actions.rules import rules_of
from escalations.models import ContactMethod, LayerMember, NotificationRule, Override, Shift
from escalations.paging import personal, shifts
from escalations.paging.channels import CHANNELS, DeliveryError, PageText
from escalations.paging.channels.push import read_subscription
from escalations.paging.decide import URGENT
from supportdesk.lib.errors import Conflict, Invalid

security = logging.getLogger("security")

CONTACTS_AT_MOST = 20


class NotSent(Conflict):
    """The contact is there, but what was to go to it did not."""

    code = "not_sent"


def add_contact(person: User, *, kind: str, value: str, by: User, at: datetime) -> ContactMethod:
    """A contact of one's own, to be verified by a code before any page goes there.

    Raises NotAllowed for somebody else's, Invalid (fields `kind`, `value`).
    """
    own(person.pk, by)
    return _add(person, kind, contact_kinds.read(kind, value, person), at)


@transaction.atomic
def _add(person: User, kind: str, address: contact_kinds.Address, at: datetime) -> ContactMethod:
    lock_person(person)
    known = ContactMethod.objects.filter(user=person, kind=kind, value=address.value).select_for_update().first()
    if known is not None and not known.is_removed:
        raise Invalid("You have this contact already.", field="value", code="known")
    _refuse_too_many(person)
    contact = known or ContactMethod(user=person, kind=kind, value=address.value)
    contact.details = _codes_of(contact) | address.details
    contact.created_at, contact.verified_at = at, None
    contact.disabled_at, contact.disabled_why = None, ""
    contact.save()
    security.info("contact.added user=%s contact=%s kind=%s", person.pk, contact.pk, contact.kind)
    return contact


@transaction.atomic
def remove_contact(contact: ContactMethod, *, by: User, at: datetime, confirmed: bool = False) -> None:
    """Use the contact no more, and its rules neither.

    Raises NotAllowed for somebody else's; Conflict `confirm` where the person takes turns on call and would be left
    below the floor of Urgent: with `confirmed` it is removed all the same, and the person's hours become red gaps.
    """
    own(contact.user_id, by)
    lock_person(by)
    contact = ContactMethod.objects.select_for_update().get(pk=contact.pk)
    if contact.is_removed:
        return
    if not confirmed and (sentence := _what_breaks(contact, at)):
        raise Conflict(sentence, code="confirm")
    retire(contact, at=at)
    security.info("contact.removed user=%s contact=%s kind=%s", by.pk, contact.pk, contact.kind)
    rewrite_coverage(by, at=at)


def _what_breaks(contact: ContactMethod, at: datetime) -> str:
    """What somebody who takes turns on call should know before the contact goes; empty where nothing breaks."""
    person = contact.user_id
    usable = list(ContactMethod.objects.usable().filter(user=person).values_list("pk", flat=True))
    rules = rules_of(person, URGENT)
    if personal.shortfall(rules, usable):
        return ""  # below the floor already: nothing is lost by removing what is of no use
    left = [pk for pk in usable if pk != contact.pk]
    if not personal.shortfall([rule for rule in rules if rule.contact != contact.pk], left):
        return ""
    if not _takes_turns(person, at):
        return ""
    if len(left) >= personal.FLOOR:
        return (
            "You take turns on call, and your rules for Urgent would use one contact only: add another to them first."
        )
    number = "one verified contact" if left else "no verified contact"
    return f"You take turns on call, and {number} would be left: your hours would show as a gap. Verify another first."


def _takes_turns(person: int, at: datetime) -> bool:
    return (
        LayerMember.objects.filter(user=person).exists()
        or Override.objects.not_over(at).filter(user=person).exists()
        or Shift.objects.filter(person=person, ends_at__gt=at).exists()
    )


@transaction.atomic
def subscribe(
    person: User, *, name: str, endpoint: str, p256dh: str, auth: str, by: User, at: datetime
) -> ContactMethod:
    """Show pages in the browser whose push subscription this is: it came from there, in the person's own session.

    A browser shows the pages of one person: whose it was before loses it. Raises NotAllowed, Invalid (field `push`).
    """
    own(person.pk, by)
    subscription = read_subscription(endpoint, p256dh, auth)
    lock_person(person)
    here = ContactMethod.objects.filter(kind=ContactMethod.Kind.PUSH, details__endpoint=endpoint)
    mine = None
    for row in here.select_for_update().order_by("pk"):
        if row.user_id == person.pk:
            mine = row
        else:
            retire(row, at=at)
            security.info("contact.taken_over user=%s contact=%s by=%s", row.user_id, row.pk, person.pk)
    if mine is None:
        _refuse_too_many(person)
        value = _free_name(person, " ".join(name.split()) or "This browser")
        mine = ContactMethod(user=person, kind=ContactMethod.Kind.PUSH, value=value, created_at=at)
    mine.details = subscription
    mine.verified_at, mine.disabled_at, mine.disabled_why = at, None, ""
    mine.save()
    security.info("contact.subscribed user=%s contact=%s", person.pk, mine.pk)
    rewrite_coverage(person, at=at)
    return mine


@transaction.atomic
def end_here(person: User, *, contact: int, at: datetime) -> None:
    """The person logs out in the browser of this push contact, which ends its notifications: say so at once."""
    lock_person(person)
    row = ContactMethod.objects.usable().filter(pk=contact, user=person, kind=ContactMethod.Kind.PUSH).first()
    if row is None:
        return
    row.disabled_at, row.disabled_why = at, "you logged out in that browser"
    row.save(update_fields=["disabled_at", "disabled_why"])
    security.info("contact.logged_out user=%s contact=%s", person.pk, row.pk)
    rewrite_coverage(person, at=at)


def greet(contact: ContactMethod, *, at: datetime) -> None:
    """Show a first notification in the browser that was just subscribed; raises NotSent, and disables a dead one."""
    headline = f"{settings.SITE_NAME} pages you here from now on."
    message = PageText(
        to=contact.value,
        person=contact.user.email,
        method=contact.kind,
        tickets=(),
        priority="",
        kind="hello",
        headline=headline,
        text=headline,
        url=f"{settings.SITE_URL}{reverse('my_contacts')}",
        key=f"hello.{contact.pk}",
        at=at,
        purpose="hello",
        person_id=contact.user_id,
        contact_id=contact.pk,
        details=contact.details,
    )
    try:
        CHANNELS[contact.kind].deliver(message)
    except DeliveryError as failure:
        if failure.permanent:
            ContactMethod.objects.filter(pk=contact.pk).update(disabled_at=at, disabled_why=str(failure)[:200])
        raise NotSent(f"The first notification could not be sent: {failure}.") from None


def _free_name(person: User, wanted: str) -> str:
    taken = set(ContactMethod.objects.filter(user=person, kind=ContactMethod.Kind.PUSH).values_list("value", flat=True))
    names = (f"{wanted[:60]} {number}" if number > 1 else wanted[:60] for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def retire(contact: ContactMethod, *, at: datetime) -> None:
    """The row stays, since what was sent to it refers to it, and so that asking for codes anew has no end either."""
    contact.details = _codes_of(contact) | {"removed_at": at.isoformat()}
    contact.verified_at, contact.disabled_at, contact.disabled_why = None, at, "removed"
    contact.code_digest, contact.code_expires_at, contact.code_tries = "", None, 0
    contact.save()
    NotificationRule.objects.filter(contact=contact).delete()


def _codes_of(contact: ContactMethod) -> dict[str, Any]:
    return {"codes_at": contact.details["codes_at"]} if "codes_at" in contact.details else {}


def digest_of(endpoint: str) -> str:
    """By which a browser knows its own subscription on the page."""
    return hashlib.sha256(endpoint.encode()).hexdigest()


def _refuse_too_many(person: User) -> None:
    if ContactMethod.objects.kept().filter(user=person).count() >= CONTACTS_AT_MOST:
        raise Invalid(f"You have {CONTACTS_AT_MOST} contacts: remove one first.", field="value", code="too_many")


def rewrite_coverage(person: User, *, at: datetime) -> None:
    """Who can't be reached counts as a gap in what is ahead: told from when it changes."""
    ahead = Shift.objects.filter(person=person, ends_at__gt=at)
    if schedules := sorted(set(ahead.values_list("schedule_id", flat=True))):
        shifts.materialise(schedules, now=at)
