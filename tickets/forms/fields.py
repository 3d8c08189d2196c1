"""What the forms of both sides are made of: texts checked as the verbs check them, files that outlive errors."""

import re
import secrets
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from accounts.models import User
from supportdesk.lib import text
from supportdesk.lib.errors import DomainError
from tickets.actions import upload
from tickets.actions.copies import check_address, check_count
from tickets.models import Attachment
from tickets.querysets import AttachmentQuerySet

_PLACES = {"attachments": "files"}
_KEY = re.compile(r"[\w-]{1,43}", re.ASCII)


def new_key() -> str:
    """A form's nonce: what makes sending it twice once."""
    return secrets.token_urlsafe(16)


class LineField(forms.CharField):
    """One line without control characters, at most `most` characters. No maxlength: it would cut what is pasted."""

    def __init__(self, *, most: int, **options: Any) -> None:
        self.most = most
        super().__init__(**options)

    def clean(self, value: Any) -> str:
        cleaned = super().clean(value)
        try:
            return text.one_line(cleaned, field="", most=self.most)
        except DomainError as refusal:
            raise ValidationError(refusal.sentence, code=refusal.code) from None


class TextField(forms.CharField):
    """Markdown of several lines, at most what a message may hold."""

    widget = forms.Textarea

    def __init__(self, **options: Any) -> None:
        super().__init__(strip=False, **options)

    def clean(self, value: Any) -> str:
        cleaned = super().clean(value)
        if self.required and not cleaned.strip():
            raise ValidationError(self.error_messages["required"], code="required")
        try:
            return text.body(cleaned, field="", most_bytes=settings.DESCRIPTION_MAX_BYTES)
        except DomainError as refusal:
            raise ValidationError(refusal.sentence, code=refusal.code) from None


class AddressesField(forms.CharField):
    """E-mail addresses between commas, semicolons or white space; cleaned to a list without repetition."""

    def clean(self, value: Any) -> list[str]:  # type: ignore[override]
        given = super().clean(value)
        try:
            addresses = list(dict.fromkeys(map(check_address, given.replace(",", " ").replace(";", " ").split())))
            check_count(addresses)
        except DomainError as refusal:
            raise ValidationError(refusal.sentence, code=refusal.code) from None
        return addresses


class KeyField(forms.CharField):
    """A form's nonce; whatever isn't one of ours counts as none."""

    widget = forms.HiddenInput

    def clean(self, value: Any) -> str:
        return value if isinstance(value, str) and _KEY.fullmatch(value) else ""


class FilesInput(forms.FileInput):
    allow_multiple_selected = True

    def value_from_datadict(self, data: Any, files: MultiValueDict[str, UploadedFile], name: str) -> Any:
        return files.getlist(name) if isinstance(files, MultiValueDict) else []


class FilesField(forms.Field):
    """The files that came with the form itself, as they do without JavaScript."""

    widget = FilesInput

    def clean(self, value: Any) -> list[UploadedFile]:
        return list(value or [])


class DeskForm(forms.Form):
    """A form that shows what a verb refuses beside the field that it concerns."""

    key = KeyField(required=False, initial=new_key)

    def refuse(self, refusal: DomainError) -> None:
        field = _PLACES.get(refusal.field or "", refusal.field)
        self.add_error(field if field in self.fields else None, ValidationError(refusal.sentence, code=refusal.code))


class WithFiles(DeskForm):
    """A form with attachments: uploads that were made while it was filled in, and files that come with it.

    Those are stored the moment they arrive, whatever else is wrong with the form, and stand in it when it comes back.
    """

    files = FilesField(required=False, label="Attachments")

    def __init__(self, *args: Any, user: User, **options: Any) -> None:
        super().__init__(*args, **options)
        self.user = user
        self._stored: list[UUID] = []

    def store_files(self, *, at: datetime) -> None:
        """Store the files that came with the form; what is refused stands beside the field."""
        given = self.files.getlist(self.add_prefix("files")) if isinstance(self.files, MultiValueDict) else []
        for place, file in enumerate(given):
            try:
                # An instant of its own each: files are shown in the order in which they came.
                after = at + timedelta(microseconds=place)
                self._stored.append(upload(self.user, file=file, name=file.name or "", at=after).pk)
            except DomainError as refusal:
                self.refuse(refusal)

    @property
    def uploads(self) -> list[UUID]:
        """The ids of all its files, in order."""
        given = self.data.getlist("uploads") if isinstance(self.data, QueryDict) else []
        return list(dict.fromkeys([*filter(None, map(_uuid, given)), *self._stored]))

    @property
    def kept_files(self) -> AttachmentQuerySet:
        """Those of its files that wait to be sent, for the form that comes back."""
        return Attachment.objects.unsent_by(self.user).filter(pk__in=self.uploads)

    max_bytes = settings.ATTACHMENT_MAX_BYTES
    max_count = settings.ATTACHMENT_MAX_COUNT

    @property
    def files_label(self) -> str:
        return f"up to {settings.ATTACHMENT_MAX_BYTES // (1024 * 1024)} MB each"


def _uuid(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
