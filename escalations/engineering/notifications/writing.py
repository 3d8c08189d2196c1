"""From a record's events to mails and posts: each event once, in a transaction of its own, whoever else does it."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from escalations.engineering.notifications.audience import OF_CUSTOMERS, Reader, is_for_channels, readers, teams_told
from escalations.engineering.notifications.threads import thread_of
from escalations.engineering.notifications.wording import letter_to, post_about, said_in, subject_of
from escalations.models import ChannelPost, EscalationEvent, TeamChannel
from supportdesk.lib import queue
from supportdesk.lib.mail import message_id
from tickets.models import OutgoingMail
from tickets.notifications import topics
from tickets.notifications.audience import Kind as MailKind
from tickets.notifications.wording import Letter

logger = logging.getLogger(__name__)

Kind = EscalationEvent.Kind
_BATCH = 200
_SHORTEST_REST, _LONGEST_REST = timedelta(minutes=1), timedelta(hours=6)


def notify(*, now: datetime) -> int:
    """Write the mails and posts of all events that have none yet, oldest first; the number of events dealt with.

    One whose mails can't be written is logged, stepped over, and rests as long again as it has waited already.
    """
    told, last = 0, 0
    while ids := list(_to_notify(now).filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:_BATCH]):
        for pk in ids:
            try:
                told += _tell(pk, now=now)
            except Exception:
                logger.exception("the mails of escalation event %s could not be written", pk)
                _let_rest(pk, now=now)
        last = ids[-1]
        queue.wake("mail")
    return told


def _to_notify(now: datetime) -> QuerySet[EscalationEvent]:
    return EscalationEvent.objects.filter(Q(notify_after=None) | Q(notify_after__lte=now), notified_at=None)


@transaction.atomic
def _tell(pk: int, *, now: datetime) -> bool:
    """Write what one event brings about; False when another worker has it or did it."""
    rows = _to_notify(now).select_for_update(of=("self",), skip_locked=True)
    event = rows.select_related("actor", "escalation__owner", "escalation__backup").filter(pk=pk).first()
    if event is None:
        return False
    _mail_each(event, readers(event), now=now)
    if is_for_channels(event):
        _post(event)
    EscalationEvent.objects.filter(pk=pk).update(notified_at=now)
    return True


def _mail_each(event: EscalationEvent, people: Sequence[Reader], *, now: datetime) -> None:
    """As each chose; who is named, brought in or answerable is told whatever they chose."""
    chosen = topics.chosen_by(one.user for one in people)
    topic = topics.DISCUSSIONS if event.kind == Kind.COMMENTED else topics.ESCALATIONS
    wanted = [
        one
        for one in people
        if one.why.is_in_any_case or chosen.get((one.user.pk, topic.key), topic.default) != topics.How.NEVER
    ]
    said = said_in(event)
    mails = [_mail(event, one, letter_to(one, event, said), now=now) for one in wanted]
    OutgoingMail.objects.bulk_create(mails, ignore_conflicts=True)


def _mail(event: EscalationEvent, reader: Reader, letter: Letter, *, now: datetime) -> OutgoingMail:
    escalation = event.escalation
    return OutgoingMail(
        kind=MailKind.STAFF_ESCALATION,
        to_email=reader.user.email,
        to_user=reader.user,
        subject=subject_of(escalation),
        text=letter.as_text(),
        html=letter.as_html(),
        message_id=message_id("escalation", escalation.pk, _once_per(event), reader.user.pk),
        references=thread_of(escalation),
        next_attempt_at=Now(),
        created_at=now,
    )


def _once_per(event: EscalationEvent) -> str:
    """What there is one mail of: the event; of all that customers do within an hour, the first."""
    return f"customers.{event.at:%Y%m%d%H}" if event.kind in OF_CUSTOMERS else str(event.pk)


def _post(event: EscalationEvent) -> None:
    """A row for each channel of the teams that hear of it: made before anything is sent, once."""
    channels = TeamChannel.objects.filter(team__in=teams_told(event.escalation), disabled_at=None)
    text = post_about(event)
    posts = [ChannelPost(channel=channel, event=event, text=text, next_attempt_at=Now()) for channel in channels]
    ChannelPost.objects.bulk_create(posts, ignore_conflicts=True)
    if posts:
        queue.wake("engineering")


def _let_rest(pk: int, *, now: datetime) -> None:
    event = EscalationEvent.objects.get(pk=pk)
    rest = min(max(now - event.at, _SHORTEST_REST), _LONGEST_REST)
    EscalationEvent.objects.filter(pk=pk).update(notify_after=now + rest)
