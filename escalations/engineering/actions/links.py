"""Which tickets are in a record: they come by escalating, by adding, by their own customer; they go by unlinking."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Greatest, Least

from accounts.models import User
from escalations.engineering import access
from escalations.engineering.actions.invite import add_follower, apply_rules
from escalations.engineering.actions.moves import locked, require, require_active, write
from escalations.engineering.events import Kind, record
from escalations.engineering.steps import ENDED, Step
from escalations.engineering.wording import fault_of, filled
from escalations.models import CustomerNotice, CustomerUpdate, Escalation, EscalationLink, FinishAs
from supportdesk.lib.errors import Conflict, Invalid
from tickets import actions as tickets
from tickets.models import Message, Ticket
from tickets.states import Status

State = CustomerNotice.State


@transaction.atomic
def add_ticket(
    escalation: Escalation, ticket: Ticket, *, by: User, text: str, at: datetime, key: str = ""
) -> EscalationLink:
    """Escalate `ticket` into a record that is there already; its customer is told `text` (with variables).

    Once per `key`. Raises NotAllowed, Invalid (`text`), Conflict (the ticket's status, another escalation, the record
    is over, or the form was sent with other words).
    """
    escalation = locked(escalation, by=by)
    require(access.may_request(by), "escalate tickets")
    if former := _added_before(escalation, ticket, by=by, text=text, key=key):
        return former
    require_active(escalation)
    link = bring_in(escalation, ticket, by=by, text=text, at=at, key=key)
    write(escalation, at=at)
    record(escalation, Kind.LINKED, by=by, at=at, ticket=ticket.number)
    add_follower(escalation, by, by=by, at=at)
    apply_rules(escalation, at=at)
    return link


def bring_in(
    escalation: Escalation, ticket: Ticket, *, by: User, text: str, at: datetime, key: str = ""
) -> EscalationLink:
    """Link the ticket to the locked record and tell its customer; what the record said last counts as told."""
    if not text.strip():
        raise Invalid("Write what the customer is told.", code="required", field="text")
    if fault := fault_of(text):
        raise Invalid(fault, code="unknown_variable", field="text")
    link = new_link(escalation, ticket, by=by, at=at)
    message = tickets.escalate(
        ticket, by=by, body=filled(text, escalation, link), reference=escalation.reference, at=at, key=key
    )
    _count_as_told(escalation, link, message, text=text, by=by, at=at)
    _owe_too(escalation, link)
    return link


def new_link(escalation: Escalation, ticket: Ticket, *, by: User | None, at: datetime) -> EscalationLink:
    """A row that says so; Conflict where an escalation of the ticket is active. The ticket is locked."""
    Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)
    current = EscalationLink.objects.active().filter(ticket=ticket).select_related("escalation").first()
    if current is not None:
        raise Conflict(f"This ticket is in {current.escalation.reference} already.", code="escalated_already")
    return EscalationLink.objects.create(escalation=escalation, ticket=ticket, linked_by=by, linked_at=at)


@transaction.atomic
def join(escalation: Escalation, ticket: Ticket, *, by: User, at: datetime) -> EscalationLink:
    """A customer says that a published problem is theirs, too: their new ticket is in, and stays New for an agent."""
    escalation = locked(escalation, by=None)
    require_active(escalation)
    link = new_link(escalation, ticket, by=by, at=at)
    tickets.join_escalation(ticket, by=by, reference=escalation.reference, at=at)
    _owe_too(escalation, link)
    write(escalation, at=at)
    record(escalation, Kind.LINKED, by=by, at=at, ticket=ticket.number, joined=True)
    apply_rules(escalation, at=at)
    return link


@transaction.atomic
def unlink(link: EscalationLink, *, by: User, at: datetime) -> None:
    """Take a ticket out of its record: it goes back to its agent and is told nothing more. NotAllowed, Conflict."""
    escalation = _locked_with(link, by=by)
    require(access.may_word(by), "take tickets out")
    # Notices before links before tickets: in the order in which who tells customers takes them.
    drop_what_is_owed(link)
    link = EscalationLink.objects.select_for_update(of=("self",)).select_related("ticket").get(pk=link.pk)
    if link.unlinked_at is not None:
        raise Conflict(f"#{link.ticket_id} was taken out already.", code="unlinked")
    was_active, link.is_active, link.unlinked_at = link.is_active, False, at
    link.save(update_fields=["is_active", "unlinked_at"])
    if was_active:
        tickets.come_back(link.ticket, by=by, reference=escalation.reference, why="unlinked", at=at)
    write(escalation, at=at)
    complete_if_nobody_is_left(escalation, at=at)
    record(escalation, Kind.UNLINKED, by=by, at=at, ticket=link.ticket_id)


@transaction.atomic
def finish_ticket_as(link: EscalationLink, to: str, *, by: User, at: datetime) -> None:
    """What becomes of one ticket at the end; empty: as the record says. NotAllowed, Invalid, Conflict."""
    escalation = _locked_with(link, by=by)
    require(access.may_word(by), "decide what becomes of tickets")
    if to and to not in FinishAs.values:
        raise Invalid("Choose Open or Solved.", code="unknown", field="finish_as")
    EscalationLink.objects.filter(pk=link.pk).update(finish_as=to)
    write(escalation, at=at)
    record(escalation, Kind.EDITED, by=by, at=at, field="finish_as", ticket=link.ticket_id, new=to)


@transaction.atomic
def mark_seen(link: EscalationLink, *, replied_at: datetime, by: User) -> None:
    """The reply of `replied_at` was looked at; a later one stays new, and what was read before stays read.

    Raises NotAllowed, Conflict, Invalid (`replied_at`).
    """
    _locked_with(link, by=by)
    require(access.may_word(by), "mark replies as read")
    if replied_at < link.ticket.created_at:
        raise Invalid("No reply is as old as that.", code="unknown", field="replied_at")
    seen = Greatest(F("seen_reply_at"), Least(F("replied_at"), Value(replied_at)))
    EscalationLink.objects.filter(pk=link.pk, replied_at__isnull=False).update(seen_reply_at=seen)


def _locked_with(link: EscalationLink, *, by: User) -> Escalation:
    """The link's record locked; Conflict when the ticket went over to another one since `link` was looked at."""
    escalation = locked(link.escalation, by=by)
    there = EscalationLink.objects.values_list("escalation_id", flat=True).get(pk=link.pk)
    if there != escalation.pk:
        sentence = f"#{link.ticket_id} is in SET-{there} by now: {escalation.reference} was merged. Do it there."
        raise Conflict(sentence, code="moved_on")
    return escalation


def keep_waiting(escalation: Escalation, update: CustomerUpdate, *, by: User | None, at: datetime) -> None:
    """After a failed fix tickets wait again as their customers are told; so do those whose customers are not."""
    if update.failed:
        untold = update.notices.filter(state__in=(State.HELD, State.DISMISSED))
        wait_again(escalation, links_of(untold), left=Status.OPEN, by=by, at=at)


def wait_again(escalation: Escalation, links: set[int], *, left: Status, by: User | None, at: datetime) -> None:
    """The tickets of those of `links` that are in the record, and in the status `left`, are On-hold again."""
    active = EscalationLink.objects.active().filter(escalation=escalation, pk__in=links, ticket__status=left.value)
    for link in active.select_related("ticket").order_by("ticket_id"):
        tickets.wait_again(link.ticket, by=by, left=left, reference=escalation.reference, at=at)


def links_of(notices: QuerySet[CustomerNotice]) -> set[int]:
    return set(notices.values_list("link_id", flat=True))


def complete_if_nobody_is_left(escalation: Escalation, *, at: datetime) -> None:
    """What the locked record owes to nobody, since its tickets went, isn't owed any more: the step is complete.

    Tickets whose customers were not to be told stay in it: where the record is over they go back to their agents.
    """
    owed = CustomerNotice.objects.filter(update_of__escalation=escalation, update_of__state=CustomerUpdate.State.OWED)
    if not escalation.owes_update or owed.filter(state__in=(State.OWED, State.HELD)).exists():
        return
    for update in escalation.updates.filter(state=CustomerUpdate.State.OWED):
        keep_waiting(escalation, update, by=None, at=at)
    if escalation.at_step in ENDED:
        owed.filter(link__is_active=True).update(gives_back=True, next_attempt_at=at)
    escalation.updates.filter(state=CustomerUpdate.State.OWED).update(state=CustomerUpdate.State.DROPPED)
    write(escalation, at=at, owes_update=False)


def drop_what_is_owed(link: EscalationLink) -> None:
    """Nothing that was not said yet is said any more.

    Also what is only to give the ticket back is waited for here: its worker holds the notice and asks for the link.
    """
    waiting = link.notices.filter(Q(state__in=(State.OWED, State.HELD, State.DUE)) | Q(next_attempt_at__isnull=False))
    waiting.update(state=State.DROPPED, next_attempt_at=None, gives_back=False)


def _added_before(escalation: Escalation, ticket: Ticket, *, by: User, text: str, key: str) -> EscalationLink | None:
    """What this form did before (S089), wherever the ticket went by merging since."""
    sent = CustomerNotice.objects.filter(message__author=by, message__submission_key=key)
    former = sent.select_related("update_of__escalation", "link").first() if key else None
    if former is None:
        return None
    update = former.update_of
    is_there = (update.escalation_id, former.link.ticket_id) == (escalation.pk, ticket.pk)
    if not is_there or text != (former.own_text or update.text):
        what = f"#{former.link.ticket_id} was added to {update.escalation.reference}"
        sentence = f"This form was already sent otherwise: {what}. Reload the page to send more."
        raise Conflict(sentence, code="key_reused")
    return former.link


def _count_as_told(
    escalation: Escalation, link: EscalationLink, message: Message, *, text: str, by: User, at: datetime
) -> None:
    update = said_last(escalation)
    if update is not None:
        own = text if text != update.text else ""
        CustomerNotice.objects.create(
            update_of=update, link=link, state=State.SENT, own_text=own, message=message, sent_at=at, told_by=by
        )


def said_last(escalation: Escalation) -> CustomerUpdate | None:
    """What a newcomer is told along with escalating: how far it is, and nothing of questions or of what didn't hold."""
    found = escalation.updates.exclude(state=CustomerUpdate.State.DROPPED)
    failed = max((update.pk for update in found if update.failed), default=0)
    standing = [
        update
        for update in found
        if update.state == CustomerUpdate.State.SENT
        and update.stage is not None
        and not update.failed
        and (update.pk > failed or update.step in {Step.REQUESTED, Step.CONFIRMED})
    ]
    return standing[-1] if standing else None


def _owe_too(escalation: Escalation, link: EscalationLink) -> None:
    """What is about to be told is told to the newcomer as well."""
    owed = escalation.updates.filter(state=CustomerUpdate.State.OWED).first()
    if owed is not None and not owed.failed:
        CustomerNotice.objects.create(update_of=owed, link=link)
