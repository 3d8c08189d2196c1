"""Mailboxes elsewhere that mail is fetched from. Their secrets are typed here and never shown."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from supportdesk.lib import egress
from tickets.mail import imap_door
from tickets.models import ImapMailbox

_SECRETS = ("password", "oauth_client_secret", "oauth_refresh_token")
_TRIED_AT_ONCE = 3


class MailboxForm(forms.ModelForm):
    class Meta:
        model = ImapMailbox
        fields = (
            *("name", "is_active", "host", "port", "security", "folder", "auth_server", "username", "log_in"),
            *("oauth_token_url", "oauth_client_id", "oauth_scope", *_SECRETS),
        )
        widgets = {
            name: forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "vTextField"})
            for name in _SECRETS
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in _SECRETS:
            if self.instance.pk and name in self.fields:
                self.fields[name].help_text = "Left empty, what is stored stays. It is never shown."

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in _SECRETS:
            data[name] = data.get(name) or (getattr(self.instance, name) if self.instance.pk else "")
        if data.get("security") == ImapMailbox.Security.NONE and not imap_door.is_this_machine(data.get("host") or ""):
            self.add_error("security", "Without encryption the password could be read on the way: choose TLS.")
        if data.get("log_in") == ImapMailbox.LogIn.OAUTH:
            self._check_oauth(data)
        elif not data["password"]:
            self.add_error("password", "Enter the mailbox's password.")
        return data

    def _check_oauth(self, data: dict[str, Any]) -> None:
        if not data.get("oauth_client_id"):
            self.add_error("oauth_client_id", "Enter the id that the provider knows the desk by.")
        if not data["oauth_refresh_token"] and not data["oauth_client_secret"]:
            self.add_error("oauth_client_secret", "Enter the client's secret, or a refresh token.")
        if "oauth_token_url" in self.errors:
            return
        try:
            egress.check(data.get("oauth_token_url") or "")
        except egress.EgressError as failure:
            self.add_error("oauth_token_url", f"The desk can't call this: {failure}.")


@admin.register(ImapMailbox)
class ImapMailboxAdmin(admin.ModelAdmin):
    form = MailboxForm
    list_display = ("name", "username", "host", "folder", "is_active", "checked_at", "last_error")
    list_filter = ("is_active",)
    readonly_fields = ("checked_at", "last_error")
    actions = ("test_connection",)
    fieldsets = (
        (None, {"fields": ("name", "is_active", "host", "port", "security", "folder", "auth_server")}),
        ("Log-in", {"fields": ("username", "log_in", "password")}),
        (
            "OAuth 2",
            {
                "description": "For a log-in by OAuth 2 only.",
                "fields": (
                    "oauth_token_url",
                    "oauth_client_id",
                    "oauth_client_secret",
                    "oauth_refresh_token",
                    "oauth_scope",
                ),
            },
        ),
        ("Lately", {"fields": ("checked_at", "last_error")}),
    )

    @admin.action(description="Test connection", permissions=["change"])
    def test_connection(self, request: HttpRequest, queryset: QuerySet[ImapMailbox]) -> None:
        for mailbox in queryset[:_TRIED_AT_ONCE]:
            try:
                number = imap_door.try_out(mailbox)
                self.message_user(request, f"{mailbox}: it works, with {number} messages in {mailbox.folder}.")
            except imap_door.FAILURES as failure:
                self.message_user(request, f"{mailbox}: {failure}", messages.ERROR)
        if queryset.count() > _TRIED_AT_ONCE:
            self.message_user(request, f"Only the first {_TRIED_AT_ONCE} were tried.", messages.WARNING)
