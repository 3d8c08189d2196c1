"""Where a request stands, in one line of the customer's words: what we owe them, or what they owe us."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tickets.models import SlaClock, Ticket
from tickets.sla.promises import Promise
from tickets.states import Status

_OWED = {
    Promise.FIRST_REPLY: "a first answer",
    Promise.NEXT_REPLY: "a reply",
    Promise.REGULAR_UPDATE: "news",
    Promise.RESOLUTION: "a solution",
}


@dataclass(frozen=True)
class Owed:
    """What we owe, and by when (None: no time was promised); `is_late` once that has passed."""

    what: str
    due_at: datetime | None = None
    is_late: bool = False


@dataclass(frozen=True)
class Standing:
    """A line, the look of its notice, its drawing, and who is to act next: "us", "you" or nobody.

    What is `owed` goes on with the line, which then has no full stop; soonest first.
    """

    line: str
    look: str
    drawing: str
    turn: str = ""
    owed: tuple[Owed, ...] = ()

    @property
    def has_time(self) -> bool:
        return any(one.due_at is not None for one in self.owed)


def standing_of(ticket: Ticket, open_clocks: Iterable[SlaClock], *, now: datetime) -> Standing:
    """How `ticket` stands, of whose clocks at least the running ones are given."""
    status = ticket.state_for_customer
    if status is Status.PENDING:
        return Standing(
            "We asked you something and wait for your answer.", "warn", "message-circle-question-mark", "you"
        )
    if status is Status.SOLVED:
        return Standing("Solved. If it isn't, reopen this request or just reply.", "ok", "circle-check")
    if status is Status.CLOSED:
        return Standing("Closed. A reply opens a follow-up request.", "", "archive")
    if not ticket.is_answered:
        return _owing("We owe you", "clock", _owed(open_clocks, now, Promise.FIRST_REPLY))
    if ticket.waiting_since is not None:
        return _owing("You wrote last: we owe you", "clock", _owed(open_clocks, now, Promise.NEXT_REPLY))
    if owed := _owed(open_clocks, now, None):
        return _owing("We are working on it and owe you", "wrench", owed)
    return Standing("We are working on it. Nothing is needed from you now.", "info", "wrench", "us")


def _owing(line: str, drawing: str, owed: tuple[Owed, ...]) -> Standing:
    if any(one.is_late for one in owed):
        return Standing(line, "warn", "triangle-alert", "us", owed)
    return Standing(line, "info", drawing, "us", owed)


def _owed(open_clocks: Iterable[SlaClock], now: datetime, awaited: Promise | None) -> tuple[Owed, ...]:
    """What clocks run for, soonest first; what the customer awaits is owed also where no time was promised for it."""
    timed = [(clock.due_at, Promise(clock.promise)) for clock in open_clocks if clock.due_at is not None]
    owed = [Owed(_OWED[promise], due, due < now) for due, promise in sorted(timed)]
    if awaited is not None and awaited not in {promise for _, promise in timed}:
        owed.insert(0, Owed(_OWED[awaited]))
    return tuple(owed)
