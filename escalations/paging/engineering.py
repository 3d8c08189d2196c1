"""Pages for engineering: a record that nobody has begun to review rings SET's on-call for an Urgent ticket in it.

One page a record, however many such tickets it has. None begins beside a page that somebody asked SET's on-call for.
"""

from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from escalations.engineering import events as engineering
from escalations.engineering.steps import Step
from escalations.events import record
from escalations.models import Escalation, EscalationPolicy, Page, PageEvent
from escalations.paging.choose import policy_for_set
from escalations.paging.decide import START
from escalations.paging.moves import each, end, locked, shape_of
from escalations.querysets import rings_engineering, waiting_for_review
from tickets.models import Priority, Ticket


def derive(*, now: datetime) -> int:
    """Begin and end pages until they agree with the records; the number of changes made."""
    policy = policy_for_set()
    begun = each(to_begin(policy), lambda pk: _begin(pk, policy, now=now))
    return begun + each(to_end(), lambda pk: _end(pk, now=now))


def to_begin(policy: EscalationPolicy | None) -> QuerySet[Escalation]:
    """Records that are to ring and don't: found by their step's index. Requested before paging began rings nobody."""
    rows = waiting_for_review()
    if policy is not None and policy.active_from is not None:
        rows = rows.filter(created_at__gte=policy.active_from)
    open_pages = Page.objects.open().filter(kind=Page.Kind.SET)
    of_a_ticket = Q(ticket__escalation_links__escalation=OuterRef("pk"), ticket__escalation_links__is_active=True)
    return rows.exclude(Exists(open_pages.filter(escalation=OuterRef("pk")))).exclude(
        Exists(open_pages.filter(of_a_ticket, escalation=None))
    )


def to_end() -> QuerySet[Page]:
    """Pages whose record was taken up, is over, or has no such ticket any more."""
    pages = Page.objects.open().filter(kind=Page.Kind.SET, escalation__isnull=False)
    return pages.filter(~Exists(waiting_for_review().filter(pk=OuterRef("escalation"))))


@transaction.atomic
def _begin(pk: int, policy: EscalationPolicy | None, *, now: datetime) -> bool:
    """Open the page of one record; False when, under its lock and its ticket's, none is due or there is one already."""
    rows = Escalation.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    if not rows.filter(pk=pk).exists():
        return False
    ticket = _ticket_of(pk)
    # Asked again by a new statement, which sees what was committed before the locks were ours.
    escalation = to_begin(policy).filter(pk=pk).first() if ticket else None
    if escalation is None or ticket is None:
        return False
    page = Page.objects.create(
        kind=Page.Kind.SET,
        ticket=ticket,
        escalation=escalation,
        policy=policy,
        priority=Priority.URGENT,
        snapshot=shape_of(policy),
        round=START.round,
        step=START.step,
        next_action_at=now,
        created_at=now,
    )
    record(page, PageEvent.Kind.BEGAN, at=now, priority=page.priority, escalation=escalation.reference)
    engineering.record(
        escalation, engineering.Kind.PAGED, by=None, at=now, page=page.pk, ticket=ticket.number, why="not_reviewed"
    )
    return True


def _ticket_of(pk: int) -> Ticket | None:
    """The oldest of its tickets that ring, locked: nobody asks for a page of it at this moment."""
    tickets = Ticket.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    linked = Q(escalation_links__escalation=pk, escalation_links__is_active=True)
    return tickets.filter(linked, rings_engineering()).order_by("pk").first()


@transaction.atomic
def _end(pk: int, *, now: datetime) -> bool:
    page = locked(to_end(), pk)
    if page is None or page.escalation is None:
        return False
    end(page, why=_why_ended(page.escalation), at=now)
    return True


def _why_ended(escalation: Escalation) -> str:
    if escalation.merged_into_id is not None:
        return f"{escalation.reference} was merged into another"
    if escalation.at_step is not Step.REQUESTED:
        return f"{escalation.reference} is at “{escalation.at_step.label}”"
    return f"{escalation.reference} has no Urgent ticket any more"
