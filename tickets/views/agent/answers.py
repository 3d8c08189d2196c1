"""What agents write: public replies and notes. One composer, two addresses; a text meant as a note never goes out."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.views.decorators.http import require_POST

from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from supportdesk.lib.toasts import say
from tickets import actions
from tickets.forms.agent import AnswerForm
from tickets.models import Message, Ticket
from tickets.states import Status
from tickets.views.agent.gate import desk_only, find, lookers_in_too
from tickets.views.agent.workspace import Forms, show


@desk_only
@require_POST
def ticket_reply(request: HttpRequest, number: int) -> HttpResponseBase:
    """Reply publicly; where the composer stood at *Internal note*, whatever button it was, it is a note."""
    return _write(request, number, is_note=request.POST.get("mode") == "note")


@lookers_in_too
@require_POST
def ticket_note(request: HttpRequest, number: int) -> HttpResponseBase:
    return _write(request, number, is_note=True)


def _write(request: HttpRequest, number: int, *, is_note: bool) -> HttpResponseBase:
    ticket = find(request.user, number)
    form = AnswerForm(request.POST, request.FILES, user=request.user, is_note=is_note, auto_id="answer_%s")
    form.is_valid()
    form.store_files(at=clock.now())
    if form.errors:
        return show(request, ticket, Forms(answer=form), status=400)
    try:
        message = _note(request, ticket, form) if is_note else _answer(request, ticket, form)
    except DomainError as refusal:
        form.refuse(refusal)
        # What another text went out with can't be sent again; the next press of the button is meant.
        forms = Forms(answer=form, new_key=refusal.code == "key_reused")
        return show(request, find(request.user, number), forms, status=refusal.status)
    return HttpResponseRedirect(f"{ticket.desk_url}#message-{message.pk}", status=303)


def _note(request: HttpRequest, ticket: Ticket, form: AnswerForm) -> Message:
    said = form.cleaned_data
    note = actions.add_note(
        ticket, by=request.user, body=said["body"], uploads=form.uploads, key=said["key"], at=clock.now()
    )
    say(request, "Note added. Only the staff sees it.")
    return note


def _answer(request: HttpRequest, ticket: Ticket, form: AnswerForm) -> Message:
    said = form.cleaned_data
    answer = actions.answer(
        ticket,
        by=request.user,
        body=said["body"],
        submit_as=Status(said["submit_as"]),
        uploads=form.uploads,
        key=said["key"],
        seen_status=form.seen_status,
        seen_message=form.seen_message,
        at=clock.now(),
    )
    if answer.status_left:
        messages.warning(request, answer.status_left)
    else:
        say(request, f"Sent to {ticket.requester.display_name}. The ticket is {answer.message.ticket.state.label}.")
    return answer.message
