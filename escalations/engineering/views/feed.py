"""My feed: what happened lately to the records that one follows, in words."""

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from escalations.engineering import history
from escalations.engineering.views.gate import on_the_board, viewer
from escalations.models import Escalation, EscalationEvent
from supportdesk.lib import keyset
from supportdesk.lib.errors import Invalid
from supportdesk.lib.http import page
from tickets.views.agent.places import places

PAGE_SIZE = 50


@on_the_board
@require_safe
def escalation_feed(request: HttpRequest) -> HttpResponseBase:
    """Newest first; a cursor that is none of ours begins at the first page."""
    user = viewer(request)
    followed = Escalation.objects.followed_by(user).values("pk")
    rows = EscalationEvent.objects.filter(escalation__in=followed).select_related("escalation", "actor")
    try:
        shown = keyset.page_of(rows, by="at", size=PAGE_SIZE, cursor=request.GET.get("page", ""))
    except Invalid:
        shown = keyset.page_of(rows, by="at", size=PAGE_SIZE)
    entries = [(event.escalation, history.line(event)) for event in shown.rows]
    context = {"entries": entries, "pages": shown, "views": places(user)}
    return page(request, "escalations/engineering/feed.html", context)
