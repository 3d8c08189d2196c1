"""One request as its customer sees it: public messages, what happened, and what the person may do now."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.views.decorators.http import require_safe

from accounts.models import User
from supportdesk.lib import clock
from supportdesk.lib.http import page
from tickets import access
from tickets.forms.customer import CopyForm, PressingForm, RaiseForm, ReplyForm, SurveyForm, higher_than
from tickets.history import FOR_CUSTOMERS, Happening, happenings
from tickets.models import EventKind, Message, Participant, SlaClock, Survey, Ticket, TicketEvent
from tickets.standing import Standing, standing_of
from tickets.states import Status, Verb, permits
from tickets.views.gate import find_ticket, for_customers

MOST_MESSAGES = 100


@dataclass
class Forms:
    """The page's forms; a verb that was refused puts its own in place of the empty one."""

    reply: ReplyForm | None = None
    pressing: PressingForm | None = None
    priority: RaiseForm | None = None
    copy: CopyForm | None = None
    survey: SurveyForm | None = None
    refusals: list[str] = field(default_factory=list)


@require_safe
@for_customers
def request_detail(request: HttpRequest, number: int) -> HttpResponseBase:
    ticket = find_ticket(request.user, number)
    if request.htmx and request.GET.get("seen") == seen_mark(ticket, _standing(ticket, now=clock.now())):
        # The open page asks every now and then: nothing new costs two queries at most, and no body.
        return HttpResponse(status=204)
    return show_request(request, ticket, Forms())


def _standing(ticket: Ticket, *, now: datetime) -> Standing:
    is_timed = ticket.next_due_at is not None and ticket.state_for_customer in {Status.NEW, Status.OPEN}
    return standing_of(ticket, SlaClock.objects.running().of([ticket]) if is_timed else (), now=now)


def seen_mark(ticket: Ticket, standing: Standing) -> str:
    """What changes with anything that the customer can see, and with nothing else (S050)."""
    mark = format(int(ticket.public_updated_at.timestamp() * 1_000_000), "x")
    timed = [(one.due_at, one.is_late) for one in standing.owed if one.due_at is not None]
    return "-".join([mark, *(f"{int(due.timestamp()):x}{'late' if is_late else ''}" for due, is_late in timed)])


def show_request(request: HttpRequest, ticket: Ticket, forms: Forms, *, status: int = 200) -> HttpResponse:
    """The page of `ticket`, or for htmx its changing part."""
    user = request.user
    may = _permissions(user, ticket)
    survey = Survey.objects.visible_to(user).filter(ticket=ticket).first() if ticket.is_closed else None
    shown = _filled(forms, user, ticket, may, survey)
    standing = _standing(ticket, now=clock.now())
    context = {
        "ticket": ticket,
        "standing": standing,
        "has_promises": standing.has_time or SlaClock.objects.of([ticket]).exists(),
        "seen": seen_mark(ticket, standing),
        "may": may,
        **_copies(ticket, may),
        "forms": shown,
        "survey": survey,
        **_conversation(request, ticket),
    }
    return page(request, "tickets/customer/page.html", context, fragment=_fragment(request), status=status)


def _fragment(request: HttpRequest) -> str:
    """The live refresh replaces the conversation and leaves what is being written alone."""
    only_news = request.method == "GET" and "seen" in request.GET
    return "tickets/customer/_news.html" if only_news else "tickets/customer/_request.html"


@dataclass(frozen=True)
class May:
    """What the person may do to the request in its present state: who may (access) and when (the table of moves)."""

    reply: bool
    solve: bool
    reopen: bool
    set_priority: bool
    raise_priority: bool
    copy: bool


def _permissions(user: User, ticket: Ticket) -> May:
    state = ticket.state
    may_raise = permits(Verb.CUSTOMER_RAISE, state) and access.may_raise_priority(user, ticket)
    return May(
        reply=access.may_follow_up(user, ticket) if ticket.is_closed else access.may_reply_as_customer(user, ticket),
        solve=permits(Verb.CUSTOMER_SOLVE, state) and access.may_mark_solved(user, ticket),
        reopen=permits(Verb.REOPEN, state) and access.may_reopen(user, ticket),
        set_priority=may_raise and ticket.priority is None,
        raise_priority=may_raise and ticket.priority is not None and bool(higher_than(ticket.priority)),
        copy=not ticket.is_closed and access.may_add_cc(user, ticket),
    )


def _filled(forms: Forms, user: User, ticket: Ticket, may: May, survey: Survey | None) -> Forms:
    """The forms of what is permitted; what was wrong with one that no longer is on the page is said above."""
    gone = [(forms.reply, may.reply), (forms.priority, may.raise_priority), (forms.copy, may.copy)]
    may_rate = survey is not None and survey.is_open(clock.now())
    gone += [(forms.pressing, may.set_priority), (forms.survey, may_rate)]
    lost = [form for form, permitted in gone if form is not None and not permitted]
    said = [str(sentence) for form in lost for sentences in form.errors.values() for sentence in sentences]
    return Forms(
        reply=(forms.reply or ReplyForm(user=user, auto_id="reply_%s")) if may.reply else None,
        pressing=(forms.pressing or PressingForm(auto_id="pressing_%s")) if may.set_priority else None,
        priority=(forms.priority or RaiseForm(ticket=ticket, auto_id="raise_%s")) if may.raise_priority else None,
        copy=(forms.copy or CopyForm(auto_id="copy_%s")) if may.copy else None,
        survey=(forms.survey or SurveyForm.of(survey, auto_id="survey_%s")) if survey and may_rate else None,
        refusals=[*forms.refusals, *said],
    )


def _copies(ticket: Ticket, may: May) -> dict[str, list[Participant]]:
    """Who is copied in, and who waits for one of those who may confirm it.

    Most requests have nobody, and finding out who of them has left takes longer than that.
    """
    copies = Participant.objects.filter(ticket=ticket, removed_at=None)
    found = list(copies.standing().select_related("added_by")) if copies.exists() else []
    return {
        "copies": [copy for copy in found if not copy.is_pending],
        "pending": [copy for copy in found if copy.is_pending and may.copy],
    }


def _conversation(request: HttpRequest, ticket: Ticket) -> dict[str, Any]:
    """Public messages and what happened between them, oldest first; at first the newest of a very long one."""
    messages = Message.objects.filter(ticket=ticket).public().select_related("author").prefetch_related("attachments")
    newest = list(messages.order_by("-created_at", "-id")[: None if "all" in request.GET else MOST_MESSAGES + 1])
    is_cut = "all" not in request.GET and len(newest) > MOST_MESSAGES
    shown = newest[:MOST_MESSAGES] if is_cut else newest
    events = list(ticket.events.filter(kind__in=FOR_CUSTOMERS).select_related("actor").order_by("at", "id"))
    was_followed_up = any(event.kind == EventKind.FOLLOWED_UP for event in events)
    original, follow_ups = _linked(request.user, ticket, was_followed_up=was_followed_up)
    lines = happenings(events, viewer=request.user, follow_ups=[*follow_ups, *_split(request.user, events)])
    return {
        "entries": _in_order(shown, lines, since=shown[-1].created_at if is_cut else None),
        "is_cut": is_cut,
        "last_message": shown[0].pk if shown else None,
        "original": original,
        "follow_ups": follow_ups,
    }


def _linked(user: User, ticket: Ticket, *, was_followed_up: bool) -> tuple[Ticket | None, list[Ticket]]:
    """The request that it follows up on and those that follow up on it, as far as the person sees them."""
    original, follow_ups = None, []
    if ticket.follow_up_of_id:
        original = Ticket.objects.visible_to(user).filter(pk=ticket.follow_up_of_id).first()
    if was_followed_up:
        follow_ups = list(Ticket.objects.visible_to(user).filter(follow_up_of=ticket).order_by("pk"))
    return original, follow_ups


def _split(user: User, events: list[TicketEvent]) -> list[Ticket]:
    """What was split off from it or what it was split off from, as far as the person sees it."""
    numbers = [event.data["number"] for event in events if event.kind == EventKind.SPLIT]
    return list(Ticket.objects.visible_to(user).filter(pk__in=numbers)) if numbers else []


def _in_order(messages: list[Message], lines: list[Happening], *, since: datetime | None) -> list[dict[str, Any]]:
    """Messages and lines by time; a message comes before what it brought about."""
    entries = [(message.created_at, 0, message.pk, {"message": message}) for message in messages]
    entries += [
        (line.at, 1, place, {"line": line}) for place, line in enumerate(lines) if since is None or line.at >= since
    ]
    return [entry for *_, entry in sorted(entries, key=lambda entry: entry[:3])]
