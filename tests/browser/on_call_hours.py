"""Something in every part of the on-call pages: an override, a gap, swaps, leave, feeds."""

from datetime import timedelta
from urllib.parse import urlencode

from accounts.models import User
from escalations import actions, rota
from escalations.models import Schedule, Shift
from escalations.paging.shifts import materialise
from supportdesk.lib import clock


def fill(bo: User, lea: User) -> list[str]:
    """bo has the week; lea takes hours of it, has asked bo's and is asked. The forms' addresses, filled in."""
    now = clock.now().replace(microsecond=0)
    schedule = Schedule.objects.get()
    empty = Schedule.objects.create(name="Engineering on-call, of which the name is long")
    materialise([empty.pk], now=now)
    day = timedelta(days=1)
    actions.override(schedule, person=lea, starts=now + day, ends=now + 1.5 * day, by=lea, at=now, why="dentist")
    actions.ask_swap(schedule, of=lea, starts=now + 2 * day, ends=now + 3 * day, by=bo, at=now, note="A wedding.")
    actions.ask_swap(schedule, of=bo, starts=now + day, ends=now + 1.2 * day, by=lea, at=now)
    actions.begin_leave(lea, starts=now + 20 * day, ends=now + 25 * day, why="holidays", by=lea, at=now)
    try:
        actions.begin_leave(bo, starts=now + 30 * day, ends=now + 35 * day, by=bo, at=now)
    except actions.LeavesGap as gap:
        minutes = gap.minutes
        starts, ends = now + 30 * day, now + 35 * day
        actions.begin_leave(bo, starts=starts, ends=ends, why="away", confirmed_minutes=minutes, by=bo, at=now)
    actions.open_feed(bo, schedule=None, at=now)
    shift = Shift.objects.filter(schedule=schedule, person=bo).earliest("starts_at")
    chosen = urlencode(rota.span(schedule, shift.starts_at, shift.ends_at))
    return [f"/desk/on-call/overrides/new/?{chosen}", f"/desk/on-call/swaps/new/?{chosen}"]
