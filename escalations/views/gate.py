"""Who comes in: strangers log in, and for anybody who doesn't answer pages these addresses don't exist.

A registered phone answers its owner's pages without a log-in, and opens nothing else.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import cast
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from accounts.models import User
from accounts.tokens import digest
from escalations.access import is_responder, may_edit_schedules
from escalations.models import OnCallDevice
from escalations.people import zone_of
from supportdesk.lib import clock
from supportdesk.lib.http import ask_to_log_in

security = logging.getLogger("security")
View = Callable[..., HttpResponseBase]

_SEEN_EVERY = timedelta(minutes=1)


def responders_only(view: View) -> View:
    """Log-in for strangers; for anybody who doesn't answer pages these addresses don't exist."""

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return _log_in(request, kwargs)
        if not is_responder(request.user):
            security.warning("authz.denied user=%s path=%s", request.user.pk, request.path)
            raise Http404
        return view(request, *args, **kwargs)

    return gated


def schedulers_only(view: View) -> View:
    """As `responders_only`, and 403 for responders who may see who is on call but not edit it."""

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not may_edit_schedules(request.user):
            security.warning("authz.denied user=%s path=%s", request.user.pk, request.path)
            raise PermissionDenied
        return view(request, *args, **kwargs)

    checked = responders_only(gated)

    @wraps(view)
    def outer(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        # A stranger comes back to the page that was asked for, also from a form.
        return checked(request, *args, **kwargs) if request.user.is_authenticated else ask_to_log_in(request)

    return outer


def answering(view: View) -> View:
    """As `responders_only`, and for the owner of an on-call device, who is not logged in (any more).

    Where somebody is logged in, that is who they are, whatever the device says.
    """
    for_sessions = responders_only(view)

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        device = None if request.user.is_authenticated else device_of(request)
        if device is None:
            return for_sessions(request, *args, **kwargs)
        request.on_call_device = device  # type: ignore[attr-defined]
        _note_seen(device)
        with timezone.override(zone_of(device.user)):
            response = view(request, *args, **kwargs)
        response["Cache-Control"] = "no-store, private"
        patch_vary_headers(response, ["Cookie"])
        return response

    return gated


def device_of(request: HttpRequest) -> OnCallDevice | None:
    """The device that the request comes from, if it is valid and its owner still answers pages."""
    secret = request.COOKIES.get(settings.ON_CALL_COOKIE_NAME, "")
    if not secret:
        return None
    devices = OnCallDevice.objects.valid(clock.now()).select_related("user__region")
    device = devices.filter(token_hash=digest(secret)).first()
    return device if device is not None and is_responder(device.user) else None


def _note_seen(device: OnCallDevice) -> None:
    now = clock.now()
    stale = Q(last_seen_at=None) | Q(last_seen_at__lt=now - _SEEN_EVERY)
    OnCallDevice.objects.filter(stale, pk=device.pk).update(last_seen_at=now)


def _log_in(request: HttpRequest, kwargs: dict[str, object]) -> HttpResponseBase:
    """After a POST to a verb's address they come back to the page that it belongs to, or that they came from."""
    name = request.resolver_match.url_name or "" if request.resolver_match else ""
    if request.method != "POST" or getattr(request, "htmx", False):
        return ask_to_log_in(request)
    if name.startswith("page_"):
        there = reverse("page_detail", kwargs=kwargs) if "pk" in kwargs else reverse("page_list")
    elif name.startswith("device_"):
        there = reverse("my_devices")
    else:
        there = _came_from(request)
    return HttpResponseRedirect(f"{reverse('account_login')}?{urlencode({'next': there}, safe='/')}")


def _came_from(request: HttpRequest) -> str:
    """The path of the page of ours whose form was sent; who is on call, where none is told."""
    told = urlsplit(request.headers.get("Referer", ""))
    ours = told.netloc == request.get_host() and told.path.startswith("/desk/")
    return told.path if ours else reverse("on_call")


def by_device(request: HttpRequest) -> bool:
    """Whether a registered phone asks, and not somebody who is logged in."""
    return getattr(request, "on_call_device", None) is not None


def viewer(request: HttpRequest) -> User:
    """Who looks at it: these gates have let nobody else in."""
    device: OnCallDevice | None = getattr(request, "on_call_device", None)
    return device.user if device is not None else cast(User, request.user)
