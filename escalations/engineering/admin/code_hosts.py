"""Code hosts in Django admin. What their webhooks are signed with goes in and never comes out again."""

import secrets
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse

from accounts.admin.base import InUseAdmin, ReadOnlyAdmin
from escalations.engineering.code_hosts import is_on, is_repository
from escalations.models import CodeHost, CodeHostDelivery

_BELIEVED = 2
"""So many secrets are believed: the newest, and the one before while it is replaced."""

_LEAST_CHARACTERS, _LONGEST = 16, 200


class CodeHostForm(forms.ModelForm):
    new_secret = forms.CharField(
        label="Secret of its webhooks",
        required=False,
        max_length=_LONGEST,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
        help_text="GitHub: the webhook's secret. GitLab: its signing token, or its secret token. It is never shown; "
        "left empty, what is stored stays. The one before stays valid too, until you forget it. Without any, nothing "
        "that it says is believed.",
    )
    make_secret = forms.BooleanField(
        label="Make one instead", required=False, help_text="A new secret, shown once, to be entered at the host."
    )
    forget_older = forms.BooleanField(
        label="Forget the older one", required=False, help_text="Once the host signs with the newest."
    )

    class Meta:
        model = CodeHost
        fields = ("name", "kind", "address", "repositories")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.shown = ""

    def clean_address(self) -> str:
        address = self.cleaned_data["address"].rstrip("/")
        if not is_on(address, address) or "?" in address or "#" in address:
            raise forms.ValidationError("Enter it as in https://github.com, without a name or a query.")
        return address

    def clean_repositories(self) -> str:
        lines = [line.strip() for line in self.cleaned_data["repositories"].splitlines() if line.strip()]
        if wrong := next((line for line in lines if not is_repository(line)), ""):
            raise forms.ValidationError(f"{wrong[:80]} is no repository: one a line, such as acme/server.")
        return "\n".join(dict.fromkeys(lines))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("new_secret") and len(data["new_secret"]) < _LEAST_CHARACTERS:
            self.add_error("new_secret", f"It must have {_LEAST_CHARACTERS} characters or more.")
        elif data.get("make_secret") and not data.get("new_secret"):
            data["new_secret"] = self.shown = secrets.token_urlsafe(32)
        return data

    def save(self, commit: bool = True) -> Any:
        data, host = self.cleaned_data, self.instance
        known = [data["new_secret"]] if data.get("new_secret") else []
        known += [secret for secret in host.believed if secret not in known]
        host.secrets = "\n".join(known[: 1 if data.get("forget_older") else _BELIEVED])
        return super().save(commit)


@admin.register(CodeHost)
class CodeHostAdmin(InUseAdmin):
    form = CodeHostForm
    list_display = ("name", "kind", "address", "believes", "hook")
    search_fields = ("name", "address", "repositories")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        says = ["new_secret", "make_secret"]
        says = says if obj is None else ["hook", "believes", *says, "forget_older"]
        return [
            ("Where pull requests are", {"fields": ["name", "kind", "address", "repositories"]}),
            ("What its webhooks are believed by", {"fields": says}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        return ("hook", "believes") if obj is None else ("kind", "hook", "believes")

    @admin.display(description="it calls us at")
    def hook(self, host: CodeHost) -> str:
        return f"{settings.SITE_URL}{reverse('code_host_hook', args=[host.pk])}"

    @admin.display(description="secrets believed")
    def believes(self, host: CodeHost) -> int:
        return len(host.believed)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.shown:
            sentence = f"Its webhooks are signed with {form.shown} – shown this once: copy it now."
            self.message_user(request, sentence, messages.WARNING)


@admin.register(CodeHostDelivery)
class CodeHostDeliveryAdmin(ReadOnlyAdmin):
    """What was believed in the last month; what wasn't is in the security log."""

    list_display = ("received_at", "host", "event", "outcome", "delivery_id")
    list_filter = ("host", "event", "outcome")
    list_select_related = ("host",)
    search_fields = ("=delivery_id",)
