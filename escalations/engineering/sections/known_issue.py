"""What customers read of the record, on its page."""

from typing import Any

from django.http import HttpRequest

from escalations.engineering import access
from escalations.engineering.known_issues import what_mends, why_untrue
from escalations.engineering.views.gate import viewer
from escalations.models import Escalation, KnownIssue
from supportdesk.lib.html import render_markdown


def context(escalation: Escalation, request: HttpRequest) -> dict[str, Any]:
    """The known issue, published or not, and whether the person may change it; one query."""
    found = KnownIssue.objects.filter(escalation=escalation).with_truth()
    issue: Any = found.select_related("published_by").first()
    is_untrue = issue is not None and issue.is_untrue
    return {
        "issue": issue,
        "issue_html": render_markdown(issue.text) if issue else "",
        "untrue": why_untrue(issue) if is_untrue else "",
        "mends": what_mends(issue) if is_untrue else "",
        "may_publish": access.may_publish(viewer(request)),
    }
