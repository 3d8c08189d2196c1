"""What surrounds a record: linking pull requests and issues elsewhere, merging duplicates.

Each answers htmx with its section alone. Without, it leads back to the record; what was refused stands with the
section on a page of its own, and nothing typed is lost.
"""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from escalations.engineering import access, actions
from escalations.engineering.forms.around import MergeForm, OutsideIssueForm, PullRequestForm
from escalations.engineering.views import parts
from escalations.engineering.views.gate import find, number_of, only, viewer
from escalations.models import Escalation, EscalationMerge, OutsideIssue, PullRequest
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError, Invalid
from supportdesk.lib.toasts import say
from tickets.forms.fields import DeskForm

_PULL_REQUESTS, _OUTSIDE_ISSUES, _DUPLICATES = "pull_requests", "outside_issues", "duplicates"
_linking = only(access.may_word, "link anything here")
_merging = only(access.may_move, "merge escalations")


@_linking
@require_POST
def escalation_pull_request_link(request: HttpRequest, ref: str) -> HttpResponseBase:
    """Link the pull request at `url`."""
    escalation = find(viewer(request), ref)
    form = PullRequestForm(request.POST, auto_id="pull_%s")
    if not form.is_valid():
        return parts.show(request, escalation, _PULL_REQUESTS, form=form, status=400)
    try:
        pull = actions.link_pull_request(escalation, form.cleaned_data["url"], by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return _refused(request, escalation, _PULL_REQUESTS, form, refusal)
    undo = reverse("escalation_pull_request_unlink", args=[escalation.reference, pull.pk])
    say(request, f"{pull} is linked.", undo=undo)
    return parts.done(request, escalation, _PULL_REQUESTS)


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
    return parts.done(request, escalation, _PULL_REQUESTS)


@_linking
@require_POST
def escalation_issue_link(request: HttpRequest, ref: str) -> HttpResponseBase:
    """Link the issue at `url`, called `label`."""
    escalation = find(viewer(request), ref)
    form = OutsideIssueForm(request.POST, auto_id="issue_%s")
    if not form.is_valid():
        return parts.show(request, escalation, _OUTSIDE_ISSUES, form=form, status=400)
    try:
        url, label = form.cleaned_data["url"], form.cleaned_data["label"]
        issue = actions.link_outside_issue(escalation, url, label=label, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return _refused(request, escalation, _OUTSIDE_ISSUES, form, refusal)
    undo = reverse("escalation_issue_unlink", args=[escalation.reference, issue.pk])
    say(request, f"{issue.label} is linked.", undo=undo)
    return parts.done(request, escalation, _OUTSIDE_ISSUES)


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
    return parts.done(request, escalation, _OUTSIDE_ISSUES)


@_merging
@require_POST
def escalation_merge(request: HttpRequest, ref: str) -> HttpResponseBase:
    """Make this one a duplicate of the one that `into` names, and go there: its tickets are there now."""
    escalation = find(viewer(request), ref)
    form = MergeForm(request.POST, auto_id="merge_%s")
    if not form.is_valid():
        return parts.show(request, escalation, _DUPLICATES, form=form, status=400)
    try:
        target = _named(request, form.cleaned_data["into"])
        merged = actions.merge(escalation, target, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        return _refused(request, escalation, _DUPLICATES, form, refusal)
    undo = reverse("escalation_unmerge", args=[target.reference, merged.pk])
    came = len(merged.moved)
    tickets = f"{came} ticket{'' if came == 1 else 's'} came along." if came else "It had no active tickets."
    say(request, f"{escalation.reference} is a duplicate of {target.reference}. {tickets}", undo=undo)
    return parts.led_to(target, _DUPLICATES)


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
        return parts.led_to(escalation, _DUPLICATES)
    say(request, f"{source.reference} goes on by itself again, with its tickets.")
    return parts.led_to(source, _DUPLICATES)


def _named(request: HttpRequest, reference: str) -> Escalation:
    number = number_of(reference)
    try:
        return find(viewer(request), f"SET-{number}")
    except Http404:
        sentence = f"No escalation is called {reference.strip()[:40]}. Its reference looks like SET-12."
        raise Invalid(sentence, code="unknown", field="into") from None


def _refused(
    request: HttpRequest, escalation: Escalation, part: str, form: DeskForm, refusal: DomainError
) -> HttpResponse:
    form.refuse(refusal)
    fresh = find(viewer(request), escalation.reference)
    return parts.show(request, fresh, part, form=form, status=refusal.status)
