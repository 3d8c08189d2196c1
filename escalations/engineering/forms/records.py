"""What people type about a record: its facts, what a move demands, what customers are told."""

from typing import Any

from django import forms

from accounts.models import User
from escalations.engineering import access, wording
from escalations.engineering.actions.request import Problem
from escalations.engineering.steps import MOVES, Move, Step
from escalations.models import Escalation, FinishAs, Involved, Severity
from escalations.views.shift_forms import LocalTimeField, local_value
from tickets.choices import lists, offered
from tickets.forms.fields import DeskForm, LineField, TextField
from tickets.models import Category

_TEXT_ROWS = 5
_VARIABLES = ", ".join(f"{{{{{name}}}}}" for name in wording.NAMES)
TEXT_HELP = f"Markdown. Put in for each customer: {_VARIABLES}."


def engineers() -> Any:
    """Whom a record may be given to."""
    return User.objects.active().filter(role__in=access.MOVERS).order_by("name", "email")


def _text_field() -> TextField:
    return TextField(
        label="What the customers are told",
        help_text=TEXT_HELP,
        error_messages={"required": "Write what the customers are told."},
    )


class EditForm(DeskForm):
    """All that is known of a problem; the people only for who may give it to somebody."""

    title = LineField(most=200, error_messages={"required": "Give it a title."})
    severity = forms.TypedChoiceField(
        choices=Severity.choices, coerce=int, error_messages={"required": "Choose how severe it is."}
    )
    area = forms.ChoiceField(required=False)
    affected_versions = LineField(most=200, required=False)
    environment = LineField(most=200, required=False)
    impact = TextField(error_messages={"required": "Say whom it hits, and how."})
    reproduction = TextField(label="Reproduction steps", error_messages={"required": "Say how to make it happen."})
    logs = TextField(required=False)
    owner = forms.ModelChoiceField(User.objects.none(), required=False, empty_label="Nobody yet")
    backup = forms.ModelChoiceField(User.objects.none(), required=False, empty_label="Nobody")

    def __init__(self, *args: Any, escalation: Escalation, by: User, **options: Any) -> None:
        super().__init__(*args, **options)
        areas = offered(lists()["category"], escalation.area_id)
        self.fields["area"].choices = [("", "None"), *areas]
        for name in ("owner", "backup"):
            if access.may_move(by):
                self.fields[name].queryset = engineers() | User.objects.filter(pk=getattr(escalation, f"{name}_id"))
            else:
                del self.fields[name]

    @staticmethod
    def of(escalation: Escalation) -> dict[str, Any]:
        """What is filled in."""
        names = [name for name in EditForm.base_fields if name != "key"]
        return {name: getattr(escalation, f"{name}_id" if name in _KEYS else name) for name in names}

    @property
    def problem(self) -> Problem:
        data = self.cleaned_data
        area = Category.objects.filter(pk=data["area"]).first() if data["area"] else None
        names = ("title", "severity", "impact", "reproduction", "affected_versions", "environment", "logs")
        return Problem(area=area, **{name: data[name] for name in names})

    def now_different(self, escalation: Escalation) -> list[tuple[str, str]]:
        """The fields that the record says otherwise than was typed, each with what it says: (label, value)."""
        said = self.of(escalation)
        shown = {"severity": escalation.get_severity_display(), "area": escalation.area}
        shown |= {"owner": escalation.owner, "backup": escalation.backup}
        return [
            (str(self[name].label), str(shown.get(name, said[name]) or "nothing"))
            for name in self.fields
            if name != "key" and str(said[name] or "").split() != str(self[name].value() or "").split()
        ]


_KEYS = ("area", "owner", "backup")
_FIELDS: dict[str, Any] = {
    "owner": lambda: forms.ModelChoiceField(engineers(), empty_label=None),
    "backup": lambda: forms.ModelChoiceField(engineers(), required=False, empty_label="Nobody"),
    "question": lambda: TextField(label="Question", error_messages={"required": "Write the question."}),
    "whom": lambda: forms.ChoiceField(
        label="Whom do you ask?",
        choices=[
            ("support", "Support: an agent answers here"),
            ("customers", "The customers: each is sent the question"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose whom you ask.", "invalid_choice": "Choose whom you ask."},
    ),
    "question_due_at": lambda: LocalTimeField(
        label="Needed by", error_messages={"required": "Say by when you need it."}, help_text="On your own clock."
    ),
    "answer": lambda: TextField(
        label="Answer",
        error_messages={"required": "Write the answer: it is what the customers are told."},
        help_text="In the customers' words: it is sent to them.",
    ),
    "teams": lambda: forms.MultipleChoiceField(
        label="Bring in",
        choices=Involved.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Where necessary. Their people see it from then on.",
        error_messages={"invalid_choice": "Choose among the teams shown."},
    ),
    "plan": lambda: TextField(label="Action plan", error_messages={"required": "Write the plan."}),
    "evidence": lambda: TextField(
        label="Evidence of the internal test",
        error_messages={"required": "Say what was tested, how, and what came of it."},
    ),
    "comes_with": lambda: LineField(
        label="Comes with version",
        most=40,
        error_messages={"required": "Name the version that is to bring the fix."},
    ),
    "version": lambda: LineField(
        label="Version with the fix",
        most=40,
        error_messages={"required": "Name the version that has the fix."},
        help_text="The latest production version, which customers can download.",
    ),
    "finish_as": lambda: forms.ChoiceField(
        label="The tickets become", choices=FinishAs.choices, widget=forms.RadioSelect
    ),
    "reason": lambda: TextField(label="Reason", error_messages={"required": "Say why."}),
}
_MORE = {
    Move.REVIEW: ("backup",),
    Move.ASK: ("whom",),
    Move.RETURN: ("finish_as",),
    Move.RELEASE: ("finish_as",),
}
_WITHOUT_FIELD = ("pull_request",)


class MoveForm(DeskForm):
    """What `move` demands and takes, in that order, and the text for the customers where it owes them one."""

    def __init__(self, *args: Any, move: Move, escalation: Escalation, by: User, to: Step, **options: Any) -> None:
        options["initial"] = _initial(escalation, by) | options.get("initial", {})
        super().__init__(*args, **options)
        self.move, self.to = move, to
        for name in (*MOVES[move].demands, *_MORE.get(move, ())):
            if name not in _WITHOUT_FIELD:
                self.fields[name] = _FIELDS[name]()
        if self.may_owe:
            self.fields["text"] = _text_field()
            # What support is asked, no customer is told.
            self.fields["text"].required = move is not Move.ASK or self.data.get("whom") == "customers"
            self.initial.setdefault("text", wording.proposed(to, failed=move is Move.FAIL))

    @property
    def may_owe(self) -> bool:
        return self.move not in {Move.REVIEW, Move.RESUME}

    @property
    def given(self) -> dict[str, Any]:
        """What the verb takes."""
        data = {name: value for name, value in self.cleaned_data.items() if name not in {"key", "whom"}}
        return data | {"asks_customer": self.cleaned_data.get("whom") == "customers"}

    def typed(self, name: str) -> str:
        """What stands in a field now, valid or not."""
        return str(self[name].value() or "") if name in self.fields else ""


def _initial(escalation: Escalation, by: User) -> dict[str, Any]:
    owner = escalation.owner_id or (by.pk if access.may_own(by) else None)
    return {
        "owner": owner,
        "backup": escalation.backup_id,
        "whom": "customers" if escalation.asks_customer else "support",
        "question_due_at": local_value(escalation.question_due_at),
        "comes_with": escalation.comes_with,
        "version": escalation.comes_with,
        "finish_as": escalation.finish_as,
        "plan": escalation.plan,
        "evidence": escalation.evidence,
    }


class UpdateForm(DeskForm):
    """The text for all customers of an update."""

    text = _text_field()


class NoticeForm(DeskForm):
    """Words of its own for one customer, or why they are not told yet or never."""

    text = TextField(label="Other words for this customer", required=False, help_text="Empty: the words for all.")
    why = LineField(label="Why not", most=300, required=False)
