"""The rows of the queue, written without a template: fifty of them are most of what the page costs."""

from collections.abc import Container, Hashable, Mapping, Sequence
from dataclasses import dataclass

from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe

from supportdesk.lib.html import markup
from supportdesk.lib.tags import ago, exact, face, icon, plan_badge, priority_mark, status_chip
from tickets.models import Ticket
from tickets.sla.countdown import Countdown
from tickets.tags import DRAWINGS, ticking

_ROW = (
    '<tr{}>{}<td class="prio-cell">{}</td><td class="due-cell">{}</td><td class="subject">{}'
    '<a href="{}{}/" id="t{}" data-open><span class="num muted">#{}</span> {} <span class="muted">{}</span></a></td>'
    '<td class="org clip">{}</td><td class="status-cell">{}</td><td class="who-cell">{}</td><td class="ago">{}</td>'
    '<td class="snug muted">{}</td></tr>\n'
)
_TICK = (
    '<td class="select"><label><input type="checkbox" name="ticket" value="{}" id="s{}" aria-label="Select #{}"{}>'
    "</label></td>"
)
_TAKE = (
    '<button class="btn quiet short wide" name="one" value="{}" data-key="a" data-key-label="Assign to me">Assign to me'
    '<span class="vh"> #{}</span></button><span class="phone">{}</span>'
)
_DUE = (
    '<a class="sla {}" href="{}{}/promises/#clock-{}" title="{}">{}<span>{} <span class="hours">{}</span>'
    '<span class="vh">. {}</span></span></a>'
)
_NOTHING_DUE = '<span class="muted"><span class="wide">–</span><span class="phone">{}</span></span>'
_NOTHING = mark_safe('<span class="muted">–</span>')
_UNREAD, _CHECKED = mark_safe(' class="unread"'), mark_safe(" checked")


@dataclass(frozen=True)
class Look:
    """What the rows of a table have in common."""

    prefix: str
    may_assign: bool
    ticked: Container[str]
    ringing: Mapping[Hashable, SafeString]
    due: Mapping[int, Countdown]


def rows_html(tickets: Sequence[Ticket], look: Look) -> SafeString:
    return mark_safe("".join(_row(ticket, look) for ticket in tickets))  # noqa: S308 - each is escaped


def _row(ticket: Ticket, look: Look) -> SafeString:
    number = ticket.pk
    return markup(
        _ROW,
        _UNREAD if ticket.waiting_since else "",
        _tick(ticket, look) if look.may_assign else "",
        priority_mark(ticket.priority),
        _due(ticket, look),
        look.ringing.get(number, ""),
        look.prefix,
        number,
        number,
        number,
        ticket.subject,
        ticket.requester.display_name,
        _organization(ticket),
        status_chip(ticket.status),
        _assignee(ticket, look),
        _waiting(ticket),
        ago(ticket.updated_at, short=True),
    )


def _tick(ticket: Ticket, look: Look) -> SafeString:
    seen = ticked_as(ticket.pk, ticket.assignee_id)
    return markup(_TICK, seen, ticket.pk, ticket.pk, _CHECKED if seen in look.ticked else "")


def ticked_as(number: int, assignee_id: int | None) -> str:
    """A ticket as its row's tick names it: with whom it belonged to then, so that nobody's take is overwritten."""
    return f"{number}.{assignee_id or 0}"


def _organization(ticket: Ticket) -> SafeString:
    if ticket.organization is None:
        return _NOTHING
    return markup("{} {}", ticket.organization.name, plan_badge(ticket.organization.plan.name))


def _assignee(ticket: Ticket, look: Look) -> SafeString:
    if ticket.assignee is None and look.may_assign and not ticket.is_closed:
        return markup(_TAKE, ticket.pk, ticket.pk, face(None))
    return face(ticket.assignee, alone=True)


def _due(ticket: Ticket, look: Look) -> SafeString:
    """What is left of the next promise, and on which hours; one click on it is how that came about.

    Phones, which have one line for it, leave the hours out.
    """
    told = look.due.get(ticket.pk)
    if told is None:
        return markup(_NOTHING_DUE, ago(ticket.updated_at, short=True))
    due_at = told.clock.due_at
    about = f"{told.clock.label}, due {exact(timezone.localtime(due_at))}" if due_at else told.clock.label
    full = f"{about}: {told.words}"
    return markup(
        _DUE,
        told.look,
        look.prefix,
        ticket.pk,
        told.clock.pk,
        full,
        icon(DRAWINGS[told.look]),
        ticking(told),
        told.hours_shortly,
        f"{about}, {told.hours}",
    )


def _waiting(ticket: Ticket) -> SafeString:
    """Since when the customer waits."""
    return ago(ticket.waiting_since, short=True) if ticket.waiting_since else _NOTHING
