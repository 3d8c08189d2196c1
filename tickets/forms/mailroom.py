"""What leads type while they sort mail."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from tickets.actions.mailroom import WHY_LENGTH
from tickets.forms.fields import DeskForm, LineField

_LARGEST = 2**63 - 1


class NumberField(forms.CharField):
    """A request's number, with or without its #; cleaned to an integer."""

    def clean(self, value: Any) -> int:  # type: ignore[override]
        given = super().clean(value).removeprefix("#")
        if not (given.isascii() and given.isdigit() and 0 < int(given[:19]) <= _LARGEST and len(given) < 20):
            raise ValidationError("Write a request's number, such as 4821.", code="not_a_number")
        return int(given)


class PutOnForm(DeskForm):
    """Which ticket a mail belongs on."""

    number = NumberField(
        label="Request number",
        help_text="As its sender's reply where they are on that request; else as an internal note.",
        error_messages={"required": "Write a request's number, such as 4821."},
        widget=forms.TextInput(attrs={"inputmode": "numeric"}),
    )


class BlockForm(DeskForm):
    """The sender of one mail, or their whole domain."""

    whole = forms.ChoiceField(label="Block")
    why = LineField(label="Reason", most=WHY_LENGTH, required=False)

    def __init__(self, *args: Any, sender: str, **options: Any) -> None:
        super().__init__(*args, **options)
        self.domain = f"@{sender.rpartition('@')[2]}"
        self.fields["whole"].choices = [("", sender), ("domain", f"All of {self.domain}")]  # type: ignore[attr-defined]
        self.fields["whole"].required = False
        self.sender = sender

    @property
    def pattern(self) -> str:
        return self.domain if self.cleaned_data.get("whole") == "domain" else self.sender


class BlockPatternForm(DeskForm):
    """An address or a domain to block, typed."""

    pattern = forms.CharField(
        label="Address or domain",
        help_text="As spam@evil.example, or @evil.example for all of it.",
        error_messages={"required": "Write an address or a domain."},
    )
    why = LineField(label="Reason", most=WHY_LENGTH, required=False)
