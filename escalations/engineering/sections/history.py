"""Everything that happened to a record, the newest first, page by page."""

from typing import Any

from django.http import HttpRequest

from escalations.engineering.history import line
from escalations.models import Escalation
from supportdesk.lib import keyset
from supportdesk.lib.errors import Invalid

_AT_ONCE = 15
_SHOWN = ("escalation", "kind", "from_step", "to_step", "data", "at", "actor__name", "actor__email")


def context(escalation: Escalation, request: HttpRequest) -> dict[str, Any]:
    """One query."""
    rows = escalation.events.select_related("actor").only(*_SHOWN)
    try:
        page = keyset.page_of(rows, by="at", size=_AT_ONCE, cursor=request.GET.get("history", ""))
    except Invalid:
        page = keyset.page_of(rows, by="at", size=_AT_ONCE)
    return {"lines": [line(event) for event in page.rows], "newer": page.newer, "older": page.older}
