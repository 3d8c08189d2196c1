"""Bringing what customers are owed into their tickets: each notice once, whoever else does the same at the time.

The rows are the queue. A worker that dies leaves them due; its message is written with the row that says so, in one
transaction, so that nobody is told twice.
"""

import logging
from datetime import datetime, timedelta

from django.db import transaction

from escalations.engineering.steps import ENDED
from escalations.engineering.wording import written_to
from escalations.models import CustomerNotice, EscalationLink, FinishAs
from escalations.paging.crash import crash_point
from supportdesk.lib.errors import DomainError
from tickets import actions as tickets
from tickets.states import Verb

logger = logging.getLogger(__name__)

State = CustomerNotice.State
_BATCH = 100
_FIRST_REST, _LONGEST_REST = timedelta(minutes=1), timedelta(hours=6)
_MOST_DOUBLINGS = 9
"""By then it is the longest; what went on doubling would be too long for a number one day."""


def tell_customers(*, now: datetime) -> int:
    """Deal with every notice that has something to be done; the number dealt with. One that fails rests a while."""
    done, last = 0, 0
    while ids := _next(now, after=last):
        done += sum(_try(pk, now=now) for pk in ids)
        last = ids[-1]
    return done


def _try(pk: int, *, now: datetime) -> bool:
    """Whether it was dealt with. Nothing that is wrong with one notice keeps the next from its customer."""
    try:
        done = _act(pk, now=now)
        crash_point("after_notice")
    except Exception as failure:
        logger.exception("notice %s could not be brought into its ticket", pk)
        try:
            _let_rest(pk, failure, now=now)
        except Exception:
            logger.exception("nor could notice %s be put off: it is tried again with the next ones", pk)
        return False
    return done


def _next(now: datetime, *, after: int) -> list[int]:
    rows = CustomerNotice.objects.to_do(now).filter(pk__gt=after)
    return list(rows.order_by("pk").values_list("pk", flat=True)[:_BATCH])


@transaction.atomic
def _act(pk: int, *, now: datetime) -> bool:
    """Tell one customer, or give one ticket back; False when another worker has it or did it."""
    rows = CustomerNotice.objects.to_do(now).select_for_update(of=("self",), skip_locked=True)
    rows = rows.select_related(
        "update_of__escalation", "told_by", "link__ticket__requester", "link__ticket__organization"
    )
    notice = rows.filter(pk=pk).first()
    if notice is None:
        return False
    if notice.state == State.DUE and _is_overtaken(notice):
        notice.state = State.DROPPED
    elif notice.state == State.DUE:
        _tell(notice, now)
    elif notice.gives_back:
        _give_back(notice, now)
    notice.next_attempt_at, notice.gives_back = None, False
    notice.save(update_fields=["state", "message", "sent_at", "next_attempt_at", "gives_back"])
    crash_point("mid_notice")
    return True


def _is_overtaken(notice: CustomerNotice) -> bool:
    """Whether it failed for so long that its customer has heard more meanwhile."""
    return notice.attempts > 0 and CustomerNotice.objects.filter(pk=notice.pk).followed(State.SENT).exists()


def _tell(notice: CustomerNotice, now: datetime) -> None:
    update, link = notice.update_of, notice.link
    assert notice.told_by is not None  # noqa: S101 - set with the state
    notice.message = tickets.tell(
        link.ticket,
        by=notice.told_by,
        body=written_to(update, link, own_text=notice.own_text),
        reference=update.escalation.reference,
        stage=update.step,
        key=notice.key,
        at=now,
        verb=_verb(notice),
    )
    notice.state, notice.sent_at = State.SENT, now
    if update.at_step in ENDED:
        _end(link)


def _verb(notice: CustomerNotice) -> Verb:
    """What being told does to the ticket: a question waits for its answer, an outcome gives the ticket back.

    Nothing, where the ticket is with its agent or in another record by now.
    """
    update, link = notice.update_of, notice.link
    if not link.is_active:
        return Verb.TELL
    if update.at_step in ENDED:
        solved = (link.finish_as or update.escalation.finish_as) == FinishAs.SOLVED
        return Verb.COME_BACK_SOLVED if solved and update.step != "withdrawn" else Verb.COME_BACK
    if update.step == "needs_information":
        return Verb.ASK_FOR_ENGINEERING
    return Verb.ESCALATE if update.failed else Verb.TELL


def _give_back(notice: CustomerNotice, now: datetime) -> None:
    """The customer isn't told, the ticket goes to its agent all the same: it waits for nothing any more."""
    update, link = notice.update_of, notice.link
    if not link.is_active:
        return
    why = "held" if notice.state in {State.HELD, State.DISMISSED} else update.step
    tickets.come_back(link.ticket, by=update.sent_by, reference=update.escalation.reference, why=why, at=now)
    _end(link)


def _end(link: EscalationLink) -> None:
    EscalationLink.objects.filter(pk=link.pk).update(is_active=False)


@transaction.atomic
def _let_rest(pk: int, failure: Exception, *, now: datetime) -> None:
    notice = CustomerNotice.objects.get(pk=pk)
    rest = min(_FIRST_REST * 2 ** min(notice.attempts, _MOST_DOUBLINGS), _LONGEST_REST)
    why = failure.sentence if isinstance(failure, DomainError) else type(failure).__name__
    CustomerNotice.objects.filter(pk=pk, next_attempt_at__isnull=False).update(
        attempts=notice.attempts + 1, next_attempt_at=now + rest, last_error=why[:300]
    )
