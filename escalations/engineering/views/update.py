"""What a step owes its customers: worded, looked at for each, held back for some, sent to the rest; how far it is."""

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_POST

from escalations.engineering import access, actions, progress
from escalations.engineering.actions.moves import require
from escalations.engineering.forms.records import NoticeForm, UpdateForm
from escalations.engineering.letters import every_notice, letters, named, notices
from escalations.engineering.steps import RULES
from escalations.engineering.views.edit import seen_version, version_of_words
from escalations.engineering.views.gate import find, on_the_board, only, viewer
from escalations.models import CustomerNotice, CustomerUpdate, Escalation
from supportdesk.lib import clock, keyset
from supportdesk.lib.errors import DomainError, Invalid, NotAllowed
from supportdesk.lib.http import next_path
from supportdesk.lib.toasts import say

State = CustomerUpdate.State
_AT_ONCE = 50
_LONGEST = 100
_HELD_SHOWN = 20
_PARTS = {"progress": "_progress.html", "letters": "_letters.html"}


@on_the_board
@require_http_methods(["GET", "HEAD", "POST"])
def escalation_update(request: HttpRequest, ref: str) -> HttpResponseBase:
    """The update that is owed, else the one that was sent last, or `of` that one; htmx names the part that it wants."""
    me = viewer(request)
    escalation = find(me, ref)
    if request.method == "POST":
        require(access.may_word(me), "word what customers are told")
        return _take(request, escalation)
    return _show(request, escalation, chosen(escalation, request.GET.get("of", "")))


def chosen(escalation: Escalation, key: str) -> CustomerUpdate | None:
    """The update with that key, else the latest; 404 for a key that is none of the record's."""
    updates = escalation.updates.exclude(state=State.DROPPED).select_related("sent_by")
    if not key:
        return updates.last()
    found = updates.filter(pk=int(key)).first() if key.isascii() and key.isdigit() and len(key) < 19 else None
    if found is None:
        raise Http404
    return found


# --- Wording and sending -------------------------------------------------------------------------------------------


def _take(request: HttpRequest, escalation: Escalation) -> HttpResponseBase:
    """`act` is `send`, or to save the text for now."""
    form, me = UpdateForm(request.POST), viewer(request)
    sends = request.POST.get("act") == "send"
    if not form.is_valid():
        return _show(request, escalation, chosen(escalation, ""), form=form, status=400)
    verb: Any = actions.send_update if sends else actions.word_update
    text = form.cleaned_data["text"]
    try:
        verb(escalation, text=text, by=me, at=clock.now(), seen_version=seen_version(request))
    except NotAllowed:
        raise
    except DomainError as refusal:
        form.refuse(refusal)
        fresh = find(me, escalation.reference)
        return _show(request, fresh, chosen(fresh, ""), form=form, status=refusal.status)
    say(request, "They are being told now." if sends else "The text is saved.")
    return HttpResponseRedirect(reverse("escalation_update", args=[escalation.reference]), status=303)


def _show(
    request: HttpRequest,
    escalation: Escalation,
    update: CustomerUpdate | None,
    *,
    form: UpdateForm | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    me, is_owed = viewer(request), update is not None and update.state == State.OWED
    context = {
        "escalation": escalation,
        "update": update,
        "is_owed": is_owed,
        "owes": RULES[update.at_step].owes if update else "",
        "form": form or UpdateForm(initial={"text": update.text if update else ""}),
        "seen_version": version_of_words(request, escalation, status=status),
        "may_send": access.may_move(me),
        "may_word": access.may_word(me),
        "here": request.get_full_path() if request.method != "POST" else "",
        **more,
    }
    if update is not None:
        context |= _listed(request, escalation, update)
    wanted = getattr(request, "htmx", None) and request.htmx.target  # type: ignore[attr-defined]
    template = _PARTS.get(str(wanted), "update.html") if request.method != "POST" else "update.html"
    response = render(request, f"escalations/engineering/{template}", context, status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _listed(request: HttpRequest, escalation: Escalation, update: CustomerUpdate) -> dict[str, Any]:
    """A page of the letters, how far it all is, and who is held back from what was said before."""
    words = request.GET.get("find", "").replace("\x00", "").strip()[:_LONGEST]
    every = notices(escalation, viewer(request))
    page = _page_of(every.filter(named(words), update_of=update), request.GET.get("page", ""))
    before = every.filter(state=CustomerNotice.State.HELD, update_of__state=State.SENT).exclude(update_of=update)
    kept = {"of": request.GET.get("of", ""), "find": words}
    return {
        "progress": progress.of([update], viewer(request))[update.pk],
        "letters": letters(page.rows, escalation),
        "before": letters(before.order_by("id")[:_HELD_SHOWN], escalation),
        "find": words,
        "previous": _query(kept, page.newer),
        "next": _query(kept, page.older),
        "failing": every.filter(update_of=update, state=CustomerNotice.State.DUE).exclude(last_error="")[:5],
    }


def _page_of(rows: Any, cursor: str) -> keyset.Page[CustomerNotice]:
    try:
        return keyset.page_of(rows, by="id", size=_AT_ONCE, cursor=cursor, ascending=True)
    except Invalid:
        return keyset.page_of(rows, by="id", size=_AT_ONCE, ascending=True)


def _query(kept: dict[str, str], cursor: str) -> str:
    return urlencode({name: value for name, value in {**kept, "page": cursor}.items() if value}) if cursor else ""


# --- One customer --------------------------------------------------------------------------------------------------


@only(access.may_word, "decide what customers are told")
@require_POST
def escalation_notice(request: HttpRequest, ref: str, notice: int) -> HttpResponseBase:
    """`act` is change, hold, dismiss or tell; htmx gets the customer's line and what sends, else the page again."""
    me = viewer(request)
    escalation = find(me, ref)
    row = every_notice(escalation, me).filter(pk=notice).first()
    if row is None:
        raise Http404
    form = NoticeForm(request.POST)
    if not form.is_valid():
        return _again(request, escalation, row, form=form, status=400)
    try:
        sentence = _act(request, row, form)
    except NotAllowed:
        raise
    except DomainError as refusal:
        form.refuse(refusal)
        return _again(request, escalation, row, form=form, status=refusal.status)
    if getattr(request, "htmx", False):
        return _again(request, escalation, row)
    say(request, sentence)
    back = next_path(request, reverse("escalation_update", args=[escalation.reference]))
    return HttpResponseRedirect(f"{back}#notice-{row.pk}", status=303)


def _act(request: HttpRequest, notice: CustomerNotice, form: NoticeForm) -> str:
    by, at, whom = viewer(request), clock.now(), f"the customer of #{notice.link.ticket_id}"
    match request.POST.get("act"):
        case "hold":
            actions.hold_notice(notice, why=form.cleaned_data["why"], by=by, at=at)
            return f"Held back from {whom}."
        case "dismiss":
            actions.dismiss_notice(notice, why=form.cleaned_data["why"], by=by, at=at)
            return f"{whom.capitalize()} is not to be told."
        case "tell":
            actions.release_notice(notice, by=by, at=at)
            return f"{whom.capitalize()} is told after all."
        case "change":
            actions.change_notice(notice, text=form.cleaned_data["text"], by=by, at=at)
            return f"Changed for {whom}."
    raise Invalid("Choose what is to be done.", code="unknown", field=None)


def _again(
    request: HttpRequest,
    escalation: Escalation,
    row: CustomerNotice,
    *,
    form: NoticeForm | None = None,
    status: int = 200,
) -> HttpResponse:
    """The customer's line as it stands now; without htmx the whole page with what was refused at its line."""
    me = viewer(request)
    escalation = find(me, escalation.reference)
    fresh = every_notice(escalation, me).get(pk=row.pk)  # also one that was overtaken meanwhile
    more: dict[str, Any] = {}
    if form is not None:
        more = {"refused": form, "refused_at": row.pk, "refused_act": request.POST.get("act", "")}
    if not getattr(request, "htmx", False):
        return _show_refused(request, escalation, fresh, status=status, **more)
    update = fresh.update_of
    context = {
        "escalation": escalation,
        "one": letters([fresh], escalation)[0],
        "update": update,
        "is_owed": update.state == State.OWED,
        "progress": progress.of([update], me)[update.pk],
        "may_word": access.may_word(me),
        "may_send": access.may_move(me),
        "here": next_path(request, ""),
        "with_bar": True,
        **more,
    }
    return render(request, "escalations/engineering/_letter.html", context, status=status)


def _show_refused(
    request: HttpRequest, escalation: Escalation, row: CustomerNotice, *, status: int, **more: Any
) -> HttpResponse:
    """The page with what was refused at the customer's line, which stands apart where the page lists it no more."""
    if row.state == CustomerNotice.State.DROPPED:
        more["gone"] = letters([row], escalation)
    shown = "" if row.update_of.state == State.DROPPED else str(row.update_of_id)
    return _show(request, escalation, chosen(escalation, shown), status=status, **more)
