"""What happens around every request: outages, limits, headers, the person's time zone, refusals."""

import logging
import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import RequestDataTooBig, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from supportdesk.lib.errors import DomainError

logger = logging.getLogger(__name__)
GetResponse = Callable[[HttpRequest], HttpResponse]


class Middleware:
    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)


class DatabaseDownMiddleware(Middleware):
    """A clear 503 while PostgreSQL doesn't answer; the process lives on and recovers by itself."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            response = self.get_response(request)
        except (OperationalError, InterfaceError) as failure:
            return self._unavailable(request, failure)
        failed: Exception | None = getattr(request, "database_failure", None)
        if failed is not None:
            return self._unavailable(request, failed)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        # Django's own handler would make it a 500 before it reached __call__.
        if isinstance(exception, OperationalError | InterfaceError):
            request.database_failure = exception  # type: ignore[attr-defined]

    def _unavailable(self, request: HttpRequest, failure: Exception) -> HttpResponse:
        logger.error("database does not answer: %s", str(failure).strip().splitlines()[0] if str(failure) else failure)
        if request.path.startswith("/api/"):
            body = '{"type": "about:blank", "title": "The desk is unavailable", "status": 503, "code": "unavailable"}'
            return HttpResponse(
                body, status=503, content_type="application/problem+json", headers={"Retry-After": "30"}
            )
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "30"})


class SecurityHeadersMiddleware(Middleware):
    """The headers that neither Django nor django-csp sets (security cases, section 5)."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        user = getattr(request, "user", None)
        if user is not None and user.is_authenticated:
            response.setdefault("Cache-Control", "no-store, private")
        if request.path == "/accounts/logout/" and request.method == "POST":
            response["Clear-Site-Data"] = '"cache", "storage"'
        return response


class BodyLimitMiddleware(Middleware):
    """413 for bodies that no form of ours sends, before a byte of them is parsed (S033)."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        by_provider = request.path.startswith("/anymail/")  # it posts whole messages
        limit = settings.MAIL_BODY_MAX_BYTES if by_provider else settings.BODY_MAX_BYTES
        if not length.isdigit() or int(length) > limit:
            return render(request, "413.html", {"limit": limit}, status=413)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, RequestDataTooBig | TooManyFilesSent):
            return render(request, "413.html", {"limit": settings.BODY_MAX_BYTES}, status=413)
        return None


class TimeZoneMiddleware(Middleware):
    """All times in the person's own zone."""

    def __call__(self, request: HttpRequest) -> HttpResponse:
        zone = getattr(request.user, "time_zone", "") if request.user.is_authenticated else ""
        with timezone.override(zoneinfo.ZoneInfo(zone or "UTC")):
            return self.get_response(request)


class RefusalMiddleware(Middleware):
    """The last door: a refusal that no view showed beside a field becomes a toast where the person came from."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if not isinstance(exception, DomainError) or request.path.startswith("/api/"):
            return None
        logger.info("refused %s %s: %s", request.method, request.path, exception.code)
        if exception.status == 403:
            return render(request, "403.html", {"sentence": exception.sentence}, status=403)
        messages.error(request, exception.sentence)
        page = request.path.rstrip("/").rsplit("/", 1)[0] + "/"
        response = HttpResponseRedirect(page)
        response["X-Refusal"] = exception.code
        return response


def desk_context(request: HttpRequest) -> dict[str, object]:
    """What every template may name."""
    user = getattr(request, "user", None) or AnonymousUser()
    return {
        "SITE_NAME": settings.SITE_NAME,
        "VENDOR_NAME": settings.VENDOR_NAME,
        "PRODUCT_NAME": settings.PRODUCT_NAME,
        "SUPPORT_EMAIL": settings.SUPPORT_EMAIL,
        "DESK_ENV": settings.DESK_ENV,
        "managed_organizations": SimpleLazyObject(lambda: _managed_organizations(user)),
    }


def _managed_organizations(user: object) -> list[object]:
    from accounts.models import Organization, User

    return list(Organization.objects.managed_by(user)) if isinstance(user, User) and not user.is_desk else []
