"""Secrets that the desk has to know again, encrypted at rest: whoever reads the database alone learns none (S084)."""

import base64
import binascii
import hashlib
import logging
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

logger = logging.getLogger(__name__)

_PREFIX = "sealed1."
_NONCE = 12


def seal(text: str) -> str:
    """`text` encrypted by a key made of SECRET_KEY (AES-GCM); what is empty stays so."""
    if not text:
        return text
    nonce = secrets.token_bytes(_NONCE)
    sealed = nonce + _cipher(settings.SECRET_KEY).encrypt(nonce, text.encode(), None)
    return _PREFIX + base64.urlsafe_b64encode(sealed).decode()


def unseal(stored: str) -> str:
    """What was sealed by this SECRET_KEY or one of its fallbacks; empty, and logged, where none of them opens it.

    What was never sealed comes back as it is.
    """
    if not stored.startswith(_PREFIX):
        return stored
    for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        try:
            sealed = base64.urlsafe_b64decode(stored.removeprefix(_PREFIX))
            return _cipher(key).decrypt(sealed[:_NONCE], sealed[_NONCE:], None).decode()
        except (InvalidTag, ValueError, binascii.Error):
            continue
    logger.error("a stored secret can't be read: was SECRET_KEY changed without SECRET_KEY_FALLBACKS?")
    return ""


@lru_cache(maxsize=8)
def _cipher(key: str) -> AESGCM:
    return AESGCM(hashlib.sha256(f"supportdesk.sealed:{key}".encode()).digest())
