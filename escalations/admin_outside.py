"""Services outside and the choice of policies in Django admin. Secrets go in and never come out again."""

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Max
from django.http import HttpRequest
from django.urls import reverse

from escalations.models import OutsideService, PolicyChoice
from escalations.paging.channels import DeliveryError
from escalations.paging.practice import try_out
from supportdesk.lib import clock, egress, signatures

_Kind = OutsideService.Kind
_BELIEVED = 2
"""So many secrets of a service's own calls are believed: the newest, and the one before while it is replaced."""

_ROUTING_KEY = re.compile(r"[A-Za-z0-9_-]{20,64}")
_LEAST_CHARACTERS, _LONGEST = 16, 100
_LOOK_UP_SECONDS = 2.0


def _secret_field(label: str, help_text: str) -> forms.CharField:
    widget = forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"})
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=_LONGEST, widget=widget)


class ServiceForm(forms.ModelForm):
    new_secret = _secret_field(
        "Routing key or signing secret",
        "PagerDuty: the integration's routing key. Webhook: whsec_ and base64 of 24 bytes or more; left empty, one is "
        "made and shown once.",
    )
    new_inbound_secret = _secret_field(
        "Secret of its calls to us",
        "What its own webhooks are signed with; the one before stays valid too, until you forget it. Without any, "
        "nothing that it says is believed.",
    )
    make_inbound_secret = forms.BooleanField(
        label="Make one instead", required=False, help_text="For a webhook: a new secret, shown once."
    )
    forget_older = forms.BooleanField(
        label="Forget the older one", required=False, help_text="Once the other side signs with the newest."
    )
    in_use = forms.BooleanField(
        label="In use",
        required=False,
        initial=True,
        help_text="A service that refuses us for good is taken out of use; tick it once that is mended.",
    )

    class Meta:
        model = OutsideService
        fields = ("name", "kind", "address")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shown: list[str] = []
        if self.instance.pk and "new_secret" in self.fields:
            self.initial["in_use"] = self.instance.disabled_at is None
            label = "Routing key" if self.instance.kind == _Kind.PAGERDUTY else "Signing secret"
            self.fields["new_secret"].label = label
            self.fields["new_secret"].help_text = "Left empty, what is stored stays. It is never shown."
        if "kind" in self.fields:
            kinds = [(kind.value, kind.label) for kind in (_Kind.PAGERDUTY, _Kind.WEBHOOK)]
            self.fields["kind"].choices = [("", "---------"), *kinds]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        kind = self.instance.kind if self.instance.pk else data.get("kind")
        if kind == _Kind.WEBHOOK:
            self._check_address(data)
        else:
            data["address"] = ""
        self._check_secret(kind, data)
        self._check_inbound(kind, data)
        return data

    def _check_address(self, data: dict[str, Any]) -> None:
        address = data.get("address")
        if "address" in self.errors:
            return
        if not address:
            self.add_error("address", "Where is it to be called?")
            return
        try:
            egress.check(address, seconds=_LOOK_UP_SECONDS)
        except egress.EgressError as failure:
            self.add_error("address", f"The desk can't call this: {failure}.")

    def _check_secret(self, kind: str | None, data: dict[str, Any]) -> None:
        secret = data.get("new_secret")
        if kind == _Kind.PAGERDUTY and secret and not _ROUTING_KEY.fullmatch(secret):
            self.add_error("new_secret", "This is no routing key: it has 32 letters and digits.")
        elif kind == _Kind.PAGERDUTY and not secret and not self.instance.pk:
            self.add_error("new_secret", "Enter the routing key of PagerDuty's integration.")
        elif kind == _Kind.WEBHOOK and secret and not signatures.is_strong(secret):
            self.add_error("new_secret", "It must be whsec_ and the base64 of 24 bytes or more.")
        elif kind == _Kind.WEBHOOK and not secret and not self.instance.pk:
            data["new_secret"] = self._make("It is sent messages signed with")

    def _check_inbound(self, kind: str | None, data: dict[str, Any]) -> None:
        secret = data.get("new_inbound_secret")
        if kind == _Kind.WEBHOOK and secret and not signatures.is_strong(secret):
            self.add_error("new_inbound_secret", "It must be whsec_ and the base64 of 24 bytes or more.")
        elif secret and len(secret) < _LEAST_CHARACTERS:
            self.add_error("new_inbound_secret", f"It must have {_LEAST_CHARACTERS} characters or more.")
        elif kind == _Kind.WEBHOOK and not secret and data.get("make_inbound_secret"):
            data["new_inbound_secret"] = self._make("It signs its calls to us with")

    def _make(self, what: str) -> str:
        secret = signatures.new_secret()
        self.shown.append(f"{what} {secret} – shown this once: copy it now.")
        return secret

    def save(self, commit: bool = True) -> Any:
        data, service = self.cleaned_data, self.instance
        if data.get("new_secret"):
            service.secret = data["new_secret"]
        known = [data["new_inbound_secret"]] if data.get("new_inbound_secret") else []
        known += [secret for secret in service.believed if secret not in known]
        service.inbound_secrets = "\n".join(known[: 1 if data.get("forget_older") else _BELIEVED])
        if data["in_use"]:
            service.disabled_at, service.disabled_why = None, ""
        elif service.disabled_at is None:
            service.disabled_at, service.disabled_why = clock.now(), "an admin took it out of use"
        return super().save(commit)


@admin.register(OutsideService)
class OutsideServiceAdmin(admin.ModelAdmin):
    form = ServiceForm
    list_display = ("name", "kind", "address", "believes", "disabled_at", "disabled_why")
    list_filter = ("kind", ("disabled_at", admin.EmptyFieldListFilter))
    search_fields = ("name", "address")
    actions = ("send_a_test",)

    @admin.action(description="Send a test", permissions=["change"])
    def send_a_test(self, request: HttpRequest, queryset: Any) -> None:
        for service in queryset.exclude(kind=_Kind.CANARY):
            try:
                try_out(service, at=clock.now())
            except DeliveryError as failure:
                self.message_user(request, f"{service} did not take the test: {failure}.", messages.ERROR)
            else:
                self.message_user(request, f"{service} took a test page, and that it is over.", messages.SUCCESS)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        is_pagerduty = obj is not None and obj.kind == _Kind.PAGERDUTY
        told = ["name", "kind", *([] if is_pagerduty else ["address"]), "new_secret"]
        says = ["new_inbound_secret", *([] if is_pagerduty else ["make_inbound_secret"])]
        if obj is not None:
            says = ["hook", "believes", *says, "forget_older"]
        state = ["in_use"] if obj is None or obj.disabled_at is None else ["in_use", "disabled_at", "disabled_why"]
        return [
            ("What it is told", {"fields": told}),
            ("What it may say", {"fields": says}),
            ("State", {"fields": state}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        fixed = ("hook", "believes", "disabled_at", "disabled_why")
        return fixed if obj is None else ("kind", *fixed)

    @admin.display(description="it calls us at")
    def hook(self, service: OutsideService) -> str:
        names = {_Kind.PAGERDUTY: "pagerduty_hook", _Kind.WEBHOOK: "outside_hook"}
        name = names.get(_Kind(service.kind))
        return f"{settings.SITE_URL}{reverse(name, args=[service.pk])}" if name else "nowhere"

    @admin.display(description="secrets believed")
    def believes(self, service: OutsideService) -> int:
        return len(service.believed)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        for sentence in form.shown:
            self.message_user(request, sentence, messages.WARNING)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _is_canary(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not _is_canary(obj) and super().has_delete_permission(request, obj)


def _is_canary(service: OutsideService | None) -> bool:
    """The desk's own, which no admin keeps."""
    return service is not None and service.kind == _Kind.CANARY


# --- Which policy ----------------------------------------------------------------------------------------------------

_STEP = 10


def covers(earlier: PolicyChoice, later: PolicyChoice) -> bool:
    """Whether every ticket that fits `later` fits `earlier` too, so that `later` is never asked."""
    pairs = ((getattr(earlier, name), getattr(later, name)) for name in ("plan_id", "priority", "team_id"))
    return all(mine is None or mine == theirs for mine, theirs in pairs)


class ChoiceForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        wanted = {name: data.get(name) for name in ("plan", "priority", "team")}
        if not self.errors and PolicyChoice.objects.exclude(pk=self.instance.pk).filter(**wanted).exists():
            raise ValidationError("Another choice is for the very same tickets.", code="same")
        return data


@admin.register(PolicyChoice)
class PolicyChoiceAdmin(admin.ModelAdmin):
    form = ChoiceForm
    list_display = ("position", "tickets", "policy", "asked")
    list_display_links = ("position", "tickets")
    list_select_related = ("policy", "plan", "team")
    search_fields = ("policy__name", "plan__name", "team__name")
    fieldsets = (
        (
            None,
            {
                "fields": ("position", "plan", "priority", "team", "policy"),
                "description": "Choices are asked in order of position, and the first that fits a ticket names its "
                "policy. What is left empty fits everything. Where none fits, the policy that is in use holds.",
            },
        ),
    )

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        last = PolicyChoice.objects.aggregate(last=Max("position"))["last"] or 0
        return {"position": last + _STEP, **super().get_changeform_initial_data(request)}

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        self._known = list(PolicyChoice.objects.order_by("position"))
        return super().get_changelist_instance(request)

    @admin.display(description="tickets")
    def tickets(self, choice: PolicyChoice) -> str:
        parts = [str(choice.plan or ""), choice.get_priority_display() if choice.priority else ""]
        parts.append(f"team {choice.team}" if choice.team else "")
        return ", ".join(filter(None, parts)) or "all others"

    @admin.display(description="asked")
    def asked(self, choice: PolicyChoice) -> str:
        earlier = (other for other in self._known if other.position < choice.position)
        first = next((other for other in earlier if covers(other, choice)), None)
        return f"never: {first.position} fits them first" if first else "yes"
