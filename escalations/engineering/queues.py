"""The queues that prevent forgetting: what is owed to customers or told them wrongly, and what is overdue.

A queue's count and its list come from the same rows. Everybody who may look at queues sees every record.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet, Value
from django.urls import reverse

from escalations.engineering.known_issues import what_mends, why_untrue
from escalations.engineering.steps import RULES
from escalations.models import CustomerNotice, Escalation, KnownIssue
from supportdesk.lib import clock
from supportdesk.lib.kept import Kept
from tickets.models import Ticket

COUNTED_TO = 999
_NAMED: Mapping[Any, tuple[str, ...]] = {
    Escalation: ("owner",),
    CustomerNotice: ("update_of", "held_by", "link__escalation__owner", "link__ticket__organization"),
    KnownIssue: ("escalation__owner",),
}


@dataclass(frozen=True)
class Item:
    """A row of a queue: which record, and ticket where it is about one; what is the matter, and what to do next."""

    escalation: Escalation
    says: str
    next_step: str
    since: datetime
    ticket: Ticket | None = None
    is_due: bool = False
    is_hot: bool = False


@dataclass(frozen=True)
class Queue:
    """`rows` are sorted by their `sort_at`, oldest first; `item` says in words what one is about."""

    slug: str
    title: str
    promise: str
    picture: str
    empty: str
    rows: Callable[[datetime], QuerySet[Any]]
    item: Callable[[Any], Item]

    @property
    def address(self) -> str:
        return reverse("escalation_queue", args=[self.slug])

    def listed(self, now: datetime) -> QuerySet[Any]:
        """The rows with all that their items name."""
        rows = self.rows(now)
        return rows.select_related(*_NAMED[rows.model])

    def count(self, now: datetime) -> int:
        """Up to one more than is shown."""
        return self.rows(now).order_by()[: COUNTED_TO + 1].count()


def _owed(record: Any) -> Item:
    owes = RULES[record.at_step].owes
    return Item(record, f"The customers were not told {owes}.", "Tell the customers", record.sort_at, is_hot=True)


def _untold(notice: Any) -> Item:
    link, state = notice.link, notice.state
    if state == CustomerNotice.State.HELD:
        says, do = f"Held back by {notice.held_by or 'nobody'}: {notice.held_why}", "Tell them, or say why not"
    elif state == CustomerNotice.State.DUE:
        says = f"Telling them failed: {notice.last_error}" if notice.last_error else "Being told now."
        do = "See what stops it" if notice.last_error else "Look again in a moment"
    else:
        says, do = "The update is not sent yet.", "Tell the customers"
    return Item(link.escalation, says, do, notice.sort_at, ticket=link.ticket, is_hot=bool(notice.last_error))


def _without_news(record: Any) -> Item:
    return Item(record, "Nothing was heard of it for too long.", "Say how it stands", record.sort_at, is_due=True)


def _unreviewed(record: Any) -> Item:
    return Item(record, "Nobody has begun the review.", "Start the review", record.sort_at, is_due=True, is_hot=True)


def _unplanned(record: Any) -> Item:
    return Item(record, "Confirmed, and no plan yet.", "Create the action plan", record.sort_at, is_due=True)


def _asking(record: Any) -> Item:
    asked = "the customers" if record.asks_customer else "support"
    question = " ".join(record.question.split())[:160]
    if record.answered:
        number = "A customer has" if record.answered == 1 else f"{record.answered} customers have"
        return Item(record, f"{number} written since: “{question}”", "Go on", record.sort_at, is_due=True, is_hot=True)
    return Item(record, f"Asked of {asked}: “{question}”", "Wait, or ask again", record.sort_at, is_due=True)


def _untrue(issue: Any) -> Item:
    return Item(issue.escalation, why_untrue(issue), what_mends(issue), issue.sort_at, is_hot=True)


_FIXED = Queue(
    "fixed-untold",
    "Fixed, not told",
    "The fix is tested or released, and these customers don't know.",
    "megaphone",
    "Every customer of a fix was told of it, or somebody said why not.",
    lambda _: CustomerNotice.objects.untold().of_a_fix(),
    _untold,
)
QUEUES: tuple[Queue, ...] = (
    Queue(
        "updates-owed",
        "Updates owed",
        "A step was taken that its customers have to be told of. It can't go on before.",
        "message-square-warning",
        "No customer waits to be told of a step.",
        lambda _: Escalation.objects.owing(),
        _owed,
    ),
    _FIXED,
    Queue(
        "held-back",
        "Held back",
        "Somebody decided that these customers aren't told yet, of anything but a fix.",
        "hand",
        "Nothing is held back.",
        lambda _: CustomerNotice.objects.untold().held().of_no_fix(),
        _untold,
    ),
    Queue(
        "no-news",
        "No news",
        "Engineering was to be heard of by now: by a step, or an update to the customers.",
        "message-circle-off",
        "Engineering was heard of everywhere in time.",
        Escalation.objects.without_news,
        _without_news,
    ),
    Queue(
        "review-overdue",
        "Review overdue",
        "Requested, and nobody of engineering has looked at it in time.",
        "clock-alert",
        "Every request was reviewed in time, or still has time.",
        Escalation.objects.review_overdue,
        _unreviewed,
    ),
    Queue(
        "plan-overdue",
        "Plan overdue",
        "Confirmed as a fault of the product, and there is no action plan in time.",
        "calendar-clock",
        "Every confirmed fault has a plan, or still has time.",
        Escalation.objects.plan_overdue,
        _unplanned,
    ),
    Queue(
        "needs-information",
        "Needs information",
        "Engineering asked something and waits for the answer.",
        "circle-question-mark",
        "No question waits for an answer.",
        lambda _: Escalation.objects.waiting_for_information(),
        _asking,
    ),
    Queue(
        "untrue-known-issues",
        "Known issues that are untrue",
        "Customers read that engineering works on what it is through with, or of a fix that isn't released.",
        "book-alert",
        "What customers read of known issues holds.",
        lambda _: KnownIssue.objects.untrue(),
        _untrue,
    ),
)
BY_SLUG: Mapping[str, Queue] = {queue.slug: queue for queue in QUEUES}


def counts() -> dict[str, int]:
    """How many rows each queue has; may be a moment old."""
    return _counts()


_counts = Kept(lambda: count_all(now=clock.now()), seconds="QUEUE_COUNTS_SECONDS")


def count_all(*, now: datetime) -> dict[str, int]:
    """How many rows each queue has now, up to one more than is shown: one query, since every page of the desk asks."""
    slugs = [
        queue.rows(now).order_by().annotate(queue=Value(queue.slug)).values_list("queue", flat=True)[: COUNTED_TO + 1]
        for queue in QUEUES
    ]
    found = Counter(slugs[0].union(*slugs[1:], all=True))
    return {queue.slug: found[queue.slug] for queue in QUEUES}


def in_words(count: int) -> str:
    """`12`, `999+`."""
    return f"{COUNTED_TO}+" if count > COUNTED_TO else str(count)
