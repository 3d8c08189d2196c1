"""What is due goes out, at least once: claim and commit, look at the page once more, call, record.

No network call happens inside a transaction. A send that died after the last look may have arrived: once its lease has
run out it is sent again, once, marked as a repeat. One that died before the look certainly did not.
"""

import logging
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

from escalations.models import PageDelivery
from escalations.paging import outcome
from escalations.paging.channels import CHANNELS, DeliveryError
from escalations.paging.crash import crash_point
from escalations.paging.wording import text_of

logger = logging.getLogger(__name__)

BUNDLED_AT_MOST = 500
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
    sent = 0
    while time.monotonic() < until and (claim := claim_next(now)):
        send(claim, now=now)
        sent += 1
    return sent


@transaction.atomic
def claim_next(now: datetime) -> Claim | None:
    """Lease the delivery that is due first, with all others of its kind to the same contact when they are many."""
    due = PageDelivery.objects.due(now).select_for_update(of=("self",), skip_locked=True, no_key=True)
    first = due.first_pages_first().select_related("page").first()
    if first is None:
        return None
    alike = due.filter(person=first.person_id, contact=first.contact_id, purpose=first.purpose, state=first.state)
    alike = alike.filter(page__kind=first.page.kind)
    others = alike.exclude(pk=first.pk).order_by("pk").values_list("pk", flat=True)[: BUNDLED_AT_MOST - 1]
    ids = [first.pk]
    if first.purpose == PageDelivery.Purpose.PAGE:
        more = list(others)
        ids += more if 1 + len(more) >= settings.PAGING_BUNDLE_FROM else []
    token = uuid.uuid4()
    rows = PageDelivery.objects.filter(pk__in=ids)
    rows.update(
        is_repeat=Case(When(state=_State.UNKNOWN, then=True), default=F("is_repeat")),
        state=_State.SENDING,
        attempt=F("attempt") + 1,
        lease_token=token,
        lease_until=Now() + timedelta(seconds=settings.PAGING_LEASE_SECONDS),
        retry_at=None,
        looked_at=None,
    )
    return Claim(token)


def send(claim: Claim, *, now: datetime) -> None:
    """Look once more, call the provider for what is still wanted, and record what came of it."""
    crash_point("after_claim")
    deliveries = look(claim, now=now)
    if not deliveries:
        return
    channel = CHANNELS[deliveries[0].kind]
    message = text_of(deliveries, at=now)
    try:
        provider_id = channel.deliver(message)
    except DeliveryError as failure:
        outcome.refused(deliveries, claim.token, failure, now=now)
    except Exception as failure:
        logger.exception("channel %s failed", message.method)
        outcome.refused(deliveries, claim.token, DeliveryError(str(failure)[:300], unknown=True), now=now)
    else:
        crash_point("after_call")
        outcome.accepted(deliveries, claim.token, provider_id, now=now)


def look(claim: Claim, *, now: datetime) -> Sequence[PageDelivery]:
    """Those that may go out at this very moment; the others are cancelled.

    An engine that slept past its lease finds nothing: somebody else has sent what was its to send.
    """
    mine = PageDelivery.objects.filter(lease_token=claim.token, state=_State.SENDING, lease_until__gt=Now())
    mine.still_wanted().update(looked_at=Now())
    mine = mine.select_related("page__ticket__organization", "page__policy", "page__acknowledged_by")
    held = list(mine.select_related("person", "contact"))
    outcome.not_wanted([row for row in held if row.looked_at is None], claim.token, now=now)
    return [row for row in held if row.looked_at is not None]
