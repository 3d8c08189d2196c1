"""What customers read of the record, on its page."""

from typing import Any

from django.http import HttpRequest

from escalations.engineering import access
from escalations.engineering.steps import Step
from escalations.engineering.views.gate import viewer
from escalations.models import Escalation, KnownIssue
from supportdesk.lib.html import render_markdown


def context(escalation: Escalation, request: HttpRequest) -> dict[str, Any]:
    """The known issue, published or not, and whether the person may change it; one query."""
    issue = KnownIssue.objects.filter(escalation=escalation).select_related("published_by").first()
    return {
        "issue": issue,
        "issue_html": render_markdown(issue.text) if issue else "",
        "is_untrue": _is_untrue(issue, escalation) if issue else False,
        "may_publish": access.may_publish(viewer(request)),
    }


def _is_untrue(issue: KnownIssue, escalation: Escalation) -> bool:
    """Customers read of a fix that isn't released, or of none that is; a duplicate goes by the one that stays."""
    step = (escalation.merged_into or escalation).at_step
    return issue.published_at is not None and (issue.state == KnownIssue.State.FIXED) != (step is Step.RELEASED)
