"""What surrounds a record: linking pull requests and issues elsewhere, merging duplicates.

Each answers htmx with its section alone. Without, it leads back to the record; what was refused stands with the
section on a page of its own, and nothing typed is lost.
"""

from types import ModuleType
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from escalations.engineering import access, actions
from escalations.engineering.forms.around import MergeForm, OutsideIssueForm, PullRequestForm
from escalations.engineering.sections import duplicates, outside_issues, pull_requests
from escalations.engineering.views.gate import find, number_of, only, viewer
from escalations.models import Escalation, EscalationMerge, OutsideIssue, PullRequest
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError, Invalid
from supportdesk.lib.http import page
from supportdesk.lib.toasts import say
from tickets.forms.fields import DeskForm

_linking = only(access.may_word, "link anything here")
_merging = only(access.may_move, "merge escalations")


@_linking
@require_POST
def escalation_pull_request_link(request: HttpRequest, ref: str) -> HttpResponseBase:
    """Link the pull request at `url`."""
    escalation = find(viewer(request), ref)
    form = PullRequestForm(request.POST, auto_id="pull_%s")
    if not form.is_valid():
        return _section(request, escalation, pull_requests, form=form, status=400)
    try:
        pull = actions.link_pull_request(escalation, form.cleaned_data["url"], by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return _refused(request, escalation, pull_requests, form, refusal)
    undo = reverse("escalation_pull_request_unlink", args=[escalation.reference, pull.pk])
    say(request, f"{pull} is linked.", undo=undo)
    return _done(request, escalation, pull_requests)


@_linking
@require_POST
def escalation_pull_request_unlink(request: HttpRequest, ref: str, pull: int) -> HttpResponseBase:
    escalation = find(viewer(request), ref)
    row = get_object_or_404(PullRequest.objects.filter(escalation=escalation).select_related("host"), pk=pull)
    try:
        actions.unlink_pull_request(row, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
    else:
        undo = reverse("escalation_pull_request_link", args=[escalation.reference])
        say(request, f"{row} is unlinked.", undo=undo, url=row.url)
    return _done(request, escalation, pull_requests)


@_linking
@require_POST
def escalation_issue_link(request: HttpRequest, ref: str) -> HttpResponseBase:
    """Link the issue at `url`, called `label`."""
    escalation = find(viewer(request), ref)
    form = OutsideIssueForm(request.POST, auto_id="issue_%s")
    if not form.is_valid():
        return _section(request, escalation, outside_issues, form=form, status=400)
    try:
        url, label = form.cleaned_data["url"], form.cleaned_data["label"]
        issue = actions.link_outside_issue(escalation, url, label=label, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return _refused(request, escalation, outside_issues, form, refusal)
    undo = reverse("escalation_issue_unlink", args=[escalation.reference, issue.pk])
    say(request, f"{issue.label} is linked.", undo=undo)
    return _done(request, escalation, outside_issues)


@_linking
@require_POST
def escalation_issue_unlink(request: HttpRequest, ref: str, issue: int) -> HttpResponseBase:
    escalation = find(viewer(request), ref)
    row = get_object_or_404(OutsideIssue.objects.filter(escalation=escalation), pk=issue)
    label, url = row.label, row.url
    try:
        actions.unlink_outside_issue(row, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
    else:
        undo = reverse("escalation_issue_link", args=[escalation.reference])
        say(request, f"{label} is unlinked.", undo=undo, url=url, label=label)
    return _done(request, escalation, outside_issues)


@_merging
@require_POST
def escalation_merge(request: HttpRequest, ref: str) -> HttpResponseBase:
    """Make this one a duplicate of the one that `into` names, and go there: its tickets are there now."""
    escalation = find(viewer(request), ref)
    form = MergeForm(request.POST, auto_id="merge_%s")
    if not form.is_valid():
        return _section(request, escalation, duplicates, form=form, status=400)
    try:
        target = _named(request, form.cleaned_data["into"])
        merged = actions.merge(escalation, target, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return _refused(request, escalation, duplicates, form, refusal)
    undo = reverse("escalation_unmerge", args=[target.reference, merged.pk])
    came = len(merged.moved)
    tickets = f"{came} ticket{'' if came == 1 else 's'} came along." if came else "It had no active tickets."
    say(request, f"{escalation.reference} is a duplicate of {target.reference}. {tickets}", undo=undo)
    return _led_to(target, duplicates)


@_merging
@require_POST
def escalation_unmerge(request: HttpRequest, ref: str, merge: int) -> HttpResponseBase:
    """Undo a merge into this one, and go to the one that goes on by itself again."""
    escalation = find(viewer(request), ref)
    merged = get_object_or_404(EscalationMerge.objects.filter(target=escalation), pk=merge)
    try:
        source = actions.unmerge(merged, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        messages.error(request, refusal.sentence)
        return _led_to(escalation, duplicates)
    say(request, f"{source.reference} goes on by itself again, with its tickets.")
    return _led_to(source, duplicates)


def _named(request: HttpRequest, reference: str) -> Escalation:
    number = number_of(reference)
    try:
        return find(viewer(request), f"SET-{number}")
    except Http404:
        sentence = f"No escalation is called {reference.strip()[:40]}. Its reference looks like SET-12."
        raise Invalid(sentence, code="unknown", field="into") from None


def _refused(
    request: HttpRequest, escalation: Escalation, section: ModuleType, form: DeskForm, refusal: DomainError
) -> HttpResponse:
    form.refuse(refusal)
    return _section(request, find(viewer(request), escalation.reference), section, form=form, status=refusal.status)


def _done(request: HttpRequest, escalation: Escalation, section: ModuleType) -> HttpResponse:
    if request.htmx:
        return _section(request, find(viewer(request), escalation.reference), section)
    return _led_to(escalation, section)


def _led_to(escalation: Escalation, section: ModuleType) -> HttpResponse:
    return HttpResponseRedirect(f"{escalation.get_absolute_url()}#{_name(section)}", status=303)


def _section(
    request: HttpRequest, escalation: Escalation, section: ModuleType, *, form: Any = None, status: int = 200
) -> HttpResponse:
    context = {
        **section.context(escalation, request, form=form),
        "escalation": escalation,
        "section": f"escalations/engineering/_{_name(section)}.html",
    }
    whole, part = "escalations/engineering/section.html", "escalations/engineering/_section.html"
    return page(request, whole, context, fragment=part, status=status)


def _name(section: ModuleType) -> str:
    return section.__name__.rpartition(".")[2]
