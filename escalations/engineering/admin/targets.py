"""Engineering's targets in Django admin, and its records to look at. What is moved there is moved on the board."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from accounts.admin.base import ReadOnlyAdmin
from escalations.models import EngineeringTarget, Escalation

_MOST_MINUTES = 60 * 24 * 366


def _minutes(label: str, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, help_text=help_text, required=False, min_value=1, max_value=_MOST_MINUTES)


class TargetForm(forms.ModelForm):
    review_minutes = _minutes("Review, in minutes", "From the request to the review. Empty: no deadline.")
    plan_minutes = _minutes("Plan, in minutes", "From confirming to the action plan; a business day is 480.")
    news_minutes = _minutes("News, in minutes", "From one step, or update to customers, to the next.")

    class Meta:
        model = EngineeringTarget
        fields = ("severity", "calendar", "review_minutes", "plan_minutes", "news_minutes")


@admin.register(EngineeringTarget)
class EngineeringTargetAdmin(admin.ModelAdmin):
    """Records that are under way get their new deadlines within a minute (see `signals`)."""

    form = TargetForm
    list_display = ("severity", "calendar", "review_minutes", "plan_minutes", "news_minutes")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        return ("severity",) if obj else ()


@admin.register(Escalation)
class EscalationAdmin(ReadOnlyAdmin):
    list_display = ("reference", "title", "severity", "step", "owner", "created_at")
    list_filter = ("step", "severity", "area")
    list_select_related = ("owner",)
    search_fields = ("title",)
