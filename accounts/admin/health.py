"""Addresses that mail came back from: to look at, to stop and to let go again."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import health
from accounts.admin.base import ReadOnlyAdmin, carry_out
from accounts.models import AddressHealth, UserManager
from supportdesk.lib import clock


@admin.register(AddressHealth)
class AddressHealthAdmin(ReadOnlyAdmin):
    """Three hard bounces in a row, or a complaint, stop all mail to an address."""

    list_display = ("email", "suppressed_at", "suppressed_why", "hard_bounces", "last_bounce_at", "last_bounce")
    list_filter = (("suppressed_at", admin.EmptyFieldListFilter), "suppressed_why")
    search_fields = ("email",)
    ordering = ("-suppressed_at", "email")
    actions = ("lift", "stop")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.is_staff

    def get_fields(self, request: HttpRequest, obj: AddressHealth | None = None) -> list[str]:
        return ["email"] if obj is None else [field.name for field in AddressHealth._meta.fields]

    def save_model(self, request: HttpRequest, obj: AddressHealth, form: Any, change: bool) -> None:
        """To add an address is to stop mail to it."""
        obj.email = UserManager.normalize_email(obj.email)
        health.stop(obj.email, by=request.user, at=clock.now())
        obj.pk = AddressHealth.objects.get(email=obj.email).pk

    @admin.action(description="Send there again", permissions=["view"])
    def lift(self, request: HttpRequest, queryset: QuerySet[AddressHealth]) -> None:
        carry_out(self, request, queryset.values_list("email", flat=True), health.lift, "sent to again")

    @admin.action(description="Send nothing there any more", permissions=["view"])
    def stop(self, request: HttpRequest, queryset: QuerySet[AddressHealth]) -> None:
        carry_out(self, request, queryset.values_list("email", flat=True), health.stop, "stopped")
