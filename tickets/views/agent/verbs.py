"""What the rail of a ticket does: each parses its form, calls one verb, and shows what was refused in place."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.models import User
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError, Invalid
from supportdesk.lib.http import next_path
from supportdesk.lib.toasts import say
from tickets import actions
from tickets.forms.agent import FieldsForm, HoldForm, as_value, changed, columns, number_of, status_of
from tickets.forms.customer import CopyForm
from tickets.models import Message, Participant, Ticket
from tickets.states import Status
from tickets.views.agent.gate import agents_only, desk_only, find
from tickets.views.agent.workspace import Forms, show

Refuse = Callable[[Forms, DomainError], None]


@agents_only
@require_POST
def ticket_take(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find(request.user, number)

    def act() -> None:
        actions.take(ticket, by=request.user, at=clock.now(), **_seen_assignee(request))
        _say_assigned(request, ticket, "you")

    return _carry_out(request, ticket, act, _beside_assignee)


@agents_only
@require_POST
def ticket_assign(request: HttpRequest, number: int) -> HttpResponseBase:
    """To the agent `assignee`; *nobody* (or an empty one, as Undo sends it) gives the ticket back to the team."""
    ticket = find(request.user, number)
    wanted = request.POST.get("assignee", "nobody") or "nobody"

    def act() -> None:
        if wanted == "nobody":
            actions.unassign(ticket, by=request.user, at=clock.now(), **_seen_assignee(request))
            return _say_assigned(request, ticket, "nobody")
        agent = User.objects.agents().filter(pk=number_of(wanted)).first()
        if agent is None:
            raise Invalid("Choose an agent.", code="not_an_agent", field="assignee")
        actions.assign(ticket, by=request.user, to=agent, at=clock.now(), **_seen_assignee(request))
        return _say_assigned(request, ticket, agent.display_name)

    def refuse(forms: Forms, refusal: DomainError) -> None:
        forms.assignee = wanted
        _beside_assignee(forms, refusal)

    return _carry_out(request, ticket, act, refuse)


def _seen_assignee(request: HttpRequest) -> dict[str, Any]:
    """Whom the agent saw it assigned to; left out where the form says nothing of it."""
    if "seen_assignee" not in request.POST:
        return {}
    return {"seen_assignee": number_of(request.POST["seen_assignee"])}


def _beside_assignee(forms: Forms, refusal: DomainError) -> None:
    forms.assignee_error = refusal.sentence


def _say_assigned(request: HttpRequest, ticket: Ticket, whom: str) -> None:
    """With the way back to who had it before."""
    former = ticket.assignee_id or ""
    say(request, f"Assigned to {whom}.", undo=reverse("ticket_assign", args=[ticket.number]), assignee=former)


@agents_only
@require_POST
def ticket_status(request: HttpRequest, number: int) -> HttpResponseBase:
    """`move`: solve, hold (with a reason), unhold or reopen."""
    ticket = find(request.user, number)
    wanted = request.POST.get("move", "")
    form = HoldForm(request.POST, auto_id="hold_%s") if wanted == "hold" else None
    if form is not None and not form.is_valid():
        return show(request, ticket, Forms(hold=form), status=400)

    def refuse(forms: Forms, refusal: DomainError) -> None:
        if form is None:
            return forms.refusals.append(refusal.sentence)
        form.refuse(refusal)
        forms.hold = form
        return None

    reason = form.cleaned_data["reason"] if form is not None else ""
    return _carry_out(request, ticket, lambda: _move(request, ticket, wanted, reason), refuse)


_MOVES: dict[str, tuple[Callable[..., None], str, str]] = {
    "solve": (actions.solve, "Solved. The customer is told.", "reopen"),
    "hold": (actions.hold, "On hold. The customer goes on seeing Open.", "unhold"),
    "unhold": (actions.unhold, "Off hold: the ticket is Open.", ""),
    "reopen": (actions.reopen, "The ticket is Open again.", ""),
}


def _move(request: HttpRequest, ticket: Ticket, wanted: str, reason: str) -> None:
    if wanted not in _MOVES:
        raise Invalid("Choose what to do: solve, put on hold, take off hold or reopen.", code="unknown_move")
    verb, sentence, back = _MOVES[wanted]
    words = {"reason": reason} if wanted == "hold" else {}
    seen = status_of(request.POST.get("seen_status", ""))
    verb(ticket, by=request.user, at=clock.now(), seen_status=seen, **words)
    if back and ticket.state is Status.OPEN:  # only then does the way back lead to where it was
        return say(request, sentence, undo=reverse("ticket_status", args=[ticket.number]), move=back)
    return say(request, sentence)


@agents_only
@require_POST
def ticket_fields(request: HttpRequest, number: int) -> HttpResponseBase:
    """Write what the agent changed; where a colleague was quicker, say so beside the field and write nothing (S090)."""
    ticket = find(request.user, number)
    wanted = changed(request.POST)
    form = _fields_form(ticket, wanted)
    if not form.is_valid():
        return show(request, ticket, Forms(fields=form), status=400)

    def act() -> None:
        changes = {name: as_value(name, form.cleaned_data[name]) for name in wanted}
        given = {name: request.POST.get(f"seen_{name}") for name in wanted}
        seen = {name: as_value(name, value) for name, value in given.items() if value is not None}
        written = actions.change_fields(ticket, by=request.user, changes=changes, seen=seen, at=clock.now())
        say(request, "Saved." if written else "Nothing to save: it says so already.")

    def refuse(forms: Forms, refusal: DomainError) -> None:
        forms.fields = _fields_form(find(request.user, number), wanted)
        forms.fields.is_valid()
        forms.fields.refuse(refusal)

    return _carry_out(request, ticket, act, refuse)


def _fields_form(ticket: Ticket, wanted: dict[str, str]) -> FieldsForm:
    """The ticket's fields as they are, with what the agent wants on top."""
    return FieldsForm({**columns(ticket), **wanted}, ticket=ticket, auto_id="fields_%s")


@agents_only
@require_POST
def ticket_do_not_close(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find(request.user, number)
    to = bool(request.POST.get("do_not_close"))

    def act() -> None:
        actions.set_do_not_close(ticket, by=request.user, to=to, at=clock.now())
        sentence = "It stays open until somebody closes the matter." if to else "It closes by itself again."
        undo = reverse("ticket_do_not_close", args=[number])
        say(request, sentence, undo=undo, do_not_close="" if to else "yes")

    return _carry_out(request, ticket, act, _above)


@desk_only
@require_POST
def ticket_cc_add(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find(request.user, number)
    form = CopyForm(request.POST, auto_id="copy_%s")
    if not form.is_valid():
        return show(request, ticket, Forms(copy=form), status=400)

    def act() -> None:
        added = actions.add_cc(ticket, by=request.user, addresses=form.cleaned_data["cc"], at=clock.now())
        names = ", ".join(copy.email for copy in added)
        say(request, f"{names} will get every public message." if added else "They are told already.")

    def refuse(forms: Forms, refusal: DomainError) -> None:
        form.refuse(refusal)
        forms.copy = form

    return _carry_out(request, ticket, act, refuse)


@desk_only
@require_POST
def ticket_cc_confirm(request: HttpRequest, number: int, participant: int) -> HttpResponseBase:
    ticket = find(request.user, number)
    copy = get_object_or_404(Participant.objects.filter(ticket=ticket), pk=participant)

    def act() -> None:
        actions.confirm_cc(copy, by=request.user, at=clock.now())
        say(request, f"{copy.email} will get every public message from now on.")

    return _carry_out(request, ticket, act, _above)


@agents_only
@require_POST
def ticket_split(request: HttpRequest, number: int, message: int) -> HttpResponseBase:
    """Open a ticket of its own for a mail about something else, and go there."""
    ticket = find(request.user, number)
    said = get_object_or_404(Message.objects.filter(ticket=ticket), pk=message)
    try:
        opened = actions.split(said, by=request.user, at=clock.now())
    except DomainError as refusal:
        return show(request, ticket, Forms(refusals=[refusal.sentence]), status=refusal.status)
    say(request, f"Split off from #{number}. The message stays there, too.")
    return HttpResponseRedirect(opened.desk_url, status=303)


@desk_only
@require_POST
def ticket_cc_remove(request: HttpRequest, number: int, participant: int) -> HttpResponseBase:
    ticket = find(request.user, number)
    copy = get_object_or_404(Participant.objects.filter(ticket=ticket), pk=participant)

    def act() -> None:
        actions.remove_cc(copy, by=request.user, at=clock.now())
        if copy.is_pending:  # the way back by *Add CC* would confirm them
            return say(request, f"{copy.email} gets nothing.")
        return say(
            request,
            f"{copy.email} gets no more messages.",
            undo=reverse("ticket_cc_add", args=[number]),
            cc=copy.email,
        )

    return _carry_out(request, ticket, act, _above)


@agents_only
@require_POST
def ticket_mail_retry(request: HttpRequest, number: int, mail: int) -> HttpResponseBase:
    ticket = find(request.user, number)

    def act() -> None:
        say(request, f"The mail to {actions.retry_mail(ticket, by=request.user, mail=mail)} is sent again.")

    return _carry_out(request, ticket, act, _above)


def _above(forms: Forms, refusal: DomainError) -> None:
    forms.refusals.append(refusal.sentence)


def _carry_out(request: HttpRequest, ticket: Ticket, act: Callable[[], object], refuse: Refuse) -> HttpResponse:
    """`act`; what it refuses stands on the page, where `refuse` puts it, with the ticket as it is by now."""
    try:
        act()
    except DomainError as refusal:
        forms = Forms()
        refuse(forms, refusal)
        return show(request, find(request.user, ticket.number), forms, status=refusal.status)
    if request.htmx:
        return show(request, find(request.user, ticket.number), Forms())
    return HttpResponseRedirect(next_path(request, ticket.desk_url), status=303)
