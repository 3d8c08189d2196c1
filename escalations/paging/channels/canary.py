"""The canary's way: a signed message to the desk's own web, by the address that people use."""

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta

import requests
from django.conf import settings
from django.urls import reverse

from escalations.paging.channels.base import AT_ONCE, DeliveryError, PageText

SECONDS = (2, 3)
"""To connect, and to wait for the answer: 5 s together."""

TOLERANCE = timedelta(minutes=5)
"""An older message is refused, signed or not."""


def signature(secret: str, *, message: str, timestamp: str, body: bytes) -> str:
    """Over id, time and body, as Standard Webhooks has it."""
    signed = b".".join((message.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


class Canary:
    """Asks the desk's own hook, and nobody else: the address is the site's, so no rule about strangers is needed."""

    gathers_for = AT_ONCE
    asks_for_code = False

    def deliver(self, message: PageText) -> str:
        body = json.dumps({"page": message.pages[0], "message": message.message}).encode()
        timestamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message.message,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(message.secret, message=message.message, timestamp=timestamp, body=body),
        }
        with requests.Session() as session:
            session.trust_env = False  # no proxy and no netrc for ourselves
            try:
                answer = session.post(
                    f"{settings.SITE_URL}{reverse('paging_canary_hook')}",
                    data=body,
                    headers=headers,
                    timeout=SECONDS,
                    allow_redirects=False,
                )
            except requests.RequestException as failure:
                raise DeliveryError(f"the desk does not answer itself: {type(failure).__name__}") from failure
        if answer.status_code != requests.codes.no_content:
            raise DeliveryError(f"the desk answered itself with {answer.status_code}")
        return message.message
