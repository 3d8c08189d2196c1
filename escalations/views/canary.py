"""Where the canary comes back to: a door for signed messages of the desk to itself, and closed to everything else."""

import hmac
import json
import logging
import time
import uuid

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from escalations import actions
from escalations.models import OutsideService
from escalations.paging.channels.canary import TOLERANCE, signature
from supportdesk.lib import clock

security = logging.getLogger("security")


@csrf_exempt
@require_POST
def paging_canary_hook(request: HttpRequest) -> HttpResponse:
    """204 for what the desk has signed, also a second time; it ends the one page that it names, if that is open."""
    message = _believed(request)
    actions.end_canary(message["page"], message=uuid.UUID(message["message"]), at=clock.now())
    return HttpResponse(status=204)


def _believed(request: HttpRequest) -> dict[str, object]:
    """The message, once its signature, its age and its id are right; 403 otherwise, whatever is wrong."""
    service = OutsideService.objects.filter(kind=OutsideService.Kind.CANARY).first()
    sent = {name: request.headers.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature")}
    secret, timestamp = service.secret if service else "", sent["timestamp"]
    expected = signature(secret, message=sent["id"], timestamp=timestamp, body=request.body)
    right = bool(secret) and hmac.compare_digest(expected.encode(), sent["signature"].encode())
    if not right or abs(time.time() - int(timestamp)) > TOLERANCE.total_seconds():
        security.warning("a canary was refused: forged or too old")
        raise PermissionDenied
    message: dict[str, object] = json.loads(request.body)
    if message["message"] != sent["id"]:
        raise PermissionDenied
    return message
