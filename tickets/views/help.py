"""The public help page: what we promise and how we work, told from the data that the desk runs on."""

from typing import Any

from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject
from django.views.decorators.http import require_safe

from accounts.models import Region, Role, SupportPlan, Team
from supportdesk.lib.http import page
from tickets.models import Category, Priority, WorkflowSettings
from tickets.sla.countdown import target_in_words
from tickets.sla.offers import targets_of_plans
from tickets.sla.promises import Promise
from tickets.states import Status
from tickets.views.customer.self_service import self_service_options

STATUS_MEANINGS = (
    (Status.NEW, "We have it; nobody has taken it or answered yet."),
    (Status.OPEN, "Somebody works on it."),
    (Status.PENDING, "We asked you something and wait for your answer."),
    (Status.SOLVED, "We gave a solution, or you said so. There is time to object: reopen it or just reply."),
    (Status.CLOSED, "Final. A reply opens a follow-up request, linked to this one."),
)


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """The tables are kept rendered for a minute, so each is read lazily: only when that minute is over."""
    context = {
        "tables": SimpleLazyObject(_tables),
        "statuses": STATUS_MEANINGS,
        "options": self_service_options(),
        "chat": settings.COMMUNITY_URL,
    }
    return page(request, "tickets/help.html", context)


def _tables() -> dict[str, Any]:
    plans = list(SupportPlan.objects.order_by("rank"))
    return {
        "plans": plans,
        "promises": _promises(plans),
        "priorities": list(Priority),
        "workflow": WorkflowSettings.current(),
        "regions": _regions(),
        "teams": list(Team.objects.select_related("lead")),
        "categories": list(Category.objects.filter(is_active=True)),
    }


def _promises(plans: list[SupportPlan]) -> list[dict[str, Any]]:
    """A table per promise that any plan makes: a row per priority, a cell per plan, in words or empty."""
    targets = {key: target_in_words(target) for key, target in targets_of_plans(plans).items()}
    tables = []
    for promise in Promise:
        rows = [
            {
                "priority": priority,
                "cells": [targets.get((promise, plan.pk, priority.value), "") for plan in plans],
            }
            for priority in Priority
        ]
        if any(cell for row in rows for cell in row["cells"]):
            tables.append({"promise": promise, "about": _ABOUT[promise], "rows": rows})
    return tables


_ABOUT = {
    Promise.FIRST_REPLY: "From your request to the first answer of a person.",
    Promise.NEXT_REPLY: "From your oldest unanswered message to our next answer.",
    Promise.REGULAR_UPDATE: "While we work on it: from one answer of ours to the next, asked or not.",
    Promise.RESOLUTION: "From your request to its solution, without the time that we wait for you.",
}


def _regions() -> list[Region]:
    """The regions in the order of the day, with how many support engineers each has."""
    engineers = Count("staff", filter=Q(staff__is_active=True, staff__role__in=(Role.AGENT, Role.LEAD)))
    return list(Region.objects.annotate(engineers=engineers).order_by("shift_starts"))
