"""A browser's push subscription as a browser would make it, and how the browser reads what is pushed to it."""

import base64
import json
import os
from typing import Any

import http_ece
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec


def subscription(endpoint: str) -> tuple[dict[str, Any], str]:
    """`details` of a contact of the kind push, and what its messages are read with."""
    private, auth = ec.generate_private_key(ec.SECP256R1()), os.urandom(16)
    point = private.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    number = private.private_numbers().private_value
    details = {"endpoint": endpoint, "keys": {"p256dh": _text(point), "auth": _text(auth)}}
    return details, f"{number:x}.{_text(auth)}"


def read(body: bytes, key: str) -> dict[str, Any]:
    """The payload, decrypted (RFC 8291)."""
    number, _, auth = key.partition(".")
    private = ec.derive_private_key(int(number, 16), ec.SECP256R1())
    plain = http_ece.decrypt(body, private_key=private, auth_secret=_bytes(auth), version="aes128gcm")
    return dict(json.loads(plain))


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
