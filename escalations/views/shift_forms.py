"""What people type about hours on call: local times of the viewer's zone."""

from datetime import UTC, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import User
from escalations.access import RESPONDERS, may_edit_schedules
from escalations.models import Schedule
from escalations.rota import Piece, read_stamp, stamp
from supportdesk.lib.errors import DomainError
from supportdesk.lib.tags import exact

_YEARS = range(2000, 2101)


def responders() -> Any:
    return User.objects.active().filter(role__in=RESPONDERS).order_by("name", "email")


class LocalTimeInput(forms.TextInput):
    input_type = "datetime-local"


class LocalTimeField(forms.Field):
    """A minute on the viewer's clock, as an instant.

    A time that is skipped when clocks go forward is refused; of one that comes twice the first is taken, at the end of
    hours the `last`, and `note` says so.
    """

    widget = LocalTimeInput

    def __init__(self, *, last: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.last = last
        self.note = ""

    def clean(self, value: Any) -> datetime | None:
        text = str(value or "").strip()
        self.note = ""
        if not text:
            self.validate(None)
            return None
        try:
            local = datetime.fromisoformat(text)
        except ValueError:
            local = None
        if local is None or local.tzinfo is not None or local.year not in _YEARS:
            raise ValidationError("Give a date and a time, such as 2026-11-23 14:30.", code="invalid")
        return self._instant(local)

    def _instant(self, local: datetime) -> datetime:
        zone = timezone.get_current_timezone()
        first, second = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
        if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local:
            sentence = f"There is no {local:%H:%M} on this day in {zone}: clocks go forward then."
            raise ValidationError(sentence, code="skipped")
        taken = second if self.last else first
        if first.utcoffset() != second.utcoffset():
            self.note = f"{local:%H:%M} comes twice that day: {exact(taken)} was taken."
        return taken.astimezone(UTC)


def local_value(instant: datetime | None) -> str:
    """An instant as the input shows it."""
    return f"{timezone.localtime(instant):%Y-%m-%dT%H:%M}" if instant is not None else ""


class HoursForm(forms.Form):
    """Hours from `starts` until `ends`, perhaps those of a shift that was chosen: untouched they are taken exactly."""

    starts = LocalTimeField(label="From")
    ends = LocalTimeField(label="Until", last=True)
    exact_starts = forms.CharField(required=False, widget=forms.HiddenInput)
    exact_ends = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        for name in ("starts", "ends"):
            chosen = read_stamp(data.get(f"exact_{name}") or "")
            if chosen is not None and name in data and local_value(chosen) == self.data.get(self.add_prefix(name)):
                data[name] = chosen
                self.fields[name].note = ""
        return data

    @property
    def notes(self) -> str:
        """What was made of times that come twice."""
        return " ".join(note for name in ("starts", "ends") if (note := self.fields[name].note))

    def refuse(self, refusal: DomainError) -> None:
        """Show the verb's refusal beside its field."""
        self.add_error(refusal.field if refusal.field in self.fields else None, refusal.sentence)

    @staticmethod
    def of(starts: datetime | None, ends: datetime | None, **more: Any) -> dict[str, Any]:
        """What is filled in for hours that were chosen."""
        made = {"starts": local_value(starts), "ends": local_value(ends), **more}
        return made | {"exact_starts": stamp(starts) if starts else "", "exact_ends": stamp(ends) if ends else ""}


class OverrideForm(HoursForm):
    schedule = forms.ModelChoiceField(Schedule.objects.by_use(), label="Schedule", empty_label=None)
    person = forms.ModelChoiceField(User.objects.none(), label="Who", empty_label=None)
    why = forms.CharField(label="Why", required=False, max_length=120)

    field_order = ("schedule", "person", "starts", "ends", "why")

    def __init__(self, *args: Any, viewer: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["starts"].required = False
        if may_edit_schedules(viewer):
            self.fields["person"].queryset = responders()
            self.fields["person"].initial = viewer.pk
        else:
            del self.fields["person"]


class LeaveForm(HoursForm):
    person = forms.ModelChoiceField(User.objects.none(), label="Who", empty_label=None)
    why = forms.CharField(label="Why", required=False, max_length=120)
    confirmed = forms.IntegerField(required=False, min_value=0, max_value=10**6, widget=forms.HiddenInput)

    field_order = ("person", "starts", "ends", "why")

    def __init__(self, *args: Any, viewer: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if may_edit_schedules(viewer):
            self.fields["person"].queryset = responders()
            self.fields["person"].initial = viewer.pk
        else:
            del self.fields["person"]


class SwapForm(HoursForm):
    schedule = forms.ModelChoiceField(Schedule.objects.by_use(), label="Schedule", empty_label=None)
    of = forms.ModelChoiceField(User.objects.none(), label="Ask", empty_label="Choose a colleague")
    back = forms.ChoiceField(label="In return for", required=False)
    note = forms.CharField(label="Note", required=False, max_length=300, help_text="Your colleague reads it here.")

    field_order = ("schedule", "of", "starts", "ends", "back", "note")

    def __init__(self, *args: Any, viewer: User, theirs: list[Piece], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["of"].queryset = responders().exclude(pk=viewer.pk)
        self.offered = {f"{piece.person.pk}|{stamp(piece.starts)}|{stamp(piece.ends)}": piece for piece in theirs}
        offers = [(key, _offer(piece)) for key, piece in self.offered.items()]
        self.fields["back"].choices = [("", "Nothing: they do me a favour"), *offers]

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        piece = self.offered.get(data.get("back") or "")
        if piece is not None and data.get("of") and piece.person != data["of"]:
            self.add_error("back", f"These hours are {piece.person.display_name}'s: ask them, or choose others.")
        data["back"] = (piece.starts, piece.ends) if piece else None
        return data


def _offer(piece: Piece) -> str:
    starts, ends = (exact(timezone.localtime(at)) for at in (piece.starts, piece.ends))
    return f"{piece.person.display_name}: {starts} to {ends}"


class FeedForm(forms.Form):
    schedule = forms.ModelChoiceField(
        Schedule.objects.by_use(), label="Of", required=False, empty_label="My own shifts", blank=True
    )

    def refuse(self, refusal: DomainError) -> None:
        self.add_error(refusal.field if refusal.field in self.fields else None, refusal.sentence)
