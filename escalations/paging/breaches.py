"""Pages for broken promises: which there are to be, and when one is over. Their cause is a clock.

A page is for the promises of a ticket that had broken when somebody acknowledged it: one that breaks later rings anew.
"""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from escalations.models import EscalationPolicy, Page
from escalations.querysets import broken_for, broken_promises
from tickets.models import EventKind, Priority, SlaClock, Ticket, TicketEvent
from tickets.sla.promises import FINISHED


def policy() -> EscalationPolicy | None:
    """The policy that breaches page by; without one the last resort rings."""
    return EscalationPolicy.objects.filter(is_for_breaches=True).first()


def to_begin(active_from: datetime | None) -> QuerySet[Ticket]:
    """Tickets with a broken promise that rings, and no open page for it."""
    broken = broken_promises()
    if active_from is not None:
        broken = broken.filter(breached_at__gte=active_from)
    open_page = Page.objects.open().filter(kind=Page.Kind.SLA_BREACH, ticket=OuterRef("pk"))
    return Ticket.objects.filter(pk__in=broken.values("ticket")).exclude(Exists(open_page))


def to_end() -> QuerySet[Page]:
    """Pages of whose promises none is broken any more, and acknowledged ones since when something new rings."""
    pages = Page.objects.open().filter(kind=Page.Kind.SLA_BREACH)
    return pages.filter(~Exists(broken_for()) | Exists(_broken_since()) | Exists(_rests()))


def _broken_since() -> QuerySet[SlaClock]:
    return broken_for().filter(breached_at__gt=OuterRef("acknowledged_at"))


def _rests() -> QuerySet[TicketEvent]:
    """What finished the ticket, or took it below Urgent, since its page was acknowledged; nothing if it rings."""
    since = TicketEvent.objects.filter(ticket=OuterRef("ticket_id"), at__gt=OuterRef("acknowledged_at"))
    lowered = Q(data__new=None) | Q(data__new__gt=int(Priority.URGENT))
    return since.filter(Q(to_status__in=FINISHED) | Q(lowered, kind=EventKind.PRIORITY_CHANGED))


def why_ended(page: Page, ticket: Ticket) -> str:
    if ticket.state in FINISHED:
        return f"the ticket is {ticket.state.label}"
    if ticket.priority != Priority.URGENT:
        return f"the priority is {Priority(ticket.priority).label}" if ticket.priority else "it has no priority"
    if promises_of(page):
        return "what it was for is over, what broke then pages anew"
    if ticket.organization is None or not ticket.organization.plan.pages:
        return "the plan comes without paging"
    return "no promise is overdue any more"


def promises_of(page: Page) -> list[SlaClock]:
    """The broken promises that a page is about at this moment, the oldest breach first."""
    broken = broken_promises().filter(ticket=page.ticket_id).order_by("breached_at", "pk")
    return list(broken if page.policy is None else broken.filter(breached_at__gte=page.policy.active_from))


def in_words(promises: list[str]) -> str:
    """`first reply`, `next reply and regular update`."""
    return " and ".join(filter(None, [", ".join(promises[:-1]), *promises[-1:]])).lower()
