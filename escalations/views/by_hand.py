"""Page who is on call for a ticket, whatever its plan and priority."""

from datetime import datetime

from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from escalations import actions
from escalations.forms import ByHandForm
from escalations.models import EscalationPolicy, Page
from escalations.paging.choose import policy_by_hand, policy_for_set
from escalations.paging.decide import START, Shape, fire
from escalations.paging.moves import shape_of
from escalations.paging.reach import people_behind
from escalations.views.gate import responders_only, viewer
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.http import page as answer
from supportdesk.lib.toasts import say
from tickets.models import Priority, Ticket


@require_http_methods(["GET", "HEAD", "POST"])
@responders_only
def ticket_page(request: HttpRequest, number: int) -> HttpResponseBase:
    """The form, and what comes of it: back to the ticket, on which it rings."""
    rows = Ticket.objects.visible_to(viewer(request)).select_related("organization__plan")
    ticket = rows.filter(pk=number).first()
    if ticket is None:
        raise Http404
    now = clock.now()
    audiences = audiences_of(ticket, at=now)
    first = {"kind": Page.Kind.BY_HAND, "priority": Priority.URGENT}
    form = ByHandForm(request.POST if request.method == "POST" else None, audiences=audiences, initial=first)
    status = 400 if form.is_bound else 200
    if form.is_valid():
        try:
            _ask(form, ticket, request, now)
        except DomainError as refusal:
            form.refuse(refusal)
            status = refusal.status
        else:
            say(request, "On-call is being paged.")
            return HttpResponseRedirect(ticket.desk_url, status=303)
    return answer(request, "escalations/ticket_page.html", {"ticket": ticket, "form": form}, status=status)


def _ask(form: ByHandForm, ticket: Ticket, request: HttpRequest, now: datetime) -> None:
    given = form.cleaned_data
    actions.page_by_hand(
        ticket,
        kind=Page.Kind(given["kind"]),
        priority=given["priority"],
        reason=given["reason"],
        by=viewer(request),
        at=now,
    )


def audiences_of(ticket: Ticket, *, at: datetime) -> list[tuple[str, str]]:
    """Support's on-call, and engineering's where a policy is for them, each with whom it rings first."""
    found = [(Page.Kind.BY_HAND.value, f"Support on-call: {_first(policy_by_hand(ticket), at)}")]
    if (policy := policy_for_set()) is not None:
        found.append((Page.Kind.SET.value, f"SET on-call: {_first(policy, at)}"))
    return found


def _first(policy: EscalationPolicy | None, at: datetime) -> str:
    if policy is None:
        return "leads and admins by mail, since no policy is in use"
    targets = fire(Shape.from_snapshot(shape_of(policy)), START).targets
    names = [person.display_name for person in people_behind(targets, at=at)]
    return f"{', '.join(names) or 'nobody'} now"
