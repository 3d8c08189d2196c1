"""*Escalate to SET*: is it known already? Then the ticket joins that record, else a new one is begun."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_http_methods, require_POST

from escalations.engineering import actions, wording
from escalations.engineering.forms.tickets import AddForm, EscalateForm, TellForm
from escalations.engineering.matching import similar_records
from escalations.engineering.standing import not_now
from escalations.engineering.views.gate import number_of, viewer
from escalations.models import Escalation, EscalationLink
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, DomainError
from supportdesk.lib.html import render_markdown
from supportdesk.lib.http import page
from supportdesk.lib.toasts import say
from tickets.models import Ticket
from tickets.views.agent.gate import agents_only, desk_only, find
from tickets.views.agent.workspace import Forms, show

_MOST_SHOWN = 5


@agents_only
@require_http_methods(["GET", "HEAD", "POST"])
def ticket_escalate(request: HttpRequest, number: int) -> HttpResponseBase:
    """The form, what its text will look like (`preview`), and what comes of it: back to the ticket."""
    ticket = find(request.user, number)
    given = request.POST if request.method == "POST" else request.GET
    into = _record(request, given.get("into", ""))
    form = _form(request, ticket, into)
    if "preview" in request.POST:
        return _show(request, ticket, into, form, fragment="escalations/engineering/_told_preview.html")
    if not form.is_bound:
        return _show(request, ticket, into, form)
    if not form.is_valid():
        return _show(request, ticket, into, form, status=400)
    try:
        record = _carry_out(request, ticket, into, form)
    except DomainError as refusal:
        form.refuse(refusal)
        return _show(request, find(request.user, number), into, form, status=refusal.status)
    say(request, f"Escalated: it is in {record.reference}. {ticket.requester.display_name} is told.")
    return HttpResponseRedirect(ticket.desk_url, status=303)


def _record(request: HttpRequest, ref: str) -> Escalation | None:
    """The record that the ticket is to join, where one is named; one that is over by now says so."""
    number = number_of(ref)
    rows = Escalation.objects.visible_to(viewer(request)).select_related("merged_into")
    return rows.filter(pk=number).first() if number else None


def _form(request: HttpRequest, ticket: Ticket, into: Escalation | None) -> TellForm:
    data = request.POST if request.method == "POST" else None
    return AddForm(data, into=into) if into else EscalateForm(data, ticket=ticket)


def _carry_out(request: HttpRequest, ticket: Ticket, into: Escalation | None, form: TellForm) -> Escalation:
    said: dict[str, Any] = {"by": viewer(request), "text": form.cleaned_data["text"], "at": clock.now()}
    said["key"] = form.cleaned_data["key"]
    if isinstance(form, EscalateForm):
        return actions.request_escalation(ticket, form.problem(), **said)
    assert into is not None  # noqa: S101 - whose form it is
    return actions.add_ticket(into, ticket, **said).escalation


def _show(
    request: HttpRequest,
    ticket: Ticket,
    into: Escalation | None,
    form: TellForm,
    *,
    status: int = 200,
    fragment: str = "",
) -> HttpResponse:
    link = EscalationLink(ticket=ticket)
    text = str(form["text"].value() or "")
    context: dict[str, Any] = {"ticket": ticket, "form": form, "into": into}
    context["preview_fault"] = wording.fault_of(text)
    context["preview"] = render_markdown(wording.filled(text, into or Escalation(), link))
    if fragment and request.htmx:
        return page(request, fragment, context)
    if into is None:
        words = request.GET.get("q", "").replace("\x00", "").strip()[:200]
        context |= {"q": words, "known": _known(request, ticket, words)}
    context["not_now"] = "" if form.is_bound else not_now(ticket)
    return page(request, "escalations/engineering/escalate.html", context, status=status)


def _known(request: HttpRequest, ticket: Ticket, words: str) -> list[Escalation]:
    """Active records that may be about the same, best first; a reference finds its own."""
    rows = Escalation.objects.visible_to(viewer(request)).active().with_card_data()
    if number := number_of(words):
        return list(rows.filter(pk=number))
    if not words:
        opening = ticket.messages.order_by("pk").values_list("body", flat=True).first() or ""
        words = f"{ticket.subject} {opening}"
    return list(similar_records(rows, words)[:_MOST_SHOWN])


# --- What an agent does to it from the ticket ----------------------------------------------------------------------


@desk_only
@require_POST
def ticket_escalation_finish(request: HttpRequest, number: int) -> HttpResponseBase:
    """`finish_as`: what becomes of this ticket once its customer was told the outcome."""

    def act(link: EscalationLink) -> None:
        actions.finish_ticket_as(link, request.POST.get("finish_as", ""), by=viewer(request), at=clock.now())
        say(request, "Saved.")

    return _on_its_link(request, number, act)


@desk_only
@require_POST
def ticket_escalation_leave(request: HttpRequest, number: int) -> HttpResponseBase:
    """Take the ticket out of its record: it goes back to its agent."""

    def act(link: EscalationLink) -> None:
        actions.unlink(link, by=viewer(request), at=clock.now())
        say(request, f"Taken out of {link.escalation.reference}: the ticket is yours again.")

    return _on_its_link(request, number, act)


def _on_its_link(request: HttpRequest, number: int, act: Any) -> HttpResponseBase:
    """`act` on the ticket's active escalation, and the workspace as it is by then."""
    ticket = find(request.user, number)
    link = EscalationLink.objects.active().filter(ticket=ticket).select_related("escalation").first()
    try:
        if link is None:
            raise Conflict("This ticket isn't with engineering any more.", code="not_escalated")
        act(link)
    except DomainError as refusal:
        return show(request, find(request.user, number), Forms(refusals=[refusal.sentence]), status=refusal.status)
    if request.htmx:
        return show(request, find(request.user, number), Forms())
    return HttpResponseRedirect(ticket.desk_url, status=303)
