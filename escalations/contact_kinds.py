"""What each kind of contact looks like when somebody types it, and how the desk writes it down.

A kind that a person can add by hand has an entry in `TYPED`; a further kind is one more there. A reader may ask a
service over the network, so it is called outside transactions.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.models import User
from escalations.models import ContactMethod
from escalations.paging.channels import mattermost
from escalations.paging.channels.chat import validate_chat_address
from supportdesk.lib.errors import Invalid

_Kind = ContactMethod.Kind
_LONGEST = 254


@dataclass(frozen=True)
class Address:
    """What is kept: what a person reads, and what the channel needs beside that."""

    value: str
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Typed:
    """A kind that people type: how it is read, what they are told beside the field, and whether the desk has it."""

    read: Callable[[str, User], Address]
    help: str
    is_set_up: Callable[[], bool] = lambda: True


def read(kind: str, typed: str, person: User) -> Address:
    """The address that `person` typed for a contact of `kind`; raises Invalid (fields `kind`, `value`)."""
    known = offered().get(kind)
    if known is None:
        raise Invalid("Choose what kind of contact it is.", field="kind", code="kind")
    return known.read(typed.strip(), person)


def offered() -> dict[str, Typed]:
    """What can be added on this desk."""
    return {kind: known for kind, known in TYPED.items() if known.is_set_up()}


def _email(typed: str, person: User) -> Address:
    address = User.objects.normalize_email(typed)
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid("Enter an e-mail address, such as you@example.com.", field="value", code="email") from None
    if len(address) > _LONGEST:
        raise Invalid("This address is too long.", field="value", code="email")
    return Address(address)


def _text_number(typed: str, person: User) -> Address:
    number = _number(typed, person)
    if phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.FIXED_LINE:
        raise Invalid("This is a landline, which gets no texts: add it for calls.", field="value", code="landline")
    return Address(_written(number))


def _call_number(typed: str, person: User) -> Address:
    return Address(_written(_number(typed, person)))


def _number(typed: str, person: User) -> phonenumbers.PhoneNumber:
    """The number, of the person's own country where it begins without a +."""
    country = person.country or None
    if not country and not typed.startswith("+"):
        raise Invalid("Begin with + and the country code, such as +49.", field="value", code="country")
    try:
        number = phonenumbers.parse(typed, country)
    except phonenumbers.NumberParseException:
        raise Invalid("This isn't a phone number. Enter one such as +49 151 23456789.", field="value") from None
    if _written(number).startswith(tuple(settings.PAGING_FICTIONAL_NUMBERS)):
        return number
    if not phonenumbers.is_valid_number(number) or number.extension:
        raise Invalid("There is no such number: check its digits and the country code.", field="value")
    costly = (phonenumbers.PhoneNumberType.PREMIUM_RATE, phonenumbers.PhoneNumberType.SHARED_COST)
    if phonenumbers.number_type(number) in costly:
        raise Invalid("Numbers that cost more than a usual call are not paged.", field="value", code="premium")
    return number


def _written(number: phonenumbers.PhoneNumber) -> str:
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _mattermost_name(typed: str, person: User) -> Address:
    return Address(mattermost.read_username(typed), mattermost.look_up(typed))


def _chat_address(typed: str, person: User) -> Address:
    name, details = validate_chat_address(typed)
    return Address(name, details)


_NUMBER_HELP = "A number without a + is taken to be of your own country."

TYPED: dict[str, Typed] = {
    _Kind.SMS: Typed(_text_number, _NUMBER_HELP),
    _Kind.VOICE: Typed(_call_number, _NUMBER_HELP),
    _Kind.EMAIL: Typed(_email, "A code goes there at once, and comes back here."),
    _Kind.MATTERMOST: Typed(_mattermost_name, "For Mattermost: your username.", lambda: bool(settings.MATTERMOST_URL)),
    _Kind.CHAT: Typed(
        _chat_address,
        "For chat: the webhook's address in Slack or Google Chat, or an Apprise address. It is never shown again.",
        lambda: bool(settings.PAGING_CHAT_SERVICES),
    ),
}
