"""Who comes through the doors: signed in, and only to what they may see."""

import logging
from collections.abc import Callable
from functools import wraps

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from accounts.models import User
from supportdesk.lib.http import ask_to_log_in
from tickets import access
from tickets.models import Ticket

View = Callable[..., HttpResponseBase]

security = logging.getLogger("security")


def signed_in(view: View) -> View:
    """Ask who isn't to log in; after a POST to a verb's address they come back to the page that it belongs to."""

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(request, *args, **kwargs)
        number = kwargs.get("number")
        if request.method == "POST" and number is not None and not getattr(request, "htmx", False):
            return redirect_to_login(request.path[: request.path.index(f"/{number}/") + len(f"/{number}/")])
        return ask_to_log_in(request)

    return gated


def for_customers(view: View) -> View:
    """The customer's pages. The staff is led to what the desk has in their place, and can send no form to them."""

    @wraps(view)
    def gated(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        user = request.user
        if not user.is_desk:
            return view(request, *args, **kwargs)
        number = kwargs.get("number")
        ticket = find_ticket(user, int(str(number))) if number is not None else None
        if request.method not in {"GET", "HEAD"} or not access.sees_desk(user):
            raise Http404
        if ticket is not None:
            return redirect(ticket.desk_url)
        is_form = view.__name__ == "request_new" and access.may_open_for_customer(user)
        return redirect("desk_ticket_new" if is_form else "queue")

    return signed_in(gated)


def find_ticket(user: User, number: int) -> Ticket:
    """The ticket as far as `user` may see it; what isn't there and what isn't theirs is the same 404 (S048)."""
    rows = Ticket.objects.filter(pk=number).with_row_data().select_related("environment", "mobile_device")
    found = (ticket for part in rows.visible_parts(user) for ticket in part)
    if ticket := next(found, None):
        return ticket
    if Ticket.objects.filter(pk=number).exists():
        denied(user, "ticket", number)
    raise Http404


def denied(user: User, kind: str, pk: object) -> None:
    """Leave a trace of somebody asking for what isn't theirs."""
    security.warning("authz.denied user=%s %s=%s", user.pk, kind, pk)
