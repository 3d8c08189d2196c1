"""E-mail addresses as the desk keeps them: one spelling each."""

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from supportdesk.lib.errors import Invalid

ADDRESS_LENGTH = 254


def folded(value: str, *, field: str = "email") -> str:
    """The address in small letters; Invalid for what is none.

    Letters outside ASCII are refused before folding: some look like, or fold to, others' (S061, CVE-2019-19844).
    """
    address = value.strip()
    if not address.isascii():
        sentence = "Write the address without accents and special letters; its domain in the xn-- form."
        raise Invalid(sentence, code="not_an_address", field=field)
    try:
        validate_email(address)
    except ValidationError:
        raise Invalid("Enter a valid e-mail address.", code="not_an_address", field=field) from None
    if len(address) > ADDRESS_LENGTH:
        raise Invalid("This address is too long.", code="not_an_address", field=field)
    return address.lower()


def mailbox_of(address: str) -> str:
    """The address without its +tag: all of those reach one person."""
    name, _, domain = address.rpartition("@")
    return f"{name.partition('+')[0]}@{domain}".lower()
