"""One ticket as its agent works on it: the conversation, the composer, and beside them all that can be done to it."""

import re
from dataclasses import dataclass, field
from hashlib import blake2s
from typing import Any

from django.db.models import OuterRef
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from accounts.models import AddressHealth, Membership, User
from supportdesk.lib import clock, slots
from supportdesk.lib.http import page
from tickets import access, choices, staffing
from tickets.actions.moves import zone_of
from tickets.forms.agent import AnswerForm, FieldsForm, HoldForm
from tickets.forms.customer import CopyForm
from tickets.forms.fields import new_key
from tickets.models import Participant, Ticket
from tickets.states import Status, Verb, permits
from tickets.views.agent.conversation import conversation
from tickets.views.agent.gate import find, lookers_in_too
from tickets.views.agent.options import agent_options, options
from tickets.views.agent.places import last_view, places
from tickets.views.agent.promises import Promises, promises

_OTHERS_SHOWN = 5
_CHANGES_BY_ITSELF = re.compile(r"<time.*?</time>|<input[^>]*>", re.DOTALL)


@dataclass
class Forms:
    """The page's forms; a verb that was refused puts its own in place of the empty one."""

    answer: AnswerForm | None = None
    fields: FieldsForm | None = None
    hold: HoldForm | None = None
    copy: CopyForm | None = None
    assignee_error: str = ""
    assignee: str = ""
    refusals: list[str] = field(default_factory=list)
    new_key: bool = False


@lookers_in_too
@require_safe
def show_workspace(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find(request.user, number)
    if request.htmx and request.htmx.target == "earlier":
        return _show_earlier(request, ticket)
    if request.htmx and "seen" in request.GET:
        return _show_news(request, ticket)
    return show(request, ticket, Forms())


def _show_earlier(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    """The stretch of the conversation before, to be set above what is there."""
    context = {
        "ticket": ticket,
        "here": ticket.desk_url,
        "talk": conversation(request, ticket, cursor=request.GET.get("before", "")),
    }
    return _varied(page(request, "tickets/desk/_thread.html", context))


def _show_news(request: HttpRequest, ticket: Ticket) -> HttpResponse:
    """Alarm and conversation anew, if anything happened; what is being written and edited is left alone."""
    alarm = slots.fill_one("ticket.alarm", ticket, request)
    owed = promises(ticket, now=clock.now())
    if request.GET["seen"] == _digest(ticket, alarm, owed):
        return _varied(HttpResponse(status=204))
    context = {**_news(request, ticket, alarm, owed), "refreshed": True}
    return _varied(page(request, "tickets/desk/_news.html", context))


def _varied(response: HttpResponse) -> HttpResponse:
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    return response


def show(request: HttpRequest, ticket: Ticket, forms: Forms, *, status: int = 200) -> HttpResponse:
    """The page of `ticket`; for htmx what a verb of the rail changes: the rail, the alarm and the conversation."""
    user = request.user
    may = permissions(user, ticket)
    alarm = slots.fill_one("ticket.alarm", ticket, request)
    context = {
        **_news(request, ticket, alarm, promises(ticket, now=clock.now())),
        **_rail(user, ticket, may, forms),
        "may": may,
        "forms": _filled(forms, ticket, may, edits=request.GET.get("panel") == "fields"),
        "answer": forms.answer or AnswerForm(user=user),
        "key": new_key() if forms.answer is None or forms.new_key else forms.answer["key"].value() or new_key(),
        "refreshed": bool(request.htmx),
        "views": places(user) if not request.htmx else [],
    }
    return _varied(
        page(request, "tickets/desk/workspace.html", context, fragment="tickets/desk/_changed.html", status=status)
    )


def _news(request: HttpRequest, ticket: Ticket, alarm: SafeString, owed: Promises) -> dict[str, Any]:
    return {
        "ticket": ticket,
        "here": ticket.desk_url,
        "alarm": alarm,
        "view": last_view(request),
        "promises": owed,
        "seen": _digest(ticket, alarm, owed),
        "talk": conversation(request, ticket, cursor=request.GET.get("before", "")),
        "named": _named(ticket),
    }


def _named(ticket: Ticket) -> dict[str, str]:
    """The names of what the ticket's fields choose from lists."""
    chosen = {
        "category": ticket.category_id,
        "environment": ticket.environment_id,
        "mobile_device": ticket.mobile_device_id,
    }
    lists = choices.lists()
    return {name: next((one.name for one in lists[name] if one.pk == pk), "") for name, pk in chosen.items()}


def _digest(ticket: Ticket, alarm: str, owed: Promises) -> str:
    """Changes with anything of the ticket, its alarm and promises, but for times: the browser counts them on."""
    said = f"{ticket.updated_at.isoformat()} {_CHANGES_BY_ITSELF.sub('', alarm)} {owed.mark}"
    return blake2s(said.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True)
class May:
    """What the person may do to the ticket in its present state: who may (access) and when (the table of moves)."""

    work: bool
    edit: bool
    answer: bool
    assign: bool
    take: bool
    unassign: bool
    solve: bool
    hold: bool
    unhold: bool
    reopen: bool
    copy: bool
    answer_as: frozenset[str]

    @property
    def move(self) -> bool:
        return self.solve or self.hold or self.unhold or self.reopen


def permissions(user: User, ticket: Ticket) -> May:
    state = ticket.state
    works = access.may_work(user, ticket)
    may_assign = works and permits(Verb.ASSIGN, state)

    def moves(verb: Verb) -> bool:
        return works and permits(verb, state, escalated=ticket.is_escalated)

    return May(
        work=works,
        edit=works and permits(Verb.EDIT, state),
        answer=permits(Verb.ANSWER_OPEN, state) and access.may_answer(user, ticket),
        assign=may_assign,
        take=may_assign and ticket.assignee_id != user.pk,
        unassign=works and ticket.assignee_id is not None and permits(Verb.UNASSIGN, state),
        solve=moves(Verb.SOLVE),
        hold=moves(Verb.HOLD),
        unhold=moves(Verb.UNHOLD),
        reopen=permits(Verb.REOPEN, state) and access.may_reopen(user, ticket),
        copy=not ticket.is_closed and access.may_add_cc(user, ticket),
        answer_as=frozenset(status.value for status, verb in _ANSWERS.items() if moves(verb)),
    )


_ANSWERS = {Status.PENDING: Verb.ANSWER_PENDING, Status.SOLVED: Verb.ANSWER_SOLVED}


def _filled(forms: Forms, ticket: Ticket, may: May, *, edits: bool) -> Forms:
    """The forms of what is permitted; that of the fields only when asked for."""
    if forms.fields is None and edits:
        forms.fields = FieldsForm(ticket=ticket, auto_id="fields_%s")
    return Forms(
        fields=forms.fields if may.edit else None,
        hold=(forms.hold or HoldForm(auto_id="hold_%s")) if may.hold else None,
        copy=(forms.copy or CopyForm(auto_id="copy_%s")) if may.copy else None,
        assignee_error=forms.assignee_error,
        refusals=forms.refusals,
    )


def _agents(ticket: Ticket, forms: Forms) -> SafeString:
    """The options of the assignee, what was wanted or else what is being chosen."""
    chosen = forms.assignee or ticket.assignee_id or "nobody"
    nobody = options([("nobody", "Nobody")], chosen)
    return nobody + agent_options(staffing.by_shift(staffing.agents(), at=clock.now()), chosen)


def _rail(user: User, ticket: Ticket, may: May, forms: Forms) -> dict[str, Any]:
    # Most tickets have none, and finding out who of them has left takes longer than that.
    copies = _copies(ticket) if ticket.has_copies else []  # type: ignore[attr-defined]
    return {
        "agents": _agents(ticket, forms) if may.assign else "",
        "copies": [copy for copy in copies if not copy.is_pending],
        "pending": [copy for copy in copies if copy.is_pending],
        "customer": _customer(user, ticket),
    }


def _copies(ticket: Ticket) -> list[Participant]:
    """Who is copied in or waits to be confirmed, each with `mail_state`: whether mail to them comes back."""
    standing = Participant.objects.filter(ticket=ticket).standing().select_related("added_by")
    return list(standing.annotate(mail_state=AddressHealth.objects.state_of(OuterRef("email"))))


def _customer(user: User, ticket: Ticket) -> dict[str, Any]:
    """Who asks: their place in the organisation, and what else of theirs is unfinished."""
    if ticket.organization is None:
        others = Ticket.objects.visible_to(user).filter(requester=ticket.requester, organization=None)
        role = ""
    else:
        others = Ticket.objects.visible_to(user).filter(organization=ticket.organization)
        held = ticket.member_role  # type: ignore[attr-defined]
        role = Membership.Role(held).label if held else "No longer a member"
    found = others.unfinished().exclude(pk=ticket.pk).only("subject", "status").order_by("-updated_at", "-id")
    rows = list(found[: _OTHERS_SHOWN + 1])
    zone = zone_of(ticket)
    return {
        # A string: as a time the template would turn it into the viewer's zone.
        "local_time": f"{clock.now().astimezone(zone):%H:%M}",
        "zone": zone.key,
        "role": role,
        "others": rows[:_OTHERS_SHOWN],
        "has_more": len(rows) > _OTHERS_SHOWN,
        "is_closed_account": not ticket.requester.is_active,
    }
