"""Small answers that several doors give."""

from typing import IO, Any
from urllib.parse import urlencode

from django.contrib.auth.views import redirect_to_login
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme


def next_path(request: HttpRequest, default: str) -> str:
    """The `next` address of the request if it stays on this host, else `default` (S077)."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if wanted and safe else default


def ask_to_log_in(request: HttpRequest) -> HttpResponseBase:
    """Send to the log-in page, and an htmx request along with its whole page."""
    if getattr(request, "htmx", False):
        here = request.headers.get("HX-Current-URL", "/")
        return HttpResponse(status=204, headers={"HX-Redirect": f"/accounts/login/?{urlencode({'next': here})}"})
    return redirect_to_login(request.get_full_path())


def page(
    request: HttpRequest, template: str, context: dict[str, Any], *, fragment: str = "", status: int = 200
) -> HttpResponse:
    """The page, or for htmx at the same address its `fragment`; the two are never mixed up by a cache."""
    wanted = fragment if fragment and getattr(request, "htmx", False) and not request.htmx.boosted else template  # type: ignore[attr-defined]
    response = render(request, wanted, context, status=status)
    if fragment:
        patch_vary_headers(response, ["HX-Request"])
    return response


def private_file(file: IO[bytes], *, name: str, content_type: str, inline: bool = False) -> FileResponse:
    """Somebody's file as it goes out: to be saved unless `inline`, never run in our origin, kept by no cache (S029)."""
    response = FileResponse(file, as_attachment=not inline, filename=name, content_type=content_type)
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cross-Origin-Resource-Policy"] = "same-origin"
    response["Cache-Control"] = "private, no-store"
    return response
