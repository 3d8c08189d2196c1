"""From events to mails: each event once, in a transaction of its own, whoever else does the same at the time."""

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from supportdesk.lib import queue
from supportdesk.lib.mail import message_id
from tickets.mail.threads import thread_of
from tickets.models import OutgoingMail, TicketEvent
from tickets.notifications import digests, promises, topics
from tickets.notifications.audience import Recipient, recipients
from tickets.notifications.topics import How
from tickets.notifications.wording import letter_to, subject_of

logger = logging.getLogger(__name__)

_BATCH = 200
_SHORTEST_REST, _LONGEST_REST = timedelta(minutes=1), timedelta(hours=6)


def notify(*, now: datetime) -> int:
    """Write the mails of all events that have none yet, oldest first; the number of events dealt with.

    One whose mails can't be written is logged, stepped over, and rests as long again as it has waited already.
    """
    told, last = _tell_of_promises(now), 0
    while ids := list(_to_notify(now).filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        for pk in ids:
            try:
                told += _tell(pk, now=now)
            except Exception:
                logger.exception("the mails of event %s could not be written", pk)
                _let_rest(pk, now=now)
        last = ids[-1]
        queue.wake("mail")
    return told


def _tell_of_promises(now: datetime) -> int:
    """Take down what is to be told of promises, which comes in hundreds; a batch that fails is told one by one."""
    told = 0
    try:
        while taken := _take_down(now):
            told += taken
    except Exception:
        logger.exception("a batch of warnings and breaches could not be taken down")
    return told


@transaction.atomic
def _take_down(now: datetime) -> int:
    rows = _to_notify(now).select_for_update(of=("self",), skip_locked=True).filter(kind__in=promises.KINDS)
    events = list(rows.select_related("ticket__assignee", "ticket__team__lead").order_by("pk")[:_BATCH])
    promises.take_down(events, now=now)
    TicketEvent.objects.filter(pk__in=[event.pk for event in events]).update(notified_at=now)
    return len(events)


def _to_notify(now: datetime) -> QuerySet[TicketEvent]:
    return TicketEvent.objects.filter(Q(notify_after=None) | Q(notify_after__lte=now), notified_at=None)


@transaction.atomic
def _tell(pk: int, *, now: datetime) -> bool:
    """Write one event's mails, or its notices; False when another worker has it or did it."""
    rows = _to_notify(now).select_for_update(of=("self",), skip_locked=True)
    event = rows.select_related(
        "actor", "message__author", "ticket__requester__region", "ticket__assignee__region", "ticket__region"
    ).filter(pk=pk)
    found = event.select_related("ticket__organization__plan", "ticket__team__lead").first()
    if found is None:
        return False
    if found.kind in promises.KINDS:
        promises.take_down([found], now=now)
    else:
        _tell_each(found, recipients(found), now=now)
    TicketEvent.objects.filter(pk=pk).update(notified_at=now)
    return True


def _tell_each(event: TicketEvent, people: Sequence[Recipient], *, now: datetime) -> None:
    """A mail, a line of the next digest or nothing: as each chose."""
    chosen = topics.chosen_by(person.user for person in people if person.user is not None)
    wanted = [(person, topics.how(person, event, chosen)) for person in people]
    thread = thread_of(event.ticket)
    mails = [_mail(event, person, thread, now=now) for person, how in wanted if how is How.EACH]
    OutgoingMail.objects.bulk_create(mails, ignore_conflicts=True)
    digests.put_down(event, [person for person, how in wanted if how is How.DIGEST], now=now)


def _mail(event: TicketEvent, recipient: Recipient, thread: list[str], *, now: datetime) -> OutgoingMail:
    letter = letter_to(recipient, event)
    number = event.ticket.number
    address = hashlib.sha256(recipient.email.encode()).hexdigest()[:12]
    return OutgoingMail(
        ticket=event.ticket,
        event=event,
        kind=recipient.kind,
        to_email=recipient.email,
        to_user=recipient.user,
        subject=subject_of(event.ticket),
        text=letter.as_text(),
        html=letter.as_html(),
        message_id=message_id("ticket", number, event.pk, recipient.kind, address),
        references=thread,
        next_attempt_at=Now(),
        created_at=now,
    )


def _let_rest(pk: int, *, now: datetime) -> None:
    event = TicketEvent.objects.get(pk=pk)
    rest = min(max(now - event.at, _SHORTEST_REST), _LONGEST_REST)
    TicketEvent.objects.filter(pk=pk).update(notify_after=now + rest)
