"""Schedules as the pure arithmetic wants them, loaded in two queries however many there are."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from accounts.models import User
from escalations.access import is_responder
from escalations.models import LayerMember, Override
from escalations.paging import rotation


@dataclass
class Roster:
    """One schedule's layers and overrides, and the people they name."""

    layers: list[rotation.Layer] = field(default_factory=list)
    overrides: list[rotation.Override] = field(default_factory=list)
    people: dict[int, User] = field(default_factory=dict)

    def on_call(self, at: datetime) -> User | None:
        person = rotation.on_call(self.layers, self.overrides, at)
        return self.people[person] if person is not None else None

    def current_shift(self, at: datetime) -> rotation.Shift:
        return rotation.current_shift(self.layers, self.overrides, at)

    def upcoming(self, at: datetime, until: datetime) -> list[rotation.Shift]:
        return list(rotation.shifts(self.layers, self.overrides, at, until))


def load(at: datetime) -> dict[int, Roster]:
    """Each schedule's roster by its id, with the overrides that are not over at `at`.

    Who has left, or may no longer answer pages, takes no turn: the layer below shows through.
    """
    rosters: dict[int, Roster] = defaultdict(Roster)
    _add_layers(rosters)
    for row in Override.objects.not_over(at).select_related("user__region").order_by("id"):
        if is_responder(row.user):
            roster = rosters[row.schedule_id]
            roster.people[row.user_id] = row.user
            roster.overrides.append(rotation.Override(row.user_id, row.starts_at, row.ends_at, row.pk))
    return dict(rosters)


def _add_layers(rosters: dict[int, Roster]) -> None:
    members = LayerMember.objects.select_related("layer", "user__region").order_by("layer_id", "position", "id")
    by_layer: dict[int, list[LayerMember]] = defaultdict(list)
    for member in members:
        by_layer[member.layer_id].append(member)
    for rows in by_layer.values():
        layer = rows[0].layer
        roster = rosters[layer.schedule_id]
        roster.people.update({row.user_id: row.user for row in rows})
        turns = tuple(row.user_id if is_responder(row.user) else None for row in rows)
        roster.layers.append(
            rotation.Layer(layer.priority, layer.zone, layer.anchor, layer.hand_over, layer.days, turns)
        )
