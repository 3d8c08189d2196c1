"""Keeping a message that came in. Every door calls `store` and says "taken" only once it has returned.

The file is on disk before the row is, so that a row never names a file that a power cut took. Who reads the message
finds the row; it may take its time.
"""

import logging
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import cast

from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import IntegrityError, transaction
from django.db.models import FileField
from django.db.models.functions import Now

from supportdesk.lib import queue
from tickets.mail.head import digest_of, verdict_of
from tickets.models import IncomingMail, MailState

__all__ = ["store", "verdict_of"]

logger = logging.getLogger(__name__)

_LONGEST_ADDRESS = 320


def store(
    raw: bytes, *, door: str, envelope_from: str, envelope_to: Sequence[str], verdict: str, at: datetime
) -> IncomingMail:
    """The row of a message that is now kept for good, waiting to be read.

    The same message again, by whichever door, is the same row; recipients that are new to it are added. Whatever is
    raised (the database's errors, the storage's): nothing may be said to have been taken, and the sender tries again.
    """
    recipients = list(dict.fromkeys(address for address in map(_address, envelope_to) if address))
    digest = digest_of(raw)
    known = _known(digest, recipients, verdict)
    if known is not None:
        return known
    kept = {"digest": digest, "size": len(raw), "door": door, "verdict": verdict, "received_at": at}
    try:
        return _keep(raw, **kept, envelope_from=_sender(envelope_from), envelope_to=recipients)
    except IntegrityError:
        known = _known(digest, recipients, verdict)  # it came by two doors in the same moment
        if known is None:
            raise
        return known


def _keep(raw: bytes, **fields: object) -> IncomingMail:
    file_field = cast(FileField, IncomingMail._meta.get_field("file"))
    storage, row = file_field.storage, None
    name = storage.save(file_field.generate_filename(IncomingMail(), ""), ContentFile(raw))
    try:
        _flush(storage, name)
        with transaction.atomic():
            row = IncomingMail.objects.create(file=name, state=MailState.WAITING, next_attempt_at=Now(), **fields)
            row.refresh_from_db(fields=["next_attempt_at"])
            queue.wake("mail_in")
    except BaseException:
        # With a row it was the commit that failed: whether the row is there nobody knows, so its file stays.
        if row is None:
            storage.delete(name)
        raise
    return row


def _known(digest: str, recipients: Iterable[str], verdict: str) -> IncomingMail | None:
    """The row of that message, if there is one, with what this copy adds: recipients (a mail to two of our addresses
    may come once for each), and, while it waits to be read, a verdict where the first copy had none."""
    if not IncomingMail.objects.filter(digest=digest).exists():
        return None
    with transaction.atomic():
        row = IncomingMail.objects.select_for_update().get(digest=digest)
        new = [address for address in recipients if address not in row.envelope_to]
        if new:
            row.envelope_to = [*row.envelope_to, *new]
            row.save(update_fields=["envelope_to"])
            if row.state != MailState.WAITING:
                logger.warning("mail %s came again for other addresses after it had been read", row.pk)
        if row.state == MailState.WAITING and verdict and not row.verdict:
            row.verdict = verdict
            row.save(update_fields=["verdict"])
    return row


def _sender(address: str) -> str:
    """The envelope's sender; `<>` of a machine (RFC 5321, 4.5.5) is kept: empty means that nobody told us."""
    return address.strip() if address.strip() == "<>" else _address(address)


def _address(address: str) -> str:
    """As a column takes it: no brackets, no NUL, no bytes that are no text, not too long."""
    readable = address.encode(errors="replace").decode().replace("\0", "")
    return readable.strip().removeprefix("<").removesuffix(">").lower()[:_LONGEST_ADDRESS]


def _flush(storage: Storage, name: str) -> None:
    """To the disk, not only to its cache: the file and the folders that name it. Other storages do so themselves."""
    try:
        path = Path(storage.path(name))
    except NotImplementedError:
        return
    for place in (path, path.parent, path.parent.parent):
        descriptor = os.open(place, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
