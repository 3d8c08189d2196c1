"""What a step owes its customers: wording it, changing or holding it for one ticket, sending it.

Sending makes every notice `due` in one transaction, and workers bring each into its ticket (`telling`), once.
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accounts.models import User
from escalations.engineering import access
from escalations.engineering.actions.links import keep_waiting, links_of, wait_again
from escalations.engineering.actions.moves import locked, require, write
from escalations.engineering.actions.request import TEXT_BYTES, needed
from escalations.engineering.events import Kind, record
from escalations.engineering.steps import ENDED, Step
from escalations.engineering.wording import fault_of, written_to
from escalations.models import CustomerNotice, CustomerUpdate, Escalation, EscalationLink
from supportdesk.lib import text as words
from supportdesk.lib.errors import Conflict, Invalid
from tickets import actions as tickets
from tickets.actions.moves import locked as lock_ticket
from tickets.states import Status

State = CustomerNotice.State
_LATE_STEPS = (Step.TESTED.value, Step.RELEASED.value)


def owe(escalation: Escalation, *, text: str, failed: bool, by: User, at: datetime) -> None:
    """Open the update that the locked record's step owes; without anybody to be told it is complete at once."""
    update = CustomerUpdate.objects.create(
        escalation=escalation, step=escalation.step, failed=failed, text=text, created_at=at
    )
    links = list(EscalationLink.objects.standing().filter(escalation=escalation))
    told = _to_tell(escalation, failed=failed)
    state = {True: State.OWED, False: State.DROPPED}
    CustomerNotice.objects.bulk_create(
        CustomerNotice(update_of=update, link=link, state=state[told is None or link.pk in told]) for link in links
    )
    if any(told is None or link.pk in told for link in links):
        escalation.owes_update = True
        Escalation.objects.filter(pk=escalation.pk).update(owes_update=True)
    else:
        _send(escalation, update, by=by, at=at)


def _to_tell(escalation: Escalation, *, failed: bool) -> set[int] | None:
    """The links to be told, None for all: what was never said isn't taken back.

    Who joined by themselves knows that engineering looks into it, though nobody has said a word to them.
    """
    if not failed and escalation.at_step is not Step.WITHDRAWN:
        return None
    said = CustomerNotice.objects.filter(link__escalation=escalation, state__in=(State.SENT, State.DUE))
    if failed:
        return links_of(said.filter(update_of__step__in=_LATE_STEPS))
    joined = EscalationLink.objects.standing().filter(escalation=escalation).joined_by_customer()
    return links_of(said) | set(joined.values_list("pk", flat=True))


def drop_owed(escalation: Escalation) -> None:
    """What the step before owed and nobody sent is replaced by what comes now."""
    for update in escalation.updates.filter(state=CustomerUpdate.State.OWED):
        update.notices.filter(state__in=(State.OWED, State.HELD)).update(state=State.DROPPED)
        update.state = CustomerUpdate.State.DROPPED
        update.save(update_fields=["state"])
    escalation.owes_update = False
    Escalation.objects.filter(pk=escalation.pk).update(owes_update=False)


def drop_question(escalation: Escalation, *, by: User, at: datetime) -> None:
    """The record goes on: who was not asked yet isn't asked any more, who was and didn't answer waits with it again."""
    questions = CustomerNotice.objects.filter(link__escalation=escalation, update_of__step=Step.NEEDS_INFORMATION)
    questions.filter(state__in=(State.HELD, State.DUE)).update(state=State.DROPPED, next_attempt_at=None)
    asked = questions.told().filter(update_of=question_of(escalation))
    wait_again(escalation, links_of(asked), left=Status.PENDING, by=by, at=at)


def question_of(escalation: Escalation) -> CustomerUpdate | None:
    """What the record asks its customers now or asked them last, None where it asks support."""
    asked = escalation.updates.filter(step=Step.NEEDS_INFORMATION)
    return asked.last() if escalation.asks_customer else None


def take_up_again(escalation: Escalation, *, by: User, at: datetime) -> None:
    """After a failed fix its tickets are in it again, but for those that are in another record by now.

    They wait again as their customers are told of the failure; who never heard of the fix isn't told, and waits now.
    """
    # Nobody is to be given back any more, nor told of a release that is none. Notices first: see `links.unlink`.
    waiting = CustomerNotice.objects.filter(link__escalation=escalation, next_attempt_at__isnull=False)
    waiting.filter(gives_back=True).update(gives_back=False)
    CustomerNotice.objects.filter(
        link__escalation=escalation, state__in=(State.DUE, State.HELD), update_of__step__in=_LATE_STEPS
    ).update(state=State.DROPPED, next_attempt_at=None)
    links = EscalationLink.objects.standing().filter(escalation=escalation, is_active=False)
    back = []
    for link in links.select_related("ticket").order_by("ticket_id"):
        lock_ticket(link.ticket, by=None)
        if EscalationLink.objects.active().filter(ticket=link.ticket_id).exists():
            continue
        link.is_active = True
        link.save(update_fields=["is_active"])
        tickets.join_escalation(link.ticket, by=None, reference=escalation.reference, at=at)
        back.append(link.pk)
    told = _to_tell(escalation, failed=True) or set()
    wait_again(escalation, set(back) - told, left=Status.OPEN, by=by, at=at)


@transaction.atomic
def word_update(escalation: Escalation, *, text: str, by: User, at: datetime, seen_version: int | None = None) -> None:
    """Change the text of what is owed. Raises NotAllowed, Conflict (nothing is owed), Invalid (`text`)."""
    escalation = locked(escalation, by=by, seen_version=seen_version)
    require(access.may_word(by), "word what customers are told")
    update = _owed(escalation)
    update.text = _checked(text)
    update.save(update_fields=["text"])
    write(escalation, at=at, rewords=True)


@transaction.atomic
def change_notice(notice: CustomerNotice, *, text: str, by: User, at: datetime) -> None:
    """Words of its own for one ticket's customer; empty: those for all. NotAllowed, Conflict, Invalid (`text`).

    What could not be told is tried again at once.
    """
    notice = _waiting(notice, by=by)
    notice.own_text = _checked(text) if text.strip() else ""
    if notice.state == State.DUE:
        notice.attempts, notice.last_error, notice.next_attempt_at = 0, "", at
    notice.save(update_fields=["own_text", "attempts", "last_error", "next_attempt_at"])
    write(notice.update_of.escalation, at=at)


@transaction.atomic
def hold_notice(notice: CustomerNotice, *, why: str, by: User, at: datetime) -> None:
    """Don't tell this ticket's customer, for a reason; it stays in a queue. NotAllowed, Conflict, Invalid (`why`)."""
    notice = _waiting(notice, by=by)
    notice.held_why = needed(words.one_line(why, field="why", most=300), "why", "Say why they are not to be told yet.")
    notice.state, notice.held_by = State.HELD, by
    # What could not be told has a ticket to be given back all the same, where the record is over.
    notice.next_attempt_at, notice.last_error = (at if notice.gives_back else None), ""
    notice.save(update_fields=["state", "held_why", "held_by", "next_attempt_at", "last_error"])
    escalation = notice.update_of.escalation
    _keep_waiting_if_sent(notice, by=by, at=at)
    write(escalation, at=at)
    record(escalation, Kind.HELD_BACK, by=by, at=at, ticket=notice.link.ticket_id, why=notice.held_why)


def _keep_waiting_if_sent(notice: CustomerNotice, *, by: User, at: datetime) -> None:
    """Of what could not be told nobody else sees to it."""
    update = notice.update_of
    if update.failed and update.state == CustomerUpdate.State.SENT:
        wait_again(update.escalation, {notice.link_id}, left=Status.OPEN, by=by, at=at)


@transaction.atomic
def dismiss_notice(notice: CustomerNotice, *, why: str, by: User, at: datetime) -> None:
    """Don't tell this ticket's customer of this step, for a reason; it leaves the queues.

    Where the record is over its ticket goes back to its agent all the same. What was decided already stays as it is.
    Raises NotAllowed, Conflict, Invalid (`why`).
    """
    notice = _waiting(notice, by=by, also=State.DISMISSED)
    why = needed(words.one_line(why, field="why", most=300), "why", "Say why they are not to be told.")
    if notice.state == State.DISMISSED:
        return
    notice.state, notice.held_why, notice.held_by = State.DISMISSED, why, by
    notice.told_by, notice.last_error = None, ""
    notice.next_attempt_at = at if notice.gives_back else None
    notice.save(update_fields=["state", "held_why", "held_by", "told_by", "last_error", "next_attempt_at"])
    escalation = notice.update_of.escalation
    _keep_waiting_if_sent(notice, by=by, at=at)
    write(escalation, at=at)
    ticket, step = notice.link.ticket_id, notice.update_of.step
    record(escalation, Kind.HELD_BACK, by=by, at=at, for_good=True, ticket=ticket, step=step, why=why)


@transaction.atomic
def release_notice(notice: CustomerNotice, *, by: User, at: datetime) -> None:
    """Tell after all: with the others while the update is owed, at once when it was sent.

    Raises NotAllowed, Conflict (it isn't held nor dismissed, or the customer has heard more since).
    """
    notice = _waiting(notice, by=by, also=State.DISMISSED)
    if notice.state not in {State.HELD, State.DISMISSED}:
        raise Conflict("It is not held back.", code="not_held")
    if notice.link.notices.filter(pk=notice.pk).followed(State.SENT, State.DUE).exists():
        sentence = f"The customer of #{notice.link.ticket_id} has heard more since: this is no longer to be told."
        raise Conflict(sentence, code="told_more")
    is_sent = notice.update_of.state == CustomerUpdate.State.SENT
    notice.state = State.DUE if is_sent else State.OWED
    notice.next_attempt_at, notice.told_by = (at, by) if is_sent else (None, None)
    notice.held_why, notice.held_by = "", None
    notice.save(update_fields=["state", "next_attempt_at", "told_by", "held_why", "held_by"])
    escalation = notice.update_of.escalation
    write(escalation, at=at)
    if is_sent:
        record(escalation, Kind.TOLD, by=by, at=at, ticket=notice.link.ticket_id, step=notice.update_of.step)


@transaction.atomic
def send_update(
    escalation: Escalation, *, by: User, at: datetime, text: str | None = None, seen_version: int | None = None
) -> CustomerUpdate:
    """Send what is owed to every ticket's customer but those held back: the step is complete.

    Raises NotAllowed, Conflict (nothing is owed, or not any more), Invalid (`text`, also of one customer's message).
    """
    escalation = locked(escalation, by=by, seen_version=seen_version)
    require(access.may_move(by), "tell the customers of this escalation")
    update = _owed(escalation)
    if text is not None:
        update.text = _checked(text)
        update.save(update_fields=["text"])
    _check_each(escalation, update)
    _send(escalation, update, by=by, at=at)
    return update


def _check_each(escalation: Escalation, update: CustomerUpdate) -> None:
    """Each message as it will stand in its ticket: one that can't be written is refused while it can be mended."""
    update.escalation = escalation
    waiting = update.notices.filter(state=State.OWED)
    for notice in waiting.select_related("link__ticket__requester", "link__ticket__organization"):
        text = written_to(update, notice.link, own_text=notice.own_text)
        if not text or len(text.encode()) > settings.DESCRIPTION_MAX_BYTES:
            what = "too long" if text else "empty"
            sentence = f"With its variables filled in, the message for #{notice.link.ticket_id} is {what}."
            raise Invalid(sentence, code="unwritable", field="text")


def _send(escalation: Escalation, update: CustomerUpdate, *, by: User, at: datetime) -> None:
    update.state, update.sent_at, update.sent_by = CustomerUpdate.State.SENT, at, by
    update.save(update_fields=["state", "sent_at", "sent_by"])
    ends = update.at_step in ENDED
    if ends:
        update.notices.filter(~Q(state=State.SENT), link__is_active=True).update(gives_back=True, next_attempt_at=at)
    told = update.notices.filter(state=State.OWED).update(state=State.DUE, told_by=by, next_attempt_at=at)
    held = update.notices.held().count()
    keep_waiting(escalation, update, by=by, at=at)
    write(escalation, at=at, owes_update=False, news_at=at)
    record(escalation, Kind.TOLD, by=by, at=at, step=update.step, told=told, held=held, update=update.pk)


def _owed(escalation: Escalation) -> CustomerUpdate:
    update = escalation.updates.filter(state=CustomerUpdate.State.OWED).first()
    if update is None:
        raise Conflict("There is nothing to tell the customers now.", code="nothing_owed")
    return update


def _waiting(notice: CustomerNotice, *, by: User, also: CustomerNotice.State = State.HELD) -> CustomerNotice:
    """The notice locked after its record, while nobody was told yet; in the state `also`, too."""
    escalation = locked(notice.update_of.escalation, by=by)
    require(access.may_word(by), "decide what this customer is told")
    rows = CustomerNotice.objects.select_for_update(of=("self",)).select_related("update_of", "link")
    notice = rows.get(pk=notice.pk)
    has_failed = notice.state == State.DUE and notice.last_error
    if notice.state not in {State.OWED, State.HELD, also} and not has_failed:
        raise Conflict(f"#{notice.link.ticket_id} was told already, or is not to be told.", code="told_already")
    notice.update_of.escalation = escalation
    return notice


def _checked(text: str) -> str:
    text = words.body(text, field="text", most_bytes=TEXT_BYTES).strip()
    needed(text, "text", "Write what the customers are told.")
    if fault := fault_of(text):
        raise Invalid(fault, code="unknown_variable", field="text")
    return text
