"""The small forms of a page's life: hand over, snooze, page on-call by hand, register a phone."""

from datetime import timedelta
from typing import Any

from django import forms

from escalations.candidates import Candidate
from escalations.models import PAGING_PRIORITIES, Page
from escalations.paging.decide import snoozed_at_most
from tickets.forms.fields import DeskForm, LineField

_REASON_LENGTH = 300
_LASTING = {15: "15 min", 30: "30 min", 60: "1 h", 120: "2 h", 240: "4 h", 480: "8 h"}


class HandOverForm(DeskForm):
    """To whom: the people are drawn by the template, since each shows more than a name."""

    to = forms.ChoiceField(
        label="To",
        widget=forms.RadioSelect,
        error_messages={
            "required": "Choose who is to be rung.",
            "invalid_choice": "They can't be reached now. Choose somebody else.",
        },
    )

    def __init__(self, data: Any = None, *, people: list[Candidate], **options: Any) -> None:
        super().__init__(data, **options)
        self.people = people
        self.fields["to"].choices = [(str(one.person.pk), one.person.display_name) for one in people]

    @property
    def chosen(self) -> Candidate:
        return next(one for one in self.people if str(one.person.pk) == self.cleaned_data["to"])


class SnoozeForm(DeskForm):
    """How long, up to what the page's urgency permits, and why."""

    lasting = forms.IntegerField(
        label="For",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how long.", "invalid": "Choose how long."},
    )
    reason = LineField(
        most=_REASON_LENGTH,
        error_messages={"required": "Say why: whoever looks at it next wants to know."},
        help_text="Shown on the desk, and in no message.",
    )

    def __init__(self, data: Any = None, *, page: Page, **options: Any) -> None:
        super().__init__(data, **options)
        most = snoozed_at_most(page.priority)
        self.fields["lasting"].widget.choices = [
            (str(minutes), words) for minutes, words in _LASTING.items() if timedelta(minutes=minutes) <= most
        ]

    @property
    def length(self) -> timedelta:
        """Ever so much is too long, and no number that timedelta can't hold."""
        return timedelta(minutes=max(-1, min(self.cleaned_data["lasting"], 10**6)))


class ByHandForm(DeskForm):
    """Whom to page for a ticket, how urgently, and why."""

    kind = forms.ChoiceField(
        label="Whom",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose whom to page.", "invalid_choice": "Choose whom to page."},
    )
    priority = forms.TypedChoiceField(
        label="How urgently",
        choices=PAGING_PRIORITIES,
        coerce=int,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose Urgent or High.", "invalid_choice": "Choose Urgent or High."},
    )
    reason = LineField(
        most=_REASON_LENGTH,
        error_messages={"required": "Say why: it is what the person who is rung reads."},
        help_text="Whoever is rung reads it here on the desk; it is in no text message.",
    )

    def __init__(self, data: Any = None, *, audiences: list[tuple[str, str]], **options: Any) -> None:
        super().__init__(data, **options)
        self.fields["kind"].choices = audiences


class DeviceForm(DeskForm):
    """What its owner calls the phone."""

    name = LineField(
        most=64,
        label="Name of this device",
        error_messages={"required": "Give it a name, such as “My phone”."},
        help_text="So that you know which one to remove when you lose it.",
    )
