"""What makes Django REST framework speak as the rest of the desk does: problem JSON, strict bodies, sessions."""

import json
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from rest_framework import authentication, exceptions, parsers, renderers
from rest_framework.request import Request
from rest_framework.response import Response

from supportdesk.lib.errors import DomainError


class SessionAuthentication(authentication.SessionAuthentication):
    """Django's session with its CSRF check; says 401, not 403, when nobody is signed in."""

    def authenticate_header(self, request: Request) -> str:
        return 'Session realm="SupportDesk"'


class Utf8JSONRenderer(renderers.JSONRenderer):
    """Says the charset, for those who would guess."""

    charset = "utf-8"


class TooLarge(exceptions.APIException):
    status_code = 413
    default_code = "too_large"
    default_detail = "This is more than any request of ours needs."


class StrictJSONParser(parsers.JSONParser):
    """JSON of sane size without doubled keys, of which each reader would believe another one (S051)."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        text = stream.read(settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        if len(text) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise TooLarge
        try:
            parsed = json.loads(text.decode("utf-8"), object_pairs_hook=_once_each)
            json.dumps(parsed, ensure_ascii=False).encode()  # half a surrogate pair could be neither stored nor echoed
        except (ValueError, RecursionError) as fault:
            raise exceptions.ParseError(f"This is not proper JSON: {fault}.") from None
        return parsed


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is given twice")
    return found


def problem(exception: Exception, context: dict[str, Any]) -> Response | None:
    """Every refusal as problem JSON (RFC 9457): title, status, code, and what is wrong with which field."""
    if isinstance(exception, DomainError):
        wrong = {exception.field: [exception.sentence]} if exception.field else {}
        return _answer(exception.status, exception.code, exception.sentence, wrong)
    if isinstance(exception, RequestDataTooBig):
        exception = TooLarge()
    from rest_framework.views import exception_handler  # DRF's views import this module by way of its settings

    response = exception_handler(exception, context)
    if response is None:
        return None
    if isinstance(exception, exceptions.ValidationError):
        fields = exception.detail if isinstance(exception.detail, dict) else {"": exception.detail}
        return _answer(400, "invalid", "Some fields are not right.", fields)
    if isinstance(exception, Http404 | exceptions.NotFound):
        return _answer(404, "not_found", "There is no such thing.", {})
    if isinstance(exception, PermissionDenied):
        return _answer(403, "not_allowed", "You may not do this.", {})
    code = getattr(exception, "default_code", "error")
    return _answer(response.status_code, code, str(getattr(exception, "detail", "")), {}, dict(response.items()))


def _answer(status: int, code: str, title: str, fields: Any, headers: dict[str, str] | None = None) -> Response:
    body = {"type": "about:blank", "title": title, "status": status, "code": code}
    if fields:
        body["fields"] = fields
    kept = {name: value for name, value in (headers or {}).items() if name in {"WWW-Authenticate", "Retry-After"}}
    return Response(body, status=status, headers=kept, content_type="application/problem+json")
