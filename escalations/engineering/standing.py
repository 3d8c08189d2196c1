"""How tickets stand with engineering, for their agents: all of a page's tickets in one query."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import F, FilteredRelation, Q

from accounts.models import User
from escalations.engineering.steps import RULES, Step
from escalations.models import CustomerNotice, EscalationLink
from tickets.models import Ticket
from tickets.states import Status, Verb, permits

State = CustomerNotice.State
_INSTEAD = {
    Status.ON_HOLD: "It is On-hold already. Take it off hold first, then escalate it.",
    Status.SOLVED: "It is Solved. Reopen it first, then escalate it.",
    Status.CLOSED: "It is Closed. What is still wrong goes into a follow-up.",
}


@dataclass(frozen=True)
class Word:
    """What a ticket's customer was told, or waits to be told, at one step."""

    step: Step
    state: str
    message: int | None
    sent_at: datetime | None
    held_why: str
    held_by: str

    @property
    def owed(self) -> str:
        return RULES[self.step].owes


@dataclass
class Standing:
    """The active link of a ticket, what its customer was told last in it and waits to be told; and former links."""

    active: EscalationLink | None = None
    told: Word | None = None
    waiting: Word | None = None
    former: list[EscalationLink] = field(default_factory=list)


def standing_of(tickets: Sequence[Ticket], user: User) -> dict[int, Standing]:
    """The standing of those of `tickets` that are or were in a record that `user` sees, by their number: one query."""
    found: dict[int, Standing] = defaultdict(Standing)
    known = [ticket for ticket in tickets if ticket.is_escalated or getattr(ticket, "was_escalated", True)]
    for link in _links(known, user) if known else ():
        standing, word = found[link.ticket_id], _word(link)
        if link.is_active:
            standing.active = link
            if word is not None and word.state == State.SENT:
                standing.told = word
            elif word is not None:
                standing.waiting = word
        elif link not in standing.former:
            standing.former.append(link)
    return dict(found)


def _links(tickets: Sequence[Ticket], user: User) -> Any:
    """Each link once for each word, the newest link first and its words in order; once where there is none."""
    said = FilteredRelation("notices", condition=~Q(notices__state__in=(State.DROPPED, State.DISMISSED)))
    columns = {"step": "update_of__step", "state": "state", "message": "message", "sent_at": "sent_at"}
    columns |= {"held_why": "held_why", "held_by": "held_by__name"}
    rows: Any = EscalationLink.objects.visible_to(user).filter(ticket__in=tickets).select_related("escalation__owner")
    rows = rows.annotate(said=said, **{f"said_{name}": F(f"said__{column}") for name, column in columns.items()})
    return rows.order_by("-pk", "said__pk")


def _word(link: Any) -> Word | None:
    if link.said_step is None:
        return None
    return Word(
        Step(link.said_step),
        link.said_state,
        link.said_message,
        link.said_sent_at,
        link.said_held_why,
        link.said_held_by or "",
    )


def not_now(ticket: Ticket) -> str:
    """Why the ticket can't be escalated, and what to do first; empty where it can."""
    if ticket.is_escalated:
        return "It is with engineering already."
    return "" if permits(Verb.ESCALATE, ticket.state) else _INSTEAD[ticket.state]
