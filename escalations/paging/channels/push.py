"""Pages to a browser (RFC 8030, 8291, 8292): what goes out is encrypted for that browser alone."""

import json
from datetime import timedelta
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import requests
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from escalations.paging import vapid
from escalations.paging.channels.base import DeliveryError, PageText
from supportdesk.lib.errors import Invalid

KEPT_FOR = timedelta(minutes=15)
"""How long the push service tries: the page has rung by other ways, or anew, after that."""
_SECONDS = (2, 3)
_GONE = (404, 410)
_NO_CONNECTION = (NewConnectionError, ConnectTimeoutError)
_SESSION_SECRET = 16
_LONGEST = 1000
_TITLE = 300
_HTTPS = 443


class Push:
    """A notification that opens the page; it is replaced by the next for the same page, and acknowledges nothing."""

    gathers_for = timedelta(seconds=2)
    asks_for_code = False

    def deliver(self, message: PageText) -> str:
        # Here, since it brings an HTTP client of its own: a fifth of a second that only senders pay.
        from pywebpush import WebPusher, WebPushException

        key = vapid.private_key()
        if not key:
            raise DeliveryError("push is not set up: VAPID_PRIVATE_KEY is empty")
        endpoint = str(message.details.get("endpoint", ""))
        if not is_push_service(endpoint):
            raise DeliveryError("this is no address of a push service that the desk knows", permanent=True)
        try:
            pusher = WebPusher({"endpoint": endpoint, "keys": message.details.get("keys")}, _Session())
            headers = {"Topic": _topic(message), "Urgency": "high", **_signature(endpoint, key)}
            answer = pusher.send(_payload(message), headers, ttl=int(KEPT_FOR.total_seconds()), timeout=_SECONDS)
        except requests.RequestException as failure:
            raise _no_answer(failure) from failure
        except (WebPushException, ValueError) as failure:
            raise DeliveryError(f"the subscription's keys are of no use: {failure}", permanent=True) from failure
        _check(answer)
        return str(answer.headers.get("Location", ""))[:255] or message.key


class _Session(requests.Session):
    """One that goes where it is sent and nowhere else: no redirects, and no proxy or password from the surroundings."""

    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False

    def post(self, url: Any, data: Any = None, json: Any = None, **kwargs: Any) -> requests.Response:
        return super().post(url, data=data, json=json, allow_redirects=False, **kwargs)


def _signature(endpoint: str, key: str) -> dict[str, str]:
    from py_vapid import Vapid02

    parts = urlsplit(endpoint)
    claims = {"sub": settings.VAPID_SUBJECT, "aud": f"{parts.scheme}://{parts.netloc}"}
    return dict(Vapid02.from_string(key).sign(claims))


def _payload(message: PageText) -> str:
    """What the phone shows to whoever is near: never a ticket's subject or description. `message` is our own id."""
    words = {"title": message.headline[:_TITLE], "path": urlsplit(message.url).path, "tag": _topic(message)}
    return json.dumps(words | ({"message": message.message} if message.message else {}))


def _topic(message: PageText) -> str:
    """What a newer notification takes the place of, in the browser and while the push service still holds it."""
    if message.purpose != "page":
        return message.purpose
    return f"page-{message.pages[0]}" if len(message.pages) == 1 else "pages"


def _check(answer: requests.Response) -> None:
    status = answer.status_code
    if 200 <= status < 300:
        return
    if status in _GONE:
        raise DeliveryError("the browser has ended its notifications", permanent=True)
    raise DeliveryError(f"the push service answered {status}")


def _no_answer(failure: requests.RequestException) -> DeliveryError:
    """Nothing was written where no connection came about; else it may have arrived."""
    reason = getattr(failure.args[0], "reason", None) if failure.args else None
    if isinstance(failure, requests.exceptions.SSLError) or isinstance(reason, _NO_CONNECTION):
        return DeliveryError("the push service can't be reached")
    return DeliveryError("no answer from the push service", unknown=True)


def is_push_service(endpoint: str) -> bool:
    """Whether the desk may post there: https, a known push service, nothing else (in tests also this machine)."""
    try:
        parts = urlsplit(endpoint)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return False
    if len(endpoint) > _LONGEST or parts.username or parts.password or not endpoint.isascii():
        return False
    if settings.PAGING_PUSH_LOOPBACK and parts.scheme == "http" and _is_loopback(host):
        return True
    return (
        parts.scheme == "https" and port in (None, _HTTPS) and any(_fits(host, s) for s in settings.PAGING_PUSH_HOSTS)
    )


def _fits(host: str, known: str) -> bool:
    return host.endswith(known[1:]) if known.startswith("*.") else host == known


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def read_subscription(endpoint: str, p256dh: str, auth: str) -> dict[str, Any]:
    """What a browser said about its subscription, checked; raises Invalid (field `push`)."""
    if not is_push_service(endpoint):
        raise Invalid("This browser's push service isn't one that the desk knows.", field="push", code="endpoint")
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), vapid.decoded(p256dh))
        whole = len(vapid.decoded(auth)) == _SESSION_SECRET
    except ValueError:
        whole = False
    if not whole:
        raise Invalid("The browser's subscription is not complete: try again.", field="push", code="keys")
    return {"endpoint": endpoint, "keys": {"p256dh": p256dh, "auth": auth}}
