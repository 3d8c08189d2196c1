"""The start page: what fits the person."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    user = request.user
    if not user.is_authenticated:
        return render(request, "accounts/welcome.html")
    if user.is_stakeholder:
        return redirect("escalation_board")
    return redirect("queue" if user.is_desk else "request_list")
