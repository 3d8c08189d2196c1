"""The few lines that change a page's state. Whoever calls holds the page's lock; lock order is page, then delivery."""

import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import QuerySet

from accounts.models import User
from escalations.events import record
from escalations.models import EscalationPolicy, Page, PageDelivery, PageEvent
from escalations.paging.decide import START

logger = logging.getLogger(__name__)

_AT_ONCE = 1000
_AFTER_HAND_OVER = 300
"""Seconds that somebody to whom a page was handed over has before the policy's first step rings."""

_SLICE_SECONDS = 2.0
"""After so long the rest is the next lap's, so that in a flood of pages the first ones go out meanwhile."""


def each(rows: QuerySet[Any], change: Callable[[int], bool]) -> int:
    """Change row by row: ids first, one transaction each; a row that fails is logged and stepped over."""
    done, until = 0, time.monotonic() + _SLICE_SECONDS
    for pk in list(rows.order_by("pk").values_list("pk", flat=True)[:_AT_ONCE]):
        if time.monotonic() > until:
            break
        try:
            done += change(pk)
        except (OperationalError, InterfaceError):
            raise  # the database is gone: that is not this row's fault
        except Exception:
            logger.exception("paging stepped over %s %s", rows.model.__name__, pk)
    return done


def locked(rows: QuerySet[Page], pk: int) -> Page | None:
    """The page's row locked, unless another engine has it or, asked again under the lock, it isn't among `rows`."""
    page = Page.objects.select_for_update(no_key=True, skip_locked=True).filter(pk=pk).first()
    return page if page is not None and rows.filter(pk=pk).exists() else None


def shape_of(policy: EscalationPolicy | None) -> dict[str, Any]:
    """What a page that begins now keeps of its policy; without any policy the last resort rings."""
    return policy.snapshot() if policy else shape_without_steps()


def shape_without_steps() -> dict[str, Any]:
    return {"policy": "", "steps": [], "catch_all": [], "outside": [], "repeat_after": 0}


def save(page: Page, *fields: str) -> None:
    """Save `fields` and count the version on."""
    page.version += 1
    page.save(update_fields=[*fields, "version"])


def cancel_waiting(page: Page, *, person: User | None = None) -> None:
    """Nothing that waits to be sent for the page (to one person, or to anybody) goes out any more.

    What may have arrived isn't repeated, and stays unknown: its person may have been rung, and is told who took it.
    """
    rows = PageDelivery.objects.filter(page=page)
    if person is not None:
        rows = rows.filter(person=person)
    rows.filter(state=PageDelivery.State.PENDING).update(state=PageDelivery.State.CANCELLED, retry_at=None)
    rows.filter(state=PageDelivery.State.UNKNOWN, retry_at__isnull=False).update(retry_at=None)


def end(page: Page, *, why: str, at: datetime, by: User | None = None) -> None:
    """The page is over."""
    page.state = Page.State.ENDED
    page.ended_at = at
    page.next_action_at = None
    _forget_acknowledgement(page)
    save(page, "state", "ended_at", "next_action_at", "acknowledged_by", "acknowledged_at", "acknowledged_until")
    cancel_waiting(page)
    record(page, PageEvent.Kind.ENDED, at=at, by=by, why=why)
    tell_outside(page, PageDelivery.Purpose.RESOLVED, at=at)


def tell_outside(page: Page, purpose: PageDelivery.Purpose, *, at: datetime) -> None:
    """The services that the page was handed to learn that it is acknowledged here, or over; the canary knows."""
    if page.kind == Page.Kind.CANARY:
        return
    handed = PageDelivery.objects.filter(page=page, purpose=PageDelivery.Purpose.PAGE, outside__isnull=False)
    handed = handed.filter(state__in=(*PageDelivery.ARRIVED, PageDelivery.State.SENDING, PageDelivery.State.UNKNOWN))
    place = {"page": page, "episode": page.episode, "round": page.round, "step": page.step, "due_at": at}
    PageDelivery.objects.bulk_create(
        (
            PageDelivery(purpose=purpose, outside_id=service, **place)
            for service in sorted(set(handed.values_list("outside_id", flat=True)))
        ),
        ignore_conflicts=True,
    )


def ring_again(page: Page, *, at: datetime, anew: bool, first: User | None = None) -> None:
    """Ring: from the start as a new episode (`anew`), by the policy as it is now; or on from where the page stands.

    `first` is somebody who is rung before the policy's first step (of a new episode).
    """
    if anew:
        page.episode += 1
        page.round, page.step = START.round, START.step
        page.snapshot = shape_of(page.policy) if page.policy or first is None else page.snapshot
        if first is not None:
            page.snapshot["steps"] = [*_before(first), *_later(page.snapshot["steps"])]
    page.state = Page.State.RINGING
    page.next_action_at = at
    page.nobody_reached_at = None
    _forget_acknowledgement(page)
    cancel_waiting(page)
    fields = ("state", "episode", "round", "step", "snapshot", "next_action_at", "nobody_reached_at")
    save(page, *fields, "acknowledged_by", "acknowledged_at", "acknowledged_until")


def _before(person: User) -> list[dict[str, Any]]:
    return [{"delay": 0, "targets": [{"kind": "user", "key": person.pk, "name": person.display_name}]}]


def _later(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The policy's first step no longer fires at once."""
    return [{**step, "delay": step["delay"] or _AFTER_HAND_OVER} for step in steps]


def _forget_acknowledgement(page: Page) -> None:
    page.acknowledged_by = page.acknowledged_at = page.acknowledged_until = None
