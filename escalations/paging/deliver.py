"""What is due goes out, at least once: claim and commit, look at the page once more, call, record.

No network call happens inside a transaction. A send that died after the last look may have arrived: once its lease has
run out it is sent again, once, marked as a repeat. One that died before the look certainly did not.
"""

import logging
import secrets
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import Case, F, When
from django.db.models.functions import Now

from escalations.models import Page, PageDelivery
from escalations.paging import outcome
from escalations.paging.channels import CHANNELS, DeliveryError
from escalations.paging.crash import crash_point
from escalations.paging.wording import text_of
from escalations.querysets import PageDeliveryQuerySet

logger = logging.getLogger(__name__)

BUNDLED_AT_MOST = 500
_RIVALS = 20
_CODE_LASTS = timedelta(hours=24)
_State = PageDelivery.State


@dataclass(frozen=True)
class Claim:
    """Deliveries of one person's one contact that this engine alone may send until the lease runs out."""

    token: uuid.UUID


def deliver(*, now: datetime, seconds: float) -> int:
    """Send what is due, starting nothing new after `seconds`; the number of provider calls and recoveries made.

    Several senders work side by side, so that a provider that hangs does not hold up the others' messages.
    """
    until = time.monotonic() + seconds
    done = outcome.recover(now=now)
    if settings.PAGING_SENDERS <= 1:
        return done + _send_all(now, until)
    counts: list[int] = []
    senders = [
        threading.Thread(target=_sender, args=(now, until, counts), daemon=True)
        for _ in range(min(settings.PAGING_SENDERS, _how_many_due(now)))
    ]
    for sender in senders:
        sender.start()
    for sender in senders:
        # One that still hangs then is left to itself: its lease runs out, and another sends what it could not.
        sender.join(max(0.1, until + outcome.CALL_SECONDS - time.monotonic()))
    return done + sum(counts)


def _how_many_due(now: datetime) -> int:
    return PageDelivery.objects.due(now)[: settings.PAGING_SENDERS].count()


def _sender(now: datetime, until: float, counts: list[int]) -> None:
    try:
        counts.append(_send_all(now, until))
    except (OperationalError, InterfaceError) as failure:
        logger.error("paging lost the database while sending: %s", failure)
    except Exception:
        logger.exception("a sender of pages failed")
    finally:
        connection.close()


def _send_all(now: datetime, until: float) -> int:
    sent, begun = 0, time.monotonic()
    while time.monotonic() < until:
        at = _later(now, begun)
        claim = claim_next(at)
        if claim is None:
            break
        send(claim, now=at)
        sent += 1
    return sent


def _later(now: datetime, begun: float) -> datetime:
    """The desk's time as it has gone on since `now`, which was at `begun` of the monotonic clock."""
    return now + timedelta(seconds=time.monotonic() - begun)


@transaction.atomic
def claim_next(now: datetime) -> Claim | None:
    """Lease the delivery that is due first, together with all others that are due to the same contact.

    The first goes at once; what follows for that contact is gathered for a while and goes as one message.
    """
    due = PageDelivery.objects.due(now).select_for_update(of=("self",), skip_locked=True, no_key=True)
    for _ in range(_RIVALS):
        first = due.not_gathering(now).first_pages_first().select_related("page", "contact", "outside").first()
        if first is None:
            return None
        if _begin_gathering(first, now):
            return _lease(first, _gathered(due, first), now)
    return None


def _begin_gathering(first: PageDelivery, now: datetime) -> bool:
    """Whether the message may go; False when another sender has taken one to the same contact in this moment."""
    if first.contact is None or first.attempt or not _gathers(first):
        return True
    until = now + min(CHANNELS[first.kind].gathers_for, timedelta(seconds=settings.PAGING_QUIET_SECONDS))
    sql = (
        "INSERT INTO escalations_gathering (contact_id, kind, until) VALUES (%s, %s, %s) ON CONFLICT (contact_id, kind)"
        " DO UPDATE SET until = EXCLUDED.until WHERE escalations_gathering.until <= %s RETURNING id"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [first.contact.pk, first.page.kind, until, now])
        return cursor.fetchone() is not None


def _gathers(row: PageDelivery) -> bool:
    """Whether it may be one message with others: pages to people, neither tests nor what goes outside."""
    to_somebody = row.purpose == PageDelivery.Purpose.PAGE and row.outside_id is None
    return to_somebody and row.page.kind not in Page.PRACTICE and settings.PAGING_QUIET_SECONDS > 0


def _gathered(due: PageDeliveryQuerySet, first: PageDelivery) -> list[int]:
    if not _gathers(first):
        return []
    if first.state == _State.UNKNOWN:  # what was one message is repeated as one, to the second or not
        unsure = PageDelivery.objects.filter(message=first.message, state=_State.UNKNOWN, retry_at__isnull=False)
        alike = unsure.select_for_update(of=("self",), skip_locked=True, no_key=True)
    else:
        alike = due.filter(person=first.person_id, contact=first.contact_id, purpose=first.purpose, state=first.state)
        alike = alike.filter(page__kind=first.page.kind)
    alike = alike.exclude(pk=first.pk)
    return list(alike.order_by("pk").values_list("pk", flat=True)[: BUNDLED_AT_MOST - 1])


def _lease(first: PageDelivery, others: list[int], now: datetime) -> Claim:
    """A repeat keeps its id and code: the first one may be in somebody's hand, and is answered by them."""
    token = uuid.uuid4()
    is_repeat = first.state == _State.UNKNOWN
    rows = PageDelivery.objects.filter(pk__in=[first.pk, *others])
    rows.update(
        message=(first.message if is_repeat else None) or token,
        reply_code=first.reply_code if is_repeat else _reply_code(first, now),
        is_repeat=Case(When(state=_State.UNKNOWN, then=True), default=F("is_repeat")),
        state=_State.SENDING,
        attempt=F("attempt") + 1,
        lease_token=token,
        lease_until=Now() + timedelta(seconds=settings.PAGING_LEASE_SECONDS),
        retry_at=None,
        looked_at=None,
    )
    return Claim(token)


def _reply_code(row: PageDelivery, now: datetime) -> str:
    """Digits by which the message can be answered, like none that its contact was sent within a day."""
    if row.contact is None or row.purpose != PageDelivery.Purpose.PAGE or not CHANNELS[row.kind].asks_for_code:
        return ""
    recent = PageDelivery.objects.filter(
        contact__kind=row.kind, contact__value=row.contact.value, due_at__gt=now - _CODE_LASTS
    )
    used = set(recent.exclude(reply_code="").values_list("reply_code", flat=True))
    for digits in (2, 3, 4):
        free = [code for code in map(str, range(10 ** (digits - 1), 10**digits)) if code not in used]
        if len(free) > 10 ** (digits - 1):  # so many are left that guessing one is no use
            return secrets.choice(free)
    return secrets.choice(free or ["9999"])


def send(claim: Claim, *, now: datetime) -> None:
    """Look once more, call the provider for what is still wanted, and record what came of it."""
    crash_point("after_claim")
    deliveries = look(claim, now=now)
    if not deliveries:
        return
    channel = CHANNELS[deliveries[0].kind]
    message = text_of(deliveries, at=now)
    begun = time.monotonic()
    try:
        provider_id = channel.deliver(message)
    except DeliveryError as failure:
        outcome.refused(deliveries, claim.token, failure, now=now)
    except Exception as failure:
        logger.exception("channel %s failed", message.method)
        outcome.refused(deliveries, claim.token, DeliveryError(str(failure)[:300], unknown=True), now=now)
    else:
        crash_point("after_call")
        outcome.accepted(deliveries, claim.token, provider_id, now=_later(now, begun))


def look(claim: Claim, *, now: datetime) -> Sequence[PageDelivery]:
    """Those that may go out at this very moment; the others are cancelled.

    An engine that slept past its lease finds nothing: somebody else has sent what was its to send. What the message
    needs is read first, so that nothing but the look itself lies right before the call.
    """
    mine = PageDelivery.objects.filter(lease_token=claim.token, state=_State.SENDING, lease_until__gt=Now())
    pages = mine.select_related("page__ticket__organization", "page__policy", "page__acknowledged_by")
    held = list(pages.select_related("person", "contact", "outside"))
    mine.still_wanted().update(looked_at=Now())
    wanted = set(mine.filter(looked_at__isnull=False).values_list("pk", flat=True))
    outcome.not_wanted([row for row in held if row.pk not in wanted], claim.token, now=now)
    return [row for row in held if row.pk in wanted]
