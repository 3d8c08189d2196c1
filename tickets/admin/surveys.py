"""What customers thought of Closed requests, to look at; the list's head says how satisfied those in it are."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.text import Truncator

from accounts.admin.base import ReadOnlyAdmin
from tickets.models import Survey


@admin.register(Survey)
class SurveyAdmin(ReadOnlyAdmin):
    list_display = ("ticket_id", "organization", "assignee", "rating", "said", "rated_at", "asked_at", "due_at")
    list_filter = ("rating", "ticket__organization__plan", ("ticket__assignee", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("ticket__organization", "ticket__assignee")
    search_fields = ("=ticket__id", "ticket__organization__name", "comment")
    search_help_text = "Number of the request, organisation, or words of the comment"
    date_hierarchy = "rated_at"
    ordering = ("-id",)
    show_full_result_count = False

    @admin.display(description="comment")
    def said(self, survey: Survey) -> str:
        return Truncator(survey.comment).chars(80)

    @admin.display(ordering="ticket__organization__name")
    def organization(self, survey: Survey) -> str:
        return str(survey.ticket.organization or "–")

    @admin.display(ordering="ticket__assignee__name")
    def assignee(self, survey: Survey) -> str:
        return survey.ticket.assignee.display_name if survey.ticket.assignee else "–"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        answer = super().changelist_view(request, extra_context)
        if isinstance(answer, TemplateResponse) and answer.context_data and "cl" in answer.context_data:
            answer.context_data["subtitle"] = _satisfaction(answer.context_data["cl"].queryset)
        return answer


def _satisfaction(surveys: Any) -> str:
    share, answers = surveys.order_by().csat(), surveys.rated().count()
    if share is None:
        return "Nobody has rated any of these."
    return f"CSAT {share:.0%} of {answers} {'answer' if answers == 1 else 'answers'}"
