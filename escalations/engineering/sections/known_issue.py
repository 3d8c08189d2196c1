"""What customers read of the record, on its page."""

from typing import Any

from django.http import HttpRequest

from escalations.engineering import access
from escalations.engineering.known_issues import what_mends, why_untrue
from escalations.engineering.views.gate import viewer
from escalations.models import Escalation, KnownIssue
from supportdesk.lib.html import render_markdown


def context(escalation: Escalation, request: HttpRequest) -> dict[str, Any]:
    """The known issue, published or not, and whether the person may change it; a query, and one more where there is
    one that may be untrue.
    """
    issue: Any = KnownIssue.objects.filter(escalation=escalation).select_related("published_by").first()
    untrue: Any = KnownIssue.objects.untrue().filter(pk=issue.pk).first() if issue else None
    return {
        "issue": issue,
        "issue_html": render_markdown(issue.text) if issue else "",
        "untrue": why_untrue(untrue) if untrue else "",
        "mends": what_mends(untrue) if untrue else "",
        "may_publish": access.may_publish(viewer(request)),
    }
