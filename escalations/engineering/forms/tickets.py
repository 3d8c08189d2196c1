"""The forms of the engineering escalation on the pages of tickets, and of what customers read as a known issue."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings

from accounts.models import Organization, User
from escalations.engineering import wording
from escalations.engineering.actions import Problem
from escalations.engineering.actions.links import said_last
from escalations.engineering.steps import Step
from escalations.models import Escalation, KnownIssue, Severity
from tickets import choices
from tickets.forms.fields import DeskForm, LineField, TextField
from tickets.models import Category, Priority, Ticket

_SEVERITIES = {
    Priority.URGENT: Severity.CRITICAL,
    Priority.HIGH: Severity.MAJOR,
    Priority.NORMAL: Severity.MODERATE,
    Priority.LOW: Severity.MINOR,
}
_TITLE, _LINE, _VERSION = 200, 200, 40


class TellForm(DeskForm):
    """What the customer is told as their ticket goes to engineering."""

    text = TextField(
        label="What the customer is told",
        error_messages={"required": "Write what the customer is told."},
        help_text="Sent as a public reply. "
        + ", ".join(f"{{{{{name}}}}}" for name in wording.NAMES)
        + " are filled in.",
    )


class AddForm(TellForm):
    """Into a record that is there already."""

    def __init__(self, data: Any = None, *, into: Escalation, **options: Any) -> None:
        said = said_last(into)
        options["initial"] = {"text": wording.proposed_for_joining(said.at_step if said else Step.REQUESTED)}
        super().__init__(data, **options)


class EscalateForm(TellForm):
    """A new record, begun with what the ticket says."""

    title = LineField(
        most=_TITLE,
        label="Title",
        help_text="What is wrong, for engineers.",
        error_messages={"required": "Give it a title."},
    )
    severity = forms.TypedChoiceField(
        label="Severity",
        coerce=int,
        choices=Severity.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose how severe it is."},
    )
    area = forms.ChoiceField(required=False, label="Area")
    affected_versions = LineField(most=_LINE, required=False, label="Affected versions")
    environment = LineField(most=_LINE, required=False, label="Environment")
    impact = TextField(
        label="Impact",
        help_text="Whom it hits, how many, and what they can't do.",
        error_messages={"required": "Say whom it hits, and how."},
    )
    reproduction = TextField(
        label="Reproduction steps",
        help_text="How to make it happen, what is expected, what happens instead.",
        error_messages={"required": "Say how to make it happen."},
    )
    logs = TextField(required=False, label="Logs", help_text="The lines that matter. Without secrets of the customer.")

    field_order = (
        *("title", "severity", "area", "affected_versions", "environment"),
        *("impact", "reproduction", "logs", "text"),
    )

    def __init__(self, data: Any = None, *, ticket: Ticket, **options: Any) -> None:
        super().__init__(data, initial=_known_of(ticket), **options)
        offered = choices.offered(choices.lists()["category"], ticket.category_id)
        self.fields["area"].choices = [("", "–"), *offered]
        self.fields["affected_versions"].label = f"Affected {settings.PRODUCT_NAME} versions"

    def problem(self) -> Problem:
        """What a valid form says of it."""
        said = self.cleaned_data
        area = Category.objects.filter(pk=int(said["area"])).first() if said["area"] else None
        fields = ("title", "severity", "impact", "reproduction", "affected_versions", "environment", "logs")
        return Problem(area=area, **{name: said[name] for name in fields})


def _known_of(ticket: Ticket) -> dict[str, Any]:
    priority = Priority(ticket.priority) if ticket.priority else Priority.NORMAL
    return {
        "title": ticket.subject,
        "severity": _SEVERITIES[priority].value,
        "area": ticket.category_id,
        "affected_versions": ticket.product_version,
        "environment": ticket.environment.name if ticket.environment else "",
        "text": wording.proposed(Step.REQUESTED),
    }


class KnownIssueForm(DeskForm):
    """What customers read of a record: a text of its own."""

    title = LineField(most=_TITLE, label="Title", error_messages={"required": "Give it a title."})
    state = forms.ChoiceField(label="State", choices=KnownIssue.State.choices)
    text = TextField(
        label="Text",
        help_text="Markdown. In the customers' words: no names, no reference, nothing of another customer.",
        error_messages={"required": "Write what customers are to know."},
    )
    workaround = TextField(required=False, label="Workaround", help_text="Markdown.")
    affected_versions = LineField(most=_LINE, required=False, label="Affected versions")
    fixed_version = LineField(most=_VERSION, required=False, label="Fixed in version")


class ReportForm(DeskForm):
    """*This affects me too*: what a request needs that the known issue doesn't say."""

    organization = forms.ModelChoiceField(
        queryset=Organization.objects.none(),
        label="Organisation",
        empty_label=None,
        error_messages={"invalid_choice": "Choose one of your organisations.", "required": "Choose your organisation."},
    )
    priority = forms.TypedChoiceField(
        label="Priority",
        coerce=int,
        initial=Priority.NORMAL.value,
        choices=[(one.value, one.label) for one in Priority],
        error_messages={"required": "Choose a priority."},
    )
    product_version = LineField(most=_VERSION, required=False, help_text="So that we can say whether you have the fix.")

    def __init__(self, data: Any = None, *, user: User, organizations: Sequence[Organization], **options: Any) -> None:
        super().__init__(data, **options)
        self.fields["product_version"].label = f"{settings.PRODUCT_NAME} version"
        known = [one.pk for one in organizations]
        self.only_organization = organizations[0] if len(organizations) == 1 else None
        if len(organizations) < 2:
            del self.fields["organization"]
            return
        field = self.fields["organization"]
        field.queryset = Organization.objects.filter(pk__in=known)  # type: ignore[attr-defined]
        field.initial = user.last_organization_id if user.last_organization_id in known else known[0]
