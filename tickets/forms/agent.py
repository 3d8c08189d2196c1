"""The agents' forms: answer, note, edit the fields, hold, and a request on behalf of a customer."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from accounts.addresses import folded
from accounts.models import Organization, User
from supportdesk.lib import text
from supportdesk.lib.errors import DomainError
from tickets import choices
from tickets.actions.edit import FIELDS
from tickets.actions.submit import SUBJECT_LENGTH, VERSION_LENGTH
from tickets.forms.customer import RequestForm
from tickets.forms.fields import DeskForm, LineField, TextField, WithFiles
from tickets.models import Category, Environment, MobileDevice, Priority, Ticket
from tickets.states import Status

_HOLD_LENGTH = 200
_NONE = ""


class AnswerForm(WithFiles):
    """A public reply, or (the same text field, another button) an internal note."""

    body = TextField(label="Text", error_messages={"required": "Please write something."})
    submit_as = forms.ChoiceField(
        choices=[(one.value, one.label) for one in (Status.OPEN, Status.PENDING, Status.SOLVED)],
        error_messages={
            "required": "Send it by one of its buttons.",
            "invalid_choice": "Submit as Open, Pending or Solved.",
        },
    )

    def __init__(self, *args: Any, is_note: bool = False, **options: Any) -> None:
        super().__init__(*args, **options)
        self.is_note = is_note
        if is_note:
            del self.fields["submit_as"]

    @property
    def seen_status(self) -> Status | None:
        return status_of(self.data.get("seen_status", ""))

    @property
    def seen_message(self) -> int | None:
        """The newest public message that the agent had before their eyes."""
        return number_of(self.data.get("seen_message", ""))


def status_of(given: str) -> Status | None:
    return next((one for one in Status if one.value == given), None)


def number_of(given: str) -> int | None:
    """A number that the database can look for, else None (S106)."""
    return int(given) if given.isascii() and given.isdigit() and len(given) < 19 else None


class FieldsForm(DeskForm):
    """The fields of the rail. Only what the agent changed is written; the rest stays as colleagues have set it."""

    subject = LineField(most=SUBJECT_LENGTH, error_messages={"required": "Please give a subject."})
    priority = forms.ChoiceField(required=False)
    category = forms.ChoiceField(required=False)
    environment = forms.ChoiceField(required=False)
    product_version = LineField(most=VERSION_LENGTH, required=False)
    mobile_version = LineField(most=VERSION_LENGTH, required=False)
    mobile_device = forms.ChoiceField(required=False, label="Mobile device")

    def __init__(self, data: Any = None, *, ticket: Ticket, **options: Any) -> None:
        super().__init__(data, initial=columns(ticket), **options)
        self.ticket = ticket
        self.fields["product_version"].label = f"{settings.PRODUCT_NAME} version"
        self.fields["mobile_version"].label = f"{settings.PRODUCT_NAME} Mobile version"
        self._offer()

    def _offer(self) -> None:
        lists = choices.lists()
        self.mobile_values = "|".join(str(entry.pk) for entry in lists["category"] if entry.concerns_mobile)
        for name, present in (
            ("category", self.ticket.category_id),
            ("environment", self.ticket.environment_id),
            ("mobile_device", self.ticket.mobile_device_id),
        ):
            offered = choices.offered(lists[name], present)
            self.fields[name].required = name != "mobile_device" and present is not None
            self.fields[name].choices = offered if self.fields[name].required else [(_NONE, "–"), *offered]
        self.fields["priority"].required = self.ticket.priority is not None
        levels = [(str(one.value), one.label) for one in Priority]
        self.fields["priority"].choices = levels if self.ticket.priority else [(_NONE, "Not set yet"), *levels]

    @property
    def seen(self) -> dict[str, str]:
        """What the ticket says now: sent along, so that a colleague's change in the meantime is noticed."""
        return columns(self.ticket)


def columns(ticket: Ticket) -> dict[str, str]:
    """The fields of a ticket as a form's text."""
    values = {
        "subject": ticket.subject,
        "priority": ticket.priority,
        "category": ticket.category_id,
        "environment": ticket.environment_id,
        "product_version": ticket.product_version,
        "mobile_version": ticket.mobile_version,
        "mobile_device": ticket.mobile_device_id,
    }
    return {name: "" if value is None else str(value) for name, value in values.items()}


def changed(data: Mapping[str, str]) -> dict[str, str]:
    """The fields that the agent gave another value than the one that was shown."""
    return {name: data[name] for name in FIELDS if name in data and data[name] != data.get(f"seen_{name}")}


_MODELS = {"category": Category, "environment": Environment, "mobile_device": MobileDevice}


def as_value(name: str, given: str) -> Any:
    """A form's text as the value of the ticket's field; None for what is nothing."""
    if name == "priority":
        return Priority(int(given)) if given in {str(one.value) for one in Priority} else None
    if name in _MODELS:
        return _MODELS[name].objects.filter(pk=number_of(given)).first()
    return given


class HoldForm(DeskForm):
    reason = LineField(
        most=_HOLD_LENGTH,
        label="What does it wait for?",
        help_text="Only the staff sees this; the customer goes on seeing Open.",
        error_messages={"required": "Please say what the request waits for."},
    )


class PersonForm(DeskForm):
    """Whom a request is opened for, by address."""

    email = forms.CharField(
        label="Customer's e-mail address",
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
        error_messages={"required": "Please give the customer's e-mail address."},
    )

    def clean_email(self) -> str:
        try:
            email = folded(self.cleaned_data["email"])
        except DomainError as refusal:
            raise ValidationError(refusal.sentence, code=refusal.code) from None
        person = User.objects.filter(email=email).first()
        if person is not None and person.is_desk:
            raise ValidationError("This is a colleague. Requests are opened for customers.", code="not_a_customer")
        if person is not None and not person.is_active:
            raise ValidationError("This account is deactivated.", code="not_active")
        return email


class OnBehalfForm(RequestForm):
    """*Submit a request* for somebody else: the agent's files, the customer's organisations."""

    name = LineField(
        most=text.NAME_LENGTH,
        required=False,
        label="Customer's name",
        help_text="Nobody has used this address yet: an account is made, which its owner claims later.",
    )
    is_public = forms.BooleanField(
        required=False,
        initial=True,
        label="Opening text is public",
        help_text="The customer reads it and is mailed, and it counts as the first reply. Otherwise it is a note.",
    )

    def __init__(self, *args: Any, user: User, email: str, requester: User | None, **options: Any) -> None:
        self.email, self.requester = email, requester
        mine = Organization.objects.of_member(requester) if requester else Organization.objects.none()
        super().__init__(*args, user=user, organizations=list(mine.select_related("plan")), **options)
        if requester is not None:
            del self.fields["name"]
        self.fields["description"].help_text = "Markdown works. What the customer told you, or what you have to say."

    def _ask_for_organization(self) -> None:
        field = self.fields["organization"]
        if len(self.organizations) < 2:
            del self.fields["organization"]
            return
        known = [one.pk for one in self.organizations]
        field.queryset = Organization.objects.filter(pk__in=known)
        last = self.requester.last_organization_id if self.requester else None
        field.initial = last if last in known else known[0]
