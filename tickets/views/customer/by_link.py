"""Pages that links in mails lead to, for people who aren't logged in: the signature says who they are.

Opening one changes nothing, its button does. Nothing of it is kept by browsers or told to other sites.
"""

from collections.abc import Callable
from functools import wraps

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.tags import exact
from tickets import actions, survey_link
from tickets.forms.customer import PressingForm, SurveyForm
from tickets.models import Priority, Survey, Ticket
from tickets.priority_ask import Asked, asked, preselected
from tickets.sla import lookup
from tickets.sla.clocks import target_of
from tickets.sla.countdown import target_in_words
from tickets.sla.promises import Promise
from tickets.states import Status, Verb, permits

View = Callable[[HttpRequest, str], HttpResponse]


def _by_link(view: View) -> View:
    """Around a page whose address is a secret.

    Its address is also all that a request has to prove, and no cookie counts, so that there is nothing which a forged
    form could borrow: Django's CSRF check would only turn away browsers that keep no cookies, and every other too,
    since with this referrer policy they give no origin.
    """

    @wraps(view)
    def gated(request: HttpRequest, token: str) -> HttpResponse:
        response = view(request, token)
        response["Referrer-Policy"] = "no-referrer"
        response["X-Robots-Tag"] = "noindex"
        return response

    return csrf_exempt(never_cache(require_http_methods(["GET", "HEAD", "POST"])(gated)))


def _gone(request: HttpRequest) -> HttpResponse:
    """Forged, too old, or of somebody who may no longer: the same answer for all."""
    return render(request, "tickets/by_link/gone.html", status=404)


# --- How was it? ---------------------------------------------------------------------------------------------------


@_by_link
def survey_by_link(request: HttpRequest, token: str) -> HttpResponse:
    survey = survey_link.asked(token, now=clock.now())
    if survey is None:
        return _gone(request)
    if request.method == "POST":
        return _rate(request, survey)
    return _show_survey(request, survey, SurveyForm.of(survey, rating=request.GET.get("rating", "")))


def _rate(request: HttpRequest, survey: Survey) -> HttpResponse:
    form, ticket = SurveyForm(request.POST), survey.ticket
    if not form.is_valid():
        return _show_survey(request, survey, form, status=400)
    said = form.cleaned_data
    try:
        survey = actions.rate(
            ticket, by=ticket.requester, rating=said["rating"], comment=said["comment"], at=clock.now()
        )
    except DomainError as refusal:
        form.refuse(refusal)
        return _show_survey(request, survey, form, status=refusal.status)
    return _show_survey(request, survey, form, thanks=True)


def _show_survey(
    request: HttpRequest, survey: Survey, form: SurveyForm, *, thanks: bool = False, status: int = 200
) -> HttpResponse:
    with timezone.override(lookup.zone_of(survey.ticket.requester, survey.ticket.organization)):
        context = {
            "ticket": survey.ticket,
            "survey": survey,
            "form": form,
            "is_open": survey.is_open(clock.now()),
            "thanks": thanks,
        }
        return render(request, "tickets/by_link/survey.html", context, status=status)


# --- How pressing is it? -------------------------------------------------------------------------------------------


@_by_link
def priority_by_link(request: HttpRequest, token: str) -> HttpResponse:
    found = asked(token, now=clock.now())
    if found is None:
        return _gone(request)
    if request.method == "POST":
        return _set_priority(request, found)
    return _show_priority(request, found, PressingForm(initial={"priority": preselected(request.GET.get("to", ""))}))


def _set_priority(request: HttpRequest, found: Asked) -> HttpResponse:
    form = PressingForm(request.POST)
    if not form.is_valid():
        return _show_priority(request, found, form, status=400)
    try:
        actions.set_priority(found.ticket, by=found.user, to=form.cleaned_data["priority"], at=clock.now())
    except DomainError as refusal:
        found.ticket.refresh_from_db()
        return _show_priority(request, found, form, status=refusal.status)
    found.ticket.refresh_from_db()
    return _show_priority(request, found, form, thanks=True)


def _show_priority(
    request: HttpRequest, found: Asked, form: PressingForm, *, thanks: bool = False, status: int = 200
) -> HttpResponse:
    ticket = found.ticket
    context = {
        "ticket": ticket,
        "form": form,
        "is_open": ticket.priority is None and permits(Verb.CUSTOMER_RAISE, ticket.state),
        "thanks": thanks,
        "next": _what_comes_next(found),
    }
    return render(request, "tickets/by_link/priority.html", context, status=status)


def _what_comes_next(found: Asked) -> str:
    """Who is being paged, or else by when the first reply was promised, in the person's zone; nothing otherwise."""
    ticket = found.ticket
    if ticket.priority is None or not permits(Verb.CUSTOMER_RAISE, ticket.state):
        return ""
    if _pages(ticket):
        return "The on-call engineer is being paged."
    promised = ticket.clocks.open().with_terms().filter(promise=Promise.FIRST_REPLY).first()
    target = target_of(promised) if promised else None
    if promised is None or target is None or promised.due_at is None:
        return ""
    due = timezone.localtime(promised.due_at, lookup.zone_of(found.user, ticket.organization))
    return f"You get a first reply by {exact(due)} ({target_in_words(target)})."


def _pages(ticket: Ticket) -> bool:
    """Whether somebody is paged for it, as far as the request itself says: the rule is the paging engine's."""
    pressing = ticket.priority is not None and ticket.priority <= Priority.HIGH
    waits = ticket.waiting_since is not None or ticket.raised_at is not None
    pages = ticket.organization is not None and ticket.organization.plan.pages
    return pages and pressing and waits and ticket.state in {Status.NEW, Status.OPEN}
