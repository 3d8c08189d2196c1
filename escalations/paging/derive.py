"""Pages follow from tickets: what qualifies gets one, what no longer does loses it, whatever changed the ticket."""

from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from escalations.events import record
from escalations.models import EscalationPolicy, Page, PageDelivery, PageEvent
from escalations.paging.crash import crash_point
from escalations.paging.decide import START, acknowledged_for
from escalations.paging.moves import each, end, locked, ring_again, save, shape_of
from escalations.paging.reach import contact_plans, write_deliveries
from escalations.querysets import rings
from tickets.models import EventKind, Priority, Ticket, TicketEvent
from tickets.states import Status

_MOVES = (
    *(EventKind.ANSWERED, EventKind.ASSIGNED, EventKind.UNASSIGNED, EventKind.STATUS_CHANGED),
    *(EventKind.SOLVED, EventKind.REOPENED, EventKind.HELD, EventKind.UNHELD),
)


def derive(*, now: datetime) -> int:
    """Begin, end and correct pages until they agree with the tickets; the number of changes made."""
    policy = EscalationPolicy.objects.filter(is_default=True).first()
    shape = cache(lambda: shape_of(policy))
    return (
        each(to_begin(policy), lambda pk: begin(pk, policy, shape, now=now))
        + each(_to_end(), lambda pk: _end(pk, now=now))
        + each(_reprioritised(), lambda pk: _reprioritise(pk, now=now))
        + each(Page.objects.acknowledgement_over(now), lambda pk: _expire(pk, now=now))
    )


def to_begin(policy: EscalationPolicy | None) -> QuerySet[Ticket]:
    """Tickets that qualify and have no open page: found by the partial index `ticket_may_page`."""
    open_page = Page.objects.open().filter(kind=Page.Kind.TICKET, ticket=OuterRef("pk"))
    return Ticket.objects.filter(rings(policy.active_from if policy else None)).exclude(Exists(open_page))


def begin(number: int, policy: EscalationPolicy | None, shape: Callable[[], dict[str, Any]], *, now: datetime) -> bool:
    """Open the page of one ticket; False when, under the ticket's lock, none is due or there is one already.

    A ticket that somebody acts on at this moment is the next lap's.
    """
    with transaction.atomic():
        rows = Ticket.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
        if not rows.filter(pk=number).exists():
            return False
        # Asked again by a new statement, which sees what was committed before the lock was ours.
        ticket = to_begin(policy).filter(pk=number).first()
        if ticket is None or ticket.priority is None:
            return False
        page = Page.objects.create(
            ticket=ticket,
            policy=policy,
            priority=ticket.priority,
            snapshot=shape(),
            round=START.round,
            step=START.step,
            next_action_at=now,
            created_at=now,
        )
        record(page, PageEvent.Kind.BEGAN, at=now, priority=page.priority)
    crash_point("after_insert")
    return True


def _to_end() -> QuerySet[Page]:
    cause = Ticket.objects.filter(rings(None), pk=OuterRef("ticket_id"))
    return Page.objects.open().filter(kind=Page.Kind.TICKET).exclude(Exists(cause))


@transaction.atomic
def _end(pk: int, *, now: datetime) -> bool:
    page = locked(_to_end(), pk)
    if page is None or page.ticket is None:
        return False
    end(page, why=_why_ended(page.ticket), at=now)
    return True


def _why_ended(ticket: Ticket) -> str:
    if ticket.state not in {Status.NEW, Status.OPEN}:
        return f"the ticket is {ticket.state.label}"
    if ticket.priority is None or ticket.priority > Priority.HIGH:
        return f"the priority is {Priority(ticket.priority).label}" if ticket.priority else "it has no priority"
    if ticket.waiting_since is None and ticket.raised_at is None:
        return "the customer was answered"
    return "the plan comes without paging"


def _reprioritised() -> QuerySet[Page]:
    cause = Ticket.objects.filter(rings(None), pk=OuterRef("ticket_id"))
    pages = Page.objects.open().filter(Exists(cause), kind=Page.Kind.TICKET)
    return pages.exclude(priority=F("ticket__priority"))


@transaction.atomic
def _reprioritise(pk: int, *, now: datetime) -> bool:
    """Follow the ticket's priority; a raised one is at once rung by the rules of the higher, for who rings already."""
    page = locked(_reprioritised(), pk)
    if page is None or page.ticket is None or page.ticket.priority is None:
        return False
    former, page.priority = page.priority, page.ticket.priority
    if page.acknowledged_until is not None:
        page.acknowledged_until = min(page.acknowledged_until, now + acknowledged_for(page.priority))
    save(page, "priority", "acknowledged_until")
    record(page, PageEvent.Kind.PRIORITY_CHANGED, at=now, old=former, new=page.priority)
    if page.is_ringing and page.priority < former:
        _ring_more_urgently(page, now)
    return True


def _ring_more_urgently(page: Page, now: datetime) -> None:
    """By the key of the row that each person was paged by last, so that what goes out already isn't doubled."""
    rows = PageDelivery.objects.filter(page=page, purpose="page", episode=page.episode).select_related("person")
    latest = {row.person: (row.round, row.step) for row in rows.order_by("round", "step")}
    plans = contact_plans(list(latest), priority=page.priority)
    here = page.round, page.step
    for person, there in latest.items():
        page.round, page.step = there
        write_deliveries(page, person, plans.get(person.pk, ()), at=now)
    page.round, page.step = here


@transaction.atomic
def _expire(pk: int, *, now: datetime) -> bool:
    """An acknowledgement is over: ring anew from the start, unless an agent has replied or moved the ticket since."""
    page = locked(Page.objects.acknowledgement_over(now), pk)
    if page is None:
        return False
    if _somebody_works_on(page):
        page.acknowledged_until = None
        save(page, "acknowledged_until")
        return True
    record(page, PageEvent.Kind.EXPIRED, at=now, name=str(page.acknowledged_by))
    ring_again(page, at=now, anew=True)
    return True


def _somebody_works_on(page: Page) -> bool:
    moves = TicketEvent.objects.filter(ticket=page.ticket, kind__in=_MOVES, at__gt=page.acknowledged_at)
    return moves.exclude(actor=None).exclude(actor__role="").exists()
