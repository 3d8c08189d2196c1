"""The verbs on pages: acknowledge, hand over. Each locks, checks, changes and records in one transaction."""

import logging
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import User
from escalations import access
from escalations.events import record
from escalations.models import ContactMethod, Page, PageDelivery, PageEvent
from escalations.paging.decide import acknowledged_for
from escalations.paging.moves import cancel_waiting, ring_again, save
from supportdesk.lib import queue
from supportdesk.lib.errors import Conflict, DomainError, NotAllowed
from tickets import actions as ticket_actions
from tickets.states import Status

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Acknowledgement:
    """Who has the page, since when, and whether they had it before this was asked."""

    by: User
    at: datetime
    already: bool


@transaction.atomic
def acknowledge(page: Page, *, by: User, at: datetime) -> Acknowledgement:
    """Stop the ringing and take the ticket where nobody has it; the others who were paged are told who did.

    Somebody else's acknowledgement, or an earlier one, stands: the answer says whose it is. Raises NotAllowed, and
    Conflict when the page is over.
    """
    page = _locked(page, by=by)
    if page.acknowledged_by is not None and page.acknowledged_at is not None:
        return Acknowledgement(page.acknowledged_by, page.acknowledged_at, already=True)
    page.state = Page.State.ACKNOWLEDGED
    page.acknowledged_by = by
    page.acknowledged_at = at
    page.acknowledged_until = at + acknowledged_for(page.priority)
    page.next_action_at = None
    save(page, "state", "acknowledged_by", "acknowledged_at", "acknowledged_until", "next_action_at")
    cancel_waiting(page)
    record(page, PageEvent.Kind.ACKNOWLEDGED, by=by, at=at, took=_take_ticket(page, by=by, at=at))
    _tell_the_others(page, by=by, at=at)
    queue.wake("page")
    return Acknowledgement(by, at, already=False)


@transaction.atomic
def hand_over(page: Page, *, by: User, at: datetime) -> None:
    """Have the next step of the policy ring now, also of an acknowledged page; who hands over is left in peace.

    Raises NotAllowed, and Conflict when the page is over.
    """
    page = _locked(page, by=by)
    if page.is_acknowledged:
        ring_again(page, at=at, anew=False)
    else:
        page.next_action_at = at
        save(page, "next_action_at")
        cancel_waiting(page, person=by)
    record(page, PageEvent.Kind.HANDED_OVER, by=by, at=at)
    queue.wake("page")


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
    if page.is_breach or ticket is None or ticket.assignee_id is not None or not by.is_agent:
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
    sent = (PageDelivery.State.SENDING, PageDelivery.State.ACCEPTED, PageDelivery.State.UNKNOWN)
    rows = PageDelivery.objects.filter(page=page, episode=page.episode, purpose=PageDelivery.Purpose.PAGE)
    told = set(rows.filter(state__in=sent).exclude(person=by).values_list("person_id", flat=True))
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
