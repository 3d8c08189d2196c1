"""What engineering puts on the pages of tickets, the desk and customers; registered by EscalationsConfig.ready()."""

from collections.abc import Hashable, Sequence
from typing import Any

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import User
from escalations.engineering import access, known_issues, queues, story
from escalations.engineering.standing import Standing, not_now, standing_of
from escalations.engineering.views.gate import viewer
from escalations.models import EscalationLink, FinishAs
from supportdesk.lib import slots
from supportdesk.lib.tags import icon
from tickets.models import Ticket
from tickets.states import Status

Filled = dict[Hashable, SafeString]
_HERE = SafeString(' aria-current="page"')


def register() -> None:
    slots.register("ticket.rail", ticket_rail)
    slots.register("queue.row", queue_row)
    slots.register("request.timeline", request_timeline)
    slots.register("request.new", known_issues_offered)
    slots.register("request.list", known_issues_listed)
    slots.register("desk.engineering", queue_links)


def ticket_rail(tickets: Sequence[Ticket], request: HttpRequest) -> Filled:
    """*Escalate to SET*, or where the ticket stands with engineering."""
    if not access.sees_board(request.user):
        return {}
    found = standing_of(tickets, viewer(request))
    cards = {ticket.pk: _card(ticket, found.get(ticket.pk, Standing()), request) for ticket in tickets}
    return {pk: html for pk, html in cards.items() if html}


def _card(ticket: Ticket, standing: Standing, request: HttpRequest) -> SafeString:
    user = viewer(request)
    may_request = access.may_request(user)
    if standing.active is None and not standing.former and not may_request:
        return SafeString("")
    context = {
        "ticket": ticket,
        "here": ticket.desk_url,
        "standing": standing,
        "not_now": not_now(ticket),
        "may_request": may_request,
        "may_word": access.may_word(user),
        "choices": [("", "As the record says"), *FinishAs.choices],
    }
    return SafeString(render_to_string("escalations/engineering/_rail.html", context, request=request))


def queue_row(tickets: Sequence[Ticket], request: HttpRequest) -> Filled:
    """The reference of the record that an On-hold ticket waits for, to who sees that record."""
    waiting = [ticket.pk for ticket in tickets if ticket.status == Status.ON_HOLD]
    if not waiting or not access.sees_board(request.user):
        return {}
    links = EscalationLink.objects.active().visible_to(viewer(request)).filter(ticket__in=waiting)
    references = links.values_list("ticket_id", "escalation_id")
    return {ticket: format_html(' <span class="badge">SET-{}</span>', record) for ticket, record in references}


def request_timeline(tickets: Sequence[Ticket], request: HttpRequest) -> Filled:
    """Where engineering stands with a request, as far as its customer was told."""
    found = story.stories_of(tickets)
    template = "escalations/engineering/_customer_timeline.html"
    return {
        pk: SafeString(render_to_string(template, {"latest": stories[0], "earlier": stories[1:]}, request=request))
        for pk, stories in found.items()
    }


def known_issues_offered(people: Sequence[User], request: HttpRequest) -> Filled:
    """Under the subject of *Submit a request*: what is known already and may be the same."""
    issues = known_issues.offered(request.POST.get("subject", ""))
    template = "escalations/engineering/_offered.html"
    return {one.pk: SafeString(render_to_string(template, {"issues": issues}, request=request)) for one in people}


def known_issues_listed(people: Sequence[User], request: HttpRequest) -> Filled:
    """Above a customer's requests: the known issues that may be behind one of them, else the newest."""
    listed = {person.pk: known_issues.listed_for(person) for person in people}
    template = "escalations/engineering/_listed.html"
    return {
        pk: SafeString(render_to_string(template, {"listed": found}, request=request))
        for pk, found in listed.items()
        if found
    }


def queue_links(objects: Sequence[Any], request: HttpRequest) -> Filled:
    """For the slot `desk.engineering`: all queues, and each that isn't empty with its number."""
    if not isinstance(request.user, User) or not access.sees_queues(request.user):
        return {}
    match = request.resolver_match
    here = {"escalation_queues": ""}.get(match.url_name or "", match.kwargs.get("slug")) if match else None
    is_ours = match is not None and (match.url_name or "").startswith("escalation_queue")
    counts = queues.counts()
    links = format_html_join(
        "",
        '<a href="{}"{}>{}{}<span class="count">{}</span></a>',
        (
            (
                queue.address,
                _HERE if is_ours and here == queue.slug else "",
                icon(queue.picture),
                queue.title,
                queues.in_words(counts[queue.slug]),
            )
            for queue in queues.QUEUES
            if counts[queue.slug]
        ),
    )
    first = format_html(
        '<a href="{}"{}>{}Owed and overdue</a>',
        reverse("escalation_queues"),
        _HERE if is_ours and here == "" else "",
        icon("list-todo"),
    )
    return {subject.pk: first + links for subject in objects}
