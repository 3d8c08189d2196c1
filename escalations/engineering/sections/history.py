"""Everything that happened to a record, the newest first, page by page."""

from typing import Any

from django.http import HttpRequest

from escalations.engineering.history import line
from escalations.models import Escalation
from supportdesk.lib import keyset
from supportdesk.lib.errors import Invalid

_AT_ONCE = 25


def context(escalation: Escalation, request: HttpRequest) -> dict[str, Any]:
    """One query."""
    rows = escalation.events.select_related("actor")
    try:
        page = keyset.page_of(rows, by="at", size=_AT_ONCE, cursor=request.GET.get("history", ""))
    except Invalid:
        page = keyset.page_of(rows, by="at", size=_AT_ONCE)
    return {"lines": [line(event) for event in page.rows], "newer": page.newer, "older": page.older}
