"""Sending again to an address of the ticket that mail came back from."""

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts import health
from supportdesk.lib import clock
from supportdesk.lib.errors import NotAllowed
from supportdesk.lib.toasts import say
from tickets.models import Participant, Ticket
from tickets.views.agent.gate import desk_only, find
from tickets.views.agent.workspace import Forms, show


@desk_only
@require_POST
def ticket_address_lift(request: HttpRequest, number: int) -> HttpResponseBase:
    """Only the addresses of the ticket's own people: all others are in Django admin."""
    ticket = find(request.user, number)
    if not request.user.is_lead:
        raise NotAllowed("Only leads and admins decide what is sent to an address.", code="leads_only")
    email = request.POST.get("email", "")
    if email not in _addresses(ticket):
        raise Http404
    lifted = health.lift(email, by=request.user, at=clock.now())
    say(request, f"Mail is sent to {email} again." if lifted else f"Nothing kept mail from {email} any more.")
    return show(request, find(request.user, number), Forms()) if request.htmx else redirect(ticket.desk_url)


def _addresses(ticket: Ticket) -> set[str]:
    copies = Participant.objects.current().filter(ticket=ticket)
    return {ticket.requester.email, *copies.values_list("email", flat=True)}
