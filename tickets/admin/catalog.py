"""What the form offers, and the workflow's figures."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.base import InUseAdmin
from tickets.models import Category, Environment, MobileDevice, WorkflowSettings


class ListedChoiceAdmin(InUseAdmin):
    """An entry that tickets name can't be deleted; switched off it isn't offered any more."""

    list_display = ("name", "position", "is_active")
    list_editable = ("position", "is_active")
    list_filter = ("is_active",)
    search_fields = ("name",)
    ordering = ("position", "name")


@admin.register(Category)
class CategoryAdmin(ListedChoiceAdmin):
    list_display = ("name", "position", "concerns_mobile", "is_active")
    list_filter = ("is_active", "concerns_mobile")
    search_fields = ("name", "guidance")
    prepopulated_fields = {"slug": ("name",)}


@admin.register(Environment)
class EnvironmentAdmin(ListedChoiceAdmin):
    pass


@admin.register(MobileDevice)
class MobileDeviceAdmin(ListedChoiceAdmin):
    pass


@admin.register(WorkflowSettings)
class WorkflowSettingsAdmin(admin.ModelAdmin):
    """One row: added when it is missing, never deleted."""

    list_display = ("__str__", "close_after_hours", "remind_after_days", "solve_after_days", "survey_after_hours")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not WorkflowSettings.objects.exists()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
