"""The queue: built-in views at the left, the table, what narrows it, and assigning many at once."""

import re
from datetime import datetime
from hashlib import blake2s
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Organization, User
from supportdesk.lib import clock, slots
from supportdesk.lib.http import page as answer
from supportdesk.lib.keyset import Page
from supportdesk.lib.toasts import say
from tickets import access, actions, choices, queue, staffing
from tickets.models import Priority, Ticket
from tickets.states import Status
from tickets.views.agent.gate import agents_only, desk_only
from tickets.views.agent.options import agent_options, options
from tickets.views.agent.places import places, remember_view
from tickets.views.agent.rows import Look, rows_html, ticked_as

_TICKED = re.compile(r"(\d{1,18})(?:\.(\d{1,18}))?", re.ASCII)
_MOST_AT_ONCE = 100
_MOST_SAID = 5
_SUGGESTED = 12


@desk_only
@require_safe
def show_queue(request: HttpRequest) -> HttpResponseBase:
    if request.htmx and request.htmx.target == "organizations":
        return _suggest_organizations(request)
    at = clock.now()
    asker = queue.Asker(request.user, staffing.off_shift(at))
    filters = queue.read(request.GET, user=request.user)
    if request.htmx:
        return _show_rows(request, filters, asker, unless_seen=request.GET.get("seen", ""))
    shifts = staffing.by_shift(staffing.agents(), at=at)
    context = {
        **_table(request, filters, asker, at=at),
        "filters": filters,
        "selects": _selects(filters, shifts),
        "agents": agent_options(shifts),
    }
    response = answer(request, "tickets/desk/queue.html", context)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    remember_view(request, response, filters.view)
    return response


def _selects(filters: queue.Filters, shifts: list[staffing.Shift]) -> dict[str, SafeString]:
    """The options of each filter, what is asked for being chosen."""
    who = options([("", "Anybody"), ("me", "Me"), ("nobody", "Nobody")], filters.assignee)
    categories = [(one.pk, one.name) for one in choices.lists()["category"]]
    return {
        "status": options([("", "Any status"), *((one.value, one.label) for one in Status)], filters.status),
        "priority": options([("", "Any priority"), *Priority.choices, ("none", "Not set yet")], filters.priority),
        "assignee": who + agent_options(shifts, filters.assignee),
        "category": options([("", "Any category"), *categories], filters.category),
        "sort": options([(key, sort.label) for key, sort in queue.SORTS.items()], filters.order),
    }


def _table(request: HttpRequest, filters: queue.Filters, asker: queue.Asker, *, at: datetime) -> dict[str, Any]:
    shown = queue.page(filters, asker)
    counts = queue.counts(asker)
    may_assign = access.may_open_for_customer(asker.user)
    look = Look(
        prefix=reverse("ticket_workspace", args=[0]).removesuffix("0/"),
        may_assign=may_assign,
        ticked=set(request.GET.getlist("ticket")),
        ringing=slots.fill("queue.row", shown.rows, request),
        due=queue.countdowns(shown.rows, now=at),
    )
    address = filters.address()
    paged = "&" if address != "?" else ""
    return {
        "view": filters.view,
        "views": places(asker.user, counts, filters.view),
        "rows": rows_html(shown.rows, look),
        "count": counts[filters.view.key],
        "narrowed": filters.is_narrowed,
        "may_assign": may_assign,
        "address": filters.address(page=filters.cursor),
        "newer": f"{address}{paged}page={shown.newer}" if shown.newer else "",
        "older": f"{address}{paged}page={shown.older}" if shown.older else "",
        "seen": _digest(shown, look, counts),
    }


def _digest(shown: Page[Ticket], look: Look, counts: dict[str, str]) -> str:
    """Changes with anything that the table shows, times apart, which the browser counts on by itself."""
    rows = [
        (
            ticket.pk,
            ticket.updated_at,
            look.ringing.get(ticket.pk),
            told.mark if (told := look.due.get(ticket.pk)) else None,
        )
        for ticket in shown.rows
    ]
    return blake2s(repr((rows, counts)).encode(), digest_size=8).hexdigest()


def _show_rows(
    request: HttpRequest, filters: queue.Filters, asker: queue.Asker, *, unless_seen: str = ""
) -> HttpResponse:
    """The table alone; nothing new is an empty answer, so that an open page costs little and nothing in it jumps."""
    context = _table(request, filters, asker, at=clock.now())
    if unless_seen and unless_seen == context["seen"]:
        response = HttpResponse(status=204)
    else:
        response = answer(request, "tickets/desk/_rows.html", {**context, "filters": filters, "refreshed": True})
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def _suggest_organizations(request: HttpRequest) -> HttpResponse:
    words = request.GET.get("organization", "").replace("\x00", "").strip()[:64]
    found = Organization.objects.visible_to(request.user).filter(name__icontains=words).order_by("name")
    names = list(found.values_list("name", flat=True)[:_SUGGESTED])
    response = answer(request, "tickets/desk/_organizations.html", {"names": names})
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


@agents_only
@require_POST
def assign_many(request: HttpRequest) -> HttpResponseBase:
    """Assign the ticked tickets (or the `one`) to an agent, to oneself, or to nobody."""
    filters = queue.read(QueryDict(request.POST.get("address", "").removeprefix("?")), user=request.user)
    tickets, seen = _ticked(request)
    to, is_known = _whom(request)
    if not tickets:
        messages.error(request, "Tick the tickets to assign first.")
    elif not is_known:
        messages.error(request, "Choose whom to assign them to.")
    else:
        _assign(request, tickets, seen, to, filters)
    if not request.htmx:
        return HttpResponseRedirect(reverse("queue") + filters.address(page=filters.cursor), status=303)
    asker = queue.Asker(request.user, staffing.off_shift(clock.now()))
    return _show_rows(request, filters, asker)


def _ticked(request: HttpRequest) -> tuple[list[Ticket], dict[int, int | None]]:
    """The tickets that were named, and whose each was before the agent's eyes (`rows.ticked_as`)."""
    given = request.POST.getlist("ticket") if "one" not in request.POST else [f"{request.POST['one']}.0"]
    given += request.POST.get("tickets", "").split(",")
    found = [match for match in map(_TICKED.fullmatch, given) if match][:_MOST_AT_ONCE]
    seen = {int(match[1]): int(match[2]) or None for match in found if match[2]}
    numbers = [int(match[1]) for match in found]
    return list(Ticket.objects.visible_to(request.user).filter(pk__in=numbers).order_by("pk")), seen


def _whom(request: HttpRequest) -> tuple[User | None, bool]:
    """The agent (None: nobody), and whether anybody that exists was named."""
    wanted = request.POST.get("assignee", "")
    if "one" in request.POST or request.POST.get("to") == "me":
        return request.user, True
    if wanted == "nobody":
        return None, True
    if not (wanted.isascii() and wanted.isdigit() and len(wanted) < 19):
        return None, False
    agent = User.objects.agents().filter(pk=int(wanted)).first()
    return agent, agent is not None


def _assign(
    request: HttpRequest, tickets: list[Ticket], seen: dict[int, int | None], to: User | None, filters: queue.Filters
) -> None:
    had_nobody = [ticket for ticket in tickets if ticket.assignee_id is None]
    result = actions.assign_many(tickets, by=request.user, to=to, at=clock.now(), seen=seen)
    queue.forget_counts()
    if result.changed:
        number = f"#{tickets[0].number}" if len(tickets) == 1 else _counted(result.changed)
        whom = "nobody" if to is None else "you" if to.pk == request.user.pk else to.display_name
        changed = [ticket for ticket in tickets if ticket.number not in result.refused]
        undo: dict[str, Any] = {}
        if to is not None and set(changed) <= set(had_nobody):
            undo = {"undo": reverse("queue_assign"), "assignee": "nobody", "address": filters.address()}
            undo["tickets"] = ",".join(ticked_as(ticket.number, to.pk) for ticket in changed)
        say(request, f"{number} assigned to {whom}.", **undo)
    if result.refused:
        messages.error(request, _refusals(result.refused))


def _counted(number: int) -> str:
    return "1 ticket" if number == 1 else f"{number} tickets"


def _refusals(refused: dict[int, str]) -> str:
    said = " ".join(f"#{number}: {sentence}" for number, sentence in list(refused.items())[:_MOST_SAID])
    more = len(refused) - _MOST_SAID
    return f"Not assigned. {said}" + (f" And {more} more." if more > 0 else "")
