"""What one is mailed of when promises are about to break, or broke."""

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from supportdesk.lib.http import page
from supportdesk.lib.toasts import say
from tickets.forms.notices import NoticesForm
from tickets.models import SlaNoticeChoice
from tickets.views.agent.gate import desk_only
from tickets.views.agent.places import places


@desk_only
@require_http_methods(["GET", "HEAD", "POST"])
def my_notices(request: HttpRequest) -> HttpResponseBase:
    chosen = SlaNoticeChoice.objects.filter(user=request.user).first() or SlaNoticeChoice()
    form = NoticesForm(request.POST if request.method == "POST" else None, instance=chosen)
    if form.is_valid():
        SlaNoticeChoice.objects.update_or_create(user=request.user, defaults=form.cleaned_data)
        say(request, "Saved. It holds for what happens from now on.")
        return redirect("my_notices")
    context = {"form": form, "views": places(request.user)}
    return page(request, "tickets/desk/notices.html", context, status=400 if form.is_bound else 200)
