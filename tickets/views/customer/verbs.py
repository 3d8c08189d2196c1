"""What the customer's side does to a request: each parses its form, calls one verb, shows what was refused in place."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.toasts import say
from tickets import access, actions
from tickets.actions.moves import require
from tickets.forms.customer import CopyForm, PressingForm, RaiseForm, ReplyForm, SurveyForm
from tickets.forms.fields import DeskForm
from tickets.models import Participant, Priority, Ticket
from tickets.views.customer.page import Forms, show_request
from tickets.views.gate import find_ticket, for_customers


@require_POST
@for_customers
def request_reply(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find_ticket(request.user, number)
    at = clock.now()
    form = ReplyForm(request.POST, request.FILES, user=request.user, auto_id="reply_%s")
    form.is_valid()
    form.store_files(at=at)

    def act() -> HttpResponse:
        said = form.cleaned_data
        message = actions.reply(
            ticket, by=request.user, body=said["body"], uploads=form.uploads, key=said["key"], at=at
        )
        if message.ticket_id == ticket.pk:
            say(request, "Your reply was sent.")
            return _back(request, ticket)
        say(request, f"Request #{ticket.number} is Closed: your reply opened the follow-up #{message.ticket_id}.")
        return _go(request, message.ticket.get_absolute_url())

    return _carry_out(request, ticket, form, Forms(reply=form), act)


@require_POST
@for_customers
def request_solve(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find_ticket(request.user, number)

    def act() -> HttpResponse:
        actions.mark_solved(ticket, by=request.user, at=clock.now())
        say(request, "Marked as solved. Thank you for telling us.", undo=reverse("request_reopen", args=[number]))
        return _back(request, ticket)

    return _carry_out(request, ticket, None, Forms(), act)


@require_POST
@for_customers
def request_reopen(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find_ticket(request.user, number)

    def act() -> HttpResponse:
        actions.reopen(ticket, by=request.user, at=clock.now())
        say(request, "The request is open again. Tell us what is still wrong.")
        return _back(request, ticket)

    return _carry_out(request, ticket, None, Forms(), act)


@require_POST
@for_customers
def request_priority(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find_ticket(request.user, number)
    require(access.may_raise_priority(request.user, ticket), "set the priority of this request")
    form = PressingForm(request.POST, auto_id="pressing_%s")
    form.is_valid()

    def act() -> HttpResponse:
        to = form.cleaned_data["priority"]
        actions.set_priority(ticket, by=request.user, to=to, at=clock.now())
        say(request, f"The priority is {Priority(to).label} now.")
        return _back(request, ticket)

    return _carry_out(request, ticket, form, Forms(pressing=form), act)


@require_POST
@for_customers
def request_raise(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find_ticket(request.user, number)
    require(access.may_raise_priority(request.user, ticket), "raise the priority of this request")
    form = RaiseForm(request.POST, ticket=ticket, auto_id="raise_%s")
    form.is_valid()

    def act() -> HttpResponse:
        to, reason = form.cleaned_data["priority"], form.cleaned_data["reason"]
        actions.raise_priority(ticket, by=request.user, to=to, reason=reason, at=clock.now())
        say(request, f"The priority is {Priority(to).label} now.")
        return _back(request, ticket)

    return _carry_out(request, ticket, form, Forms(priority=form), act)


@require_POST
@for_customers
def request_survey(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find_ticket(request.user, number)
    require(access.may_rate(request.user, ticket), "rate this request")
    form = SurveyForm(request.POST, auto_id="survey_%s")
    form.is_valid()

    def act() -> HttpResponse:
        said = form.cleaned_data
        actions.rate(ticket, by=request.user, rating=said["rating"], comment=said["comment"], at=clock.now())
        say(request, "Thank you for telling us.")
        return _back(request, ticket)

    return _carry_out(request, ticket, form, Forms(survey=form), act)


@require_POST
@for_customers
def request_cc_add(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find_ticket(request.user, number)
    require(access.may_add_cc(request.user, ticket), "add people to this request")
    form = CopyForm(request.POST, auto_id="copy_%s")
    form.is_valid()

    def act() -> HttpResponse:
        added = actions.add_cc(ticket, by=request.user, addresses=form.cleaned_data["cc"], at=clock.now())
        names = ", ".join(copy.email for copy in added)
        say(request, f"{names} will get every public message." if added else "They are told already.")
        return _back(request, ticket)

    return _carry_out(request, ticket, form, Forms(copy=form), act)


@require_POST
@for_customers
def request_cc_confirm(request: HttpRequest, number: int, participant: int) -> HttpResponseBase:
    ticket = find_ticket(request.user, number)
    require(access.may_add_cc(request.user, ticket), "add people to this request")
    copy = get_object_or_404(Participant.objects.filter(ticket=ticket), pk=participant)

    def act() -> HttpResponse:
        actions.confirm_cc(copy, by=request.user, at=clock.now())
        say(request, f"{copy.email} will get every public message from now on.")
        return _back(request, ticket)

    return _carry_out(request, ticket, None, Forms(), act)


@require_POST
@for_customers
def request_cc_remove(request: HttpRequest, number: int, participant: int) -> HttpResponseBase:
    ticket = find_ticket(request.user, number)
    copy = get_object_or_404(Participant.objects.filter(ticket=ticket), pk=participant)

    def act() -> HttpResponse:
        actions.remove_cc(copy, by=request.user, at=clock.now())
        if not Ticket.objects.visible_to(request.user).filter(pk=ticket.pk).exists():
            say(request, f"You no longer follow request #{number}.")
            return _go(request, reverse("request_list"))
        if copy.is_pending:  # the way back by *Add CC* would confirm them
            say(request, f"{copy.email} gets nothing.")
            return _back(request, ticket)
        undo = reverse("request_cc_add", args=[number])
        say(request, f"{copy.email} gets no more messages.", undo=undo, cc=copy.email)
        return _back(request, ticket)

    return _carry_out(request, ticket, None, Forms(), act)


def _carry_out(
    request: HttpRequest, ticket: Ticket, form: DeskForm | None, forms: Forms, act: Callable[[], HttpResponse]
) -> HttpResponse:
    """`act` if the form is right; what is wrong or refused stands on the page, with all that was typed."""
    if form is not None and form.errors:
        return show_request(request, ticket, forms, status=400)
    try:
        return act()
    except DomainError as refusal:
        if form is None:
            forms.refusals.append(refusal.sentence)
        else:
            form.refuse(refusal)
        return show_request(request, find_ticket(request.user, ticket.number), forms, status=refusal.status)


def _back(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    """The request as it is now: in place for htmx, by way of a redirect otherwise."""
    if request.htmx:
        return show_request(request, find_ticket(request.user, ticket.number), Forms())
    return HttpResponseRedirect(ticket.get_absolute_url(), status=303)


def _go(request: HttpRequest, address: str) -> HttpResponse:
    """Another page, also for htmx."""
    return HttpResponseClientRedirect(address) if request.htmx else HttpResponseRedirect(address, status=303)
