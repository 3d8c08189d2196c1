"""Pages follow from tickets: what qualifies gets one, what no longer does loses it, whatever changed the ticket.

A ticket may have two at once: its own, for whoever works on it, and one for a broken promise, for the leads.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Coalesce

from accounts.models import AGENT_ROLES
from escalations.events import record
from escalations.models import EscalationPolicy, Page, PageDelivery, PageEvent, PolicyChoice
from escalations.paging import breaches, engineering
from escalations.paging.choose import choices, policy_for, priority_of
from escalations.paging.crash import crash_point
from escalations.paging.decide import START, acknowledged_for
from escalations.paging.moves import each, end, locked, ring_again, save, shape_of
from escalations.paging.reach import contact_plans, write_deliveries
from escalations.querysets import UNSET_PAGES_AFTER, rings
from tickets.models import EventKind, Priority, Ticket, TicketEvent
from tickets.states import Status

_MOVES = (
    *(EventKind.ANSWERED, EventKind.STATUS_CHANGED),
    *(EventKind.SOLVED, EventKind.REOPENED, EventKind.HELD, EventKind.UNHELD),
)
"""By these somebody shows that they work on a ticket, as by assigning it to an agent who is still there."""

_RESTING = (Status.PENDING, Status.ON_HOLD, Status.SOLVED, Status.CLOSED)


def derive(*, now: datetime) -> int:
    """Begin, end and correct pages until they agree with the tickets; the number of changes made."""
    return (
        _begin_all(Page.Kind.TICKET, EscalationPolicy.objects.filter(is_default=True).first(), now)
        + _begin_all(Page.Kind.SLA_BREACH, breaches.policy(), now)
        + engineering.derive(now=now)
        + each(_to_end(), lambda pk: _end(pk, now=now))
        + each(breaches.to_end(), lambda pk: _end_breach(pk, now=now))
        + each(_asked_for_to_end(), lambda pk: _end_asked_for(pk, now=now))
        + each(_reprioritised(), lambda pk: _reprioritise(pk, now=now))
        + each(Page.objects.hold_over(now), lambda pk: _expire(pk, now=now))
        + each(_let_go(), lambda pk: _limit(pk, now=now))
    )


def _begin_all(kind: Page.Kind, default: EscalationPolicy | None, now: datetime) -> int:
    """Whom the chosen policy names is looked up once a lap; a lap in which nothing begins asks for none."""
    known = cache(choices)
    shapes: dict[int | None, dict[str, Any]] = {}

    def begin_one(pk: int) -> bool:
        def shape(policy: EscalationPolicy | None) -> dict[str, Any]:
            key = policy.pk if policy else None
            if key not in shapes:
                shapes[key] = shape_of(policy)
            return shapes[key]

        return begin(pk, default, shape, kind=kind, known=known, now=now)

    return each(to_begin(default, kind, now=now), begin_one)


def to_begin(policy: EscalationPolicy | None, kind: Page.Kind = Page.Kind.TICKET, *, now: datetime) -> QuerySet[Ticket]:
    """Tickets that qualify and have no open page: found by partial indexes, or by broken clocks.

    When the desk was switched on is a matter of the default policy, whichever is chosen then.
    """
    active_from = policy.active_from if policy else None
    if kind == Page.Kind.SLA_BREACH:
        return breaches.to_begin(active_from)
    open_page = Page.objects.open().filter(kind=Page.Kind.TICKET, ticket=OuterRef("pk"))
    qualify = rings(active_from, unset_since=now - UNSET_PAGES_AFTER)
    return Ticket.objects.filter(qualify).exclude(Exists(open_page))


def begin(
    number: int,
    default: EscalationPolicy | None,
    shape: Callable[[EscalationPolicy | None], dict[str, Any]],
    *,
    kind: Page.Kind = Page.Kind.TICKET,
    known: Callable[[], Sequence[PolicyChoice]] = choices,
    now: datetime,
) -> bool:
    """Open the page of one ticket; False when, under the ticket's lock, none is due or there is one already.

    A ticket that somebody acts on at this moment is the next lap's.
    """
    with transaction.atomic():
        rows = Ticket.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
        if not rows.filter(pk=number).exists():
            return False
        # Asked again by a new statement, which sees what was committed before the lock was ours.
        ticket = to_begin(default, kind, now=now).filter(pk=number).select_related("organization").first()
        if ticket is None:
            return False
        policy = policy_for(ticket, known(), default) if kind == Page.Kind.TICKET else default
        page = Page.objects.create(
            kind=kind,
            ticket=ticket,
            policy=policy,
            priority=priority_of(ticket),
            snapshot=shape(policy),
            round=START.round,
            step=START.step,
            next_action_at=now,
            created_at=now,
        )
        broken = [clock.label for clock in breaches.promises_of(page)] if page.is_breach else []
        unset = ticket.priority is None
        record(page, PageEvent.Kind.BEGAN, at=now, priority=page.priority, promises=broken, unset=unset)
    crash_point("after_insert")
    return True


def _to_end() -> QuerySet[Page]:
    """Pages whose ticket rings no more, and acknowledged ones whose ticket rings for something new.

    A customer may write again before any pass has seen that they were answered: the acknowledgement was not for that,
    so its page ends and the next lap begins another. A page that rings in such a gap may simply go on.
    """
    cause = Ticket.objects.filter(rings(None), pk=OuterRef("ticket_id"))
    answered = Q(ticket__last_replied_at__gt=F("acknowledged_at"))
    pages = Page.objects.open().filter(kind=Page.Kind.TICKET)
    return pages.filter(~Exists(cause) | answered | Exists(_rests()))


def _rests() -> QuerySet[TicketEvent]:
    """What took the ticket out of New and Open, or below High, since its page was acknowledged; nothing if it rings."""
    since = TicketEvent.objects.filter(ticket=OuterRef("ticket_id"), at__gt=OuterRef("acknowledged_at"))
    lowered = Q(data__new=None) | Q(data__new__gt=int(Priority.HIGH))
    return since.filter(Q(to_status__in=_RESTING) | Q(lowered, kind=EventKind.PRIORITY_CHANGED))


@transaction.atomic
def _end(pk: int, *, now: datetime) -> bool:
    page = locked(_to_end(), pk)
    if page is None or page.ticket is None:
        return False
    end(page, why=_why_ended(page, page.ticket), at=now)
    return True


@transaction.atomic
def _end_breach(pk: int, *, now: datetime) -> bool:
    page = locked(breaches.to_end(), pk)
    if page is None or page.ticket is None:
        return False
    end(page, why=breaches.why_ended(page, page.ticket), at=now)
    return True


def _asked_for_to_end() -> QuerySet[Page]:
    """Pages that somebody asked for: over with the ticket; by hand also once the customer was answered since."""
    pages = Page.objects.open().filter(kind__in=Page.ASKED_FOR, escalation=None)
    answered = Q(kind=Page.Kind.BY_HAND, ticket__last_replied_at__gt=F("created_at"))
    return pages.filter(Q(ticket__status__in=(Status.SOLVED, Status.CLOSED)) | answered)


@transaction.atomic
def _end_asked_for(pk: int, *, now: datetime) -> bool:
    page = locked(_asked_for_to_end(), pk)
    if page is None or page.ticket is None:
        return False
    finished = page.ticket.state in {Status.SOLVED, Status.CLOSED}
    end(page, why=f"the ticket is {page.ticket.state.label}" if finished else "the customer was answered", at=now)
    return True


def _why_ended(page: Page, ticket: Ticket) -> str:
    if ticket.state not in {Status.NEW, Status.OPEN}:
        return f"the ticket is {ticket.state.label}"
    if ticket.priority is not None and ticket.priority > Priority.HIGH:
        return f"the priority is {Priority(ticket.priority).label}"
    if ticket.waiting_since is None and ticket.raised_at is None:
        return "the customer was answered"
    if Ticket.objects.filter(rings(None), pk=ticket.pk).exists():
        answered = page.acknowledged_at and ticket.last_replied_at and ticket.last_replied_at > page.acknowledged_at
        return f"{'the customer was answered' if answered else 'the ticket was at rest'}, what came then pages anew"
    return "the plan comes without paging"


def _reprioritised() -> QuerySet[Page]:
    cause = Ticket.objects.filter(rings(None), pk=OuterRef("ticket_id"))
    pages = Page.objects.open().filter(Exists(cause), kind=Page.Kind.TICKET)
    return pages.exclude(priority=Coalesce("ticket__priority", Value(int(Priority.HIGH))))


@transaction.atomic
def _reprioritise(pk: int, *, now: datetime) -> bool:
    """Follow the ticket's priority; a raised one is at once rung by the rules of the higher, for who rings already.

    An acknowledgement of the lower is none of the higher for long: it is good for the higher one's time, from now on.
    """
    page = locked(_reprioritised(), pk)
    if page is None or page.ticket is None:
        return False
    former, page.priority = page.priority, priority_of(page.ticket)
    until = now + acknowledged_for(page.priority)
    if page.acknowledged_until is not None:
        page.acknowledged_until = min(page.acknowledged_until, until)
    elif page.is_acknowledged and page.priority < former:
        page.acknowledged_until = until
    save(page, "priority", "acknowledged_until")
    record(page, PageEvent.Kind.PRIORITY_CHANGED, at=now, old=former, new=page.priority)
    if page.is_ringing and page.priority < former:
        _ring_more_urgently(page, now)
    return True


def _ring_more_urgently(page: Page, now: datetime) -> None:
    """By the key of the row that each person was paged by last, so that what goes out already isn't doubled."""
    rows = PageDelivery.objects.filter(page=page, purpose="page", episode=page.episode, person__isnull=False)
    rows = rows.select_related("person").order_by("round", "step")
    latest = {row.person: (row.round, row.step) for row in rows if row.person}
    plans = contact_plans(list(latest), priority=page.priority)
    here = page.round, page.step
    for person, there in latest.items():
        page.round, page.step = there
        write_deliveries(page, person, plans.get(person.pk, ()), at=now)
    page.round, page.step = here


@transaction.atomic
def _expire(pk: int, *, now: datetime) -> bool:
    """An acknowledgement is over: ring anew from the start, unless an agent has replied or moved the ticket since.

    What was snoozed rings in any case, as whoever snoozed it wished.
    """
    page = locked(Page.objects.hold_over(now), pk)
    if page is None:
        return False
    if page.kind in Page.PRACTICE:
        end(page, why="it was answered", at=now)
        return True
    if page.is_acknowledged and _worked_on().filter(pk=pk).exists():
        page.acknowledged_until = None
        save(page, "acknowledged_until")
        return True
    record(page, PageEvent.Kind.EXPIRED, at=now, name=str(page.acknowledged_by), snoozed=page.is_snoozed)
    ring_again(page, at=now, anew=True)
    return True


def _let_go() -> QuerySet[Page]:
    """Acknowledged for good because somebody worked on the ticket, which they do no longer."""
    held = Page.objects.filter(state=Page.State.ACKNOWLEDGED, acknowledged_until=None)
    return held.exclude(pk__in=_worked_on().filter(acknowledged_until=None).values("pk"))


@transaction.atomic
def _limit(pk: int, *, now: datetime) -> bool:
    """The ticket was handed back: the acknowledgement is good for its time once more, then it rings."""
    page = locked(_let_go(), pk)
    if page is None:
        return False
    page.acknowledged_until = now + acknowledged_for(page.priority)
    save(page, "acknowledged_until")
    return True


def _worked_on() -> QuerySet[Page]:
    """Acknowledged pages on whose ticket the staff moved something since, and since its priority was last raised.

    For a broken promise only a public reply counts (and leaves none but a resolution overdue): giving the ticket to
    somebody, or holding it, tells the customer nothing. For what was asked for by hand a note counts as well; for a
    record that waits for its review nothing but the review does, which ends its page.
    """
    moves = TicketEvent.objects.filter(ticket=OuterRef("ticket_id"), at__gt=OuterRef("acknowledged_at"))
    moves = moves.filter(Q(ticket__raised_at=None) | Q(at__gt=F("ticket__raised_at")))
    moves = moves.exclude(actor=None).exclude(actor__role="")
    taken = Q(ticket__assignee__is_active=True, ticket__assignee__role__in=AGENT_ROLES, kind=EventKind.ASSIGNED)
    on_ticket = Q(Exists(moves.filter(Q(kind__in=_MOVES) | taken)), kind=Page.Kind.TICKET)
    on_promise = Q(Exists(moves.filter(kind=EventKind.ANSWERED)), kind=Page.Kind.SLA_BREACH)
    noted = Q(
        Exists(moves.filter(Q(kind__in=(*_MOVES, EventKind.NOTED)) | taken)), kind__in=Page.ASKED_FOR, escalation=None
    )
    return Page.objects.filter(on_ticket | on_promise | noted, state=Page.State.ACKNOWLEDGED)
