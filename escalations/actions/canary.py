"""The canary's verbs: it leaves, and it comes back."""

import secrets
import uuid
from datetime import datetime, timedelta

from django.db import transaction

from escalations.actions.asked import practice
from escalations.events import record
from escalations.models import OutsideService, Page, PageDelivery, PageEvent
from escalations.paging.canary import KEPT, WAITS
from escalations.paging.moves import end
from supportdesk.lib import queue
from supportdesk.lib.errors import Conflict
from tickets.models import Priority

_TIDIED_AT_ONCE = 500


@transaction.atomic
def begin_canary(*, at: datetime, unless_within: timedelta = timedelta()) -> Page:
    """Page the desk itself. Raises Conflict while one is under way, or where one began `unless_within` before."""
    service, _ = OutsideService.objects.get_or_create(
        kind=OutsideService.Kind.CANARY, defaults={"name": "Canary", "secret": secrets.token_urlsafe(32)}
    )
    OutsideService.objects.select_for_update(no_key=True).get(pk=service.pk)  # two at once are one after the other
    canaries = Page.objects.filter(kind=Page.Kind.CANARY)
    if canaries.open().exists():
        raise Conflict("A canary is under way already.", code="page_open")
    if canaries.filter(created_at__gt=at - unless_within).exists():
        raise Conflict("A canary left just now.", code="too_soon")
    target = {"kind": "outside", "key": service.pk, "name": service.name}
    page = Page.objects.create(
        kind=Page.Kind.CANARY,
        priority=Priority.URGENT,
        snapshot=practice([target], WAITS),
        next_action_at=at,
        created_at=at,
    )
    record(page, PageEvent.Kind.BEGAN, at=at, priority=page.priority)
    queue.wake("page")
    return page


@transaction.atomic
def end_canary(pk: int, *, message: uuid.UUID, at: datetime) -> bool:
    """It came back in the message it left in, and is over; False for one that is over, or never left like this."""
    page = Page.objects.select_for_update(no_key=True).filter(pk=pk, kind=Page.Kind.CANARY).open().first()
    row = PageDelivery.objects.filter(page=page, message=message, purpose=PageDelivery.Purpose.PAGE).first()
    if page is None or row is None:
        return False
    seconds = round((at - page.created_at).total_seconds(), 3)
    record(page, PageEvent.Kind.DELIVERED, at=at, name=row.name, method=row.method, delivery=row.pk, seconds=seconds)
    end(page, why=f"came back after {seconds:.1f} s", at=at)
    return True


@transaction.atomic
def tidy_canaries(*, now: datetime) -> int:
    """Delete canaries of more than a week ago, with their deliveries and events; the number of them.

    What happened to a page is never deleted, but a canary is nobody's page: 288 a day would bury the others.
    """
    old = Page.objects.filter(kind=Page.Kind.CANARY, state=Page.State.ENDED, created_at__lt=now - KEPT)
    ids = list(old.order_by("pk").values_list("pk", flat=True)[:_TIDIED_AT_ONCE])
    PageEvent.objects.filter(page__in=ids).delete()
    PageDelivery.objects.filter(page__in=ids).delete()
    Page.objects.filter(pk__in=ids).delete()
    return len(ids)
