"""The final schedule as rows, for everything that people read: 180 days ahead, rewritten by every edit and nightly.

Whom a page rings is computed afresh when a step fires; these rows never decide it.
"""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Count, Q

from escalations.models import ContactMethod, CoverageGap, Schedule, Shift
from escalations.paging import roster, rotation

logger = logging.getLogger(__name__)

AHEAD = timedelta(days=180)
CONTACTS_WANTED = 2
"""With fewer verified contacts somebody counts as a gap: one phone may be off, lost or without reception."""


def materialise(schedules: Iterable[int] | None = None, *, now: datetime) -> int:
    """Rewrite what is ahead of `now` in the given schedules (or all), in the caller's transaction or one of its own.

    What is past stays as it was. The number of shifts written.
    """
    ids = list(Schedule.objects.values_list("pk", flat=True)) if schedules is None else sorted(set(schedules))
    with transaction.atomic():
        # One at a time, in one order: two edits at once end in what the later one sees.
        list(Schedule.objects.select_for_update(no_key=True).filter(pk__in=ids).order_by("pk"))
        rosters = roster.load(now, ids)
        return sum(_rewrite(pk, rosters.get(pk, roster.Roster()), now) for pk in ids)


def _rewrite(schedule: int, found: roster.Roster, now: datetime) -> int:
    pieces = ahead = found.upcoming(now, now + AHEAD)
    rows = Shift.objects.filter(schedule=schedule)
    current = rows.filter(starts_at__lt=now, ends_at__gt=now).first()
    rows.filter(starts_at__gte=now).delete()
    if current is not None:
        first = pieces[0]
        if (first.person, first.is_override) == (current.person_id, current.is_override):
            Shift.objects.filter(pk=current.pk).update(ends_at=first.ends)
            pieces = pieces[1:]
        else:
            Shift.objects.filter(pk=current.pk).update(ends_at=now)
    written = [
        Shift(
            schedule_id=schedule,
            person_id=piece.person,
            starts_at=piece.starts,
            ends_at=piece.ends,
            is_override=piece.is_override,
        )
        for piece in pieces
        if piece.person is not None
    ]
    Shift.objects.bulk_create(written, batch_size=1000)
    _rewrite_gaps(schedule, ahead, now)
    return len(written)


def _rewrite_gaps(schedule: int, pieces: Sequence[rotation.Shift], now: datetime) -> None:
    CoverageGap.objects.filter(schedule=schedule, ends_at__gt=now).delete()
    people = {piece.person for piece in pieces if piece.person is not None}
    CoverageGap.objects.bulk_create(
        (
            CoverageGap(schedule_id=schedule, starts_at=gap.starts, ends_at=gap.ends, why=why, person_id=gap.person)
            for gap, why in gaps(pieces, reachable=reachable(people))
        ),
        batch_size=1000,
    )


def gaps(pieces: Sequence[rotation.Shift], *, reachable: set[int]) -> list[tuple[rotation.Shift, CoverageGap.Why]]:
    """The shifts in which a page would reach nobody, and why."""
    found = []
    for piece in pieces:
        if piece.person is None:
            found.append((piece, CoverageGap.Why.ABSENT if piece.missing else CoverageGap.Why.PLANNED))
        elif piece.person not in reachable:
            found.append((piece, CoverageGap.Why.UNREACHABLE))
    return found


def reachable(people: Iterable[int]) -> set[int]:
    """Those of `people` (ids) with at least two verified contacts."""
    rows = ContactMethod.objects.usable().filter(user__in=list(people)).values("user")
    enough = rows.annotate(number=Count("pk")).filter(Q(number__gte=CONTACTS_WANTED))
    return set(enough.values_list("user", flat=True))
