"""What people type about themselves and their organisation."""

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.account.internal import flows
from django import forms
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse

from accounts import places
from accounts.addresses import folded
from accounts.models import Invitation, Membership, User
from supportdesk.lib.errors import Invalid
from supportdesk.lib.fields import time_zones
from supportdesk.lib.text import person_name


class NameField(forms.CharField):
    """A display name as `person_name` takes it (S014, S108)."""

    def __init__(self, *, staff: bool = False, **kwargs: Any) -> None:
        self.staff = staff
        super().__init__(**{"max_length": 64, "strip": True, **kwargs})

    def clean(self, value: Any) -> str:
        try:
            name = person_name(super().clean(value), staff=self.staff)
        except Invalid as refusal:
            raise forms.ValidationError(refusal.sentence, code=refusal.code) from None
        if self.required and not name:
            raise forms.ValidationError(self.error_messages["required"], code="required")
        return name


class AddressField(forms.EmailField):
    """An address in its one spelling."""

    def clean(self, value: Any) -> str:
        value = super().clean(value)
        try:
            return folded(value) if value else value
        except Invalid as refusal:
            raise forms.ValidationError(refusal.sentence, code=refusal.code) from None


class SignupForm(allauth_forms.SignupForm):
    """Sign-up asks for a name, too, and notes the browser's time zone.

    What it answers is the same whether the address is known or not (S059); what is mailed isn't.
    """

    name = NameField(label="Your name", widget=forms.TextInput(attrs={"autocomplete": "name"}))
    time_zone = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput(attrs={"data-time-zone": ""}))
    field_order = ["name", "email", "password1", "password2"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"] = AddressField(
            label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "email"})
        )
        self.order_fields(self.field_order)

    def clean_time_zone(self) -> str:
        """A browser with a zone that we don't know says nothing."""
        zone = self.cleaned_data["time_zone"]
        return zone if zone in time_zones() else ""

    def validate_unique_email(self, value: str) -> str:
        self.account_already_exists = User.objects.filter(email=value).exists()
        return value

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        if not self.account_already_exists:
            try:
                with transaction.atomic():
                    return self.save(request), None
            except IntegrityError:  # the same sign-up twice at once
                self.account_already_exists = True
        else:
            make_password(self.cleaned_data["password1"])  # takes as long as making an account
        email = self.cleaned_data["email"]
        return None, flows.signup.prevent_enumeration(request, email=email)

    def signup(self, request: HttpRequest, user: User) -> None:
        user.name = self.cleaned_data["name"]
        user.time_zone = self.cleaned_data["time_zone"]
        user.save(update_fields=["name", "time_zone"])


class ResetPasswordForm(allauth_forms.ResetPasswordForm):
    """Mails a link to the stored address of an active account, with a password or without; else says the same."""

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"])
        try:
            address = folded(email)
        except Invalid:  # a look-alike is nobody's address (S061)
            self.users = []
            return email
        self.users = list(User.objects.active().filter(email=address))
        return address


class AddressForm(allauth_forms.AddEmailForm):
    """Another address for one's account, which counts once it is confirmed."""

    email = AddressField(label="New e-mail address")

    def clean_email(self) -> str:
        value: str = self.cleaned_data["email"]
        if self.user is not None and value == self.user.email:
            raise forms.ValidationError("This is your address already.", code="same_address")
        return value


class ProfileForm(forms.ModelForm):
    """Name, and where the person lives: times are shown in their zone, holidays come from their country."""

    name = NameField(label="Name")
    time_zone = forms.ChoiceField(label="Time zone", required=False)
    country = forms.ChoiceField(label="Country", required=False, help_text="Its public holidays are no business days.")
    subdivision = forms.CharField(label="State or region", required=False, widget=forms.Select, max_length=6)

    class Meta:
        model = User
        fields = ("name", "time_zone", "country", "subdivision")

    def __init__(self, *args: Any, country: str | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        staff = self.instance.is_desk
        self.fields["name"] = NameField(label="Name", staff=staff, widget=forms.TextInput({"autocomplete": "name"}))
        chosen = country if country is not None else self["country"].value() or ""
        self.fields["time_zone"].choices = places.zone_choices("Not given (UTC)", self.instance.time_zone)  # type: ignore[attr-defined]
        self.fields["country"].choices = places.country_choices("Not given")  # type: ignore[attr-defined]
        self.fields["subdivision"].widget.choices = places.subdivision_choices(chosen, "Not given")  # type: ignore[attr-defined]

    def clean_subdivision(self) -> str:
        """Without JavaScript another country leaves the former one's region behind: it is dropped, not refused."""
        chosen = str(self.cleaned_data["subdivision"])
        return chosen if places.is_subdivision(self.cleaned_data.get("country", ""), chosen) else ""

    def save(self, commit: bool = True) -> User:
        user: User = self.instance
        with transaction.atomic():  # with what follows from another place
            user.save(update_fields=["name", "time_zone", "country", "subdivision"])
        return user


class InvitationForm(forms.ModelForm):
    """Whom to invite, as what."""

    email = AddressField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label="As", choices=Membership.Role.choices, initial=Membership.Role.MEMBER)

    class Meta:
        model = Invitation
        fields = ("email", "role")

    def _post_clean(self) -> None:
        """The verb checks the rest: it knows the organisation."""
