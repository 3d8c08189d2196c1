"""What must hold of paging at every moment: each invariant is a sentence, and SQL that finds what breaks it.

The desk's time (`now`, which demo and tests may move) tells what is due; leases, retries, looks and heartbeats are the
database's own. Each check may take so long and no longer: one that can't be made in time is as bad as a broken one.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import DatabaseError, OperationalError, connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from escalations.models import EscalationPolicy, Gathering, Page, PageDelivery
from escalations.paging import breaches, canary, coverage, engine
from escalations.paging.decide import START
from escalations.paging.derive import to_begin
from escalations.paging.findings import CAPPED, Offence
from tickets.models import Ticket

logger = logging.getLogger(__name__)

CHECK_MS = 2000
_GRACE = timedelta(seconds=30)
_LATE = timedelta(seconds=60)
_ARRIVES_WITHIN = timedelta(minutes=3)
_LOOKED_BACK = timedelta(hours=1)
_SLACK = timedelta(seconds=2)
"""An acknowledgement's transaction lasts a moment, and hosts' clocks differ a little."""

_CANCELED = "57014"
_State = PageDelivery.State


@dataclass(frozen=True)
class Invariant:
    """`critical`: without it somebody may not be rung. `settles`: it may be broken for a moment, without harm."""

    key: str
    sentence: str
    find: Callable[[datetime], Iterable[Offence]]
    critical: bool = True
    settles: bool = True


@dataclass(frozen=True)
class Finding:
    """What one look at one invariant came to."""

    invariant: Invariant
    state: str
    offences: list[Offence] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return self.state == "ok"

    @property
    def in_words(self) -> str:
        return {"ok": "holds", "broken": "broken", "timed_out": "not checked in time"}.get(self.state, "not checked")


def check_all(*, now: datetime, limit_ms: int = CHECK_MS) -> list[Finding]:
    """Look at every invariant; raises OperationalError only when the database is gone."""
    return [check(invariant, now=now, limit_ms=limit_ms) for invariant in INVARIANTS]


def check(invariant: Invariant, *, now: datetime, limit_ms: int = CHECK_MS) -> Finding:
    """Look at one invariant, each statement within `limit_ms`."""
    try:
        with time_limit(limit_ms):
            offences = list(invariant.find(now))[:CAPPED]
    except OperationalError as failure:
        if getattr(failure.__cause__, "pgcode", None) != _CANCELED:
            raise  # the database is gone: nothing can be said
        return Finding(invariant, "timed_out")
    except DatabaseError:
        logger.exception("the invariant %s could not be checked", invariant.key)
        return Finding(invariant, "failed")
    return Finding(invariant, "broken" if offences else "ok", offences)


@contextmanager
def time_limit(limit_ms: int) -> Iterator[None]:
    """A transaction in which no statement, nor its wait for a lock, takes longer."""
    limit = "SELECT current_setting('statement_timeout'), set_config('statement_timeout', %s, true)"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(limit, [str(limit_ms)])
        before, _ = cursor.fetchone() or ("0", "")
        yield
        cursor.execute(limit, [before])  # for whatever comes after it in an outer transaction


# --- The engine ----------------------------------------------------------------------------------------------------


def _no_engine(now: datetime) -> list[Offence]:
    return [] if engine.is_alive() else [Offence("no engine finished a full pass within 15 s")]


def _tickets_without_page(now: datetime) -> list[Offence]:
    """What began to qualify just now is the next pass's."""
    then = now - _GRACE
    default = EscalationPolicy.objects.filter(is_default=True).first()
    waiting = Q(waiting_since__lte=then) | Q(waiting_since=None, raised_at__lte=then)
    tickets = to_begin(default, Page.Kind.TICKET, now=then).filter(waiting)
    tickets = tickets.exclude(raised_at__gt=then)
    breached = to_begin(breaches.policy(), Page.Kind.SLA_BREACH, now=then)
    breached = breached.filter(clocks__breached_at__lte=now - _LATE).distinct()
    rows: list[tuple[Ticket, str]] = [(ticket, "qualifies") for ticket in tickets.order_by("pk")[:CAPPED]]
    rows += [(ticket, "has a broken promise") for ticket in breached.order_by("pk")[:CAPPED]]
    return [Offence(f"#{ticket.pk} {why} and has no page", ticket.desk_url) for ticket, why in rows]


def _steps_overdue(now: datetime) -> list[Offence]:
    return _pages(Page.objects.due(now - _GRACE), "has a step overdue")


def _holds_over(now: datetime) -> list[Offence]:
    return _pages(Page.objects.hold_over(now - _LATE), "is held beyond its end")


# --- What goes out -------------------------------------------------------------------------------------------------


def _deliveries_overdue(now: datetime) -> list[Offence]:
    """Those that are gathered for a contact that was paged just now are not late."""
    database_then = Now() - _LATE
    fresh = Q(state=_State.PENDING) & (Q(retry_at=None) | Q(retry_at__lte=database_then))
    again = Q(state=_State.UNKNOWN, retry_at__lte=database_then)
    rows = PageDelivery.objects.filter(fresh | again, due_at__lte=now - _LATE)
    gathering = Gathering.objects.filter(
        contact=OuterRef("contact"), kind=OuterRef("page__kind"), until__gt=now - _GRACE
    )
    return _deliveries(rows.exclude(Exists(gathering)), "was due a minute ago and has not gone out")


def _leases_over(now: datetime) -> list[Offence]:
    rows = PageDelivery.objects.filter(state=_State.SENDING, lease_until__lte=Now() - _LATE)
    return _deliveries(rows, "was claimed by an engine that is gone")


def _pages_without_delivery(now: datetime) -> list[Offence]:
    """A page that has fired (or should have) and made nobody's phone ring."""
    waits = Q(round=START.round, step=START.step, next_action_at__gt=now - _LATE)
    pages = Page.objects.real().ringing().filter(created_at__lte=now - _LATE).exclude(waits)
    return _pages(pages.exclude(Exists(_sent_for())), "rings and nothing was made to send for it")


def _pages_that_did_not_arrive(now: datetime) -> list[Offence]:
    """Each way was refused or is unknown: the page rings, and nobody hears it."""
    long_due = _sent_for().filter(due_at__lte=now - _ARRIVES_WITHIN)
    arrived = _sent_for().filter(state__in=PageDelivery.ARRIVED)
    pages = Page.objects.real().ringing().filter(Exists(long_due)).exclude(Exists(arrived))
    return _pages(pages, "rings, and no provider took a message for it")


def _sent_for() -> QuerySet[PageDelivery]:
    rows = PageDelivery.objects.filter(page=OuterRef("pk"), episode=OuterRef("episode"))
    return rows.filter(purpose=PageDelivery.Purpose.PAGE)


def _called_too_late(now: datetime) -> list[Offence]:
    """Somebody was rung although the page had been acknowledged, or was over, when the engine looked last.

    The acknowledgement is the desk's time and the look the database's: while the desk's clock is moved (demo, tests)
    the two can't be compared, and nothing is claimed.
    """
    if abs(now - timezone.now()) > _SLACK:
        return []
    # Within the last hour, by an index: what was not accepted has rung nobody.
    rows = PageDelivery.objects.filter(purpose=PageDelivery.Purpose.PAGE, accepted_at__gt=now - _LOOKED_BACK)
    held = Q(page__state__in=Page.HELD, page__episode=F("episode"), looked_at__gt=F("page__acknowledged_at") + _SLACK)
    over = Q(page__state=Page.State.ENDED, page__ended_at__gt=now - _LOOKED_BACK)
    over &= Q(looked_at__gt=F("page__ended_at") + _SLACK)
    return _deliveries(rows.filter(held | over), "went out after its page was answered")


def _pages(pages: QuerySet[Page], why: str) -> list[Offence]:
    found = pages.order_by("pk")[:CAPPED]
    return [Offence(f"page {page.pk} for {page.subject} {why}", _address(page)) for page in found]


def _deliveries(rows: QuerySet[PageDelivery], why: str) -> list[Offence]:
    found = rows.select_related("page", "person", "outside").order_by("pk")[:CAPPED]
    return [
        Offence(f"page {row.page_id} for {row.page.subject}: what goes to {row.name} {why}", _address(row.page))
        for row in found
    ]


def _address(page: Page) -> str:
    """Practice pages have no view to look at."""
    return "" if page.kind in Page.PRACTICE else page.get_absolute_url()


INVARIANTS = (
    Invariant("engine", "An engine finished a full pass within the last 15 s.", _no_engine),
    Invariant("ticket_without_page", "Every ticket that qualifies has a page within 30 s.", _tickets_without_page),
    Invariant("step_overdue", "Every step fires within 30 s of when it is due.", _steps_overdue),
    Invariant("delivery_overdue", "Everything that is due goes out within a minute.", _deliveries_overdue),
    Invariant("lease_over", "What an engine died with is taken over within a minute.", _leases_over),
    Invariant("page_without_delivery", "Every page that rings has something to send.", _pages_without_delivery),
    Invariant(
        "nothing_arrived", "A provider takes a message of every page within 3 minutes.", _pages_that_did_not_arrive
    ),
    Invariant("hold_over", "Acknowledged and snoozed pages ring again when their time is over.", _holds_over),
    Invariant("called_too_late", "Nobody is rung for what somebody has answered.", _called_too_late, settles=False),
    Invariant("canary", "The canary goes through the whole chain and comes back.", canary.missing),
    Invariant(
        "coverage",
        "Somebody who can be reached is on call at every moment of the next 72 hours.",
        coverage.gaps_ahead,
        critical=False,
        settles=False,
    ),
    Invariant(
        "unreachable",
        "Everybody who takes turns has two verified contacts.",
        coverage.unreachable_people,
        critical=False,
        settles=False,
    ),
    Invariant(
        "dead_addresses",
        "Mail to the addresses that people are paged at arrives.",
        coverage.dead_addresses,
        critical=False,
        settles=False,
    ),
    Invariant(
        "unread_mail",
        "Mail that came in is read within five minutes.",
        coverage.unread_mail,
        critical=False,
        settles=False,
    ),
    Invariant(
        "policy_ends_in_nobody",
        "The last step of every policy in use reaches somebody now.",
        coverage.policies_that_reach_nobody,
        critical=False,
    ),
    Invariant(
        "stale_shifts",
        "The calendars show what the schedules say.",
        coverage.stale_shifts,
        critical=False,
    ),
)
