"""The door to the moves: a form for each, with what the customers will be told by it."""

from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import SafeString
from django.views.decorators.http import require_http_methods

from accounts.models import User
from escalations.engineering import access, actions, wording
from escalations.engineering.forms.records import TEXT_HELP, MoveForm
from escalations.engineering.steps import RULES, Move, Step, replaces_an_owed_update, target
from escalations.engineering.views.edit import seen_version, version_of_words
from escalations.engineering.views.gate import find, only, viewer
from escalations.models import Escalation, EscalationLink
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError, NotAllowed
from supportdesk.lib.html import render_markdown
from supportdesk.lib.http import page
from supportdesk.lib.toasts import say

_PREFILLED = ("version", "comes_with")


@only(access.may_move, "move this escalation")
@require_http_methods(["GET", "HEAD", "POST"])
def escalation_move(request: HttpRequest, ref: str, move: str) -> HttpResponseBase:
    """Ask what the move demands; then on to the update that its step owes, else back to the record."""
    me = viewer(request)
    escalation, what = find(me, ref), _move(move)
    to = _target(escalation, what)
    form = _form(request, escalation, what, to or escalation.at_step, me)
    if to is None:
        is_repeated = "preview" not in request.POST and _is_repeated(form, escalation, me)
        return _led_to(request, escalation) if is_repeated else _impossible(request, escalation, what)
    if "preview" in request.POST:
        return _previewed(request, escalation, form)
    if not form.is_valid():
        return _show(request, escalation, form, status=400 if form.is_bound else 200)
    try:
        moved = actions.take_step(
            escalation, what, by=me, given=form.given, at=clock.now(), seen_version=seen_version(request)
        )
    except NotAllowed:
        raise
    except DomainError as refusal:
        fresh = find(me, ref)
        if _is_repeated(form, fresh, me):
            return _led_to(request, fresh)
        form.refuse(refusal)
        return _show(request, fresh, form, status=refusal.status)
    return _led_to(request, moved)


def _led_to(request: HttpRequest, moved: Escalation) -> HttpResponse:
    say(request, f"{moved.reference} is at “{moved.at_step.label}”.")
    name = "escalation_update" if moved.owes_update else "escalation_detail"
    return HttpResponseRedirect(reverse(name, args=[moved.reference]), status=303)


def _is_repeated(form: MoveForm, escalation: Escalation, by: User) -> bool:
    """Whether the form did already what it asks for: its button was pressed twice."""
    try:
        return form.is_valid() and actions.taken_already(escalation, form.move, by=by, given=form.given, at=clock.now())
    except DomainError:
        return False


def _move(name: str) -> Move:
    try:
        return Move(name)
    except ValueError:
        raise Http404 from None


def _target(escalation: Escalation, what: Move) -> Step | None:
    asked_from = Step(escalation.asked_from) if escalation.asked_from else None
    return target(what, escalation.at_step, asked_from=asked_from)


def _form(request: HttpRequest, escalation: Escalation, what: Move, to: Step, by: User) -> MoveForm:
    """A suggestion may fill in a version: `?version=9.11.2`."""
    given = {name: request.GET[name][:40] for name in _PREFILLED if request.GET.get(name)}
    data = request.POST if request.method == "POST" else None
    return MoveForm(data, move=what, escalation=escalation, by=by, to=to, initial=given)


def _impossible(request: HttpRequest, escalation: Escalation, what: Move) -> HttpResponse:
    """Somebody was quicker, or the link is old: what the record is at, and what was typed, for it may be long."""
    typed = [value for name, value in request.POST.items() if name in _TYPED and value.strip()]
    context = {"escalation": escalation, "what": what, "typed": typed}
    return page(
        request,
        "escalations/engineering/move_impossible.html",
        context,
        status=409 if request.method == "POST" else 200,
    )


_TYPED = ("question", "answer", "plan", "evidence", "reason", "text")


def _show(request: HttpRequest, escalation: Escalation, form: MoveForm, *, status: int) -> HttpResponse:
    blocked = escalation.owes_update and not replaces_an_owed_update(form.move)
    context = {
        "escalation": escalation,
        "form": form,
        "seen_version": version_of_words(request, escalation, status=status),
        "move": form.move,
        "to": form.to,
        "owes": RULES[form.to].owes if form.may_owe else "",
        "blocked_by": RULES[escalation.at_step].owes if blocked else "",
        "pull_requests": escalation.pull_requests.filter(unlinked_at=None) if form.move is Move.TEST else (),
        "preview": preview(escalation, form),
        "variables": TEXT_HELP,
    }
    return page(request, "escalations/engineering/move.html", context, status=status)


# --- What the customers would be told ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Preview:
    """The message to the first of `number` customers, as it would be sent now."""

    link: EscalationLink | None
    html: SafeString
    number: int
    fault: str = ""


def preview(escalation: Escalation, form: MoveForm) -> Preview | None:
    """None where the move owes nobody a word. The record itself stays as it is."""
    if not form.may_owe or (form.move is Move.ASK and form.typed("whom") != "customers"):
        return None
    links = EscalationLink.objects.standing().filter(escalation=escalation)
    link = links.select_related("ticket__organization", "ticket__requester").first()
    text = form.typed("text")
    if link is None or (fault := wording.fault_of(text)):
        return Preview(link, SafeString(""), links.count(), fault="" if link is None else fault)
    said = wording.filled(text, _as_if(escalation, form), link)
    return Preview(link, render_markdown(said), links.count())


def _as_if(escalation: Escalation, form: MoveForm) -> Escalation:
    """A copy that says what the form says."""
    copy = Escalation(**{name: getattr(escalation, name) for name in _WORDED})
    typed: dict[str, Any] = {
        "question": form.typed("question"),
        "answer": form.typed("answer"),
        "comes_with": form.typed("comes_with"),
        "fixed_version": form.typed("version"),
    }
    for name, value in typed.items():
        setattr(copy, name, value or getattr(escalation, name))
    return copy


_WORDED = ("question", "answer", "comes_with", "fixed_version")


def _previewed(request: HttpRequest, escalation: Escalation, form: MoveForm) -> HttpResponse:
    """The preview alone for htmx, which asks while it is written; the whole page without."""
    if not getattr(request, "htmx", False):
        return _show(request, escalation, form, status=200)
    context = {"preview": preview(escalation, form), "form": form}
    return render(request, "escalations/engineering/_move_preview.html", context)
