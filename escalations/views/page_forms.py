"""A page is handed to somebody, or put aside: a form of its own each, which no refresh takes away.

What is refused stands beside its field, and nothing typed is lost.
"""

from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from escalations import actions
from escalations.candidates import candidates
from escalations.forms import HandOverForm, SnoozeForm
from escalations.models import Page
from escalations.views.gate import answering, by_device, responders_only, viewer
from escalations.views.pages import base_of, done, find
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.http import page as answer
from supportdesk.lib.toasts import say


@require_http_methods(["GET", "HEAD", "POST"])
@answering
def page_hand_over(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Ring somebody else, now and first."""
    page, by, now = find(request, pk), viewer(request), clock.now()
    form = HandOverForm(request.POST if request.method == "POST" else None, people=candidates(besides=by, at=now))
    if not form.is_valid():
        return _show(request, page, "escalations/page_hand_over.html", form, status=400 if form.is_bound else 200)
    to = form.chosen.person
    try:
        actions.hand_over(page, to=to, by=by, at=now)
    except DomainError as refusal:
        form.refuse(refusal)
        return _show(request, page, "escalations/page_hand_over.html", form, status=refusal.status)
    sentence = f"Handed over. It rings {to.display_name} now."
    if not by_device(request):
        return done(request, page, sentence)
    # It rings somebody else: the phone of who had it shows it no longer.
    say(request, sentence)
    return HttpResponseRedirect(reverse("page_list"), status=303)


@require_http_methods(["GET", "HEAD", "POST"])
@responders_only
def page_snooze(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Put it aside for a while, for a reason."""
    page = find(request, pk)
    form = SnoozeForm(request.POST if request.method == "POST" else None, page=page)
    if not form.is_valid():
        return _show(request, page, "escalations/page_snooze.html", form, status=400 if form.is_bound else 200)
    try:
        reason = form.cleaned_data["reason"]
        actions.snooze(page, lasting=form.length, reason=reason, by=viewer(request), at=clock.now())
    except DomainError as refusal:
        form.refuse(refusal)
        return _show(request, page, "escalations/page_snooze.html", form, status=refusal.status)
    return done(request, page, "Put aside. It rings again when the time is over.")


def _show(request: HttpRequest, page: Page, template: str, form: Form, *, status: int) -> HttpResponse:
    return answer(request, template, {"base": base_of(request), "page": page, "form": form}, status=status)
