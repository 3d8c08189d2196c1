"""Engineering escalations in Django admin: who is brought in by itself, and where teams are told in chat."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from escalations.models import InvitationRule, TeamChannel
from escalations.paging.channels.chat import checked_address
from supportdesk.lib import clock
from supportdesk.lib.errors import Invalid

_LONGEST = 500


@admin.register(InvitationRule)
class InvitationRuleAdmin(admin.ModelAdmin):
    list_display = ("team", "severity", "plan", "on_confirmed")
    list_filter = ("team", "severity", "plan")


class TeamChannelForm(forms.ModelForm):
    """The address goes in and never comes out again."""

    new_address = forms.CharField(
        label="Address",
        help_text="As Apprise writes it, such as mmosts://chat.example.com/token, or a webhook's as Slack shows it.",
        required=False,
        max_length=_LONGEST,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"}),
    )
    in_use = forms.BooleanField(
        label="In use",
        required=False,
        initial=True,
        help_text="A channel that takes nothing is taken out of use; tick it once that is mended.",
    )

    class Meta:
        model = TeamChannel
        fields = ("team", "name")

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk and "new_address" in self.fields:
            self.initial["in_use"] = self.instance.disabled_at is None
            self.fields["new_address"].help_text = "Left empty, what is stored stays. It is never shown."

    def clean_new_address(self) -> str:
        typed = str(self.cleaned_data["new_address"])
        if not typed:
            if self.instance.pk:
                return ""
            raise forms.ValidationError("Where is it to be told?", code="required")
        try:
            return checked_address(typed)[0]
        except Invalid as refusal:
            raise forms.ValidationError(refusal.sentence, code=refusal.code) from None

    def save(self, commit: bool = True) -> Any:
        channel, data = self.instance, self.cleaned_data
        if data["new_address"]:
            channel.address = data["new_address"]
        if data["in_use"]:
            channel.disabled_at, channel.disabled_why = None, ""
        elif channel.disabled_at is None:
            channel.disabled_at, channel.disabled_why = clock.now(), "an admin took it out of use"
        return super().save(commit)


@admin.register(TeamChannel)
class TeamChannelAdmin(admin.ModelAdmin):
    form = TeamChannelForm
    fields = ("team", "name", "new_address", "in_use", "disabled_at", "disabled_why")
    readonly_fields = ("disabled_at", "disabled_why")
    list_display = ("name", "team", "disabled_at", "disabled_why")
    list_filter = ("team", ("disabled_at", admin.EmptyFieldListFilter))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.fields if obj else self.fields[:4]
