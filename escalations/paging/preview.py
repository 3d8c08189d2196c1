"""What a schedule would be before it is saved: who is on call when, the hours that nobody has, who can't be reached."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accounts.models import User
from escalations.access import RESPONDERS
from escalations.models import CoverageGap, Layer, Leave, Override, Schedule
from escalations.paging import rotation, shifts
from escalations.paging.drafts import Around, LayerDraft, ScheduleDraft, WindowDraft, in_one_zone, plan_of, zones_of
from escalations.paging.gap_runs import Change, Gap, Run, changes, runs

AHEAD = timedelta(days=366)
"""A year: half of one may have no change of clocks (from April to October neither Europe, America nor Sydney has)."""
_AFTER = timedelta(hours=1)


@dataclass(frozen=True)
class Preview:
    """A draft's final schedule for a year from `since`, and what is wrong with it; `runs` are of hours of nobody."""

    plan: rotation.Plan
    since: datetime
    until: datetime
    pieces: list[rotation.Shift]
    gaps: list[Gap]
    runs: list[Run]
    changes: list[Change]
    unreachable: set[int]

    @property
    def planned(self) -> list[Gap]:
        """The hours that its layers leave to nobody: what has to be confirmed."""
        return [gap for gap in self.gaps if gap.why == CoverageGap.Why.PLANNED]

    @property
    def uncovered(self) -> timedelta:
        """For how long nobody is on call, planned or because somebody is away."""
        return sum((gap.length for gap in self.gaps if gap.person is None), timedelta())

    def shares(self) -> list[tuple[int, timedelta]]:
        """How long each person is on call in that year, the most first."""
        held: dict[int, timedelta] = defaultdict(timedelta)
        for piece in self.pieces:
            if piece.person is not None:
                held[piece.person] += piece.ends - piece.starts
        return sorted(held.items(), key=lambda share: (-share[1], share[0]))


def preview(draft: ScheduleDraft, *, schedule: Schedule | None, at: datetime) -> Preview:
    """The draft as it would be from `at` on, with the overrides of `schedule` and everybody's leave; saves nothing."""
    found = around(draft, schedule, at)
    plan, until = plan_of(draft, found), at + AHEAD
    pieces = rotation.shifts(plan, at, until)
    people = {member for layer in draft.layers for member in layer.members} | {one.person for one in found.overrides}
    reached = shifts.reachable(people)
    gaps = [Gap(row.starts, row.ends, str(why), row.person) for row, why in shifts.gaps(pieces, reachable=reached)]
    zones = zones_of(draft.layers)
    return Preview(
        plan=plan,
        since=at,
        until=until,
        pieces=pieces,
        gaps=gaps,
        runs=runs([gap for gap in gaps if gap.person is None], pieces, zones),
        changes=changes(zones, at, until),
        unreachable=(people & found.takers) - reached,
    )


def in_reference_zone(draft: ScheduleDraft, zone: str, *, schedule: Schedule | None, at: datetime) -> ScheduleDraft:
    """The draft with all hours on the clock of `zone`: as they are when they leave no gap, else as they are at `at`.

    Hours that meet in winter only, say, are taken as they are in winter, also by somebody who mends them in summer.
    """
    found = around(draft, schedule, at)
    moments = [at, *(change.at + _AFTER for change in changes(zones_of(draft.layers), at, at + AHEAD))]
    made = [in_one_zone(draft, zone, at=moment) for moment in moments]
    for candidate in made:
        pieces = rotation.shifts(plan_of(candidate, found), at, at + AHEAD)
        if not any(piece.person is None and not piece.missing for piece in pieces):
            return candidate
    return made[0]


def around(draft: ScheduleDraft, schedule: Schedule | None, at: datetime) -> Around:
    """What holds beside the layers: overrides, leave, and who answers pages."""
    takers = frozenset(User.objects.active().filter(role__in=RESPONDERS).values_list("pk", flat=True))
    taken: Sequence[Override] = ()
    if schedule is not None:
        taken = list(Override.objects.not_over(at).filter(schedule=schedule, user__in=takers).order_by("pk"))
    people = {member for layer in draft.layers for member in layer.members} | {row.user_id for row in taken}
    away = Leave.objects.not_over(at).filter(user__in=people)
    return Around(
        takers,
        [rotation.Override(row.user_id, row.starts_at, row.ends_at, row.pk) for row in taken],
        [rotation.Absence(row.user_id, row.starts_at, row.ends_at) for row in away],
    )


def draft_of(schedule: Schedule) -> ScheduleDraft:
    """A saved schedule as somebody may edit it, in three queries."""
    rows = schedule.layers.order_by("-priority", "pk").prefetch_related("members", "windows")
    return ScheduleDraft(schedule.name, schedule.purpose, tuple(_layer_draft(row) for row in rows))


def _layer_draft(row: Layer) -> LayerDraft:
    return LayerDraft(
        name=row.name,
        zone=row.zone,
        days=row.days,
        anchor=row.anchor,
        hand_over=row.hand_over,
        members=tuple(member.user_id for member in row.members.all()),
        windows=tuple(
            WindowDraft(window.weekdays, window.starts, window.ends, window.ends_after_days)
            for window in row.windows.all()
        ),
    )
