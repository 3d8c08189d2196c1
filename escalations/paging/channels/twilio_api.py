"""What text messages and phone calls share: the way to Twilio, and what its answers mean for a page."""

import threading
from collections.abc import Callable
from ssl import SSLCertVerificationError
from typing import Any

from django.conf import settings
from django.urls import reverse
from requests import Session
from requests.exceptions import ConnectTimeout, ProxyError, RequestException
from twilio.base import values
from twilio.base.exceptions import TwilioException
from twilio.http import HttpClient
from twilio.http.response import Response
from twilio.rest import Client
from urllib3.exceptions import NewConnectionError
from urllib3.util import Timeout

from escalations.paging.channels.base import DeliveryError, PageText
from escalations.paging.channels.demo_phone import DemoPhone

STOPPED = "STOP was answered"
"""Why a number is disabled whose owner unsubscribed; START, and nothing else, takes that back."""

UNSUBSCRIBED = 21610
PERMANENT = {
    21211: "not a phone number",
    21214: "the number can't be reached",
    21217: "not a phone number",
    21614: "the number takes no text messages",
    UNSUBSCRIBED: STOPPED,
}
"""Twilio's codes for numbers that will never do (https://www.twilio.com/docs/api/errors). Whatever may pass, such as a
phone that is switched off or a country that isn't allowed, is not among them: the contact stays in use."""

_TWILIO = "https://api.twilio.com"
_CONNECT_SECONDS = 2
_own = threading.local()
_demo_phone = DemoPhone()


class Http(HttpClient):
    """Ours instead of the library's: one time limit over all, no retries, no numbers in logs, a connection a thread."""

    def __init__(self) -> None:
        self.is_async = False

    def request(
        self,
        method: str,
        uri: str,
        params: Any = None,
        data: Any = None,
        headers: dict[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float | None = None,
        allow_redirects: bool = False,
    ) -> Response:
        limit: Any = Timeout(total=settings.PROVIDER_SECONDS, connect=min(_CONNECT_SECONDS, settings.PROVIDER_SECONDS))
        answer = _session().request(
            method,
            settings.TWILIO_API_URL + uri.removeprefix(_TWILIO),
            params=params,
            data=data,
            headers=headers,
            auth=auth,
            timeout=limit,
            allow_redirects=False,
        )
        return Response(answer.status_code, answer.text, answer.headers)


def _session() -> Session:
    if not hasattr(_own, "session"):
        _own.session = Session()
    session: Session = _own.session
    return session


def is_configured() -> bool:
    return bool(settings.TWILIO_ACCOUNT_SID and settings.TWILIO_AUTH_TOKENS and settings.TWILIO_FROM)


def without_twilio(message: PageText) -> str:
    """The demo's phones stand for real ones where nobody's night depends on it; elsewhere it is said aloud."""
    if settings.DESK_ENV == "production":
        raise DeliveryError("Twilio is not configured (TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKENS, TWILIO_FROM)")
    return _demo_phone.deliver(message)


def public(name: str, message: str, query: str = "") -> str:
    """The address of a hook for one message of ours, as Twilio is told it and signs it."""
    return f"{settings.SITE_URL}{reverse(name, args=[message])}{query}"


def status_callback(message: PageText) -> str | object:
    """Where Twilio tells what became of it; of what isn't in the outbox (such as a code) nobody asks."""
    return public("twilio_status", message.message) if message.message else values.unset


def create(call: Callable[[Client], Any]) -> str:
    """Make one call of Twilio's API and return its id for what was created; raises DeliveryError."""
    client = Client(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKENS[0], http_client=Http())
    try:
        sid = call(client).sid
    except TwilioException as refusal:
        raise _refusal(refusal) from refusal
    except RequestException as failure:
        raise _no_answer(failure) from failure
    except ValueError as failure:
        raise DeliveryError("its answer can't be read: something else answers there", unknown=True) from failure
    if not sid:
        raise DeliveryError("its answer names no message", unknown=True)
    return str(sid)


def _refusal(refusal: TwilioException) -> DeliveryError:
    code = getattr(refusal, "code", None)
    if code in PERMANENT:
        why = PERMANENT[code]
        return DeliveryError(why if code == UNSUBSCRIBED else f"{why} (Twilio {code})", permanent=True)
    words = getattr(refusal, "msg", "") or getattr(refusal, "title", "") or str(refusal)
    return DeliveryError(f"Twilio answers {getattr(refusal, 'status', '')} {code or ''}: {words}"[:300])


def _no_answer(failure: RequestException) -> DeliveryError:
    """Before the request was written it certainly did not arrive; after that nobody can tell."""
    cause = getattr(failure.args[0], "reason", None) if failure.args else None
    if (
        isinstance(failure, ConnectTimeout | ProxyError)
        or isinstance(cause, NewConnectionError)
        or _is_untrusted(cause)
    ):
        return DeliveryError(f"Twilio can't be reached: {type(cause or failure).__name__}")
    return DeliveryError(f"no answer from Twilio: {type(failure).__name__}", unknown=True)


def _is_untrusted(cause: Exception | None) -> bool:
    """Its certificate was refused, so nothing was said to it."""
    return cause is not None and any(isinstance(why, SSLCertVerificationError) for why in cause.args)
