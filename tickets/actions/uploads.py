"""Files before they are sent: stored at once, so that a form's error loses none of them."""

import logging
from datetime import datetime, timedelta
from typing import IO

import filetype
from django.conf import settings
from django.core.files import File
from django.db import transaction

from accounts.models import User
from supportdesk.lib import text
from supportdesk.lib.errors import Invalid, NotAllowed
from tickets import pictures
from tickets.models import Attachment

logger = logging.getLogger(__name__)

RASTER_IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp"}
_SERVED_AS_FOUND = RASTER_IMAGES | {
    "application/pdf",
    "application/zip",
    "application/gzip",
    "application/x-7z-compressed",
}
_UNSENT_AT_ONCE = 100
_UNSENT_KEPT = timedelta(hours=24)


def upload(owner: User, *, file: IO[bytes], name: str, at: datetime) -> Attachment:
    """Store a file under a random key, its type found from its own bytes; Invalid when empty or too large."""
    stored = File(file, name="upload")
    if not stored.size:
        raise Invalid(f"{text.file_label(name)} is empty.", code="empty_file", field="attachments")
    if stored.size > settings.ATTACHMENT_MAX_BYTES:
        most = settings.ATTACHMENT_MAX_BYTES // (1024 * 1024)
        raise Invalid(
            f"{text.file_label(name)} is too large: at most {most} MB.", code="too_large", field="attachments"
        )
    if Attachment.objects.unsent_by(owner).count() >= _UNSENT_AT_ONCE:
        raise Invalid("Please send what you have attached so far first.", code="too_many_files", field="attachments")
    attachment = kept(stored, name=name, owner=owner, at=at)
    attachment.save(force_insert=True)
    return attachment


def kept(file: File, *, name: str, owner: User, at: datetime) -> Attachment:
    """An unsaved row for a file of some size, whose bytes are stored already."""
    found = sniff(file)
    attachment = Attachment(
        uploaded_by=owner,
        name=text.file_label(name),
        size=file.size,
        content_type=found if found in _SERVED_AS_FOUND else "application/octet-stream",
        is_image=found in RASTER_IMAGES and pictures.may_be_shown(_head(file), file.size),
        created_at=at,
    )
    attachment.file.save("upload", file, save=False)
    return attachment


def sniff(file: File) -> str:
    """The media type that the first bytes tell of, empty when they tell nothing."""
    file.seek(0)
    kind = filetype.guess(file.read(8192))
    file.seek(0)
    return kind.mime if kind else ""


def _head(file: File) -> bytes:
    file.seek(0)
    head: bytes = file.read(pictures.HEAD_BYTES)
    file.seek(0)
    return head


@transaction.atomic
def discard_upload(attachment: Attachment, *, by: User) -> None:
    """Throw away an own upload that wasn't sent. Raises NotAllowed."""
    row = Attachment.objects.select_for_update().filter(pk=attachment.pk, message=None, uploaded_by=by).first()
    if row is None:
        raise NotAllowed("This file was sent already and stays with its message.")
    _delete(row)


def discard_stale(*, now: datetime) -> int:
    """Throw away uploads that no message took within a day; the number of them."""
    stale = Attachment.objects.filter(message=None, created_at__lt=now - _UNSENT_KEPT).values_list("pk", flat=True)
    count = 0
    for pk in stale[:1000]:
        with transaction.atomic():
            row = Attachment.objects.select_for_update(skip_locked=True).filter(pk=pk, message=None).first()
            if row is not None:
                _delete(row)
                count += 1
    return count


def _delete(attachment: Attachment) -> None:
    """The row first; the file goes once that is certain, and a file left behind by a crash harms nobody."""
    storage, name = attachment.file.storage, attachment.file.name
    attachment.delete()
    transaction.on_commit(lambda: storage.delete(name or ""), robust=True)
