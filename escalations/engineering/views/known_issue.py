"""The known issue of a record, as engineering writes it for customers."""

from dataclasses import fields

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from escalations.engineering import access, actions
from escalations.engineering.forms.tickets import KnownIssueForm
from escalations.engineering.views.edit import seen_version, version_of_words
from escalations.engineering.views.gate import find, only, viewer
from escalations.models import Escalation, KnownIssue
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.html import render_markdown
from supportdesk.lib.http import page
from supportdesk.lib.toasts import say

_NAMES = [one.name for one in fields(actions.Notice)]


@require_http_methods(["GET", "HEAD", "POST"])
@only(access.may_publish, "publish known issues")
def escalation_known_issue(request: HttpRequest, ref: str) -> HttpResponseBase:
    """The form, its text as customers would read it (`preview`), and publishing it."""
    escalation = find(viewer(request), ref)
    issue = KnownIssue.objects.filter(escalation=escalation).first()
    form = KnownIssueForm(request.POST if request.method == "POST" else None, initial=_so_far(escalation, issue))
    if not form.is_bound or "preview" in request.POST:
        return _show(request, escalation, issue, form)
    if not form.is_valid():
        return _show(request, escalation, issue, form, status=400)
    try:
        notice = actions.Notice(**{name: form.cleaned_data[name] for name in _NAMES})
        actions.publish_known_issue(
            escalation,
            notice,
            by=viewer(request),
            at=clock.now(),
            seen_version=seen_version(request),
        )
    except DomainError as refusal:
        form.refuse(refusal)
        return _show(request, find(viewer(request), ref), issue, form, status=refusal.status)
    say(request, "Customers read it now.")
    return _back(escalation)


@require_POST
@only(access.may_publish, "withdraw known issues")
def escalation_known_issue_withdraw(request: HttpRequest, ref: str) -> HttpResponseBase:
    escalation = find(viewer(request), ref)
    actions.withdraw_known_issue(escalation, by=viewer(request), at=clock.now())
    say(request, "Customers don't see it any more.")
    return _back(escalation)


def _so_far(escalation: Escalation, issue: KnownIssue | None) -> dict[str, str]:
    """What was written, else what the record knows that is no secret; its title is written for engineers."""
    if issue is not None:
        return {name: getattr(issue, name) for name in _NAMES}
    return {"affected_versions": escalation.affected_versions, "fixed_version": escalation.fixed_version}


def _show(
    request: HttpRequest, escalation: Escalation, issue: KnownIssue | None, form: KnownIssueForm, *, status: int = 200
) -> HttpResponse:
    said = {name: str(form[name].value() or "") for name in _NAMES}
    if said["state"] not in KnownIssue.State.values:
        said["state"] = KnownIssue.State.INVESTIGATING
    context = {
        "escalation": escalation,
        "issue": issue,
        "form": form,
        "seen_version": version_of_words(request, escalation, status=status),
        "preview": KnownIssue(**said),
        "preview_html": render_markdown(said["text"]),
        "workaround_html": render_markdown(said["workaround"]),
    }
    return page(request, "escalations/engineering/known_issue_edit.html", context, status=status)


def _back(escalation: Escalation) -> HttpResponseRedirect:
    return HttpResponseRedirect(f"{escalation.get_absolute_url()}#known_issue", status=303)
