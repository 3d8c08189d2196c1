"""Where a request stands, in one line of the customer's words: what we owe them, or what they owe us."""

from dataclasses import dataclass

from tickets.models import PromiseTarget, Ticket
from tickets.states import Status


@dataclass(frozen=True)
class Standing:
    """A line, the look of its notice, its drawing, and who is to act next: "us", "you" or nobody."""

    line: str
    look: str
    drawing: str
    turn: str = ""


def standing_of(ticket: Ticket, *, first_reply: PromiseTarget | None = None) -> Standing:
    """The line for `ticket`; `first_reply` is what its plan promises for its priority."""
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
        return Standing(f"We owe you a first answer{_within(first_reply)}.", "info", "clock", "us")
    if ticket.waiting_since is not None:
        return Standing("You wrote last: we owe you an answer.", "info", "clock", "us")
    return Standing("We are working on it. Nothing is needed from you now.", "info", "wrench", "us")


def _within(promise: PromiseTarget | None) -> str:
    return f" within {promise_in_words(promise)}" if promise else ""


def promise_in_words(promise: PromiseTarget) -> str:
    """`1 hour, around the clock`; spans in business time name it themselves."""
    if promise.hours == PromiseTarget.Hours.AROUND_THE_CLOCK:
        return f"{promise.span}, {_clock(promise)}"
    return promise.span


def _clock(promise: PromiseTarget) -> str:
    """Without weekend coverage the clock stands still on Saturday and Sunday (the table of plans)."""
    return "around the clock" if promise.plan.covers_weekends else "day and night on weekdays"
