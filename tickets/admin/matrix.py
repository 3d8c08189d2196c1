"""The matrix of promises and the drafts that come from it: edited, counted, looked back on, applied."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse

from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError, Invalid
from tickets.forms.matrix import PolicyForm
from tickets.models import PolicyDraft, Priority, SlaPolicy
from tickets.sla import backtest, drafts
from tickets.sla.preview import Preview, preview, total
from tickets.sla.promises import Promise

MOST_OWN = 15
"""So many organisations' own policies stand below the plans'; more would make a form that servers refuse."""
MOST_LISTED = 200
_LAST_DRAFTS = 5
_MATRIX = "admin/tickets/slapolicy/matrix.html"
_DRAFT = "admin/tickets/slapolicy/draft.html"


def _check_may_edit(page: admin.ModelAdmin, request: HttpRequest) -> None:
    if not page.has_change_permission(request):
        raise PermissionDenied


# --- The matrix ----------------------------------------------------------------------------------------------------


def matrix(page: admin.ModelAdmin, request: HttpRequest) -> HttpResponse:
    """All plans' promises on one page; what is typed becomes a draft, which holds nowhere until it is applied."""
    _check_may_edit(page, request)
    policies, left_out = _chosen(request)
    begun = _begun(request)
    data = request.POST if request.method == "POST" else None
    forms = [PolicyForm(policy, begun.get(policy.pk), data=data) for policy in policies]
    refusal = ""
    if data is not None and all(form.is_valid() for form in forms):
        try:
            edits = {form.policy.pk: form.edit() for form in forms}
            made = drafts.begin(edits, by=request.user, at=clock.now())
        except DomainError as refused:
            refusal = refused.sentence
        else:
            return HttpResponseRedirect(reverse("admin:tickets_slapolicy_draft", args=[made.pk]))
    context = {
        **_frame(page, request, "Promises by plan and priority"),
        "forms": forms,
        "promises": list(Promise),
        "refusal": refusal,
        "is_bad": any(form.errors for form in forms),
        "left_out": left_out,
        "is_single": "policy" in request.GET,
        "last_drafts": PolicyDraft.objects.select_related("made_by").order_by("-pk")[:_LAST_DRAFTS],
    }
    return TemplateResponse(request, _MATRIX, context)


def _chosen(request: HttpRequest) -> tuple[list[SlaPolicy], int]:
    """The policies on the page, and how many are left out: the plans' and some organisations', or those asked for."""
    rows = SlaPolicy.objects.with_content()
    if "policy" in request.GET:
        return [get_object_or_404(rows, pk=_number(request.GET["policy"]))], 0
    of_plans = list(rows.filter(plan__isnull=False).order_by("plan__rank", "pk"))
    own = rows.filter(organization__isnull=False).order_by("organization__name")
    return [*of_plans, *own[:MOST_OWN]], max(own.count() - MOST_OWN, 0)


def _begun(request: HttpRequest) -> dict[int, drafts.Edit]:
    """The edits of a draft that is gone on with."""
    if "draft" not in request.GET:
        return {}
    return drafts.edits_of(get_object_or_404(PolicyDraft, pk=_number(request.GET["draft"])))


def _number(text: str) -> int:
    """The key that an address names; 0, which is nobody's, for what isn't a number."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _frame(page: admin.ModelAdmin, request: HttpRequest, title: str) -> dict[str, Any]:
    return {**page.admin_site.each_context(request), "opts": page.opts, "title": title, "media": page.media}


# --- A draft -------------------------------------------------------------------------------------------------------


def draft(page: admin.ModelAdmin, request: HttpRequest, pk: int) -> HttpResponse:
    """What a draft changes and what it would mean; applied, how far the work is."""
    _check_may_edit(page, request)
    row = get_object_or_404(PolicyDraft.objects.select_related("made_by"), pk=pk)
    refusal = ""
    if request.method == "POST" and request.POST.get("action") == "apply":
        try:
            _apply(page, request, row)
        except DomainError as refused:
            refusal = refused.sentence
        else:
            return HttpResponseRedirect(request.path)
    context = _frame(page, request, f"Draft {row.pk}")
    context |= {"draft": row, "changes": drafts.changes(row), "refusal": refusal, "days": backtest.DAYS}
    context |= _looked_back(row)
    if row.applied_at is not None:
        context |= _progress(row)
    elif sentence := drafts.stale(row):
        context["stale"] = sentence
    elif "X-Progress" not in request.headers:  # who only looks how far the work is doesn't count anew
        context |= _meaning(request, row, clock.now())
    return TemplateResponse(request, _DRAFT, context)


def _apply(page: admin.ModelAdmin, request: HttpRequest, row: PolicyDraft) -> None:
    tickets = _asked_for(request)
    note = request.POST.get("note", "").strip()[:200]
    drafts.apply(row, by=request.user, at=clock.now(), tickets=tickets, note=note)
    for policy in SlaPolicy.objects.with_content().filter(pk__in=drafts.edits_of(row)):
        page.log_change(request, policy, f"Applied draft {row.pk}: {policy.current} is in force.")
    page.message_user(request, "The new promises are in force.", messages.SUCCESS)


def _asked_for(request: HttpRequest) -> Sequence[int] | None:
    """Which tickets' clocks are to move: None is all of them."""
    scope = request.POST.get("scope")
    if scope == "all":
        return None
    if scope == "new":
        return []
    if scope != "selection":
        raise Invalid("Choose which requests the new promises are for.", code="scope", field="scope")
    if not (chosen := _selected(request)):
        raise Invalid("Tick the requests whose promises are to move, or choose another answer.", code="none")
    return sorted(chosen)


def _selected(request: HttpRequest) -> set[int]:
    return {_number(text) for text in request.POST.getlist("tickets")} - {0}


def _meaning(request: HttpRequest, row: PolicyDraft, now: datetime) -> dict[str, Any]:
    found = preview(row, now=now)
    selected = _selected(request)
    affected = [one for each in found for one in each.affected]
    affected.sort(key=lambda one: (-one.counts.breaks, one.then_due is None, one.then_due or now, one.ticket.pk))
    return {
        "scope": request.POST.get("scope", ""),
        "note": request.POST.get("note", ""),
        "all": total(each.counts() for each in found),
        "selection": _of_selection(found, selected),
        "selected": selected,
        "by_policy": [(each.policy, each.counts()) for each in found],
        "affected": affected[:MOST_LISTED],
        "unlisted": max(len(affected) - MOST_LISTED, 0),
        "now": now,
    }


def _of_selection(found: Sequence[Preview], selected: Collection[int]) -> Any:
    return total(each.counts(selected) for each in found)


def _looked_back(row: PolicyDraft) -> dict[str, Any]:
    results = backtest.results(row)
    policies = SlaPolicy.objects.with_content().in_bulk(drafts.edits_of(row))
    labels = {0: "All", **{int(priority): priority.label for priority in Priority}}
    told = [(policies[pk], [(one, labels[one.priority]) for one in results.get(pk, [])]) for pk in sorted(policies)]
    return {"looked_back": told, "is_looking_back": row.backtested_at is None}


def _progress(row: PolicyDraft) -> dict[str, Any]:
    jobs = list(row.retargetings.order_by("pk"))
    policies = SlaPolicy.objects.with_content().in_bulk([job.subject for job in jobs])
    return {
        "jobs": [(job, policies.get(job.subject)) for job in jobs],
        "is_moving": any(job.finished_at is None for job in jobs),
    }
