"""The link that an invitation carries. Opening it changes nothing; the button does (S070)."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import actions
from accounts.models import Invitation
from accounts.tokens import digest
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.http import ask_to_log_in
from supportdesk.lib.toasts import say


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_accept(request: HttpRequest, token: str) -> HttpResponse:
    """The page of a live invitation; expired, used, revoked and unknown ones are the same 404."""
    at = clock.now()
    pending = Invitation.objects.pending(now=at).select_related("organization")
    invitation = pending.filter(token_hash=digest(token)).first()
    if invitation is None:
        raise Http404
    if request.method != "POST":
        return render(request, "accounts/invitation.html", {"token": token})
    if not request.user.is_authenticated:
        return ask_to_log_in(request)
    try:
        membership = actions.accept_invitation(invitation, by=request.user, at=at)
    except DomainError as refusal:
        context = {"token": token, "refusal": refusal.sentence}
        return render(request, "accounts/invitation.html", context, status=refusal.status)
    say(request, f"Welcome to {membership.organization}.")
    return redirect("home")
