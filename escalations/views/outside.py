"""Doors for services outside: signed webhooks, no session, no CSRF token. What isn't signed changes nothing."""

import json
import logging
import time
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.dateparse import parse_datetime
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from escalations import actions
from escalations.actions import Came, Said, Word
from escalations.models import OutsideService
from escalations.paging.channels import pagerduty
from supportdesk.lib import clock, egress, signatures
from supportdesk.lib.errors import DomainError

security = logging.getLogger("security")
logger = logging.getLogger(__name__)

_LATE_SECONDS = 5 * 60
_PAGERDUTY = {"incident.acknowledged": Said.ACKNOWLEDGED, "incident.resolved": Said.RESOLVED}
_ASKED = {"acknowledge": Said.ACKNOWLEDGED, "escalate": Said.ESCALATED}
_STATUS = {Came.UNKNOWN_PAGE: 404, Came.OVER: 409, Came.NOBODY: 403}


@csrf_exempt
@require_POST
def pagerduty_hook(request: HttpRequest, pk: int) -> HttpResponse:
    """PagerDuty's V3 webhooks: what its people do with an incident of ours. 2xx unless it should try again."""
    service = _service(pk, OutsideService.Kind.PAGERDUTY)
    given = request.headers.get("X-PagerDuty-Signature", "")
    if not signatures.is_pagerduty(given, service.believed, request.body):
        return _forged(request, service)
    event = _content(request).get("event")
    said = _PAGERDUTY.get(str(event.get("event_type"))) if isinstance(event, dict) else None
    if said is None:
        return JsonResponse({"outcome": "ignored"})
    try:
        word = _word_of(event, said)
        came = actions.answer_from_outside(service, word, at=clock.now()) if word else None
    except egress.EgressError as failure:
        logger.warning("PagerDuty's API could not be asked: %s", failure)
        return JsonResponse({"outcome": "try again"}, status=503)
    except DomainError as refusal:
        return JsonResponse({"outcome": refusal.code})
    return JsonResponse({"outcome": came or "ignored"})


def _word_of(event: dict[str, Any], said: Said) -> Word | None:
    """None for what is no person's doing: also our own events come back that way."""
    agent, data = event.get("agent"), event.get("data")
    if not isinstance(agent, dict) or not isinstance(data, dict) or agent.get("type") != "user_reference":
        return None
    page = pagerduty.page_of(data.get("incident_key"))
    page = page if page is not None else pagerduty.page_of_incident(str(data.get("id", "")))
    if page is None:
        return None
    email = pagerduty.email_of(str(agent.get("id", "")))
    who = email or str(agent.get("summary", "somebody"))
    key, at = _printable(str(event.get("id", ""))), _instant(event.get("occurred_at"))
    return Word(key, page, said, _printable(who), _printable(email), at)


def _printable(text: str) -> str:
    """Without what no database keeps."""
    return "".join(character for character in text[:254] if character.isprintable())


def _instant(text: object) -> datetime | None:
    try:
        found = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


@csrf_exempt
@require_POST
def outside_hook(request: HttpRequest, pk: int) -> HttpResponse:
    """A webhook's owner answers: {"type": "acknowledge" or "escalate", "page": id, "person": e-mail}, signed."""
    service = _service(pk, OutsideService.Kind.WEBHOOK)
    message, timestamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    signature = request.headers.get("webhook-signature", "")
    if not (0 < len(message) <= 200 and timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return _forged(request, service)
    secrets, signed_at = service.believed, int(timestamp)
    if not signatures.is_standard(signature, secrets, message=message, timestamp=signed_at, body=request.body):
        return _forged(request, service)
    if abs(time.time() - signed_at) > _LATE_SECONDS:  # its sender's clock, whatever the desk's shows
        return _forged(request, service)
    content = _content(request)
    said, page, email = _ASKED.get(str(content.get("type"))), content.get("page"), content.get("person")
    if said is None or type(page) is not int or not 0 < page < 2**63 or not isinstance(email, str):
        return JsonResponse({"outcome": "invalid"}, status=400)
    who = _printable(email)
    try:
        came = actions.answer_from_outside(service, Word(message, page, said, who, who), at=clock.now())
    except DomainError as refusal:
        return JsonResponse({"outcome": refusal.code, "sentence": refusal.sentence}, status=refusal.status)
    return JsonResponse({"outcome": came}, status=_STATUS.get(came, 200))


def _service(pk: int, kind: OutsideService.Kind) -> OutsideService:
    service = OutsideService.objects.filter(pk=pk, kind=kind, disabled_at=None).first()
    if service is None:
        raise Http404
    return service


def _forged(request: HttpRequest, service: OutsideService) -> HttpResponse:
    security.warning("webhook.refused service=%s path=%s ip=%s", service.pk, request.path, request.META["REMOTE_ADDR"])
    return HttpResponse(status=403)


def _content(request: HttpRequest) -> dict[str, Any]:
    try:
        found = json.loads(request.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
