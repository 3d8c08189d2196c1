"""Pages climb: each step that is due fires once, and one that reaches nobody gives way to the next at once."""

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accounts.models import User
from escalations.events import record
from escalations.models import Page, PageEvent
from escalations.paging.decide import RING_ALL_FROM_ROUND, START, Firing, Position, Shape, fire
from escalations.paging.moves import each, end, locked, save
from escalations.paging.reach import Reached, page_last_resort, page_targets

logger = logging.getLogger(__name__)


def advance(*, now: datetime) -> int:
    """Fire every step that is due; the number of pages that went on."""
    return each(Page.objects.due(now), lambda pk: climb(pk, now=now))


@transaction.atomic
def climb(pk: int, *, now: datetime) -> bool:
    """Fire one page's due step; False when, under the lock, nothing is due any more."""
    page = locked(Page.objects.due(now), pk)
    if page is None:
        return False
    if page.kind in Page.PRACTICE and (page.round, page.step) != (START.round, START.step):
        end(page, why="nobody answered it in time", at=now)
        return True
    shape, late = Shape.from_snapshot(page.snapshot), now - (page.next_action_at or now)
    while True:
        firing = fire(shape, Position(page.round, page.step))
        if firing.is_everything and page.round < RING_ALL_FROM_ROUND:
            page.round, page.step = RING_ALL_FROM_ROUND, 0  # a policy without steps starts where others end
        reached = page_targets(page, firing.targets, at=now)
        _tell(page, firing, reached, late=late, now=now)
        if not reached.paged and firing.is_everything and page.kind not in Page.PRACTICE:
            _ring_last_resort(page, now)
        page.round, page.step = firing.then.round, firing.then.step
        if reached.anybody or firing.is_everything or page.kind in Page.PRACTICE:
            break
    page.next_action_at = now + firing.wait
    save(page, "round", "step", "next_action_at", "nobody_reached_at")
    return True


def _tell(page: Page, firing: Firing, reached: Reached, *, late: timedelta, now: datetime) -> None:
    step = 0 if firing.is_everything else page.step + 1
    data: dict[str, Any] = {"round": page.round, "step": step, "of": len(page.snapshot["steps"])}
    data["unreachable"] = _names(reached.unreachable)
    if reached.outside:
        names = [service.name for service in reached.outside]
        record(page, PageEvent.Kind.HANDED_OUTSIDE, at=now, round=page.round, step=step, names=names)
    if reached.paged:
        data |= {"late_ms": round(late.total_seconds() * 1000)}
        data |= {"people": [person.pk for person in reached.paged], "names": _names(reached.paged)}
        record(page, PageEvent.Kind.PAGED, at=now, **data)
    elif not reached.outside:
        record(page, PageEvent.Kind.STEP_EMPTY, at=now, **data, before=_names(reached.before))


def _ring_last_resort(page: Page, now: datetime) -> None:
    people = page_last_resort(page, at=now)
    page.nobody_reached_at = page.nobody_reached_at or now
    record(page, PageEvent.Kind.LAST_RESORT, at=now, names=_names(people))
    logger.error("page %s reached nobody by its policy: the last resort was rung", page.pk)


def _names(people: Iterable[User]) -> list[str]:
    return [person.display_name for person in people]
