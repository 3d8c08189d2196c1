"""What an engineering escalation does to its tickets: it keeps them On-hold, speaks to the customer, gives them back.

Which ticket belongs to which escalation is known above; here a ticket knows that one is active (`escalated_at`) and
events name it by its reference. What engineering says is a public reply of whoever wrote it: it meets promises as any
other does. A message is sent once per `key`, whoever asks again.
"""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from supportdesk.lib.errors import Conflict
from tickets import access
from tickets.actions.answer import answered, taken_by
from tickets.actions.moves import check, locked, move, require, write
from tickets.actions.writing import sent_before, write_message
from tickets.events import record
from tickets.models import Channel, EventKind, Message, Ticket
from tickets.states import Status, Verb, target

_ENDS = (Verb.COME_BACK, Verb.COME_BACK_SOLVED)


@transaction.atomic
def escalate(ticket: Ticket, *, by: User, body: str, reference: str, at: datetime, key: str = "") -> Message:
    """Hand the ticket to engineering and tell its customer so in `body`; it is taken and waits On-hold.

    Raises NotAllowed, Conflict (its status, or an escalation is active), Invalid (`body`).
    """
    ticket = locked(ticket, by=by)
    if former := sent_before(by, key, ticket=ticket, body=body, is_public=True):
        return former
    require(access.may_escalate(by, ticket), "escalate this request")
    if ticket.is_escalated:
        raise Conflict("This request is with engineering already.", code="escalated_already")
    check(ticket, Verb.ESCALATE)
    message = _write(ticket, by=by, body=body, key=key, at=at)
    taken = taken_by(by, ticket)
    changes = {"hold_reason": _reason(reference), "escalated_at": at, "public_updated_at": at}
    former_status = move(ticket, Verb.ESCALATE, at=at, **{**answered(ticket, Status.ON_HOLD, at), **changes, **taken})
    record(
        ticket,
        EventKind.ANSWERED,
        by=by,
        at=at,
        message=message,
        from_status=former_status,
        to_status=ticket.status,
        took=bool(taken),
        escalation=reference,
        escalated=True,
    )
    return message


@transaction.atomic
def join_escalation(ticket: Ticket, *, by: User | None, reference: str, at: datetime) -> None:
    """Count the ticket in without a word and leave its status: its customer has just reported the same."""
    ticket = locked(ticket, by=by)
    write(ticket, at=at, escalated_at=ticket.escalated_at or at, hold_reason=_reason(reference))
    record(ticket, EventKind.ESCALATED, by=by, at=at, escalation=reference)


@transaction.atomic
def change_escalation(ticket: Ticket, *, by: User | None, reference: str, former: str, at: datetime) -> None:
    """It went over from the escalation `former` by merging, or back; its customer hears nothing of that."""
    ticket = locked(ticket, by=None)
    write(ticket, at=at, hold_reason=_reason(reference))
    record(ticket, EventKind.ESCALATED, by=by, at=at, escalation=reference, former=former)


@transaction.atomic
def tell(
    ticket: Ticket,
    *,
    by: User,
    body: str,
    reference: str,
    stage: str,
    key: str,
    at: datetime,
    verb: Verb = Verb.TELL,
) -> Message:
    """Tell the customer what engineering found, by `verb`: TELL, ASK_FOR_ENGINEERING, ESCALATE (again), COME_BACK….

    ESCALATE puts it On-hold again where that can be; COME_BACK… gives it back. Once per `key`.
    """
    ticket = locked(ticket, by=None)
    if former := Message.objects.filter(author=by, submission_key=key).first():
        return former
    said_by = _told_by(verb, ticket)
    to = check(ticket, said_by)
    message = _write(ticket, by=by, body=body, key=key, at=at)
    changes = {**answered(ticket, to, at), **_standing(verb, reference, at), "public_updated_at": at}
    former_status = move(ticket, said_by, at=at, **changes)
    record(
        ticket,
        EventKind.ANSWERED,
        by=by,
        at=at,
        message=message,
        from_status=former_status,
        to_status=ticket.status,
        asked=verb is Verb.ASK_FOR_ENGINEERING and to is Status.PENDING,
        escalation=reference,
        stage=stage,
    )
    if verb in _ENDS:
        _record_return(ticket, former=ticket.state, by=by, reference=reference, why=stage, at=at)
    return message


def _told_by(verb: Verb, ticket: Ticket) -> Verb:
    """Whom can't be put On-hold again, as it is On-hold or finished, is told all the same; New is New no more."""
    if verb is Verb.ESCALATE and target(verb, ticket.state) is None:
        return Verb.TELL
    return Verb.ANSWER_OPEN if verb is Verb.COME_BACK and ticket.state is Status.NEW else verb


def _standing(verb: Verb, reference: str, at: datetime) -> dict[str, object]:
    """Whether an escalation is active afterwards, and what the ticket waits for, or will once its customer answered."""
    if verb in _ENDS:
        return {"escalated_at": None, "hold_reason": ""}
    active: dict[str, object] = {"escalated_at": at} if verb is Verb.ESCALATE else {}
    waits = verb in {Verb.ESCALATE, Verb.ASK_FOR_ENGINEERING}
    return {**active, "hold_reason": _reason(reference)} if waits else active


def _reason(reference: str) -> str:
    return f"Engineering: {reference}"


@transaction.atomic
def wait_again(ticket: Ticket, *, by: User | None, left: Status, reference: str, at: datetime) -> None:
    """What is in the status `left`, Pending or Open, waits On-hold again, for engineering.

    From Pending where engineering goes on without the answer; from Open where it has taken the matter up again.
    """
    ticket = locked(ticket, by=None)
    if ticket.state is not left:
        return
    # From Open the customer is not to notice (S050); from Pending they see Open again.
    shown = ticket.public_updated_at if left is Status.OPEN else at
    former = move(ticket, Verb.ESCALATE, at=at, hold_reason=_reason(reference), public_updated_at=shown)
    record(
        ticket,
        EventKind.HELD,
        by=by,
        at=at,
        from_status=former,
        to_status=ticket.status,
        reason=ticket.hold_reason,
    )


@transaction.atomic
def come_back(ticket: Ticket, *, by: User | None, reference: str, why: str, at: datetime) -> None:
    """The escalation is over for this ticket: what waits goes to its agent, what is finished stays so."""
    ticket = locked(ticket, by=None)
    shown = {} if ticket.state is Status.PENDING else {"public_updated_at": ticket.public_updated_at}
    former = move(ticket, Verb.COME_BACK, at=at, escalated_at=None, hold_reason="", **shown)
    _record_return(ticket, former=former, by=by, reference=reference, why=why, at=at)


def _record_return(ticket: Ticket, *, former: Status, by: User | None, reference: str, why: str, at: datetime) -> None:
    record(
        ticket,
        EventKind.CAME_BACK,
        by=by,
        at=at,
        from_status=former,
        to_status=ticket.status,
        escalation=reference,
        why=why,
    )


def _write(ticket: Ticket, *, by: User, body: str, key: str, at: datetime) -> Message:
    return write_message(
        ticket,
        by=by,
        body=body,
        uploads=(),
        is_public=True,
        from_staff=True,
        channel=Channel.AGENT,
        key=key,
        at=at,
    )
