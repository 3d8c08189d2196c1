"""What Twilio calls: answers by text and by key, and what became of messages. Nothing unsigned is believed (S076)."""

import logging
import uuid
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from twilio.request_validator import RequestValidator

from escalations.paging import outcome
from escalations.paging.channels import twilio_api
from supportdesk.lib import clock

security = logging.getLogger("security")
View = Callable[..., HttpResponse]

_BODY_MAX_BYTES = 16 * 1024
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
