"""What the mail provider posts to us (settings.MAIL_PROVIDER): django-anymail checks and reads it, we keep it.

Only that provider's addresses exist, and only where a secret tells its posts from a stranger's. Whatever can't be
stored is answered with 503, upon which providers try again for hours or days.
"""

import logging
from collections.abc import Callable, Iterator
from email import message_from_bytes
from urllib.parse import unquote_to_bytes

from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.utils import get_request_basic_auth
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import Resolver404, resolve
from django.utils.crypto import constant_time_compare
from django.utils.datastructures import MultiValueDict
from django.utils.http import parse_header_parameters
from django.views.decorators.csrf import csrf_exempt

from supportdesk.lib.mail_providers import PROVIDERS

logger = logging.getLogger(__name__)

_RAW_FIELDS = ("body-mime", "email")
"""Under these Mailgun and SendGrid post the message as it came."""
_Field = tuple[str, str | None, str, bytes]
"""Name, file name, content type, content."""


@csrf_exempt  # whose post it is tells its secret or signature
def provider_webhook(request: HttpRequest, rest: str) -> HttpResponse:
    """One post of the provider: 403 unless it is from the provider, 503 unless what it brought is stored."""
    view = _view_of(rest)
    try:
        if request.method == "POST":
            _check_password(request)
            _load(request)
        return view(request)
    except AnymailWebhookValidationFailure:
        logger.warning("a post to %s was not the provider's", rest)
        return HttpResponse("Not signed as it has to be.", status=403, content_type="text/plain")
    except SuspiciousOperation:
        return HttpResponse("No form.", status=400, content_type="text/plain")
    except Exception as failure:
        # Neither its words nor a traceback: they may hold what was posted.
        logger.error("what the mail provider posted could not be stored: %s", type(failure).__name__)
        return HttpResponse("Try again later.", status=503, content_type="text/plain", headers={"Retry-After": "60"})


def _view_of(rest: str) -> Callable[..., HttpResponse]:
    name = settings.MAIL_PROVIDER
    if not name or not rest.startswith(f"{name}/") or not PROVIDERS[name].is_guarded(settings.ANYMAIL):
        raise Http404
    try:
        return resolve(f"/{rest}", urlconf="anymail.urls").func
    except Resolver404:
        raise Http404 from None


def _check_password(request: HttpRequest) -> None:
    """Anymail does so, too, but only after all of the body has been read."""
    secret = settings.ANYMAIL.get("WEBHOOK_SECRET")
    if secret and not constant_time_compare(get_request_basic_auth(request) or "", secret):
        raise AnymailWebhookValidationFailure


# --- The body --------------------------------------------------------------------------------------------------------


def _load(request: HttpRequest) -> None:
    """Read body and form ourselves: Django's limit for fields of a form (DATA_UPLOAD_MAX_MEMORY_SIZE) is meant for
    people, and it decodes every field, which a message in Latin-1 doesn't survive. BodyLimitMiddleware has limited it.

    A message that came as a field is `request.raw_mail` afterwards, byte by byte.
    """
    body = request._body = request.read()
    kind, options = parse_header_parameters(request.META.get("CONTENT_TYPE", ""))
    if kind == "multipart/form-data":
        fields = list(_parts(body, options.get("boundary", "").encode()))
    elif kind == "application/x-www-form-urlencoded":
        fields = list(_pairs(body))
    else:
        return
    post, files = QueryDict(mutable=True), MultiValueDict[str, SimpleUploadedFile]()
    for name, file_name, content_type, content in fields:
        if name in _RAW_FIELDS:
            request.raw_mail = content  # type: ignore[attr-defined]
        if file_name is None:
            post.appendlist(name, content.decode(errors="replace"))
        else:
            files.appendlist(name, SimpleUploadedFile(file_name or "file", content, content_type))
    request._post, request._files = post, files  # type: ignore[attr-defined]


def _parts(body: bytes, boundary: bytes) -> Iterator[_Field]:
    """The parts of multipart/form-data (RFC 7578)."""
    if not boundary:
        raise SuspiciousOperation("no boundary")
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary)
    _check_number(len(pieces))
    for piece in pieces[1:-1]:
        head, _, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        part = message_from_bytes(head + b"\r\n\r\n")
        name = part.get_param("name", header="content-disposition")
        file_name = part.get_filename()
        yield str(name or ""), file_name, part.get_content_type(), content


def _pairs(body: bytes) -> Iterator[_Field]:
    _check_number(body.count(b"&"))
    for pair in body.split(b"&"):
        name, _, value = (unquote_to_bytes(side.replace(b"+", b" ")) for side in pair.partition(b"="))
        yield name.decode(errors="replace"), None, "", value


def _check_number(fields: int) -> None:
    if fields > settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:
        raise SuspiciousOperation("too many fields")
