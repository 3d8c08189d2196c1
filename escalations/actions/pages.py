"""The verbs on pages: acknowledge, escalate, hand over, snooze, finish. Each locks, checks, changes and records."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from accounts.models import User
from escalations import access
from escalations.events import record
from escalations.models import ContactMethod, Gathering, Page, PageDelivery, PageEvent
from escalations.paging.decide import acknowledged_for, snoozed_at_most
from escalations.paging.moves import cancel_waiting, end, ring_again, save, tell_outside
from supportdesk.lib import queue
from supportdesk.lib.errors import Conflict, DomainError, Invalid, NotAllowed
from tickets import actions as ticket_actions
from tickets.states import Status

logger = logging.getLogger(__name__)

_TAKES_TICKET = (Page.Kind.TICKET, Page.Kind.BY_HAND)


@dataclass(frozen=True)
class Acknowledgement:
    """Who has the page, since when, and whether they had it before this was asked."""

    by: User
    at: datetime
    already: bool


@transaction.atomic
def acknowledge(page: Page, *, by: User, at: datetime, via: str = "") -> Acknowledgement:
    """Stop the ringing and take the ticket where nobody has it; the others who were paged are told who did.

    `via` names the way in words ("text message") where it was none of the desk's pages. A snoozed page is taken by
    whoever acknowledges it. Somebody else's
    acknowledgement, or an earlier one, stands: the answer says whose it is. Raises NotAllowed, and Conflict when the
    page is over.
    """
    page = _locked(page, by=by)
    if page.is_acknowledged and page.acknowledged_by is not None and page.acknowledged_at is not None:
        return Acknowledgement(page.acknowledged_by, page.acknowledged_at, already=True)
    _hold(page, Page.State.ACKNOWLEDGED, by=by, at=at, until=at + acknowledged_for(page.priority))
    took = _take_ticket(page, by=by, at=at)
    record(page, PageEvent.Kind.ACKNOWLEDGED, by=by, at=at, took=took, via=via)
    _tell_the_others(page, by=by, at=at)
    tell_outside(page, PageDelivery.Purpose.ACKNOWLEDGED, at=at)
    if page.kind in Page.PRACTICE:
        end(page, why="it was answered", at=at)
    _has_heard(by)
    queue.wake("page")
    return Acknowledgement(by, at, already=False)


def acknowledge_all(pages: Iterable[Page], *, by: User, at: datetime, via: str = "") -> list[Acknowledgement]:
    """Acknowledge each of `pages` that is still open, one transaction each, in one order whoever asks."""
    done = []
    for page in sorted(pages, key=lambda page: page.pk):
        try:
            done.append(acknowledge(page, by=by, at=at, via=via))
        except Conflict:
            continue  # over meanwhile: nothing rings
    return done


@transaction.atomic
def escalate(page: Page, *, by: User, at: datetime, via: str = "") -> None:
    """Have the next step of the policy ring now, also of a held page; who escalates is left in peace.

    Raises NotAllowed, and Conflict when the page is over.
    """
    page = _locked(page, by=by)
    if page.is_ringing:
        page.next_action_at = at
        save(page, "next_action_at")
        cancel_waiting(page, person=by)
    else:
        ring_again(page, at=at, anew=False)
    record(page, PageEvent.Kind.ESCALATED, by=by, at=at, via=via)
    queue.wake("page")


@transaction.atomic
def hand_over(page: Page, *, to: User, by: User, at: datetime) -> None:
    """Ring `to` first and now, as a new episode; unanswered it climbs the policy from its first step.

    Raises NotAllowed, Conflict when the page is over, Invalid (field `to`) for whom pages can't reach.
    """
    page = _locked(page, by=by)
    if page.kind in Page.PRACTICE:
        raise Conflict("A test is nobody else's.", code="practice")
    if to == by:
        raise Invalid("Choose somebody else: acknowledge it to take it yourself.", field="to", code="self")
    if not access.is_responder(to):
        raise Invalid(f"{to.display_name} doesn't answer pages.", field="to", code="no_responder")
    if not ContactMethod.objects.usable().filter(user=to).exists():
        raise Invalid(f"{to.display_name} has no verified contact.", field="to", code="unreachable")
    record(page, PageEvent.Kind.HANDED_OVER, by=by, at=at, to=to.pk, name=to.display_name)
    ring_again(page, at=at, anew=True, first=to)
    queue.wake("page")


@transaction.atomic
def snooze(page: Page, *, lasting: timedelta, reason: str, by: User, at: datetime) -> None:
    """Put the page aside for a while: it rings from its first step then, unless its cause has gone.

    Raises NotAllowed, Conflict when the page is over, Invalid (fields `lasting`, `reason`).
    """
    page = _locked(page, by=by)
    if page.kind in Page.PRACTICE:
        raise Conflict("A test is over once it is acknowledged.", code="practice")
    most = snoozed_at_most(page.priority)
    if not timedelta() < lasting <= most:
        hours = int(most.total_seconds() // 3600)
        raise Invalid(f"{page.urgency} can be put aside for {hours} hours at most.", field="lasting", code="too_long")
    reason = " ".join(reason.split())
    if not reason:
        raise Invalid("Say why: whoever looks at it next wants to know.", field="reason", code="required")
    _hold(page, Page.State.SNOOZED, by=by, at=at, until=at + lasting)
    record(page, PageEvent.Kind.SNOOZED, by=by, at=at, until=(at + lasting).isoformat(), reason=reason[:300])
    tell_outside(page, PageDelivery.Purpose.ACKNOWLEDGED, at=at)
    _has_heard(by)
    queue.wake("page")


@transaction.atomic
def finish(page: Page, *, by: User, at: datetime) -> None:
    """What somebody had asked for is done. Raises NotAllowed, Conflict when it is over or not for anybody to end."""
    page = _locked(page, by=by)
    if not page.is_asked_for:
        raise Conflict("It ends by itself: when the customer is answered, or the ticket solved.", code="derived")
    end(page, why="done", at=at, by=by)
    queue.wake("page")


def _hold(page: Page, state: Page.State, *, by: User, at: datetime, until: datetime) -> None:
    page.state = state
    page.acknowledged_by, page.acknowledged_at, page.acknowledged_until = by, at, until
    page.next_action_at = None
    save(page, "state", "acknowledged_by", "acknowledged_at", "acknowledged_until", "next_action_at")
    cancel_waiting(page)


def _has_heard(person: User) -> None:
    """Who answers has heard what was sent: what comes next for them is a first page again, and goes at once.

    The last of the transaction's locks: senders hold deliveries when they ask for these.
    """
    Gathering.objects.filter(contact__user=person).delete()


def _locked(page: Page, *, by: User) -> Page:
    if not access.is_responder(by):
        raise NotAllowed("You may not answer pages.")
    page = Page.objects.select_for_update(of=("self",), no_key=True).select_related("ticket").get(pk=page.pk)
    if not page.is_open:
        raise Conflict("This page is over: nothing rings any more.", code="page_over")
    return page


def _take_ticket(page: Page, *, by: User, at: datetime) -> bool:
    """Assign the ticket to who acknowledged, where nobody has it and they work on tickets (SET engineers don't).

    A broken promise is looked after by a lead, who has somebody answer: acknowledging that takes no ticket.
    """
    ticket = page.ticket
    if page.kind not in _TAKES_TICKET or ticket is None or ticket.assignee_id is not None or not by.is_agent:
        return False
    if ticket.state not in {Status.NEW, Status.OPEN}:
        return False
    try:
        ticket_actions.take(ticket, by=by, at=at, seen_assignee=None)
    except DomainError as refusal:
        # Somebody else was quicker with the ticket; the ringing has to stop all the same.
        logger.info("page %s was acknowledged without its ticket: %s", page.pk, refusal.code)
        return False
    return True


def _tell_the_others(page: Page, *, by: User, at: datetime) -> None:
    """By mail, whichever way they were paged: nobody's phone rings to say that it need not."""
    sent = (PageDelivery.State.SENDING, PageDelivery.State.UNKNOWN, *PageDelivery.ARRIVED)
    rows = PageDelivery.objects.filter(page=page, episode=page.episode, purpose=PageDelivery.Purpose.PAGE)
    told = set(rows.filter(state__in=sent).exclude(person=by).exclude(person=None).values_list("person_id", flat=True))
    mails = ContactMethod.objects.usable().filter(user__in=told, kind=ContactMethod.Kind.EMAIL).order_by("-pk")
    contacts = dict(mails.values_list("user_id", "pk"))
    PageDelivery.objects.bulk_create(
        (
            PageDelivery(
                page=page,
                purpose=PageDelivery.Purpose.TAKEN,
                episode=page.episode,
                round=page.round,
                step=page.step,
                person_id=person,
                contact_id=contacts.get(person),
                due_at=at,
            )
            for person in sorted(told)
        ),
        ignore_conflicts=True,
    )
