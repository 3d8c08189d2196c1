"""How the deadlines of a request came about, as its customer sees it: what the agent sees too."""

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from supportdesk.lib import clock
from supportdesk.lib.http import page
from tickets.sla.explain import of_ticket
from tickets.views.gate import find_ticket, for_customers


@require_safe
@for_customers
def request_promises(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find_ticket(request.user, number)
    context = {"ticket": ticket, "explanations": of_ticket(ticket, now=clock.now())}
    return page(request, "tickets/customer/promises.html", context)
