"""The same problem in other trackers."""

from typing import Any

from django.http import HttpRequest

from escalations.engineering import access
from escalations.engineering.forms.around import OutsideIssueForm
from escalations.engineering.views.gate import viewer
from escalations.models import Escalation


def context(escalation: Escalation, request: HttpRequest, *, form: OutsideIssueForm | None = None) -> dict[str, Any]:
    """One query."""
    may_link = access.may_word(viewer(request)) and escalation.merged_into_id is None
    return {
        "issues": list(escalation.outside_issues.all()),
        "may_link": may_link,
        "form": form or (OutsideIssueForm(auto_id="issue_%s") if may_link else None),
    }
