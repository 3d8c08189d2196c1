"""Addresses of our own that prove what they are for: where a reader answers, where an undelivered mail goes back to.

All are the support address with a tag (`support+4821-…@desk.example`), so one mailbox takes them all. The tag ends in
128 bits of HMAC-SHA-256 under SECRET_KEY; keys from before (SECRET_KEY_FALLBACKS) are still believed. Numbers in them
are public, the signature alone says anything (S002).
"""

import base64
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

_SIGNATURE = r"(?P<signature>[a-z2-7]{26})"
_REPLY = re.compile(rf"(?P<number>[1-9][0-9]{{0,18}})-{_SIGNATURE}")
_BOUNCE = re.compile(rf"b-(?P<kind>[a-z]{{1,12}})-(?P<number>[1-9][0-9]{{0,18}})-{_SIGNATURE}")


@dataclass(frozen=True)
class ReplyAddress:
    """What a reply address claims: a ticket's number, and a signature that names its reader to who knows them."""

    number: int
    signature: str

    def belongs_to(self, reader: str) -> bool:
        """Whether it was made for `reader`, an address in small letters."""
        return _is_signed(self.signature, "reply", self.number, reader)


def reply_address(number: int, *, reader: str) -> str:
    """Where `reader` (an address in small letters) answers about a ticket; nobody else's answer is taken there."""
    return _tagged(f"{number}-{_sign('reply', number, reader)}")


def return_path(kind: str, pk: int) -> str:
    """Where mail servers send what they can't deliver (VERP); `kind` says of which table `pk` is: small letters."""
    return _tagged(f"b-{kind}-{pk}-{_sign('bounce', kind, pk)}")


def parse_reply(address: str) -> ReplyAddress | None:
    """What `address` claims if it has a reply address's form; believe only what `belongs_to` says."""
    found = _REPLY.fullmatch(_tag(address))
    return ReplyAddress(int(found["number"]), found["signature"]) if found else None


def parse_return_path(address: str) -> tuple[str, int] | None:
    """Kind and key of the mail that an address of `return_path` stands for; None for what we didn't sign."""
    found = _BOUNCE.fullmatch(_tag(address))
    if found is None or not _is_signed(found["signature"], "bounce", found["kind"], found["number"]):
        return None
    return found["kind"], int(found["number"])


def is_ours(address: str) -> bool:
    """Whether mail to `address` is mail to the desk: the support address, with or without a tag."""
    name, _, domain = address.strip().lower().rpartition("@")
    return f"{name.partition('+')[0]}@{domain}" == settings.SUPPORT_EMAIL.lower()


def ours_among(addresses: Iterable[str]) -> Iterator[str]:
    yield from (address.strip().lower() for address in addresses if is_ours(address))


def _tagged(tag: str) -> str:
    name, _, domain = settings.SUPPORT_EMAIL.lower().partition("@")
    return f"{name}+{tag}@{domain}"


def _tag(address: str) -> str:
    """What stands between the first + and the @ of an address of ours; empty for every other."""
    return address.strip().lower().rpartition("@")[0].partition("+")[2] if is_ours(address) else ""


def _sign(*parts: object, secret: str | None = None) -> str:
    mac = salted_hmac("supportdesk.mail", "\0".join(map(str, parts)), secret=secret, algorithm="sha256").digest()
    return base64.b32encode(mac[:16]).decode().rstrip("=").lower()


def _is_signed(signature: str, *parts: object) -> bool:
    """Every key is tried, each in constant time."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    matches = [constant_time_compare(signature, _sign(*parts, secret=key)) for key in keys]
    return any(matches)
