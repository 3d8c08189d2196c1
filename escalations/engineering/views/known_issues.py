"""Known issues as customers read them: published texts alone, nothing of the record behind."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Organization, User
from escalations.engineering import actions, known_issues
from escalations.engineering.forms.tickets import ReportForm
from escalations.engineering.versions import what_to_do
from escalations.models import KnownIssue
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError, NotAllowed
from supportdesk.lib.html import render_markdown
from supportdesk.lib.http import page
from supportdesk.lib.toasts import say
from tickets import access
from tickets.models import Priority
from tickets.views.gate import denied, for_customers

_MOST_LISTED = 100
View = Callable[..., HttpResponseBase]


def for_submitters(view: View) -> View:
    """Customers who may submit requests; who may not gets a 403, the staff what `for_customers` has for them."""

    @wraps(view)
    def gated(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        organizations = list(access.organizations_to_submit_for(request.user))
        if not access.may_submit(request.user, organizations):
            raise NotAllowed("Your plan comes without the portal. See the help page for where to find answers.")
        return view(request, *args, organizations=organizations, **kwargs)

    return for_customers(gated)


@require_safe
@for_submitters
def known_issue_list(request: HttpRequest, organizations: list[Organization]) -> HttpResponseBase:
    """All of them, what isn't fixed first."""
    issues = list(KnownIssue.objects.published()[:_MOST_LISTED])
    context = {
        "open": [issue for issue in issues if issue.state != KnownIssue.State.FIXED],
        "fixed": [issue for issue in issues if issue.state == KnownIssue.State.FIXED],
    }
    return page(request, "escalations/engineering/known_issue_list.html", context)


@require_safe
@for_submitters
def known_issue(request: HttpRequest, pk: int, organizations: list[Organization]) -> HttpResponseBase:
    issue = _find(request, pk)
    return _show(request, issue, organizations)


@require_safe
@for_submitters
def known_issue_offers(request: HttpRequest, organizations: list[Organization]) -> HttpResponseBase:
    """A fragment for the form *Submit a request*: those that the `subject` may be about."""
    issues = known_issues.offered(request.GET.get("subject", ""))
    return page(request, "escalations/engineering/_offers.html", {"issues": issues})


@require_POST
@for_submitters
def known_issue_report(request: HttpRequest, pk: int, organizations: list[Organization]) -> HttpResponseBase:
    """*This affects me too*: to the request that it opened, or had opened before."""
    issue = _find(request, pk)
    form = ReportForm(request.POST, user=request.user, organizations=organizations)
    if not form.is_valid():
        return _show(request, issue, organizations, form, status=400)
    said = form.cleaned_data
    try:
        ticket = actions.report_known_issue(
            issue,
            by=request.user,
            organization=said.get("organization") or form.only_organization,
            priority=Priority(said["priority"]),
            version=said["product_version"],
            at=clock.now(),
        )
    except DomainError as refusal:
        form.refuse(refusal)
        return _show(request, issue, organizations, form, status=refusal.status)
    say(request, f"Your request #{ticket.number} is about this known issue. We tell you there what comes of it.")
    return HttpResponseRedirect(ticket.get_absolute_url(), status=303)


def _find(request: HttpRequest, pk: int) -> KnownIssue:
    """A published one; what is not published and what isn't there are the same 404 (S048)."""
    rows = KnownIssue.objects.published().select_related("escalation__merged_into")
    issue = rows.filter(pk=pk).first() if pk < 2**63 else None
    if issue is None:
        denied(request.user, "known issue", pk)
        raise Http404
    return issue


def _show(
    request: HttpRequest,
    issue: KnownIssue,
    organizations: list[Organization],
    form: ReportForm | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    record = issue.escalation.merged_into or issue.escalation
    user: User = request.user
    reported = list(actions.reported_by(user, record))
    said = {ticket.organization_id for ticket in reported}
    left = [one for one in organizations if one.pk not in said]
    can_report = bool(left) and record.is_active and issue.state != KnownIssue.State.FIXED
    context = {
        "issue": issue,
        "text_html": render_markdown(issue.text),
        "workaround_html": render_markdown(issue.workaround),
        "upgrade": what_to_do("", issue.fixed_version) if issue.state == KnownIssue.State.FIXED else "",
        "reported": reported,
        "form": (form or _form(user, organizations, left, is_first=not reported)) if can_report else None,
    }
    return page(request, "escalations/engineering/known_issue.html", context, status=status)


def _form(user: User, organizations: list[Organization], left: list[Organization], *, is_first: bool) -> ReportForm:
    """All organisations to choose from; where one has said so already, another is proposed."""
    proposed = {} if is_first else {"organization": left[0].pk}
    return ReportForm(user=user, organizations=organizations, initial=proposed)
