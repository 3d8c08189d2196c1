"""What a step owes its customers: wording it, changing or holding it for one ticket, sending it.

Sending makes every notice `due` in one transaction, and workers bring each into its ticket (`telling`), once.
"""

from collections.abc import Iterable
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accounts.models import User
from escalations.engineering import access
from escalations.engineering.actions.moves import locked, require, write
from escalations.engineering.actions.request import TEXT_BYTES, needed
from escalations.engineering.events import Kind, record
from escalations.engineering.steps import ENDED, RULES, Move, Step
from escalations.engineering.wording import fault_of
from escalations.models import CustomerNotice, CustomerUpdate, Escalation, EscalationLink
from supportdesk.lib import text as words
from supportdesk.lib.errors import Conflict, Invalid
from tickets import actions as tickets

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
    """The links to be told, None for all: what was never said isn't taken back."""
    if not failed and escalation.at_step is not Step.WITHDRAWN:
        return None
    said = CustomerNotice.objects.filter(link__escalation=escalation, state=State.SENT)
    if failed:
        said = said.filter(update_of__step__in=_LATE_STEPS)
    return set(said.values_list("link_id", flat=True))


def drop_owed(escalation: Escalation) -> None:
    """What the step before owed and nobody sent is replaced by what comes now."""
    for update in escalation.updates.filter(state=CustomerUpdate.State.OWED):
        update.notices.filter(state__in=(State.OWED, State.HELD)).update(state=State.DROPPED)
        update.state = CustomerUpdate.State.DROPPED
        update.save(update_fields=["state"])
    escalation.owes_update = False
    Escalation.objects.filter(pk=escalation.pk).update(owes_update=False)


def take_up_again(escalation: Escalation, *, by: User, at: datetime) -> None:
    """After a failed fix its tickets are in it again, but for those that are in another record by now."""
    # Nobody is to be given back any more, nor told of a release that is none. Notices first: see `links.unlink`.
    waiting = CustomerNotice.objects.filter(link__escalation=escalation, next_attempt_at__isnull=False)
    waiting.filter(gives_back=True).update(gives_back=False)
    CustomerNotice.objects.filter(
        link__escalation=escalation, state__in=(State.DUE, State.HELD), update_of__step__in=_LATE_STEPS
    ).update(state=State.DROPPED, next_attempt_at=None)
    elsewhere = EscalationLink.objects.active().filter(ticket=OuterRef("ticket"))
    links = EscalationLink.objects.standing().filter(escalation=escalation, is_active=False)
    links = links.exclude(Exists(elsewhere)).select_related("ticket").select_for_update(of=("self",))
    for link in links.order_by("ticket_id"):
        link.is_active = True
        link.save(update_fields=["is_active"])
        tickets.join_escalation(link.ticket, by=None, reference=escalation.reference, at=at)


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
    """Words of its own for one ticket's customer; empty: those for all. NotAllowed, Conflict, Invalid (`text`)."""
    notice = _waiting(notice, by=by)
    notice.own_text = _checked(text) if text.strip() else ""
    notice.save(update_fields=["own_text"])
    write(notice.update_of.escalation, at=at)


@transaction.atomic
def hold_notice(notice: CustomerNotice, *, why: str, by: User, at: datetime) -> None:
    """Don't tell this ticket's customer, for a reason; it stays in a queue. NotAllowed, Conflict, Invalid (`why`)."""
    notice = _waiting(notice, by=by)
    notice.held_why = needed(words.one_line(why, field="why", most=300), "why", "Say why they are not to be told yet.")
    notice.state, notice.held_by = State.HELD, by
    notice.save(update_fields=["state", "held_why", "held_by"])
    escalation = notice.update_of.escalation
    write(escalation, at=at)
    record(escalation, Kind.HELD_BACK, by=by, at=at, ticket=notice.link.ticket_id, why=notice.held_why)


@transaction.atomic
def release_notice(notice: CustomerNotice, *, by: User, at: datetime) -> None:
    """Tell after all: with the others while the update is owed, at once when it was sent. NotAllowed, Conflict."""
    notice = _waiting(notice, by=by)
    if notice.state != State.HELD:
        raise Conflict("It is not held back.", code="not_held")
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

    Sending what was sent is the same as having sent it. Raises NotAllowed, Conflict (nothing is owed), Invalid.
    """
    escalation = locked(escalation, by=by, seen_version=seen_version)
    require(access.may_move(by), "tell the customers of this escalation")
    update = _owed(escalation)
    if text is not None:
        update.text = _checked(text)
        update.save(update_fields=["text"])
    _send(escalation, update, by=by, at=at)
    return update


def _send(escalation: Escalation, update: CustomerUpdate, *, by: User, at: datetime) -> None:
    update.state, update.sent_at, update.sent_by = CustomerUpdate.State.SENT, at, by
    update.save(update_fields=["state", "sent_at", "sent_by"])
    ends = update.at_step in ENDED
    if ends:
        update.notices.filter(~Q(state=State.SENT), link__is_active=True).update(gives_back=True, next_attempt_at=at)
    told = update.notices.filter(state=State.OWED).update(state=State.DUE, told_by=by, next_attempt_at=at)
    held = update.notices.filter(state=State.HELD).count()
    write(escalation, at=at, owes_update=False, news_at=at)
    record(escalation, Kind.TOLD, by=by, at=at, step=update.step, told=told, held=held, update=update.pk)


def _owed(escalation: Escalation) -> CustomerUpdate:
    update = escalation.updates.filter(state=CustomerUpdate.State.OWED).first()
    if update is None:
        raise Conflict("There is nothing to tell the customers now.", code="nothing_owed")
    return update


def _waiting(notice: CustomerNotice, *, by: User) -> CustomerNotice:
    """The notice locked after its record, while nobody was told yet."""
    escalation = locked(notice.update_of.escalation, by=by)
    require(access.may_word(by), "decide what this customer is told")
    rows = CustomerNotice.objects.select_for_update(of=("self",)).select_related("update_of", "link")
    notice = rows.get(pk=notice.pk)
    if notice.state not in {State.OWED, State.HELD}:
        raise Conflict(f"#{notice.link.ticket_id} was told already, or is not to be told.", code="told_already")
    notice.update_of.escalation = escalation
    return notice


def _checked(text: str) -> str:
    text = words.body(text, field="text", most_bytes=TEXT_BYTES).strip()
    needed(text, "text", "Write what the customers are told.")
    if fault := fault_of(text):
        raise Invalid(fault, code="unknown_variable", field="text")
    return text


def moves_that_owe() -> Iterable[Move]:
    """For the pages: after which moves there is somebody to be told."""
    return (Move.ASK, Move.RETURN, Move.CONFIRM, Move.PLAN, Move.TEST, Move.RELEASE, Move.FAIL, Move.WITHDRAW)


def owed_in_words(step: Step) -> str:
    return RULES[step].owes
