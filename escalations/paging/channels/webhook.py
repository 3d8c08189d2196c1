"""A webhook of somebody's: JSON, signed the Standard Webhooks way."""

import json
import time

from escalations.paging.channels.answers import post
from escalations.paging.channels.base import AT_ONCE, PageText
from supportdesk.lib import signatures

_TYPES = {"page": "page.triggered", "acked": "page.acknowledged", "resolved": "page.resolved"}
_GONE = 410


class Webhook:
    """Posts to an address that somebody typed, so through the egress client.

    The id of a message is the delivery's, the same when it is repeated, so that its receiver can tell. Only 410 (gone)
    is for good: any other refusal may be a deployment in the middle of the night, and is tried again.
    """

    gathers_for = AT_ONCE
    asks_for_code = False

    def deliver(self, message: PageText) -> str:
        key = f"msg_{message.key}"
        body = json.dumps(body_of(message)).encode()
        now = int(time.time())  # the receiver compares with its own clock, whatever the desk's shows
        signature = signatures.standard(message.secret, message=key, timestamp=now, body=body)
        headers = {"webhook-id": key, "webhook-timestamp": str(now), "webhook-signature": signature}
        post(message.to, body=body, headers=headers, for_good=lambda answer: answer.status == _GONE)
        return key


def body_of(message: PageText) -> dict[str, object]:
    """What it is told: never a subject or description."""
    return {
        "type": _TYPES[message.purpose],
        "page": message.pages[0],
        "kind": message.kind,
        "priority": message.priority,
        "headline": message.headline,
        "tickets": [int(number) for number in message.tickets],
        "customer": message.customer,
        "url": message.url,
        "at": message.at.isoformat(),
    }
