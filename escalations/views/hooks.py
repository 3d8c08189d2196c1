"""What Twilio calls: answers by text and by key, and what became of messages. Nothing unsigned is believed (S076)."""

import logging
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import wraps

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from twilio.request_validator import RequestValidator
from twilio.twiml.messaging_response import MessagingResponse

from escalations import actions
from escalations.models import PageDelivery
from escalations.paging import outcome
from escalations.paging.channels import twilio_api
from escalations.paging.channels.voice import READ_OUT_AT_MOST, farewell, read_out
from escalations.paging.wording import text_of
from supportdesk.lib import clock

security = logging.getLogger("security")
View = Callable[..., HttpResponse]

_BODY_MAX_BYTES = 16 * 1024
_REMEMBERED_FOR = timedelta(days=30)
_HAS_IT = {"queued", "accepted", "scheduled", "sending", "sent", "initiated", "ringing"}
_ARRIVED = {"delivered", "read", "in-progress", "completed"}
_DID_NOT = {"undelivered", "failed", "busy", "no-answer", "canceled"}


def signed_by_twilio(view: View) -> View:
    """POST only, small, and signed with one of our tokens over the public address; anything else changes nothing."""

    @wraps(view)
    def gated(request: HttpRequest, **kwargs: object) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if not length.isdigit() or int(length) > _BODY_MAX_BYTES:
            return HttpResponse(status=413)
        if not _is_signed(request):
            security.warning("twilio.forged path=%s", request.path)
            return HttpResponse("This is not signed as it has to be.", status=403, content_type="text/plain")
        return view(request, **kwargs)

    return csrf_exempt(require_POST(gated))


def _is_signed(request: HttpRequest) -> bool:
    signature = request.headers.get("X-Twilio-Signature", "")
    address = settings.SITE_URL + request.get_full_path()
    checks = [
        RequestValidator(token).validate(address, request.POST, signature) for token in settings.TWILIO_AUTH_TOKENS
    ]
    return bool(signature) and any(checks)


@signed_by_twilio
def twilio_status(request: HttpRequest, message: uuid.UUID) -> HttpResponse:
    """What became of a text or a call; what comes late, again or out of order changes nothing."""
    status = request.POST.get("MessageStatus") or request.POST.get("CallStatus") or ""
    if status in _ARRIVED or status in _HAS_IT:
        outcome.confirmed(message, arrived=status in _ARRIVED, now=clock.now())
    elif status in _DID_NOT:
        code = request.POST.get("ErrorCode", "")
        number = int(code) if code.isdecimal() else 0
        why = twilio_api.PERMANENT.get(number) or f"Twilio says {status}{f' ({number})' if number else ''}"
        outcome.undelivered(message, why, permanent=number in twilio_api.PERMANENT, now=clock.now())
    return HttpResponse(status=204)


@contextmanager
def _once(*parts: str) -> Iterator[bool]:
    """Whether this is the first time that Twilio says it; said again, or replayed, it changes nothing."""
    key = f"twilio:{':'.join(parts)}"[:200]
    is_first = cache.add(key, 1, _REMEMBERED_FOR.total_seconds())
    try:
        yield is_first
    except Exception:
        if is_first:
            cache.delete(key)  # it came to nothing: who tries again is heard
        raise


@signed_by_twilio
def twilio_sms(request: HttpRequest) -> HttpResponse:
    """Somebody answers by text; what it came to is answered in words."""
    said = ""
    with _once("sms", request.POST.get("MessageSid", "")) as is_first:
        if is_first:
            words = request.POST.get("OptOutType") or request.POST.get("Body", "")
            said = actions.answer_text(request.POST.get("From", ""), words, at=clock.now())
    response = MessagingResponse()
    if said:
        response.message(said)
    return _twiml(str(response))


@signed_by_twilio
def twilio_voice(request: HttpRequest, message: uuid.UUID) -> HttpResponse:
    """Somebody pressed a key, or none: a wrong one hears it all again, a few times."""
    turn, key = request.GET.get("turn", ""), request.POST.get("Digits", "")[:1]
    with _once("voice", request.POST.get("CallSid", ""), turn, key) as is_first:
        said = actions.answer_key(message, key if is_first else "", at=clock.now())
    if said:
        return _twiml(farewell(f"{said} Goodbye."))
    done = int(turn) if turn.isdecimal() else READ_OUT_AT_MOST
    if done >= READ_OUT_AT_MOST:
        return _twiml(farewell("Nothing was acknowledged. It goes on ringing. Goodbye."))
    rows = list(PageDelivery.objects.carried_by(message))
    spoken = text_of(rows, at=clock.now()).spoken
    wrong = f"The key {key} means nothing here." if key else ""
    return _twiml(read_out(spoken, message=str(message), turn=done + 1, first=wrong))


def _twiml(words: str) -> HttpResponse:
    return HttpResponse(words, content_type="text/xml; charset=utf-8")
