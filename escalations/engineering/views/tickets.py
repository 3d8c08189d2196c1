"""What is done to one ticket of a record: how it ends, that its customer's reply was read, that it goes out."""

from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST

from escalations.engineering import access, actions
from escalations.engineering.sections.tickets import refused_at
from escalations.engineering.views import parts
from escalations.engineering.views.gate import find, only, viewer
from escalations.models import EscalationLink
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError, Invalid, NotAllowed
from supportdesk.lib.toasts import say

_PART = "tickets"
_FINISH = "finish-"


@only(access.may_word, "do anything to tickets of escalations")
@require_POST
def escalation_ticket(request: HttpRequest, ref: str, ticket: int) -> HttpResponseBase:
    """`act` is seen (`replied_at`: which reply), unlink, finish-open, finish-solved or finish- (as the record says)."""
    escalation = find(viewer(request), ref)
    links = EscalationLink.objects.standing().filter(escalation=escalation).select_related("escalation", "ticket")
    link = links.filter(ticket=ticket).first()
    if link is None:
        raise Http404
    try:
        sentence = _act(request, link)
    except NotAllowed:
        raise
    except DomainError as refusal:
        if not getattr(request, "htmx", False):
            raise
        refused_at(request, ticket, refusal.sentence)
        return parts.show(request, escalation, _PART, status=refusal.status)
    if not getattr(request, "htmx", False):
        say(request, sentence)
    return parts.done(request, escalation, _PART, query=request.POST.get("shown", ""))


def _act(request: HttpRequest, link: EscalationLink) -> str:
    act, by, number = request.POST.get("act", ""), viewer(request), link.ticket_id
    if act == "seen":
        actions.mark_seen(link, replied_at=_shown_reply(request), by=by)
        return f"The reply on #{number} is read."
    if act == "unlink":
        actions.unlink(link, by=by, at=clock.now())
        return f"#{number} was taken out: it is back with its agent."
    if act.startswith(_FINISH):
        actions.finish_ticket_as(link, act.removeprefix(_FINISH), by=by, at=clock.now())
        return f"Noted how #{number} ends."
    raise Invalid("Choose what is to be done.", code="unknown")


def _shown_reply(request: HttpRequest) -> datetime:
    """When the reply was written that the page showed: a later one nobody has seen yet."""
    try:
        found = parse_datetime(request.POST.get("replied_at", ""))
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise Invalid("Look at the reply again: which one was read isn't known.", code="unknown")
    return found
