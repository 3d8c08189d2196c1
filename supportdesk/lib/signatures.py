"""Signed webhooks: the Standard Webhooks way (standardwebhooks.com), PagerDuty's, GitHub's, and GitLab's older one."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable

_PREFIX = "whsec_"
LEAST_BYTES = 24
"""What Standard Webhooks asks of a secret at least."""


def new_secret() -> str:
    return _PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def is_strong(secret: str) -> bool:
    """Whether it is `whsec_` and the base64 of 24 bytes or more."""
    return secret.startswith(_PREFIX) and len(_decoded(secret)) >= LEAST_BYTES


def standard(secret: str, *, message: str, timestamp: int, body: bytes) -> str:
    """What the header `webhook-signature` says for this id, time (seconds since 1970) and body."""
    return f"v1,{_base64(_key(secret), f'{message}.{timestamp}.'.encode() + body)}"


def is_standard(given: str, secrets: Iterable[str], *, message: str, timestamp: int, body: bytes) -> bool:
    """Whether one of the signatures in `given` (separated by spaces) is by one of `secrets`."""
    expected = [standard(secret, message=message, timestamp=timestamp, body=body) for secret in secrets]
    return _one_of(given.split(" "), expected)


def pagerduty(secret: str, body: bytes) -> str:
    """What the header `X-PagerDuty-Signature` says for this body."""
    return f"v1={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def is_pagerduty(given: str, secrets: Iterable[str], body: bytes) -> bool:
    """Whether one of the signatures in `given` (separated by commas) is by one of `secrets`."""
    return _one_of([each.strip() for each in given.split(",")], [pagerduty(secret, body) for secret in secrets])


def github(secret: str, body: bytes) -> str:
    """What the header `X-Hub-Signature-256` says for this body."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def is_github(given: str, secrets: Iterable[str], body: bytes) -> bool:
    return _one_of([given], [github(secret, body) for secret in secrets])


def is_token(given: str, secrets: Iterable[str]) -> bool:
    """Whether what was sent along is one of `secrets` itself: it says who calls, nothing about the body."""
    return _one_of([given], list(secrets))


def _one_of(given: list[str], expected: list[str]) -> bool:
    """Every pair is compared, each in constant time: how long it takes tells nothing. Nothing expected: false."""
    pairs = [hmac.compare_digest(mine.encode(), theirs.encode()) for mine in expected for theirs in given[:20]]
    return any(pairs)


def _key(secret: str) -> bytes:
    return _decoded(secret) or secret.encode()


def _decoded(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True) if secret.startswith(_PREFIX) else b""
    except (binascii.Error, ValueError):
        return b""


def _base64(key: bytes, content: bytes) -> str:
    return base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
