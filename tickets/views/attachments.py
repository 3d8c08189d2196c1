"""Files in and out: stored the moment they are chosen, handed out only to who may see their message."""

from uuid import UUID

from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from accounts.models import User
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.http import private_file
from tickets import actions
from tickets.models import Attachment
from tickets.views.gate import denied, security, signed_in


@require_POST
def attachment_upload(request: HttpRequest) -> JsonResponse:
    """Store one file (multipart, field `file`) and answer with its id; a refusal is a sentence in `detail`."""
    if not request.user.is_authenticated:
        return JsonResponse({"detail": "Your session has ended. Log in again in another tab."}, status=401)
    files = request.FILES.getlist("file")
    if len(files) != 1:
        return JsonResponse({"detail": "Send one file at a time."}, status=400)
    try:
        stored = actions.upload(request.user, file=files[0], name=files[0].name or "", at=clock.now())
    except DomainError as refusal:
        return JsonResponse({"detail": refusal.sentence, "code": refusal.code}, status=refusal.status)
    answer = {
        "id": str(stored.pk),
        "name": stored.name,
        "size": stored.size,
        "is_image": stored.is_image,
        "discard_url": reverse("attachment_discard", args=[stored.pk]),
    }
    return JsonResponse(answer, status=201)


@signed_in
@require_POST
def attachment_discard(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Throw away an own upload that wasn't sent."""
    attachment = _find(request.user, pk)
    try:
        actions.discard_upload(attachment, by=request.user)
    except DomainError as refusal:
        return JsonResponse({"detail": refusal.sentence, "code": refusal.code}, status=refusal.status)
    return HttpResponse(status=204)


@signed_in
@require_safe
def attachment_download(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """The file, always to be saved and never to be opened in our origin (S029)."""
    return _served(_find(request.user, pk), inline=False)


@signed_in
@require_safe
def attachment_preview(request: HttpRequest, pk: UUID) -> HttpResponseBase:
    """A raster image of sane size, to be shown in place; for everything else there is no preview."""
    attachment = _find(request.user, pk)
    if not attachment.is_image:
        raise Http404
    return _served(attachment, inline=True)


def _find(user: User, pk: UUID) -> Attachment:
    """The file as far as `user` may see it now; unknown and not theirs are the same 404 (S031)."""
    attachment = Attachment.objects.visible_to(user).filter(pk=pk).first()
    if attachment is not None:
        return attachment
    if Attachment.objects.filter(pk=pk).exists():
        denied(user, "attachment", pk)
    raise Http404


def _served(attachment: Attachment, *, inline: bool) -> FileResponse:
    try:
        file = attachment.file.open("rb")
    except FileNotFoundError:
        security.error("attachment.missing attachment=%s", attachment.pk)
        raise Http404 from None
    return private_file(file, name=attachment.name, content_type=attachment.content_type, inline=inline)
