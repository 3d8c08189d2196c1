"""Verifying a contact: a code goes there by its own channel, and comes back from its owner."""

import logging
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from accounts.models import User
from escalations.actions.asked import TooMany
from escalations.actions.contacts import NotSent, retire, rewrite_coverage
from escalations.actions.own import lock_person, own
from escalations.models import ContactMethod
from escalations.paging.channels import CHANNELS, DeliveryError, PageText
from supportdesk.lib.errors import Conflict, DomainError, Invalid

logger = logging.getLogger(__name__)
security = logging.getLogger("security")

DIGITS = 6
LASTS = timedelta(minutes=10)
TRIES = 5
PER_CONTACT, PER_PERSON, PER_ADDRESS = 3, 10, 6
"""Codes an hour; an address counts across people, a number across texts and calls."""
_HOUR = timedelta(hours=1)


def send_code(contact: ContactMethod, *, by: User, at: datetime) -> None:
    """Send a fresh code to the contact, by its own channel; the one before is void.

    Raises NotAllowed for somebody else's, Conflict when it needs none or the number is somebody else's, TooMany, and
    NotSent with what the provider said.
    """
    code = _issue(contact, by=by, at=at)
    try:
        CHANNELS[contact.kind].deliver(_letter(contact, code, by=by, at=at))
    except DeliveryError as failure:
        if failure.unknown:
            raise NotSent(
                "It is unclear whether the code went out. Enter it if it arrives, or ask for another."
            ) from None
        raise NotSent(f"The code could not be sent: {failure}. Check the address, or try again.") from None
    except Exception:
        logger.exception("channel %s failed with a code", contact.kind)
        raise NotSent("The code could not be sent. Try again in a minute.") from None
    security.info("contact.code_sent user=%s contact=%s", by.pk, contact.pk)


@transaction.atomic
def _issue(contact: ContactMethod, *, by: User, at: datetime) -> str:
    own(contact.user_id, by)
    lock_person(by)
    contact, same = _locked(contact)
    _refuse_needless(contact, same)
    _refuse_too_often(contact, same, at)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    contact.code_digest = _digest(contact, code)
    contact.code_expires_at = at + LASTS
    contact.code_tries = 0
    contact.details = contact.details | {"codes_at": [*_codes_since(contact, at - _HOUR), at.isoformat()]}
    contact.save(update_fields=["code_digest", "code_expires_at", "code_tries", "details"])
    return code


def _locked(contact: ContactMethod) -> tuple[ContactMethod, list[ContactMethod]]:
    """The contact, and every row of its address whoever's it is, locked in one order."""
    kinds = ContactMethod.NUMBERS if contact.kind in ContactMethod.NUMBERS else (contact.kind,)
    rows = ContactMethod.objects.filter(kind__in=kinds, value=contact.value).order_by("pk")
    same = list(rows.select_related("user").select_for_update(of=("self",), no_key=True))
    return next(row for row in same if row.pk == contact.pk), same


def _refuse_needless(contact: ContactMethod, same: Sequence[ContactMethod]) -> None:
    if contact.is_removed or contact.kind == ContactMethod.Kind.PUSH:
        raise Conflict("There is nothing to verify about this contact.", code="no_code")
    if contact.is_usable:
        raise Conflict("It is verified already.", code="verified")
    if contact.kind in ContactMethod.NUMBERS and any(row.user.is_active for row in _of_others(contact, same)):
        sentence = "This number is somebody else's already. They have to remove it from their contacts first."
        raise Conflict(sentence, code="taken")


def _of_others(contact: ContactMethod, same: Sequence[ContactMethod]) -> list[ContactMethod]:
    return [row for row in same if row.user_id != contact.user_id and row.verified_at is not None]


def _refuse_too_often(contact: ContactMethod, same: Sequence[ContactMethod], at: datetime) -> None:
    since = at - _HOUR
    mine = ContactMethod.objects.filter(user=contact.user_id)
    counts = (
        (len(_codes_since(contact, since)), PER_CONTACT, "to this contact"),
        (sum(len(_codes_since(row, since)) for row in mine), PER_PERSON, "to your contacts"),
        (sum(len(_codes_since(row, since)) for row in same), PER_ADDRESS, "to this address"),
    )
    for sent, most, whither in counts:
        if sent >= most:
            security.warning("contact.too_many_codes user=%s contact=%s", contact.user_id, contact.pk)
            raise TooMany(f"{most} codes went {whither} within an hour. Try again later.")


def _codes_since(contact: ContactMethod, since: datetime) -> list[str]:
    return [sent for sent in contact.details.get("codes_at", ()) if datetime.fromisoformat(sent) > since]


def verify(contact: ContactMethod, *, code: str, by: User, at: datetime) -> None:
    """The contact is the person's: they know the code that went there.

    Each guess is counted whatever comes of it. Raises NotAllowed for somebody else's, Invalid (field `code`), Conflict
    when it needs none or the number has become somebody else's.
    """
    with transaction.atomic():
        refusal = _try(contact, code="".join(code.split()), by=by, at=at)
    if refusal is not None:  # raised out here: the counted guess must stay
        raise refusal


def _try(contact: ContactMethod, *, code: str, by: User, at: datetime) -> DomainError | None:
    own(contact.user_id, by)
    lock_person(by)
    contact, same = _locked(contact)
    _refuse_needless(contact, same)
    if len(code) != DIGITS or not (code.isascii() and code.isdecimal()):
        return _wrong(f"The code has {DIGITS} digits.", "shape")
    if not contact.code_digest or contact.code_expires_at is None:
        return _wrong("Ask for a code first.", "no_code")
    if contact.code_expires_at <= at:
        return _wrong("This code is too old: ask for a new one.", "expired")
    if contact.code_tries >= TRIES:
        return _wrong(f"{TRIES} wrong codes were entered: ask for a new one.", "guessed")
    contact.code_tries += 1
    contact.save(update_fields=["code_tries"])
    if not constant_time_compare(_digest(contact, code), contact.code_digest):
        security.warning("contact.wrong_code user=%s contact=%s try=%s", by.pk, contact.pk, contact.code_tries)
        left = TRIES - contact.code_tries
        return _wrong(f"That isn't the code. {left} more {'try' if left == 1 else 'tries'}.", "wrong")
    if contact.kind in ContactMethod.NUMBERS:
        for row in _of_others(contact, same):  # of somebody who has left: their phone is a colleague's now
            retire(row, at=at)
    contact.verified_at, contact.disabled_at, contact.disabled_why = at, None, ""
    contact.code_digest, contact.code_expires_at, contact.code_tries = "", None, 0
    contact.save()
    security.info("contact.verified user=%s contact=%s kind=%s", by.pk, contact.pk, contact.kind)
    rewrite_coverage(by, at=at)
    return None


def _wrong(sentence: str, code: str) -> Invalid:
    return Invalid(sentence, field="code", code=code)


def _digest(contact: ContactMethod, code: str) -> str:
    """Bound to the row and its address: a code is of no use anywhere else."""
    text = f"{contact.pk}:{contact.value}:{code}"
    return salted_hmac("escalations.contact_code", text, algorithm="sha256").hexdigest()


def _letter(contact: ContactMethod, code: str, *, by: User, at: datetime) -> PageText:
    said = ". ".join(code)
    headline = f"Your {settings.SITE_NAME} code is {code}"
    return PageText(
        to=contact.value,
        person=by.email,
        method=contact.kind,
        tickets=(),
        priority="",
        kind="code",
        headline=headline,
        text=f"{headline}. It works for {LASTS.seconds // 60} minutes. If you didn't ask for it, ignore this.",
        url=f"{settings.SITE_URL}{reverse('my_contacts')}",
        key=f"code.{contact.pk}.{secrets.token_hex(4)}",
        at=at,
        purpose="code",
        spoken=f"Your {settings.SITE_NAME} code is. {said}.",
        person_id=by.pk,
        contact_id=contact.pk,
        details=contact.details,
    )
