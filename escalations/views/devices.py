"""My on-call devices: a phone is registered by its owner, who has typed their password just now."""

import time
from urllib.parse import urlencode

from allauth.account import app_settings as account_settings
from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from escalations import actions
from escalations.forms import DeviceForm
from escalations.models import OnCallDevice
from escalations.views.gate import device_of, responders_only, viewer
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.http import page as answer
from supportdesk.lib.toasts import say


@require_http_methods(["GET", "HEAD", "POST"])
@responders_only
def my_devices(request: HttpRequest) -> HttpResponseBase:
    """The devices, each with when it was last seen; and the form by which this one is registered."""
    form = DeviceForm(request.POST if request.method == "POST" else None, initial={"name": request.GET.get("name", "")})
    if not form.is_valid():
        return _show(request, form, status=400 if form.is_bound else 200)
    if _missing_proof(request):
        return HttpResponseRedirect(_prove(request, name=form.cleaned_data["name"]), status=303)
    now = clock.now()
    try:
        secret = actions.register_device(
            by=viewer(request), name=form.cleaned_data["name"], at=now, instead_of=_this_one(request)
        )
    except DomainError as refusal:
        form.refuse(refusal)
        return _show(request, form, status=refusal.status)
    say(request, "This device answers your pages now, logged in or not.")
    response = HttpResponseRedirect(reverse("my_devices"), status=303)
    response.set_cookie(
        settings.ON_CALL_COOKIE_NAME,
        secret,
        max_age=settings.ON_CALL_DEVICE_DAYS * 24 * 60 * 60,
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def _this_one(request: HttpRequest) -> OnCallDevice | None:
    """The device that asks, if it is one of the person's."""
    device = device_of(request)
    return device if device is not None and device.user_id == viewer(request).pk else None


def _missing_proof(request: HttpRequest) -> str:
    """The address at which the person proves who they are; empty where they did within five minutes.

    By password, and by their second factor where they have one. The session's record is in the machine's own time.
    """
    since = time.time() - account_settings.REAUTHENTICATION_TIMEOUT
    records = get_authentication_records(request, viewer(request))
    fresh = {record["method"] for record in records if record["at"] >= since}
    ways = get_adapter().get_reauthentication_methods(viewer(request))
    if not ways:
        return reverse("account_reset_password")  # nobody registers a phone without ever having had a password
    proofs = [("password" if way["id"] == "reauthenticate" else "mfa", way["url"]) for way in ways]
    return next((url for method, url in proofs if method not in fresh), "")


def _prove(request: HttpRequest, *, name: str = "") -> str:
    """Where the person types their password; what they had typed comes back with them."""
    back = reverse("my_devices") + (f"?{urlencode({'name': name})}" if name else "")
    return f"{_missing_proof(request)}?{urlencode({'next': back})}"


def _show(request: HttpRequest, form: DeviceForm, *, status: int) -> HttpResponse:
    now, this = clock.now(), _this_one(request)
    context = {
        "devices": list(OnCallDevice.objects.valid(now).filter(user=viewer(request))),
        "this": this,
        "form": form,
        "prove": _prove(request) if _missing_proof(request) else "",
        "days": settings.ON_CALL_DEVICE_DAYS,
    }
    return answer(request, "escalations/my_devices.html", context, status=status)


@require_POST
@responders_only
def device_revoke(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Take a device away; this one forgets its cookie, too."""
    device = OnCallDevice.objects.filter(user=viewer(request), pk=pk).first()
    if device is None:
        raise Http404
    was_this = _this_one(request)
    actions.revoke_device(device, by=viewer(request), at=clock.now())
    say(request, f"{device.name} answers nothing any more.")
    response = HttpResponseRedirect(reverse("my_devices"), status=303)
    if was_this is not None and was_this.pk == device.pk:
        response.delete_cookie(settings.ON_CALL_COOKIE_NAME)
    return response
