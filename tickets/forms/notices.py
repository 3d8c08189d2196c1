"""What somebody of the staff wants to be mailed of."""

from typing import Any

from django import forms

from tickets.models import SlaNoticeChoice


class NoticesForm(forms.ModelForm):
    class Meta:
        model = SlaNoticeChoice
        fields = ("own", "team", "led")
        widgets = dict.fromkeys(fields, forms.RadioSelect)
        labels = {
            "own": "Tickets assigned to me",
            "team": "Tickets that nobody has, on my shift",
            "led": "Tickets of the teams that I lead",
        }
        help_texts = {"led": "Teams without a lead are every support lead's."}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for field in self.fields.values():
            field.error_messages["required"] = "Please choose one of the three."
            field.error_messages["invalid_choice"] = "Choose warnings and breaches, breaches only, or nothing."
