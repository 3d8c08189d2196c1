"""What the customer's side does: reply, mark as solved, set the priority where there is none, raise it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from accounts.models import User
from supportdesk.lib import text
from supportdesk.lib.errors import Conflict, Invalid
from tickets import access
from tickets.actions.moves import locked, move, require, write
from tickets.actions.submit import Request, open_follow_up
from tickets.actions.writing import sent_before, write_message
from tickets.events import record
from tickets.models import Channel, EventKind, Message, Priority, Ticket
from tickets.states import Status, Verb

REASON_LENGTH = 500


@transaction.atomic
def reply(
    ticket: Ticket,
    *,
    by: User,
    body: str,
    at: datetime,
    channel: Channel = Channel.PORTAL,
    uploads: Sequence[UUID] = (),
    key: str = "",
) -> Message:
    """The customer's reply. On a Closed ticket it opens a linked follow-up: the message returned is then that one's.

    Raises NotAllowed, Invalid, Conflict (key used for other words).
    """
    ticket = locked(ticket, by=by)
    if former := sent_before(by, key, ticket=ticket, body=body, is_public=True):
        return former
    require(access.may_reply_as_customer(by, ticket), "reply to this request")
    if ticket.is_closed:
        require(access.may_follow_up(by, ticket), "open a follow-up: your plan comes without the portal")
        return _follow_up(ticket, by=by, body=body, at=at, channel=channel, uploads=uploads, key=key)
    message = write_message(
        ticket,
        by=by,
        body=body,
        uploads=uploads,
        is_public=True,
        from_staff=False,
        channel=channel,
        key=key,
        at=at,
    )
    former_status = move(
        ticket, Verb.CUSTOMER_REPLY, at=at, public_updated_at=at, waiting_since=ticket.waiting_since or at
    )
    kind = EventKind.REOPENED if former_status is Status.SOLVED else EventKind.CUSTOMER_REPLIED
    record(ticket, kind, by=by, at=at, message=message, from_status=former_status, to_status=ticket.status, waits=True)
    return message


@transaction.atomic
def note_machine(ticket: Ticket, *, by: User, body: str, at: datetime, key: str = "") -> Message:
    """Keep what a machine of the customer's side answered (out of office, "received"): on the ticket, moving nothing.

    No status, clock or page follows and nobody is told, or two machines would talk for ever (S011).
    """
    ticket = locked(ticket, by=by)
    if former := sent_before(by, key, ticket=ticket, body=body, is_public=True):
        return former
    require(access.may_reply_as_customer(by, ticket), "reply to this request")
    message = write_message(
        ticket,
        by=by,
        body=body,
        uploads=(),
        is_public=True,
        from_staff=False,
        channel=Channel.EMAIL,
        key=key,
        at=at,
        is_automatic=True,
    )
    record(ticket, EventKind.MACHINE_WROTE, by=by, at=at, message=message)
    return message


def _follow_up(
    closed: Ticket, *, by: User, body: str, at: datetime, channel: Channel, uploads: Sequence[UUID], key: str
) -> Message:
    """The first message of a new ticket that continues the Closed one, with its people and its fields."""
    request = Request(
        subject=closed.subject,
        body=body,
        category=closed.category,
        environment=closed.environment,
        priority=Priority(closed.priority) if closed.priority else None,
        product_version=closed.product_version,
        mobile_version=closed.mobile_version,
        mobile_device=closed.mobile_device,
        cc=[copy.email for copy in closed.participants.current()],
        uploads=uploads,
    )
    ticket = open_follow_up(closed, by=by, request=request, channel=channel, at=at, key=key)
    return ticket.messages.order_by("pk")[0]


@transaction.atomic
def mark_solved(ticket: Ticket, *, by: User, at: datetime) -> None:
    """The customer says that it is solved. Raises NotAllowed, Conflict."""
    ticket = locked(ticket, by=by)
    require(access.may_mark_solved(by, ticket), "mark this request as solved")
    former = move(ticket, Verb.CUSTOMER_SOLVE, at=at)
    record(ticket, EventKind.CUSTOMER_SOLVED, by=by, at=at, from_status=former, to_status=ticket.status)


@transaction.atomic
def set_priority(ticket: Ticket, *, by: User, to: Priority, at: datetime) -> None:
    """The customer says how pressing a request is that came without a priority, as by mail.

    From then on clocks run and pages ring by it; another one is raised (`raise_priority`) or lowered by agents.
    Raises NotAllowed, Conflict.
    """
    ticket = locked(ticket, by=by)
    require(access.may_raise_priority(by, ticket), "set the priority of this request")
    if ticket.priority is not None:
        raise Conflict(
            f"This request is {Priority(ticket.priority).label} already.", code="set_already", field="priority"
        )
    move(ticket, Verb.CUSTOMER_RAISE, at=at)
    write(ticket, at=at, priority=to, public_updated_at=at, **raised(ticket, to, at))
    record(ticket, EventKind.PRIORITY_CHANGED, by=by, at=at, old=None, new=int(to))


@transaction.atomic
def raise_priority(ticket: Ticket, *, by: User, to: Priority, reason: str, at: datetime) -> None:
    """The customer raises the priority and says why; lowering is for agents. Raises NotAllowed, Invalid, Conflict."""
    ticket = locked(ticket, by=by)
    require(access.may_raise_priority(by, ticket), "raise the priority of this request")
    reason = text.body(reason, field="reason", most_bytes=4 * REASON_LENGTH).strip()
    if not reason:
        raise Invalid("Please say why this has become more pressing.", code="required", field="reason")
    if len(reason) > REASON_LENGTH:
        raise Invalid(f"Please say it in {REASON_LENGTH} characters.", code="too_long", field="reason")
    if ticket.priority is not None and to >= ticket.priority:
        raise Conflict(
            f"This request is {Priority(ticket.priority).label} already.", code="not_raised", field="priority"
        )
    former = ticket.priority
    move(ticket, Verb.CUSTOMER_RAISE, at=at)
    write(ticket, at=at, priority=to, public_updated_at=at, **raised(ticket, to, at))
    record(ticket, EventKind.PRIORITY_CHANGED, by=by, at=at, old=former, new=int(to), reason=reason)


def raised(ticket: Ticket, to: Priority | None, at: datetime) -> dict[str, object]:
    """Being raised to Urgent or High is something to be paged for, even where every message has been answered."""
    if to is None or to > Priority.HIGH:
        return {"raised_at": None}
    return {"raised_at": at} if ticket.priority is None or to < ticket.priority else {}
