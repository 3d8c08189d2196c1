"""A request on behalf of a customer: first whom it is for, by address, then the request itself."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_http_methods

from accounts.access import plan_for
from accounts.actions import person_for_address
from accounts.models import User
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.http import page
from supportdesk.lib.toasts import say
from tickets import actions
from tickets.forms.agent import OnBehalfForm, PersonForm
from tickets.guidance import guidance_html, guides
from tickets.models import Channel, Ticket
from tickets.views.agent.gate import agents_only
from tickets.views.agent.places import places

_OTHERS_SHOWN = 5


@agents_only
@require_http_methods(["GET", "HEAD", "POST"])
def open_ticket(request: HttpRequest) -> HttpResponseBase:
    given = request.POST if request.method == "POST" else request.GET
    whom = PersonForm(given if request.method == "POST" or "email" in given else None)
    if not whom.is_valid():
        return page(
            request,
            "tickets/desk/new_person.html",
            {"form": whom, "views": places(request.user)},
            status=400 if whom.is_bound else 200,
        )
    email = whom.cleaned_data["email"]
    requester = User.objects.customers().filter(email=email).first()
    if request.method == "POST":
        return _submit(request, email, requester)
    return _show(request, OnBehalfForm(user=request.user, email=email, requester=requester))


def _submit(request: HttpRequest, email: str, requester: User | None) -> HttpResponse:
    at = clock.now()
    form = OnBehalfForm(request.POST, request.FILES, user=request.user, email=email, requester=requester)
    form.is_valid()
    form.store_files(at=at)
    if form.errors:
        return _show(request, form, status=400)
    said = form.cleaned_data
    try:
        ticket = actions.submit(
            requester or person_for_address(email, name=said.get("name", ""), at=at),
            by=request.user,
            organization=said.get("organization") or form.chosen_organization,
            request=form.request(),
            channel=Channel.AGENT,
            at=at,
            key=said["key"],
            public=said["is_public"],
        )
    except DomainError as refusal:
        form.refuse(refusal)
        return _show(request, form, status=refusal.status)
    say(request, f"Request #{ticket.number} was opened for {ticket.requester.display_name}.")
    return HttpResponseRedirect(ticket.desk_url, status=303)


def _show(request: HttpRequest, form: OnBehalfForm, *, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "views": places(request.user),
        "requester": form.requester,
        "email": form.email,
        "plan": plan_for(form.requester, form.chosen_organization) if form.requester else None,
        "others": _unfinished_of(request.user, form.requester) if form.requester else [],
        "guides": [
            {"category": one, "html": guidance_html(one.guidance), "is_shown": one.pk == form.chosen_category}
            for one in guides()
        ],
        "mobile_values": "|".join(map(str, form.mobile_categories)),
    }
    return page(request, "tickets/desk/new.html", context, status=status)


def _unfinished_of(user: User, requester: User) -> list[Ticket]:
    """What they have asked already: perhaps this is about one of those."""
    rows = Ticket.objects.visible_to(user).filter(requester=requester).unfinished()
    return list(rows.only("subject", "status").order_by("-updated_at", "-id")[:_OTHERS_SHOWN])
