"""What makes the desk installable on a phone: its manifest, and the worker that shows pages."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.views.decorators.http import require_safe

_PAPER = "#ffffff"
_ACCENT = "#3b4fd8"


@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """Public, as browsers fetch it without cookies; it says nothing that the log-in page doesn't."""
    icons = [
        {"src": static(f"img/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for size in (192, 512)
        for purpose in ("any", "maskable")
    ]
    about = {
        "name": settings.SITE_NAME,
        "short_name": settings.SITE_NAME,
        "id": "/",
        "start_url": reverse("on_call"),
        "scope": "/",
        "display": "standalone",
        "background_color": _PAPER,
        "theme_color": _ACCENT,
        "icons": icons,
    }
    headers = {"Cache-Control": "public, max-age=3600"}
    return JsonResponse(about, content_type="application/manifest+json", headers=headers)


@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker, asked for afresh each time so that a mended one is in use at once."""
    response = render(request, "escalations/sw.js", content_type="text/javascript; charset=utf-8")
    response["Cache-Control"] = "no-cache"
    return response
