"""What the staff writes: public replies and internal notes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import User
from supportdesk.lib.errors import Conflict, Invalid
from tickets import access
from tickets.actions.moves import check, locked, move, require, waiting_anew, write
from tickets.actions.writing import sent_before, write_message
from tickets.events import record
from tickets.models import Channel, EventKind, Message, Ticket
from tickets.states import LABELS, Status, Verb

_VERBS = {
    Status.OPEN: Verb.ANSWER_OPEN,
    Status.PENDING: Verb.ANSWER_PENDING,
    Status.SOLVED: Verb.ANSWER_SOLVED,
}


@dataclass(frozen=True)
class Answer:
    """A public reply that was sent, and, where its status was not applied, why (a sentence for the agent)."""

    message: Message
    status_left: str = ""


@transaction.atomic
def answer(
    ticket: Ticket,
    *,
    by: User,
    body: str,
    submit_as: Status,
    at: datetime,
    uploads: Sequence[UUID] = (),
    key: str = "",
    channel: Channel = Channel.AGENT,
    seen_status: Status | None = None,
    seen_message: int | None = None,
) -> Answer:
    """Reply publicly and submit as Open, Pending or Solved; an unassigned ticket is taken by an agent who answers.

    `seen_status` and `seen_message` (the newest public message's id) are what the agent had before their eyes. Another
    agent's reply since then is a Conflict, so that nobody is answered twice; a status that a colleague changed since
    then stays, and the answer says so (S090). Raises NotAllowed, Invalid, Conflict.
    """
    ticket = locked(ticket, by=by)
    if former := sent_before(by, key, ticket=ticket, body=body, is_public=True):
        return Answer(former)
    require(access.may_answer(by, ticket), "reply to this request")
    if submit_as not in _VERBS:
        raise Invalid("Submit as Open, Pending or Solved.", code="unknown_status", field="submit_as")
    if submit_as is not Status.OPEN:
        require(access.may_work(by, ticket), f"submit this request as {submit_as.label}")
    _check_not_answered_meanwhile(ticket, by=by, seen_message=seen_message)
    status_left = _changed_meanwhile(ticket, seen_status, submit_as)
    # Who may not reopen may still add a word to what is Solved.
    leaves = status_left or (ticket.state is Status.SOLVED and not access.may_work(by, ticket))
    verb = _leaving(ticket.state) if leaves else _VERBS[submit_as]
    to = check(ticket, verb)
    message = write_message(
        ticket, by=by, body=body, uploads=uploads, is_public=True, from_staff=True, channel=channel, key=key, at=at
    )
    taken = taken_by(by, ticket)
    former_status = move(ticket, verb, at=at, public_updated_at=at, **answered(ticket, to, at), **taken)
    _record(message, former_status, by=by, at=at, took=bool(taken), asked=verb is Verb.ANSWER_PENDING)
    return Answer(message, status_left)


@transaction.atomic
def add_note(
    ticket: Ticket,
    *,
    by: User,
    body: str,
    at: datetime,
    uploads: Sequence[UUID] = (),
    key: str = "",
) -> Message:
    """Add an internal note, which only the staff ever sees; it moves nothing."""
    ticket = locked(ticket, by=by)
    if former := sent_before(by, key, ticket=ticket, body=body, is_public=False):
        return former
    require(access.may_note(by, ticket), "add notes to this request")
    check(ticket, Verb.NOTE)
    message = write_message(
        ticket,
        by=by,
        body=body,
        uploads=uploads,
        is_public=False,
        from_staff=True,
        channel=Channel.AGENT,
        key=key,
        at=at,
    )
    write(ticket, at=at)
    record(ticket, EventKind.NOTED, by=by, at=at, message=message)
    return message


def _record(message: Message, former: Status, *, by: User, at: datetime, took: bool, asked: bool) -> None:
    record(
        message.ticket,
        EventKind.ANSWERED,
        by=by,
        at=at,
        message=message,
        from_status=former,
        to_status=message.ticket.status,
        took=took,
        asked=asked,
    )


def _leaving(state: Status) -> Verb:
    """The verb that answers without changing the status."""
    return Verb.ANSWER_SOLVED if state is Status.SOLVED else Verb.ANSWER_OPEN


def answered(ticket: Ticket, to: Status, at: datetime) -> dict[str, object]:
    """Nobody waits any more, and what is Pending waits from now on: it was asked, or reminded, just now."""
    return {
        "first_replied_at": ticket.first_replied_at or at,
        "last_replied_at": at,
        "waiting_since": None,
        "raised_at": None,
        **(waiting_anew(ticket, at) if ticket.state is to is Status.PENDING else {}),
    }


def taken_by(by: User, ticket: Ticket) -> dict[str, object]:
    """An agent who acts on what nobody has takes it."""
    return {"assignee": by} if ticket.assignee_id is None and by.is_agent else {}


def _check_not_answered_meanwhile(ticket: Ticket, *, by: User, seen_message: int | None) -> None:
    if seen_message is None:
        return
    newer = ticket.messages.filter(pk__gt=seen_message, is_public=True).exclude(author=by).order_by("pk").last()
    if newer is not None:
        who = newer.author.display_name if newer.author else "The system"
        sentence = (
            f"{who} wrote to this request while you were writing. Read it above, then send again if it still fits."
        )
        raise Conflict(sentence, code="answered_meanwhile", field="body")


def _changed_meanwhile(ticket: Ticket, seen: Status | None, submit_as: Status) -> str:
    if seen is None or seen is ticket.state or submit_as is ticket.state:
        return ""
    return (
        f"The status was changed from {LABELS[seen]} to {ticket.state.label} while you were writing. "
        f"Your reply was sent; the status was left at {ticket.state.label}."
    )
