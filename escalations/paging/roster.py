"""Schedules as the pure arithmetic wants them, loaded in four queries however many there are."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from accounts.models import User
from escalations.access import is_responder
from escalations.models import Layer, LayerMember, LayerWindow, Leave, Override, Schedule
from escalations.paging import rotation


@dataclass
class Roster:
    """One schedule's layers and overrides, who of its people is away, and the people themselves."""

    layers: list[rotation.Layer] = field(default_factory=list)
    overrides: list[rotation.Override] = field(default_factory=list)
    absences: list[rotation.Absence] = field(default_factory=list)
    people: dict[int, User] = field(default_factory=dict)

    @property
    def plan(self) -> rotation.Plan:
        return rotation.Plan(self.layers, self.overrides, self.absences)

    def on_call(self, at: datetime) -> User | None:
        person = rotation.on_call(self.plan, at)
        return self.people[person] if person is not None else None

    def current_shift(self, at: datetime) -> rotation.Shift:
        return rotation.current_shift(self.plan, at)

    def upcoming(self, at: datetime, until: datetime) -> list[rotation.Shift]:
        return rotation.shifts(self.plan, at, until)


def load(at: datetime, schedules: Collection[Schedule | int] | None = None) -> dict[int, Roster]:
    """Each schedule's roster by its id, with overrides and leave not over at `at`; or only those of `schedules`,
    ids or a query for them.

    Who has left, or may no longer answer pages, takes no turn: the layer below shows through.
    """
    rosters: dict[int, Roster] = defaultdict(Roster)
    _add_layers(rosters, schedules)
    overrides = Override.objects.not_over(at).select_related("user__region").order_by("id")
    for row in overrides if schedules is None else overrides.filter(schedule__in=schedules):
        if is_responder(row.user):
            roster = rosters[row.schedule_id]
            roster.people[row.user_id] = row.user
            roster.overrides.append(rotation.Override(row.user_id, row.starts_at, row.ends_at, row.pk))
    away = [rotation.Absence(row.user_id, row.starts_at, row.ends_at) for row in Leave.objects.not_over(at)]
    for roster in rosters.values():
        roster.absences = [absence for absence in away if absence.person in roster.people]
    return dict(rosters)


def _add_layers(rosters: dict[int, Roster], only: Collection[Schedule | int] | None) -> None:
    members, windows = _by_layer(only)
    for pk, rows in members.items():
        layer = rows[0].layer
        roster = rosters[layer.schedule_id]
        roster.people.update({row.user_id: row.user for row in rows})
        roster.layers.append(as_rotation(layer, [row.user for row in rows], windows.get(pk, [])))


def as_rotation(layer: Layer, people: Iterable[User], windows: Iterable[LayerWindow]) -> rotation.Layer:
    """A layer's row (saved or not), with its members in order, as the arithmetic wants it."""
    return rotation.Layer(
        priority=layer.priority,
        zone=layer.zone,
        anchor=layer.anchor,
        hand_over=layer.hand_over,
        days=layer.days,
        members=tuple(person.pk if is_responder(person) else None for person in people),
        windows=tuple(
            rotation.Window(frozenset(map(int, row.weekdays)), row.starts, row.ends, row.ends_after_days)
            for row in windows
        ),
    )


def _by_layer(
    only: Collection[Schedule | int] | None,
) -> tuple[dict[int, list[LayerMember]], dict[int, list[LayerWindow]]]:
    rows = LayerMember.objects.select_related("layer", "user__region").order_by("layer_id", "position", "id")
    hours = LayerWindow.objects.order_by("layer_id", "id")
    if only is not None:
        rows, hours = rows.filter(layer__schedule__in=only), hours.filter(layer__schedule__in=only)
    members: dict[int, list[LayerMember]] = defaultdict(list)
    for row in rows:
        members[row.layer_id].append(row)
    windows: dict[int, list[LayerWindow]] = defaultdict(list)
    for hour in hours:
        windows[hour.layer_id].append(hour)
    return members, windows
