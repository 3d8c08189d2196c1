"""The key pair by which push services know the desk (RFC 8292)."""

import base64
import hashlib
import hmac
from functools import lru_cache

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of the curve P-256: a private key is a number from 1 to one less."""
_LENGTH = 32


def private_key() -> str:
    """The key in base64url, or nothing where push is not set up; the demo and tests derive theirs from SECRET_KEY."""
    if settings.VAPID_PRIVATE_KEY or settings.DESK_ENV == "production":
        return str(settings.VAPID_PRIVATE_KEY)
    seed = hmac.new(settings.SECRET_KEY.encode(), b"escalations.vapid", hashlib.sha512).digest()
    return _encoded((int.from_bytes(seed, "big") % (_ORDER - 1) + 1).to_bytes(_LENGTH, "big"))


def new_key() -> str:
    """A fresh private key in base64url."""
    number = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return _encoded(number.to_bytes(_LENGTH, "big"))


@lru_cache(maxsize=4)
def public_key(private: str) -> str:
    """The public half in base64url, as browsers want it; raises ValueError for what is no key."""
    number = int.from_bytes(decoded(private), "big")
    if len(decoded(private)) != _LENGTH or not 0 < number < _ORDER:
        raise ValueError("not a private key of P-256")
    point = ec.derive_private_key(number, ec.SECP256R1()).public_key()
    return _encoded(point.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint))


def decoded(text: str) -> bytes:
    """What base64url without padding stands for; raises ValueError."""
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
