"""What the board shows: records in columns by step, each with what its card says. Two queries, however many."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Count, F, Q, Window
from django.db.models.functions import RowNumber

from escalations.engineering.overdue import overdue
from escalations.engineering.querysets import EscalationQuerySet
from escalations.engineering.steps import (
    ACTIVE,
    COLUMNS,
    ENDED,
    Move,
    Step,
    possible,
    replaces_an_owed_update,
    target,
)
from escalations.models import Escalation, EscalationLink

ENDED_FOR = timedelta(days=14)
"""How long the columns of what is over show it: longer while its customers are still to be told."""
ENDED_AT_ONCE = 25
"""How many of what is over such a column shows; the list has them all."""
ACTIVE_AT_ONCE = 40
"""How many of what is under way a column shows, until somebody asks for the whole of it."""
_COLUMNS_OF_A_CARD = (
    *("title", "severity", "step", "step_since", "asked_from", "owes_update", "affected_versions"),
    *("comes_with", "fixed_version", "review_due_at", "plan_due_at", "news_due_at", "question_due_at"),
    *("merged_into", "owner__name", "owner__email", "owner__role", "area__name"),
)
_FINISHED = ("solved", "closed")


@dataclass
class Reported:
    """By whom a record was reported: its tickets, their organisations and plans, and what their customers did."""

    tickets: int = 0
    organizations: int = 0
    plans: dict[str, int] = field(default_factory=dict)
    solved: int = 0
    replied: int = 0


@dataclass(frozen=True)
class Card:
    escalation: Escalation
    reported: Reported
    overdue: list[str]
    moves: list[tuple[Move, Step]]
    """What may be done to it now, and where it leads."""


@dataclass(frozen=True)
class Column:
    step: Step
    cards: list[Card]
    count: int
    """Of all that belong here, shown or not."""

    @property
    def is_ended(self) -> bool:
        return self.step in ENDED


def columns(rows: EscalationQuerySet, *, now: datetime, whole: str = "") -> list[Column]:
    """All columns of the board with the first cards of those of `rows` that stand on it; of the step `whole` all.

    What is under way comes the worst and the oldest first; what is over the owed and the newest first.
    """
    kept = Q(ended_at__gte=now - ENDED_FOR) | Q(owes_update=True)
    over = Q(step__in=[step for step in COLUMNS if step in ENDED])
    worst = ["severity", "step_since", "id"]
    newest = [F("owes_update").desc(), F("step_since").desc(), F("id").desc()]
    first = Q(step__in=ACTIVE, from_worst__lte=ACTIVE_AT_ONCE) | Q(step__in=ENDED, from_newest__lte=ENDED_AT_ONCE)
    shown = (
        light(rows.standing().filter(Q(step__in=ACTIVE) | (over & kept)))
        .annotate(
            from_worst=Window(RowNumber(), partition_by="step", order_by=worst),
            from_newest=Window(RowNumber(), partition_by="step", order_by=newest),
            in_column=Window(Count("pk"), partition_by="step"),
        )
        .filter(first | Q(step__in=ACTIVE, step=whole))
        .order_by(*worst)
    )
    by_step: dict[str, list[Card]] = defaultdict(list)
    for card in cards(shown, now=now):
        by_step[card.escalation.step].append(card)
    return [_column(step, by_step[step.value]) for step in COLUMNS]


def _column(step: Step, found: list[Card]) -> Column:
    if step in ENDED:
        found.sort(key=lambda card: card.escalation.from_newest)  # type: ignore[attr-defined] # of the query
    return Column(step, found, found[0].escalation.in_column if found else 0)  # type: ignore[attr-defined]


def light(rows: EscalationQuerySet) -> EscalationQuerySet:
    """Without the long texts, which no card shows."""
    return rows.select_related("owner", "area").only(*_COLUMNS_OF_A_CARD)


def cards(rows: Iterable[Escalation], *, now: datetime) -> list[Card]:
    """A card for each of `rows`."""
    found = list(rows)
    reported = reported_by(found)
    return [
        Card(escalation, reported.get(escalation.pk, Reported()), overdue(escalation, now), moves_of(escalation))
        for escalation in found
    ]


def reported_by(escalations: Iterable[Escalation]) -> dict[int, Reported]:
    """Who reported each: one query that counts by plan. An organisation has one plan, so that the sums are right."""
    rows = (
        EscalationLink.objects.standing()
        .filter(escalation__in=[escalation.pk for escalation in escalations])
        .order_by()
        .values("escalation_id", plan=F("ticket__organization__plan__name"))
        .annotate(
            rank=F("ticket__organization__plan__rank"),
            tickets=Count("pk"),
            organizations=Count("ticket__organization", distinct=True),
            solved=Count("pk", filter=Q(is_active=True, ticket__status__in=_FINISHED)),
            replied=Count("pk", filter=unseen()),
        )
        .order_by("-rank")
    )
    found: dict[int, Reported] = defaultdict(Reported)
    for row in rows:
        one = found[row["escalation_id"]]
        one.tickets += row["tickets"]
        one.organizations += row["organizations"]
        one.solved += row["solved"]
        one.replied += row["replied"]
        if row["plan"]:
            one.plans[row["plan"]] = row["tickets"]
    return found


def unseen() -> Q:
    """Links whose customer wrote since somebody last looked."""
    return Q(replied_at__isnull=False) & (Q(seen_reply_at=None) | Q(seen_reply_at__lt=F("replied_at")))


def moves_of(escalation: Escalation) -> list[tuple[Move, Step]]:
    """The moves that the record may make now; while its customers are owed a word, those that replace that word."""
    if escalation.merged_into_id is not None:
        return []
    here = escalation.at_step
    asked_from = Step(escalation.asked_from) if escalation.asked_from else None
    allowed = [move for move in possible(here) if not escalation.owes_update or replaces_an_owed_update(move)]
    return [(move, to) for move in allowed if (to := target(move, here, asked_from=asked_from))]
