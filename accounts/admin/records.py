"""What happened to accounts: invitations, events, mails. To look at."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import actions
from accounts.admin.base import ReadOnlyAdmin, carry_out
from accounts.models import AccountEvent, AccountMail, Invitation


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Invitations are made on the members' page of their organisation."""

    list_display = (
        "email",
        "organization",
        "role",
        "invited_by",
        "created_at",
        "expires_at",
        "accepted_at",
        "revoked_at",
    )
    list_filter = ("role", ("accepted_at", admin.EmptyFieldListFilter), ("revoked_at", admin.EmptyFieldListFilter))
    list_select_related = ("organization", "invited_by")
    search_fields = ("email", "organization__name")
    ordering = ("-created_at",)
    exclude = ("token_hash",)
    actions = ("revoke",)

    @admin.action(description="Take back", permissions=["view"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Invitation]) -> None:
        rows = queryset.select_related("organization")
        carry_out(self, request, rows, actions.revoke_invitation, "taken back")


@admin.register(AccountEvent)
class AccountEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "what", "user", "organization", "actor", "data")
    list_filter = ("kind", "at")
    list_select_related = ("user", "organization", "actor")
    search_fields = ("user__email", "user__name", "organization__name", "actor__email")
    search_help_text = "Person, organisation or who did it"
    date_hierarchy = "at"

    @admin.display(description="what", ordering="kind")
    def what(self, event: Any) -> str:
        return str(event.get_kind_display())


@admin.register(AccountMail)
class AccountMailAdmin(ReadOnlyAdmin):
    """Whether a mail left, and why not. Its text is never shown: its link lets people in."""

    list_display = ("to_email", "kind", "state", "attempts", "created_at", "sent_at", "last_error")
    list_filter = ("state", "kind")
    search_fields = ("to_email", "message_id")
    ordering = ("-created_at",)
    exclude = ("text", "base_address")
