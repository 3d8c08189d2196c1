"""*Submit a request*."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from accounts.access import plan_for
from accounts.models import Organization, SupportPlan
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.http import page
from supportdesk.lib.tags import deadline
from supportdesk.lib.toasts import say
from tickets import access, actions
from tickets.forms.customer import RequestForm
from tickets.guidance import guides, guides_html
from tickets.models import Channel, Priority
from tickets.sla.countdown import target_in_words
from tickets.sla.offers import due, first_replies, first_replies_of_each
from tickets.sla.terms import Target
from tickets.views.customer.self_service import self_service
from tickets.views.gate import for_customers


@require_http_methods(["GET", "HEAD", "POST"])
@for_customers
def request_new(request: HttpRequest) -> HttpResponseBase:
    user = request.user
    organizations = list(access.organizations_to_submit_for(user))
    if not access.may_submit(user, organizations):
        return self_service(request, status=403 if request.method == "POST" else 200)
    if request.method == "POST":
        return _submit(request, organizations)
    form = RequestForm(user=user, organizations=organizations, initial=_asked_for(request))
    return _show(request, form)


def _asked_for(request: HttpRequest) -> dict[str, Any]:
    """`?category=7` chooses one beforehand, and with it the guidance."""
    category = request.GET.get("category", "")
    return {"category": int(category)} if category.isascii() and category.isdigit() and len(category) < 10 else {}


def _submit(request: HttpRequest, organizations: list[Organization]) -> HttpResponse:
    at = clock.now()
    form = RequestForm(request.POST, request.FILES, user=request.user, organizations=organizations)
    form.is_valid()
    form.store_files(at=at)
    if form.errors:
        return _show(request, form, status=400)
    try:
        ticket = actions.submit(
            request.user,
            by=request.user,
            organization=form.cleaned_data.get("organization") or form.chosen_organization,
            request=form.request(),
            channel=Channel.PORTAL,
            at=at,
            key=form.cleaned_data["key"],
        )
    except DomainError as refusal:
        form.refuse(refusal)
        return _show(request, form, status=refusal.status)
    say(request, f"Request #{ticket.number} was submitted. We have mailed you a confirmation.")
    return HttpResponseRedirect(ticket.get_absolute_url(), status=303)


def _show(request: HttpRequest, form: RequestForm, *, status: int = 200) -> HttpResponse:
    cards = _cards(form)
    context = {
        "form": form,
        "cards": cards,
        "has_promises": any(card.promises for card in cards),
        "plans": _plans(form),
        "guides": guides(),
        "guides_within": guides_html(form.chosen_category, look="phone"),
        "guides_beside": guides_html(form.chosen_category, look="wide"),
        "is_pressing": str(form["priority"].value()) in {"1", "2"},
        "mobile_values": "|".join(map(str, form.mobile_categories)),
    }
    return page(request, "tickets/customer/new.html", context, status=status)


@dataclass(frozen=True)
class Promise:
    """A line that is shown while `organization` is the chosen one (None: whatever is chosen).

    Without scripts, which show what is chosen, the lines of all stand there, with the organisation's `name`.
    """

    text: str
    organization: int | None
    is_shown: bool
    name: str = ""


@dataclass(frozen=True)
class Card:
    """One priority to choose, with what the plan promises for it."""

    priority: Priority
    is_chosen: bool
    promises: list[Promise]


def _plan_choices(form: RequestForm) -> list[tuple[int | None, SupportPlan | None, bool]]:
    """Organisation, plan, and whether that is the chosen one; one nameless entry where nothing is to be chosen."""
    if len(form.organizations) < 2:
        return [(None, plan_for(form.user, form.chosen_organization), True)]
    return [(one.pk, one.plan, one == form.chosen_organization) for one in form.organizations]


def _cards(form: RequestForm) -> list[Card]:
    choices = _plan_choices(form)
    targets = _targets(form)
    names = {one.pk: one.name for one in form.organizations}
    now = clock.now()
    chosen = str(form["priority"].value() or "")
    cards = []
    for priority in Priority:
        lines = [
            Promise(_promise_line(targets.get(key, {}).get(priority.value), now), key, shown, names.get(key or 0, ""))
            for key, _, shown in choices
        ]
        is_chosen = chosen == str(priority.value)
        cards.append(Card(priority, is_chosen, [line for line in lines if line.text]))
    return cards


def _targets(form: RequestForm) -> dict[int | None, dict[int, Target]]:
    """What is promised as first reply, by what `_plan_choices` names and by priority."""
    if len(form.organizations) < 2:
        return {None: first_replies(form.user, form.chosen_organization)}
    return dict(first_replies_of_each(form.user, form.organizations))


def _promise_line(target: Target | None, now: datetime) -> str:
    """`First reply by Mon 16:30 (8 business hours)`, in the customer's own zone; nothing where nothing is promised."""
    by_when = due(target, now) if target else None
    if target is None or by_when is None:
        return ""
    at = deadline(timezone.localtime(by_when), timezone.localtime(now))
    return f"First reply by {at} ({target_in_words(target)})"


def _plans(form: RequestForm) -> list[dict[str, Any]]:
    return [{"organization": key, "plan": plan, "is_shown": shown} for key, plan, shown in _plan_choices(form) if plan]
