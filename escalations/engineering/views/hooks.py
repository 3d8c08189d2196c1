"""The door for code hosts: signed webhooks, no session, no CSRF token. What isn't signed changes nothing (S085)."""

import hashlib
import logging
import re
import time

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from escalations.engineering import actions
from escalations.engineering.actions import Delivery
from escalations.engineering.code_hosts import Unreadable, read
from escalations.models import CodeHost
from supportdesk.lib import clock, signatures

security = logging.getLogger("security")

_LATE_SECONDS = 5 * 60
_KEY = re.compile(r"[\w.:-]{1,100}", re.ASCII)
_KEY_HEADERS = {
    CodeHost.Kind.GITHUB: ("X-GitHub-Delivery",),
    # The first is what a signature covers, and stays the same when GitLab tries again.
    CodeHost.Kind.GITLAB: ("webhook-id", "Idempotency-Key", "X-Gitlab-Webhook-UUID", "X-Gitlab-Event-UUID"),
}
_EVENT_HEADERS = {CodeHost.Kind.GITHUB: "X-GitHub-Event", CodeHost.Kind.GITLAB: "X-Gitlab-Event"}


@csrf_exempt
@require_POST
def code_host_hook(request: HttpRequest, pk: int) -> HttpResponse:
    """One call of a code host. 2xx for whatever is believed: it is not to be sent again.

    413 for one too large, 403 for one that isn't signed by a secret of this host; of those that are, 415 for anything
    but JSON and 400 for what can't be read.
    """
    host = _host(pk)
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdigit() or int(length) > settings.CODE_HOOK_MAX_BYTES:
        return HttpResponse(status=413)
    body = request.read()  # Django's own limit for bodies in memory is meant for forms
    if not _is_signed(request, host, body):
        security.warning("webhook.refused code_host=%s path=%s ip=%s", pk, request.path, request.META["REMOTE_ADDR"])
        return HttpResponse(status=403)
    if request.content_type != "application/json":
        return _say("Send it as application/json.", status=415)
    kind = CodeHost.Kind(host.kind)
    event, key = request.headers.get(_EVENT_HEADERS[kind], ""), _key(request, kind, body)
    if not _KEY.fullmatch(key):
        return _say("The key of the delivery can't be read.", status=400)
    try:
        news = read(kind.value, event, body)
    except Unreadable:
        return _say("This is no JSON object.", status=400)
    came = actions.take_delivery(host, Delivery(key, _printable(event)), news, at=clock.now())
    return JsonResponse({"outcome": came.value})


def _host(pk: int) -> CodeHost:
    host = CodeHost.objects.filter(pk=pk).first()
    if host is None:
        raise Http404
    return host


def _is_signed(request: HttpRequest, host: CodeHost, body: bytes) -> bool:
    if host.kind == CodeHost.Kind.GITHUB:
        return signatures.is_github(request.headers.get("X-Hub-Signature-256", ""), host.believed, body)
    if "webhook-signature" in request.headers:
        return _is_standard(request, host, body)
    return signatures.is_token(request.headers.get("X-Gitlab-Token", ""), host.believed)


def _is_standard(request: HttpRequest, host: CodeHost, body: bytes) -> bool:
    """GitLab's newer way: signed with its key and time, so that a call of yesterday is no call."""
    message, timestamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        return False
    if abs(time.time() - int(timestamp)) > _LATE_SECONDS:  # its sender's clock, whatever the desk's shows
        return False
    given = request.headers["webhook-signature"]
    return signatures.is_standard(given, host.believed, message=message, timestamp=int(timestamp), body=body)


def _key(request: HttpRequest, kind: CodeHost.Kind, body: bytes) -> str:
    """The host's own, or one made of what was sent: the same again is a replay."""
    given = (request.headers.get(name) for name in _KEY_HEADERS[kind])
    return next(filter(None, given), f"sha256:{hashlib.sha256(body).hexdigest()}")


def _printable(text: str) -> str:
    """Without what no database keeps."""
    return "".join(character for character in text[:64] if character.isprintable())


def _say(sentence: str, *, status: int) -> HttpResponse:
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8")
