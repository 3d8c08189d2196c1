"""The editor's form: one form for the schedule, one for each layer, turn and window in it, all sent together."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms

from accounts.models import User
from escalations.access import RESPONDERS
from escalations.editor.typed import Typed, TypedLayer
from escalations.paging import shifts
from escalations.paging.drafts import Fault, LayerDraft, ScheduleDraft, WindowDraft, faults

Choices = list[tuple[str, Any]]
WEEKDAYS = list(zip("1234567", ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True))
LATER = [("0", "the same day"), ("1", "the next day"), *((str(days), f"{days} days later") for days in range(2, 7))]


class TurnField(forms.ChoiceField):
    """A turn that nobody is chosen for yet is left out; that there is somebody at all is the layer's concern."""

    def validate(self, value: str) -> None:
        if value:
            super().validate(value)


class ReasonField(forms.CharField):
    """Asked for only where there are gaps, which the verb knows."""

    def validate(self, value: str) -> None:
        if value:
            super().validate(value)


class Part(forms.Form):
    """A part of the form; until it is `checked` it only shows what was typed."""

    use_required_attribute = False

    def __init__(self, said: dict[str, Any], *, prefix: str | None = None, checked: bool, **extra: Any) -> None:
        data = {f"{prefix}-{name}" if prefix else name: value for name, value in said.items()}
        super().__init__(data if checked else None, initial=said, prefix=prefix, **extra)


class ScheduleForm(Part):
    name = forms.CharField(max_length=64, error_messages={"required": "Give the schedule a name."})
    purpose = forms.CharField(max_length=200, required=False, help_text="One sentence, shown on the on-call page.")
    gaps_why = ReasonField(
        label="Why the gaps may stay",
        max_length=300,
        help_text="Kept with your name, and shown on the list of schedules.",
    )


class LayerForm(Part):
    name = forms.CharField(max_length=64, error_messages={"required": "Give the layer a name."})
    zone = forms.CharField(
        label="Time zone",
        max_length=64,
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off", "spellcheck": "false"}),
        help_text="Whose clock the times of this layer are on.",
        error_messages={"required": "Choose a time zone such as Europe/Berlin."},
    )
    days = forms.IntegerField(
        label="Length of a turn",
        widget=forms.NumberInput(attrs={"min": 1, "max": 366}),
        help_text="In days: 1 is daily, 7 weekly.",
        error_messages={"invalid": "A number of days, such as 7.", "required": "A number of days, such as 7."},
    )
    anchor = forms.DateField(
        label="First day",
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text="The first person's turn begins on it.",
        error_messages={"invalid": "A date, such as 2026-11-30.", "required": "A date, such as 2026-11-30."},
    )
    hand_over = forms.TimeField(
        label="Hand-over",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text="When one turn ends and the next person's begins.",
        error_messages={"invalid": "A time, such as 09:00.", "required": "A time, such as 09:00."},
    )


class MemberForm(Part):
    person = TurnField()

    def __init__(self, said: dict[str, Any], *, people: Choices, turn: int, **extra: Any) -> None:
        super().__init__(said, **extra)
        self.fields["person"].label = f"Turn {turn}"
        self.fields["person"].choices = people  # type: ignore[attr-defined]


class WindowForm(Part):
    weekdays = forms.MultipleChoiceField(
        label="Begins on",
        choices=WEEKDAYS,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Tick at least one day."},
    )
    starts = forms.TimeField(
        label="From",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": "A time, such as 09:00.", "required": "A time, such as 09:00."},
    )
    ends = forms.TimeField(
        label="Until",
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        error_messages={"invalid": "A time, such as 17:00.", "required": "A time, such as 17:00."},
    )
    ends_after_days = forms.TypedChoiceField(label="Ends", choices=LATER, coerce=int)


@dataclass
class LayerPart:
    """A layer in the form: its own fields, its turns, its windows."""

    form: LayerForm
    members: list[MemberForm]
    windows: list[WindowForm]

    def draft(self) -> LayerDraft:
        said = self.form.cleaned_data
        return LayerDraft(
            members=tuple(int(row.cleaned_data["person"]) for row in self.members if row.cleaned_data["person"]),
            windows=tuple(
                WindowDraft(**window.cleaned_data | {"weekdays": "".join(sorted(window.cleaned_data["weekdays"]))})
                for window in self.windows
            ),
            **said,
        )


class Editor:
    """All that stands in the form; `checked` says what is wrong with it beside the fields."""

    def __init__(self, typed: Typed, people: "People", *, checked: bool = False, focus: str = "") -> None:
        said = {"name": typed.name, "purpose": typed.purpose, "gaps_why": typed.gaps_why}
        self.form = ScheduleForm(said, checked=checked)
        self.layers = [_part(layer, f"l{place}", people, checked) for place, layer in enumerate(typed.layers)]
        self.typed, self.people, self.checked = typed, people, checked
        self._autofocus(focus)

    def again(self) -> "Editor":
        """The same, checked: what its preview is made of while nothing is said beside the fields."""
        return Editor(self.typed, self.people, checked=True)

    def parts(self) -> dict[str, Part]:
        """Every form by its prefix, from top to bottom."""
        found: dict[str, Part] = {"": self.form}
        for layer in self.layers:
            found |= {str(form.prefix): form for form in (layer.form, *layer.members, *layer.windows)}
        return found

    def draft(self) -> ScheduleDraft | None:
        """What was typed, or None where it can't be read or contradicts itself."""
        valid = [form.is_valid() for form in self.parts().values()]
        if not all(valid):
            return None
        said = self.form.cleaned_data
        draft = ScheduleDraft(said["name"], said["purpose"], tuple(layer.draft() for layer in self.layers))
        for fault in (found := list(faults(draft))):
            self.refuse(fault)
        return None if found else draft

    def refuse(self, fault: Fault) -> None:
        """Say it beside its field; what has none in the form stands above it."""
        prefix, _, name = fault.field.rpartition("-")
        form = self.parts().get(prefix, self.form)
        form.add_error(name if name in form.fields else None, forms.ValidationError(fault.sentence, code=fault.code))

    def problems(self) -> list[str]:
        """The sentences, each once, for the preview that can't be shown."""
        errors = [
            str(sentence) for form in self.parts().values() for found in form.errors.values() for sentence in found
        ]
        return list(dict.fromkeys(errors))

    def _autofocus(self, focus: str) -> None:
        for form in self.parts().values() if focus else ():
            for bound in form:
                if bound.auto_id == focus:
                    bound.field.widget.attrs["autofocus"] = True


def _part(layer: TypedLayer, prefix: str, people: "People", checked: bool) -> LayerPart:
    said = {name: value for name, value in asdict(layer).items() if name not in {"members", "windows"}}
    return LayerPart(
        LayerForm(said, prefix=prefix, checked=checked),
        [
            MemberForm(
                {"person": member},
                people=people.choices,
                turn=place + 1,
                prefix=f"{prefix}-m{place}",
                checked=checked,
            )
            for place, member in enumerate(layer.members)
        ],
        [
            WindowForm(asdict(window), prefix=f"{prefix}-w{place}", checked=checked)
            for place, window in enumerate(layer.windows)
        ],
    )


class People:
    """Who may be chosen, by region, and who of them pages can't reach; and those who are in it but have left."""

    def __init__(self, kept: ScheduleDraft | None = None) -> None:
        inside = {member for layer in kept.layers for member in layer.members} if kept else set()
        answering = User.objects.active().filter(role__in=RESPONDERS)
        rows = (answering | User.objects.filter(pk__in=inside)).select_related("region").order_by("name", "email")
        self.by_id = {user.pk: user for user in rows.distinct()}
        self.reachable = shifts.reachable(self.by_id)
        self.choices = self._choices()

    def name(self, person: int | None) -> str:
        return self.by_id[person].display_name if person in self.by_id else "nobody"

    def _choices(self) -> Choices:
        groups: dict[str, list[tuple[str, str]]] = {}
        for pk, user in self.by_id.items():
            answers = user.is_active and user.role in RESPONDERS
            group = (user.region.name if user.region else "No region") if answers else "No longer answer pages"
            name = (
                user.display_name if pk in self.reachable or not answers else f"{user.display_name} (can't be reached)"
            )
            groups.setdefault(group, []).append((str(pk), name))
        return [("", "Choose somebody"), *sorted(groups.items())]


def monday(at: datetime) -> str:
    """The Monday of the week of `at`, on which new layers begin."""
    return (at.date() - timedelta(days=at.weekday())).isoformat()
