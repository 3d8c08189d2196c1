"""Who is told of an event ("The customer is mailed on …" and the column "and" of the moves in the domain description).

Nobody is told of what they did themselves, except the requester of their new request. The customer's side gets what is
public; notes go to the staff alone. Nobody is told of a ticket that they may no longer see (S054).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accounts.models import Region, Role, User
from tickets import access
from tickets.actions.submit import region_on_shift
from tickets.models import EventKind, Participant, Survey, Ticket, TicketEvent
from tickets.states import Status


class Kind(StrEnum):
    """What a mail is about; those that begin with `staff_` go to members of the staff only."""

    CREATED = "created"
    ASKED = "asked"
    ANSWERED = "answered"
    ESCALATED = "escalated"
    REPLIED = "replied"
    SOLVED = "solved"
    CLOSED = "closed"
    REMINDED = "reminded"
    GAVE_UP_WAITING = "gave_up_waiting"
    SURVEY = "survey"
    STAFF_NEW = "staff_new"
    STAFF_ASSIGNED = "staff_assigned"
    STAFF_REPLIED = "staff_replied"
    STAFF_REOPENED = "staff_reopened"
    STAFF_SOLVED = "staff_solved"
    STAFF_NOTED = "staff_noted"
    STAFF_PROMISES = "staff_promises"
    STAFF_ADDRESS_DEAD = "staff_address_dead"
    STAFF_DIGEST = "staff_digest"
    DIGEST = "digest"
    STAFF_MAIL_ALERT = "staff_mail_alert"
    STAFF_RATED = "staff_rated"
    STAFF_ESCALATION = "staff_escalation"
    STAFF_ENGINEERING_DIGEST = "staff_engineering_digest"
    STAFF_CAME_BACK = "staff_came_back"

    @property
    def is_for_staff(self) -> bool:
        return self.startswith("staff_")


class Part(StrEnum):
    """What somebody is to the ticket: why they get the mail."""

    REQUESTER = "requester"
    COPIED = "copied"
    ASSIGNEE = "assignee"
    TEAM = "team"
    NOTED = "noted"
    LEAD = "lead"


@dataclass(frozen=True)
class Recipient:
    """One address to be told; `user` is None for a CC without an account."""

    kind: Kind
    part: Part
    email: str
    user: User | None = None
    copied_by: User | None = None

    @property
    def is_requester(self) -> bool:
        return self.part is Part.REQUESTER


_STAFF_KINDS = {
    EventKind.CREATED: Kind.STAFF_NEW,
    EventKind.ASSIGNED: Kind.STAFF_ASSIGNED,
    EventKind.CUSTOMER_REPLIED: Kind.STAFF_REPLIED,
    EventKind.REOPENED: Kind.STAFF_REOPENED,
    EventKind.CUSTOMER_SOLVED: Kind.STAFF_SOLVED,
    EventKind.NOTED: Kind.STAFF_NOTED,
    EventKind.RATED: Kind.STAFF_RATED,
    EventKind.CAME_BACK: Kind.STAFF_CAME_BACK,
}
_CUSTOMER_KINDS = {
    EventKind.CREATED: Kind.CREATED,
    EventKind.CUSTOMER_REPLIED: Kind.REPLIED,
    EventKind.SOLVED: Kind.SOLVED,
    EventKind.CUSTOMER_SOLVED: Kind.SOLVED,
    EventKind.CLOSED: Kind.CLOSED,
    EventKind.REMINDED: Kind.REMINDED,
    EventKind.GAVE_UP_WAITING: Kind.GAVE_UP_WAITING,
    EventKind.SURVEYED: Kind.SURVEY,
}


def recipients(event: TicketEvent) -> list[Recipient]:
    """Everybody to be told, each address once."""
    found: dict[str, Recipient] = {}
    for recipient in (*_staff(event), *_customers(event)):
        if not _did_it(recipient, event):
            found.setdefault(recipient.email, recipient)
    return list(found.values())


def _did_it(recipient: Recipient, event: TicketEvent) -> bool:
    """Whether it is the person's own act; their new request is confirmed to them all the same."""
    if event.actor is None or recipient.email != event.actor.email:
        return False
    return not (recipient.is_requester and recipient.kind is Kind.CREATED)


# --- The customer's side -------------------------------------------------------------------------------------------


def _customers(event: TicketEvent) -> Iterator[Recipient]:
    kind = customer_kind(event)
    if kind is None:
        return
    ticket = event.ticket
    if Ticket.objects.visible_to(ticket.requester).filter(pk=ticket.pk).exists():
        yield Recipient(kind, Part.REQUESTER, ticket.requester.email, ticket.requester)
    if kind is Kind.SURVEY:  # nobody else can say how it went for them
        return
    # Who was copied in, or confirmed, only after it happened gets what comes, never history (S004).
    copies = Participant.objects.reachable().filter(ticket=ticket, added_at__lte=event.at)
    for copy in copies.select_related("user__region", "added_by"):
        yield Recipient(
            kind, Part.COPIED, copy.user.email if copy.user else copy.email, copy.user, copied_by=copy.added_by
        )


def customer_kind(event: TicketEvent) -> Kind | None:
    if event.kind == EventKind.ANSWERED:
        if event.data.get("escalated"):
            return Kind.ESCALATED
        # What engineering found is told on finished tickets, too, which it doesn't solve once more.
        if event.to_status == Status.SOLVED and not ("stage" in event.data and event.from_status == event.to_status):
            return Kind.SOLVED
        return Kind.ASKED if event.data.get("asked") else Kind.ANSWERED
    if event.kind == EventKind.REOPENED:  # told of only where it came with words
        return Kind.REPLIED if event.message_id else None
    return _CUSTOMER_KINDS.get(EventKind(event.kind))


# --- The staff -----------------------------------------------------------------------------------------------------


def _staff(event: TicketEvent) -> Iterator[Recipient]:
    kind = _STAFF_KINDS.get(EventKind(event.kind))
    if kind is Kind.STAFF_NOTED and "dead_address" in event.data:
        kind = Kind.STAFF_ADDRESS_DEAD
    if kind is None:
        return
    for part, people in _staff_parts(event, kind):
        for person in people:
            if access.sees_desk(person):
                yield Recipient(kind, part, person.email, person)


def _staff_parts(event: TicketEvent, kind: Kind) -> Iterator[tuple[Part, Iterable[User]]]:
    ticket = event.ticket
    if kind is Kind.STAFF_NEW:
        yield Part.TEAM, team_on_shift(ticket, ticket.region)
    elif kind is Kind.STAFF_ASSIGNED:
        yield Part.ASSIGNEE, User.objects.filter(pk=event.data["to"]).select_related("region")
    elif kind is Kind.STAFF_NOTED:
        yield Part.ASSIGNEE, [ticket.assignee] if ticket.assignee else []
        yield Part.NOTED, _note_authors(ticket, before=event.at)
    elif kind is Kind.STAFF_ADDRESS_DEAD:
        yield Part.ASSIGNEE, [ticket.assignee] if ticket.assignee else []
        yield Part.LEAD, _leads(ticket)
    elif kind is Kind.STAFF_RATED:
        yield from _told_of_rating(event)
    elif ticket.assignee is not None and access.sees_desk(ticket.assignee):
        yield Part.ASSIGNEE, [ticket.assignee]
    else:
        yield Part.TEAM, team_on_shift(ticket, region_on_shift(event.at))


def _told_of_rating(event: TicketEvent) -> Iterator[tuple[Part, Iterable[User]]]:
    """Whose work it was, else who leads: of what went wrong or was put in words, and of a change of mind."""
    ticket, data = event.ticket, event.data
    if data["rating"] != Survey.Rating.BAD and not data["commented"] and data["former"] != Survey.Rating.BAD:
        return
    if ticket.assignee is not None and access.sees_desk(ticket.assignee):
        yield Part.ASSIGNEE, [ticket.assignee]
        return
    lead = ticket.team.lead if ticket.team else None
    leads = User.objects.active().filter(role=Role.LEAD).select_related("region").order_by("pk")
    yield Part.LEAD, [lead] if lead is not None and access.sees_desk(lead) else leads


def team_on_shift(ticket: Ticket, region: Region | None) -> list[User]:
    """The ticket's team in `region`; all of it where none of it is there, every agent where it has no team."""
    people = ticket.team.members.active() if ticket.team else User.objects.agents()
    members = list(people.select_related("region").order_by("pk"))
    return [person for person in members if region and person.region_id == region.pk] or members


def _leads(ticket: Ticket) -> Iterable[User]:
    """The team's own lead, else every support lead."""
    lead = ticket.team.lead if ticket.team else None
    if lead is not None and access.sees_desk(lead):
        return [lead]
    return User.objects.active().filter(role=Role.LEAD).select_related("region").order_by("pk")


def _note_authors(ticket: Ticket, *, before: datetime) -> Iterable[User]:
    notes = ticket.messages.filter(is_public=False, created_at__lte=before)
    return User.objects.filter(pk__in=notes.values("author")).select_related("region").order_by("pk")
