"""The customer's forms: submit a request, reply, raise the priority, copy somebody in."""

from typing import Any

from django import forms
from django.conf import settings

from accounts.models import Organization, User
from tickets import choices
from tickets.actions import Request
from tickets.actions.customer import REASON_LENGTH
from tickets.actions.submit import SUBJECT_LENGTH, VERSION_LENGTH
from tickets.actions.survey import COMMENT_LENGTH
from tickets.forms.fields import AddressesField, DeskForm, LineField, TextField, WithFiles
from tickets.models import Category, Environment, MobileDevice, Priority, Survey, Ticket


class RequestForm(WithFiles):
    """*Submit a request*, with the fields of the domain's table; Organisation is asked of a person with several."""

    organization = forms.ModelChoiceField(Organization.objects.none(), label="Organisation", empty_label=None)
    subject = LineField(
        most=SUBJECT_LENGTH,
        help_text="One line: what is wrong, and where.",
        error_messages={"required": "Please give a subject."},
    )
    priority = forms.TypedChoiceField(
        choices=Priority.choices,
        coerce=lambda value: Priority(int(value)),
        initial=Priority.NORMAL,
        widget=forms.RadioSelect,
        error_messages={"required": "Please choose a priority."},
    )
    category = forms.ModelChoiceField(
        Category.objects.filter(is_active=True),
        empty_label="Choose…",
        error_messages={"required": "Please choose a category."},
    )
    environment = forms.ModelChoiceField(
        Environment.objects.filter(is_active=True),
        empty_label="Choose…",
        error_messages={"required": "Please choose where it happens."},
    )
    description = TextField(
        help_text="Markdown works. Paste a screenshot right here.",
        error_messages={"required": "Please describe what happens."},
    )
    product_version = LineField(most=VERSION_LENGTH, required=False)
    mobile_version = LineField(most=VERSION_LENGTH, required=False)
    mobile_device = forms.ModelChoiceField(
        MobileDevice.objects.filter(is_active=True), required=False, empty_label="Not on a mobile device"
    )
    cc = AddressesField(
        required=False,
        label="CC",
        help_text=f"They are mailed every public answer. At most {settings.CC_MAX_COUNT} addresses.",
    )

    def __init__(self, *args: Any, user: User, organizations: list[Organization], **options: Any) -> None:
        super().__init__(*args, user=user, **options)
        self.organizations = organizations
        self._ask_for_organization()
        self.fields["product_version"].label = f"{settings.PRODUCT_NAME} version"
        self.fields["product_version"].help_text = "The server version that runs now, such as 10.5.2."
        self.fields["mobile_version"].label = f"{settings.PRODUCT_NAME} Mobile version"
        lists = choices.lists()
        for name, entries in lists.items():
            # What is offered is kept for a moment; what is chosen is looked up.
            offered = choices.offered(entries, None)
            self.fields[name].choices = [("", self.fields[name].empty_label), *offered]
        self.mobile_categories = [one.pk for one in lists["category"] if one.is_active and one.concerns_mobile]

    def _ask_for_organization(self) -> None:
        if len(self.organizations) < 2:
            del self.fields["organization"]
            return
        known = [organization.pk for organization in self.organizations]
        self.fields["organization"].queryset = Organization.objects.of_member(self.user).filter(pk__in=known)
        last = self.user.last_organization_id
        self.fields["organization"].initial = last if last in known else known[0]

    @property
    def chosen_organization(self) -> Organization | None:
        """The one it is for: the only one, or the chosen one, or before that the one used last."""
        if "organization" not in self.fields:
            return self.organizations[0] if self.organizations else None
        chosen = str(self["organization"].value())
        return next((one for one in self.organizations if str(one.pk) == chosen), self.organizations[0])

    @property
    def chosen_category(self) -> int | None:
        value = str(self["category"].value() or "")
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None

    def request(self) -> Request:
        """What the valid form asks for."""
        said = self.cleaned_data
        return Request(
            subject=said["subject"],
            body=said["description"],
            priority=said["priority"],
            category=said["category"],
            environment=said["environment"],
            product_version=said["product_version"],
            mobile_version=said["mobile_version"],
            mobile_device=said["mobile_device"],
            cc=said["cc"],
            uploads=self.uploads,
        )


class ReplyForm(WithFiles):
    body = TextField(label="Your reply", error_messages={"required": "Please write something."})


class PressingForm(DeskForm):
    """How pressing a request is that came without a priority."""

    priority = forms.TypedChoiceField(
        label="How pressing is it?",
        choices=Priority.choices,
        coerce=lambda value: Priority(int(value)),
        widget=forms.RadioSelect,
        error_messages={"required": "Please choose a priority.", "invalid_choice": "Please choose one of the four."},
    )

    @property
    def cards(self) -> list[tuple[Priority, bool]]:
        """The priorities, and whether each is the chosen one."""
        return [(one, str(self["priority"].value() or "") == str(one.value)) for one in Priority]


class SurveyForm(DeskForm):
    """How it went: good or bad, and why."""

    rating = forms.ChoiceField(
        label="How was our support?",
        choices=[("good", "Good, I am satisfied"), ("bad", "Bad, I am not satisfied")],
        widget=forms.RadioSelect,
        error_messages={"required": "Please choose good or bad.", "invalid_choice": "Please choose good or bad."},
    )
    comment = forms.CharField(
        label="What went well, or what went wrong?",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=f"At most {COMMENT_LENGTH} characters.",
    )

    @classmethod
    def of(cls, survey: Survey, *, rating: str = "", **options: Any) -> "SurveyForm":
        """With the answer so far; `rating` is chosen in its place."""
        chosen = rating if rating in Survey.Rating.values else survey.rating
        return cls(initial={"rating": chosen, "comment": survey.comment}, **options)


class RaiseForm(DeskForm):
    """Only what is more pressing than now is offered."""

    priority = forms.TypedChoiceField(
        label="New priority",
        coerce=lambda value: Priority(int(value)),
        error_messages={"required": "Please choose a priority.", "invalid_choice": "Choose a higher priority."},
    )
    reason = forms.CharField(
        label="What has changed?",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=f"At most {REASON_LENGTH} characters.",
        error_messages={"required": "Please say why this has become more pressing."},
    )

    def __init__(self, *args: Any, ticket: Ticket, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["priority"].choices = [(one.value, one.label) for one in higher_than(ticket.priority)]


def higher_than(priority: int | None) -> list[Priority]:
    """The priorities above `priority`, the nearest first; of a ticket without one, all."""
    return [one for one in sorted(Priority, reverse=True) if priority is None or one < priority]


class CopyForm(DeskForm):
    cc = AddressesField(
        label="Add people to CC",
        help_text="E-mail addresses. They get every public message.",
        error_messages={"required": "Please give an e-mail address."},
    )
