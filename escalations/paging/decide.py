"""What a ringing page does next. Pure: no Django, no database, no clock.

A page climbs its policy's steps (round 1), climbs them again with the catch-all list added (round 2), and from round 3
on rings everybody there is every quarter of an hour, and hands off outside, until somebody acknowledges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

RING_ALL_FROM_ROUND = 3
CATCH_ALL_FROM_ROUND = 2
RING_ALL_EVERY = timedelta(minutes=15)

URGENT = 1
HIGH = 2
SNOOZED_AT_MOST = {URGENT: timedelta(hours=2), HIGH: timedelta(hours=8)}
ACKNOWLEDGED_FOR = {URGENT: timedelta(minutes=30), HIGH: timedelta(hours=2)}


@dataclass(frozen=True)
class Target:
    """Whom a step pages: a schedule, a team, a user, one contact, a service outside (by `key`), or everybody."""

    kind: str
    key: int | None = None


@dataclass(frozen=True)
class Step:
    """`targets` are paged `delay` after the step before; the first of a round does not ask for its delay."""

    delay: timedelta
    targets: tuple[Target, ...]


@dataclass(frozen=True)
class Shape:
    """A policy as it was when the page began."""

    steps: tuple[Step, ...]
    catch_all: tuple[Target, ...]
    repeat_after: timedelta
    outside: tuple[Target, ...] = ()

    @classmethod
    def from_snapshot(cls, snapshot: Mapping[str, Any]) -> "Shape":
        steps = tuple(Step(timedelta(seconds=step["delay"]), _targets(step["targets"])) for step in snapshot["steps"])
        repeat_after = timedelta(seconds=snapshot["repeat_after"])
        return cls(steps, _targets(snapshot["catch_all"]), repeat_after, _targets(snapshot.get("outside", ())))


def _targets(rows: Sequence[Mapping[str, Any]]) -> tuple[Target, ...]:
    return tuple(Target(row["kind"], row["key"]) for row in rows)


@dataclass(frozen=True)
class Position:
    """The step, counted from 0 within its round, that fires next."""

    round: int
    step: int


@dataclass(frozen=True)
class Firing:
    """What fires at a position, where the page stands then, and after how long that is due."""

    targets: tuple[Target, ...]
    then: Position
    wait: timedelta
    is_everything: bool = False


START = Position(1, 0)


def fire(shape: Shape, position: Position) -> Firing:
    """Whom to page at `position`, and what comes after it."""
    if position.round >= RING_ALL_FROM_ROUND or not shape.steps:
        climbed = [target for step in shape.steps for target in step.targets]
        everybody = _unique(climbed, shape.catch_all, shape.outside)
        then = Position(max(position.round + 1, RING_ALL_FROM_ROUND), 0)
        return Firing(everybody, then, RING_ALL_EVERY, is_everything=True)
    number = min(position.step, len(shape.steps) - 1)
    targets = shape.steps[number].targets
    if position.round >= CATCH_ALL_FROM_ROUND and number == 0:
        targets = _unique(targets, shape.catch_all)
    if number + 1 < len(shape.steps):
        return Firing(targets, Position(position.round, number + 1), shape.steps[number + 1].delay)
    return Firing(targets, Position(position.round + 1, 0), shape.repeat_after)


def _unique(*groups: Sequence[Target]) -> tuple[Target, ...]:
    return tuple(dict.fromkeys(target for group in groups for target in group))


@dataclass(frozen=True)
class Rule:
    """A person's wish: this contact, `delay` seconds after first being paged."""

    contact: int
    delay: int


def contacts_to_use(rules: Sequence[Rule], usable: Sequence[int], *, priority: int) -> list[Rule]:
    """How one person is paged. Nobody with a usable contact goes unpaged, and Urgent's first comes at once.

    `usable` are the verified contacts that are not disabled. Without a rule for any of them, all are used at once.
    """
    valid = sorted((rule for rule in rules if rule.contact in usable), key=lambda rule: rule.delay)
    if not valid:
        return [Rule(contact, 0) for contact in usable]
    if priority == URGENT and valid[0].delay > 0:
        valid[0] = Rule(valid[0].contact, 0)
    return valid


def acknowledged_for(priority: int) -> timedelta:
    """How long an acknowledgement holds when nobody replies to the ticket or moves it."""
    return ACKNOWLEDGED_FOR.get(priority, ACKNOWLEDGED_FOR[HIGH])


def snoozed_at_most(priority: int) -> timedelta:
    """How long a page may be put aside."""
    return SNOOZED_AT_MOST.get(priority, SNOOZED_AT_MOST[HIGH])
