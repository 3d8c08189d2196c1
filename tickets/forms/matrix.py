"""The matrix of promises as a form: one for each policy, a cell for each promise and priority."""

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from django import forms
from django.forms import BoundField

from supportdesk.lib import clock
from supportdesk.lib.errors import Invalid
from tickets.models import BusinessCalendar, Priority, SlaPolicy
from tickets.sla import drafts, publish
from tickets.sla.promises import HoursKind, Promise

CLOCK, BUSINESS = HoursKind.AROUND_THE_CLOCK, HoursKind.BUSINESS
UNITS: dict[str, tuple[str, int, HoursKind]] = {
    "minutes": ("minutes", 1, CLOCK),
    "hours": ("hours", 60, CLOCK),
    "business_minutes": ("business minutes", 1, BUSINESS),
    "business_hours": ("business hours", 60, BUSINESS),
    "business_days": ("business days", 480, BUSINESS),
}
"""What each is called, how many minutes it is, and the hours that they run on."""
_NUMBER = re.compile(r"[0-9]{1,6}(?:[.,][0-9]{1,4})?")
_LONGEST = 60 * 24 * 366
_MOST_WARNINGS = 5

Target = tuple[int, HoursKind]


class SpanWidget(forms.MultiWidget):
    """A number and its unit."""

    def __init__(self, label: str) -> None:
        plain = {"size": 4, "inputmode": "decimal", "autocomplete": "off", "placeholder": "none"}
        number = forms.TextInput({**plain, "aria-label": label})
        units = [(name, words) for name, (words, *_) in UNITS.items()]
        super().__init__({"number": number, "unit": forms.Select({"aria-label": f"{label}: unit"}, units)})

    def decompress(self, value: Target | None) -> list[str]:
        if value is None:
            return ["", "hours"]
        minutes, kind = value
        fitting = [name for name, (_, size, of) in UNITS.items() if of is kind and minutes % size == 0]
        return [str(minutes // UNITS[fitting[-1]][1]), fitting[-1]]


class SpanField(forms.MultiValueField):
    """Minutes and hours; None where the number is left empty."""

    def __init__(self, label: str) -> None:
        choices = [(name, words) for name, (words, *_) in UNITS.items()]
        units = forms.ChoiceField(choices=choices, error_messages={"incomplete": "Choose a unit."})
        parts = (forms.CharField(required=False), units)
        super().__init__(parts, require_all_fields=False, required=False, label=label, widget=SpanWidget(label))

    def prepare_value(self, value: Any) -> Any:
        """A tuple would be taken for what the two inputs say."""
        return self.widget.decompress(value) if isinstance(value, tuple) else value

    def compress(self, data_list: list[str]) -> Target | None:
        number = data_list[0] if data_list else ""
        if not number:
            return None
        if not _NUMBER.fullmatch(number):
            raise forms.ValidationError("Give a number such as 4 or 1.5, or nothing for no promise.", code="number")
        _, size, kind = UNITS[data_list[1]]
        minutes = Decimal(number.replace(",", ".")) * size
        if minutes != int(minutes):
            raise forms.ValidationError("Give whole minutes.", code="whole")
        if not 1 <= minutes <= _LONGEST:
            raise forms.ValidationError("Between 1 minute and 366 days.", code="range")
        return int(minutes), kind


class NumbersField(forms.CharField):
    """Whole numbers with commas between them."""

    def __init__(self, least: int, most: int, label: str, help_text: str) -> None:
        self.least, self.most = least, most
        widget = forms.TextInput({"size": 12, "autocomplete": "off"})
        super().__init__(required=False, max_length=100, label=label, help_text=help_text, widget=widget)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(map(str, value)) if isinstance(value, list | tuple) else value

    def to_python(self, value: Any) -> Any:
        parts = [part.strip() for part in super().to_python(value).split(",") if part.strip()]
        fits = all(re.fullmatch(r"[0-9]{1,6}", part) and self.least <= int(part) <= self.most for part in parts)
        if not fits:
            raise forms.ValidationError(
                f"Give whole numbers from {self.least} to {self.most:,}, with commas between.", code="numbers"
            )
        if len(set(parts)) > _MOST_WARNINGS:
            raise forms.ValidationError(f"At most {_MOST_WARNINGS}.", code="many")
        return tuple(int(part) for part in parts)

    def validate(self, value: Any) -> None:
        """Done where it was read."""

    def run_validators(self, value: Any) -> None:
        """The longest text was seen to by the field's own `maxlength`, what it says by `to_python`."""


class PolicyForm(forms.Form):
    """One policy's rows; `edit` is what it begins with: its version in force, or a draft that is gone on with."""

    base = forms.IntegerField(required=False, widget=forms.HiddenInput)
    calendar = forms.ModelChoiceField(
        BusinessCalendar.objects.exclude(current=None), label="Business hours", empty_label=None
    )

    def __init__(self, policy: SlaPolicy, edit: drafts.Edit | None = None, *, data: Any = None) -> None:
        self.policy = policy
        edit = edit or (drafts.Edit.of(policy.current) if policy.current else None)
        super().__init__(data, prefix=f"p{policy.pk}", initial=_initial(edit), use_required_attribute=False)
        self.fields["warn_percent"] = NumbersField(1, 99, "Warn at", "% of a target used up")
        self.fields["warn_before"] = NumbersField(1, 60 * 24 * 30, "and", "minutes before it is due")
        for promise in Promise:
            for priority in Priority:
                label = f"{policy}, {priority.label}: {promise.label}"
                self.fields[_name(promise, priority)] = SpanField(label)

    def rows(self) -> Iterator[tuple[Priority, list[BoundField]]]:
        """The cells of each priority, in the order of the promises."""
        for priority in Priority:
            yield priority, [self[_name(promise, priority)] for promise in Promise]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors:
            try:
                drafts.check(self.edit(), at=clock.now())
            except Invalid as refusal:
                self.add_error("calendar", forms.ValidationError(refusal.sentence, code=refusal.code))
        return data

    def edit(self) -> drafts.Edit:
        """What was typed."""
        data = self.cleaned_data
        typed = {
            (promise, int(priority)): data[_name(promise, priority)] for promise in Promise for priority in Priority
        }
        return drafts.Edit(
            base=data["base"],
            calendar=data["calendar"].pk,
            targets={key: target for key, target in typed.items() if target is not None},
            warn_percent=data["warn_percent"],
            warn_before=data["warn_before"],
        )


def _name(promise: Promise, priority: int) -> str:
    return f"{promise.value}-{int(priority)}"


def _initial(edit: drafts.Edit | None) -> dict[str, Any]:
    if edit is None:
        return {"warn_percent": publish.WARN_PERCENT}
    cells = {_name(*key): target for key, target in edit.targets.items()}
    percent, before = edit.warn_percent, edit.warn_before
    return {**cells, "base": edit.base, "calendar": edit.calendar, "warn_percent": percent, "warn_before": before}
