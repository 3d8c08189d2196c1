"""What somebody wants to be mailed of: a choice for each topic."""

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms

from tickets.notifications.topics import How, Topic

_LABELS = {How.EACH: "A mail each", How.DIGEST: "Once a day, at eight in the morning", How.NEVER: "No mail"}


class MailChoicesForm(forms.Form):
    def __init__(self, *args: Any, topics: Sequence[Topic], chosen: Mapping[str, str], **options: Any) -> None:
        super().__init__(*args, **options)
        for topic in topics:
            self.fields[topic.key] = forms.ChoiceField(
                label=topic.label,
                help_text=topic.help,
                choices=[(how.value, _LABELS[how]) for how in topic.choices],
                initial=chosen.get(topic.key, topic.default),
                widget=forms.RadioSelect,
                error_messages={
                    "required": "Please choose one.",
                    "invalid_choice": "Choose one of what is offered here.",
                },
            )
