"""The way out of a mail: a page with a button, and the one click of mail programs (RFC 8058)."""

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from supportdesk.lib import clock
from supportdesk.lib.http import page
from tickets import actions
from tickets.models import Ticket
from tickets.notifications.unsubscribe import read_token


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponseBase:
    """Whoever holds the link may follow it, without logging in; only a POST takes anybody off (S070)."""
    if request.method == "POST" and request.POST.get("List-Unsubscribe") == "One-Click":
        _take_off(token)
        return HttpResponse("You get no more mails about this request.\n", content_type="text/plain; charset=utf-8")
    return _in_the_browser(request, token)


@csrf_protect
def _in_the_browser(request: HttpRequest, token: str) -> HttpResponse:
    is_done = request.method == "POST"
    number = _take_off(token) if is_done else _read(token)[0]
    return page(request, "tickets/unsubscribe.html", {"number": number, "is_done": is_done, "token": token})


def _take_off(token: str) -> int:
    number, email = _read(token)
    ticket = Ticket.objects.filter(pk=number).first()
    if ticket is None:
        raise Http404
    actions.unsubscribe(ticket, email=email, at=clock.now())
    return number


def _read(token: str) -> tuple[int, str]:
    found = read_token(token)
    if found is None:
        raise Http404
    return found
