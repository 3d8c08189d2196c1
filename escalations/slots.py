"""What paging puts on the pages of tickets and of the desk; registered by EscalationsConfig.ready()."""

from collections.abc import Hashable, Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Count, Q
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from accounts.models import User
from escalations import live, timeline
from escalations.access import is_responder, may_page_by_hand, may_watch_paging
from escalations.models import Page, PageEvent, PagingAlarm, Schedule
from escalations.paging import roster
from escalations.people import ringing_people, zone_of
from supportdesk.lib import clock, slots
from supportdesk.lib.kept import Kept
from supportdesk.lib.tags import ago, face, icon
from tickets.models import Ticket
from tickets.states import UNFINISHED

Filled = dict[Hashable, SafeString]
_HISTORY_LENGTH = 100
_NAMES_IN_A_ROW = 2
_NAMES_IN_A_LINE = 3


def register() -> None:
    slots.register("ticket.alarm", ticket_alarm)
    slots.register("ticket.timeline", ticket_timeline)
    slots.register("ticket.rail", ticket_rail)
    slots.register("queue.row", queue_row)
    slots.register("desk.nav", desk_nav)
    slots.register("desk.top", desk_top)
    slots.register("desk.side", desk_side)


def _pages(tickets: Sequence[Ticket], request: HttpRequest) -> list[Page]:
    """The open pages of a table's tickets."""
    rows = Page.objects.visible_to(request.user).open().filter(ticket__in=tickets)
    return list(rows.select_related("acknowledged_by").order_by("pk"))


def _pages_ever(tickets: Sequence[Ticket], request: HttpRequest) -> list[Page]:
    """All pages there ever were of the tickets; a request asks once, for the alarm and for the history."""
    asked = tuple(ticket.pk for ticket in tickets)
    known: tuple[object, list[Page]] | None = getattr(request, "_pages_ever", None)
    if known is None or known[0] != asked:
        rows = Page.objects.visible_to(request.user).filter(ticket__in=asked)
        known = (asked, list(rows.select_related("acknowledged_by").order_by("pk")))
        request._pages_ever = known  # type: ignore[attr-defined]
    return known[1]


def ticket_alarm(tickets: Sequence[Ticket], request: HttpRequest) -> Filled:
    """A banner for each open page, whatever its kind, with its Acknowledge button while it rings."""
    pages, now = [page for page in _pages_ever(tickets, request) if page.is_open], clock.now()
    rung = live.rung_by(pages, now=now) if any(page.is_ringing for page in pages) else {}
    return _joined((page, _alarm(page, rung.get(page.pk, []), now, request)) for page in pages)


def _alarm(page: Page, rung: Sequence[live.Rung], now: datetime, request: HttpRequest) -> SafeString:
    coming = live.coming(page, now=now)
    context = {
        "page": page,
        "about": _about(page),
        "ringing": _listed([one.name for one in rung]),
        "told": rung if len(rung) <= _NAMES_IN_A_LINE else [],
        "coming": coming,
        "coming_to": _listed(coming.names) if coming else "",
    }
    return SafeString(render_to_string("escalations/_alarm.html", context, request=request))


def _listed(names: Sequence[str]) -> str:
    """`Bo, Ann, Lea`, and of more than three the number of the others."""
    more = f" and {len(names) - _NAMES_IN_A_LINE} more" if len(names) > _NAMES_IN_A_LINE else ""
    return f"{', '.join(names[:_NAMES_IN_A_LINE])}{more}"


def _about(page: Page) -> str:
    """What tells the pages of a ticket apart: nothing for its own."""
    return page.record_reference or ("" if page.kind == Page.Kind.TICKET else capfirst(page.get_kind_display()))


def ticket_rail(tickets: Sequence[Ticket], request: HttpRequest) -> Filled:
    """*Page on-call* on every unfinished ticket, for those who may ask for it."""
    if not may_page_by_hand(request.user):
        return {}
    return {
        ticket.pk: SafeString(render_to_string("escalations/_rail.html", {"ticket": ticket}, request=request))
        for ticket in tickets
        if ticket.state in UNFINISHED
    }


def _joined(parts: Iterable[tuple[Page, SafeString]]) -> Filled:
    """By ticket, which may have more than one open page."""
    filled: Filled = {}
    for page, html in parts:
        filled[page.ticket_id] = filled.get(page.ticket_id, SafeString("")) + html
    return filled


def ticket_timeline(tickets: Sequence[Ticket], request: HttpRequest) -> Filled:
    """What paging did about each ticket, oldest first, as lines of the conversation."""
    seen = {page.pk: page for page in _pages_ever(tickets, request)}
    if not seen:
        return {}
    events = PageEvent.objects.filter(page__in=seen).select_related("actor").order_by("-at", "-pk")
    lines: dict[Hashable, list[tuple[datetime, SafeString]]] = {}
    for event in reversed(events[:_HISTORY_LENGTH]):
        line, page = timeline.line(event), seen[event.page_id]
        text = f"{_about(page)}: {line.text}" if _about(page) else line.text
        shown = format_html('<div class="happened {}">{}, {}</div>', line.look, text, ago(line.at))
        lines.setdefault(page.ticket_id, []).append((line.at, shown))
    return {pk: slots.Lines(found) for pk, found in lines.items()}


def queue_row(tickets: Sequence[Ticket], request: HttpRequest) -> Filled:
    """Whom a ticket rings, before the subject of a queue row."""
    pages = [page for page in _pages(tickets, request) if page.is_ringing]
    people = ringing_people(pages) if pages else {}
    return _joined(
        (
            page,
            format_html(
                ' <span class="badge hot">{}ringing {}</span>',
                f"{page.record_reference or page.get_kind_display()}, " if _about(page) else "",
                _short(people.get(page.pk, [])),
            ),
        )
        for page in pages
    )


def _short(people: Sequence[User]) -> str:
    names = ", ".join(person.display_name.split()[0] for person in people[:_NAMES_IN_A_ROW])
    more = f" +{len(people) - _NAMES_IN_A_ROW}" if len(people) > _NAMES_IN_A_ROW else ""
    return f"{names}{more}" or "…"


def _ringing(request: HttpRequest) -> dict[str, int]:
    """How many pages ring, and how many of them reached nobody by their policy: asked once a request."""
    known = getattr(request, "_ringing_pages", None)
    if known is None:
        known = (
            Page.objects.visible_to(request.user)
            .real()
            .ringing()
            .aggregate(pages=Count("pk"), unreached=Count("pk", filter=Q(nobody_reached_at__isnull=False)))
        )
        request._ringing_pages = known  # type: ignore[attr-defined]
    return known


def desk_nav(objects: Sequence[Any], request: HttpRequest) -> Filled:
    """The number of ringing pages, beside Pages in the navigation."""
    if not is_responder(request.user):
        return {}
    ringing = _ringing(request)["pages"]
    return {
        subject.pk: format_html('<span class="count hot">{}<span class="vh"> ringing</span></span>', ringing)
        for subject in objects
        if ringing
    }


_open_alarms = Kept(lambda: PagingAlarm.objects.filter(ended_at=None).count())


def desk_side(objects: Sequence[Any], request: HttpRequest) -> Filled:
    """The way to the health of paging, and how many alarms are open."""
    if not may_watch_paging(request.user):
        return {}
    here = request.resolver_match.url_name if request.resolver_match else ""
    current = SafeString(' aria-current="page"') if here in {"paging_health", "paging_numbers"} else ""
    alarms = _open_alarms()
    count = format_html('<span class="count hot">{}<span class="vh"> alarms</span></span>', alarms) if alarms else ""
    link = format_html(
        '<a href="{}"{}>{}Paging health{}</a>', reverse("paging_health"), current, icon("heart-pulse"), count
    )
    return {subject.pk: link for subject in objects}


# Every page of the desk names who is on call; who is to be paged is looked up afresh.
# Of the schedules it is the one that tickets page by: that nobody has it isn't hidden by another duty.
_roster_of_first = Kept(lambda: roster.load(clock.now(), Schedule.objects.by_use()[:1]))


def desk_top(objects: Sequence[Any], request: HttpRequest) -> Filled:
    """Who is on call now; in red that nobody is, or that a page reached nobody."""
    if not is_responder(request.user):
        return {}
    now = clock.now()
    shown = _on_call(next(iter(_roster_of_first().values()), roster.Roster()).on_call(now), now)
    if _ringing(request)["unreached"]:
        shown = format_html('<a class="badge hot" href="{}">A page reached nobody</a>{}', reverse("on_call"), shown)
    return {subject.pk: shown for subject in objects}


def _on_call(person: User | None, now: datetime) -> SafeString:
    if person is None:
        return format_html('<a class="badge hot" href="{}">Nobody is on call</a>', reverse("on_call"))
    region = f" · {person.region.name}" if person.region else ""
    there = now.astimezone(zone_of(person))
    return format_html(
        '<span class="wide muted">On call</span>{}<span class="wide">{}{} <span class="muted">{} there</span></span>',
        face(person),
        person.display_name,
        region,
        f"{there:%H:%M}",
    )
