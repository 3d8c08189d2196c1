"""What came of a send, recorded with the lease's token: whoever lost the lease records nothing."""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from escalations.events import record
from escalations.models import ContactMethod, Gathering, OutsideService, Page, PageDelivery, PageEvent
from escalations.paging.channels import DeliveryError
from escalations.paging.crash import crash_point
from escalations.paging.moves import each

CALL_SECONDS = 5
RETRY_AFTER = (5, 15, 45)
_UNKNOWN_LATER = 30
"""Seconds that a repeat of a later round waits beyond the lease; a first page does not wait."""

_State = PageDelivery.State
_Kind = PageEvent.Kind
_IN_DOUBT = (_State.SENDING, _State.UNKNOWN)
_WAITED = ("retry_at", "lease_token", "lease_until")


def accepted(deliveries: Sequence[PageDelivery], token: uuid.UUID, provider_id: str, *, now: datetime) -> None:
    """The provider took the message."""
    with transaction.atomic():
        columns = {"accepted_at": now, "provider_id": provider_id[:255], "error": ""}
        if _settle(deliveries, token, _State.ACCEPTED, **columns):
            for row in deliveries:
                _record(row, _Kind.SENT, now)
        crash_point("before_record")


def not_wanted(deliveries: Sequence[PageDelivery], token: uuid.UUID, *, now: datetime) -> None:
    """The page is no longer for this person to hear: acknowledged, ended, or the person or contact is gone."""
    for row in deliveries:
        with transaction.atomic():
            page = _page(row)
            _settle([row], token, _State.CANCELLED)
            if page.is_ringing and row.purpose == PageDelivery.Purpose.PAGE:
                _go_on(page, row, now=now)


def refused(deliveries: Sequence[PageDelivery], token: uuid.UUID, why: DeliveryError, *, now: datetime) -> None:
    """The provider refused, for good, for now, or nobody can tell."""
    for row in deliveries:
        with transaction.atomic():
            page = _page(row)
            if why.unknown:
                _unknown(page, row, token, str(why), wait=settings.PAGING_LEASE_SECONDS, now=now)
            elif not why.permanent and row.attempt <= len(RETRY_AFTER):
                again = Now() + timedelta(seconds=RETRY_AFTER[row.attempt - 1])
                if _settle([row], token, _State.PENDING, retry_at=again, error=str(why)[:300]):
                    _record(row, _Kind.FAILED, now, why=str(why)[:300], again=True)
            elif _settle([row], token, _State.FAILED, error=str(why)[:300]):
                _record(row, _Kind.FAILED, now, why=str(why)[:300], again=False)
                if why.permanent:
                    _disable(page, row, str(why), now=now)
                _go_on(page, row, now=now)
    if not why.unknown:
        _stop_gathering(deliveries[0])


def confirmed(message: uuid.UUID, *, arrived: bool, now: datetime) -> None:
    """The provider tells by its callback that it has the message, or (`arrived`) that it reached the person.

    Late, repeated and disordered ones change nothing: a row only goes on, from unknown to accepted to delivered. One
    that is told before the provider's answer came takes the lease away: whatever comes of that answer, this is known.
    One that waits to be tried again under a new id was refused in words, and yet sent.
    """
    states = (*_IN_DOUBT, _State.PENDING, *((_State.ACCEPTED,) if arrived else ()))
    for pk in _carried_by(message):
        with transaction.atomic():
            row = _locked(pk, states)
            if row is None or row.message != message:
                continue
            row.state = _State.DELIVERED if arrived else _State.ACCEPTED
            row.accepted_at = row.accepted_at or now
            row.delivered_at = now if arrived else None
            row.retry_at = row.lease_token = row.lease_until = None
            row.save(update_fields=["state", "accepted_at", "delivered_at", *_WAITED])
            _record(row, _Kind.DELIVERED if arrived else _Kind.SENT, now)


def undelivered(message: uuid.UUID, why: str, *, permanent: bool, now: datetime) -> None:
    """The provider had taken the message, and tells by its callback that it did not arrive: the next way is due."""
    for pk in _carried_by(message):
        with transaction.atomic():
            row = _locked(pk, (*_IN_DOUBT, _State.ACCEPTED))
            if row is None or row.message != message:
                continue
            row.state, row.error = _State.FAILED, why[:300]
            row.retry_at = row.lease_token = row.lease_until = None
            row.save(update_fields=["state", "error", *_WAITED])
            _record(row, _Kind.UNDELIVERED, now, why=why[:300])
            if permanent:
                _disable(row.page, row, why, now=now)
            _go_on(row.page, row, now=now)


def _carried_by(message: uuid.UUID) -> list[int]:
    return list(PageDelivery.objects.filter(message=message).order_by("page_id", "pk").values_list("pk", flat=True))


def _locked(pk: int, states: Sequence[PageDelivery.State]) -> PageDelivery | None:
    """The delivery in one of `states`, locked after its page."""
    found = PageDelivery.objects.filter(pk=pk).first()
    if found is None:
        return None
    page = _page(found)
    rows = PageDelivery.objects.select_for_update(of=("self",), no_key=True)
    row = rows.select_related("person", "contact__user", "outside").filter(pk=pk, state__in=states).first()
    if row is not None:
        row.page = page
    return row


def recover(*, now: datetime) -> int:
    """Take back what engines died with: the number of deliveries whose lease had run out."""
    return each(PageDelivery.objects.lease_over(), lambda pk: _take_back(pk, now=now))


@transaction.atomic
def _take_back(pk: int, *, now: datetime) -> bool:
    """All that the dead engine's message carried, at once: what was one message is repeated as one."""
    token = PageDelivery.objects.lease_over().filter(pk=pk).values_list("lease_token", flat=True).first()
    if token is None:
        return False
    mine = PageDelivery.objects.lease_over().filter(lease_token=token)
    pages = Page.objects.select_for_update(no_key=True).filter(pk__in=mine.values("page")).order_by("pk").in_bulk()
    rows = mine.select_for_update(of=("self",), skip_locked=True).select_related("person", "contact__user", "outside")
    for row in list(rows.filter(page__in=list(pages)).order_by("page_id", "pk")):
        row.page = pages[row.page_id]
        if row.looked_at is None:  # it died before the call: nothing went out
            _settle([row], token, _State.PENDING, retry_at=None)
            continue
        wait = 0 if row.round == 1 else _UNKNOWN_LATER
        _unknown(row.page, row, token, "the engine died while it was being sent", wait=wait, now=now)
    return True


def _unknown(page: Page, row: PageDelivery, token: uuid.UUID, why: str, *, wait: float, now: datetime) -> None:
    """It may have arrived: sent once more, after that the person's next contact has to do."""
    again = None if row.is_repeat else Now() + timedelta(seconds=wait)
    if _settle([row], token, _State.UNKNOWN, retry_at=again, error=why[:300]):
        _record(row, _Kind.UNKNOWN, now, why=why[:300], again=again is not None)
        if again is None:
            _go_on(page, row, now=now)


def _stop_gathering(row: PageDelivery) -> None:
    """Nothing was heard at the contact, so nothing that follows has to wait. No other lock is held meanwhile."""
    if row.contact_id is not None:
        Gathering.objects.filter(contact=row.contact_id).delete()


def _page(row: PageDelivery) -> Page:
    """The delivery's page, locked before the delivery is."""
    return Page.objects.select_for_update(no_key=True).get(pk=row.page_id)


def _settle(rows: Sequence[PageDelivery], token: uuid.UUID, state: PageDelivery.State, **columns: Any) -> bool:
    """Write the outcome and give the lease back; False when the lease was lost meanwhile."""
    mine = PageDelivery.objects.filter(pk__in=[row.pk for row in rows], lease_token=token, state=_State.SENDING)
    return bool(mine.update(state=state, lease_token=None, lease_until=None, **columns))


def _record(row: PageDelivery, kind: PageEvent.Kind, now: datetime, **data: Any) -> None:
    data |= {"person": row.person_id, "name": row.name, "method": row.method, "delivery": row.pk}
    data |= {"repeat": True} if row.is_repeat else {}
    data |= {"message": str(row.message)} if row.message else {}
    record(row.page, kind, at=now, attempt=row.attempt, purpose=row.purpose, **data)


def _disable(page: Page, row: PageDelivery, why: str, *, now: datetime) -> None:
    if row.outside_id is not None:
        service = OutsideService.objects.filter(pk=row.outside_id, disabled_at=None)
        if service.update(disabled_at=now, disabled_why=why[:200]):
            record(page, _Kind.CONTACT_DISABLED, at=now, name=row.name, why=why[:200])
    if row.contact_id is None:
        return
    contact = ContactMethod.objects.filter(pk=row.contact_id, disabled_at=None)
    if contact.update(disabled_at=now, disabled_why=why[:200]):
        record(page, _Kind.CONTACT_DISABLED, at=now, person=row.person_id, name=str(row.contact), why=why[:200])


def _go_on(page: Page, row: PageDelivery, *, now: datetime) -> None:
    """This way was no use: the person's next rule is due now; when nothing is left in this round, the next step is."""
    if row.purpose != PageDelivery.Purpose.PAGE or not page.is_ringing or row.episode != page.episode:
        return
    rest = PageDelivery.objects.filter(page=page, purpose=row.purpose, episode=row.episode)
    following = _first_waiting(rest.filter(person=row.person_id)) if row.person_id else None
    if following is not None:
        PageDelivery.objects.filter(pk=following, due_at__gt=now).update(due_at=now)
        return
    lives = (_State.PENDING, _State.SENDING, *PageDelivery.ARRIVED)
    may_come = rest.filter(round=row.round, state__in=lives) | rest.filter(
        round=row.round, state=_State.UNKNOWN, retry_at__isnull=False
    )
    if not may_come.exists() and page.next_action_at is not None and page.next_action_at > now:
        page.next_action_at = now
        page.version += 1
        page.save(update_fields=["next_action_at", "version"])


def _first_waiting(rows: QuerySet[PageDelivery]) -> int | None:
    waiting = rows.filter(state=_State.PENDING).order_by("due_at", "pk")
    return waiting.values_list("pk", flat=True).first()
