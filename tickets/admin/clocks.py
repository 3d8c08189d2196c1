"""Promises as they run and ran, and the work that moves them: to look at."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.base import ReadOnlyAdmin, ReadOnlyInline
from tickets.models import PolicyVersion, PromiseTarget, Retargeting, SlaClock


class TargetInline(ReadOnlyInline):
    model = PromiseTarget
    fields = readonly_fields = ("promise", "priority", "span")
    verbose_name_plural = "promises"


@admin.register(PolicyVersion)
class PolicyVersionAdmin(ReadOnlyAdmin):
    """What a policy promised from some time on; edits are made in the matrix and become the next version."""

    list_display = ("__str__", "calendar", "made_at", "made_by", "note")
    list_filter = ("policy__plan",)
    list_select_related = ("policy__plan", "policy__organization", "calendar", "made_by")
    search_fields = ("policy__plan__name", "policy__organization__name", "note")
    search_help_text = "Plan, organisation or note"
    ordering = ("-made_at", "-id")
    inlines = (TargetInline,)


@admin.register(SlaClock)
class SlaClockAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "ticket_id",
        "promise",
        "priority",
        "started_at",
        "due_at",
        "breached_at",
        "met_at",
        "ended_at",
    )
    list_filter = ("promise", "priority", ("ended_at", admin.EmptyFieldListFilter))
    search_fields = ("=ticket__id",)
    search_help_text = "Number of the request"
    ordering = ("-id",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("terms__policy_version__policy__plan")


@admin.register(Retargeting)
class RetargetingAdmin(ReadOnlyAdmin):
    list_display = ("id", "scope", "subject", "made_at", "made_by", "done", "total", "moved", "broken", "finished_at")
    list_filter = ("scope", ("finished_at", admin.EmptyFieldListFilter))
    list_select_related = ("made_by",)
    ordering = ("-id",)
