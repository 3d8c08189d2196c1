"""One view behind a log-in: the fifty newest tickets in a table."""

from django.contrib.auth.decorators import login_required
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

application = get_wsgi_application()


@login_required
def rows(request: HttpRequest) -> HttpResponse:
    from tickets.models import Ticket

    tickets = Ticket.objects.select_related("organization", "requester").order_by("-id")[:50]
    return render(request, "rows.html", {"tickets": tickets})


urlpatterns = [path("", rows)]
