"""The internal discussion as a page: read at length, written into, and kept up to date on the record."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods

from escalations.engineering import actions
from escalations.engineering.sections.discussion import CommentForm, discussion
from escalations.engineering.views import parts
from escalations.engineering.views.gate import find, on_the_board, viewer
from escalations.models import Escalation
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.http import page
from supportdesk.lib.toasts import say

_PART = "discussion"


@on_the_board
@require_http_methods(["GET", "HEAD", "POST"])
def escalation_discussion(request: HttpRequest, ref: str) -> HttpResponseBase:
    """POST writes; GET is a page of comments, or for htmx with `seen` what is new since."""
    escalation = find(viewer(request), ref)
    if request.method == "POST":
        return _write(request, escalation)
    if request.htmx and "seen" in request.GET:  # type: ignore[attr-defined]
        return _news(request, escalation)
    shown = discussion(escalation, cursor=request.GET.get("page", ""))
    return parts.show(request, escalation, _PART, shown=shown)


def _news(request: HttpRequest, escalation: Escalation) -> HttpResponse:
    """The comments anew, if there are other ones; what is being written is left alone."""
    shown = discussion(escalation)
    if request.GET["seen"] == str(shown.seen):
        answer = HttpResponse(status=204)
    else:
        answer = page(request, "escalations/engineering/_comments.html", {"escalation": escalation, _PART: shown})
    patch_vary_headers(answer, ["HX-Request"])
    return answer


def _write(request: HttpRequest, escalation: Escalation) -> HttpResponseBase:
    form = CommentForm(request.POST)
    fresh = False
    if form.is_valid():
        said = form.cleaned_data
        try:
            made = actions.comment(escalation, by=viewer(request), body=said["body"], key=said["key"], at=clock.now())
        except DomainError as refusal:
            form.refuse(refusal)
            # What another text went out with can't be sent again; the next press of the button is meant.
            fresh = refusal.code == "key_reused"
        else:
            say(request, "Written. Only the staff sees it.")
            return HttpResponseRedirect(f"{escalation.get_absolute_url()}#comment-{made.pk}", status=303)
    shown = discussion(escalation, form=form, fresh=fresh)
    return parts.show(request, escalation, _PART, shown=shown, status=400)
