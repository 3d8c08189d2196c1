"""The records that somebody sees."""

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from escalations.engineering.views.gate import on_the_board, viewer
from escalations.models import Escalation
from supportdesk.lib.http import page


@on_the_board
@require_safe
def escalation_board(request: HttpRequest) -> HttpResponseBase:
    rows = Escalation.objects.visible_to(viewer(request)).standing().with_card_data().order_by("-pk")[:50]
    return page(request, "escalations/engineering/board.html", {"rows": rows})
