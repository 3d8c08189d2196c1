"""The way of a record through its steps, as its page draws it. Pure but for the event's shape."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from escalations.engineering.steps import ENDED, Step

_WAY = (Step.REQUESTED, Step.UNDER_REVIEW, Step.CONFIRMED, Step.PLANNED, Step.TESTED, Step.RELEASED)
_ASIDE = (Step.NEEDS_INFORMATION, Step.RETURNED, Step.WITHDRAWN)

Move = tuple[str, datetime]


@dataclass(frozen=True)
class Stop:
    """A step on the way: `at` when the record came there, None while it is ahead."""

    step: Step
    at: datetime | None
    is_current: bool

    @property
    def look(self) -> str:
        return "now" if self.is_current and self.step not in ENDED else "done" if self.at else "todo"


def stops(step: Step, begun: datetime, moves: Iterable[Move]) -> list[Stop]:
    """All stops up to the release; of a record that ended otherwise those it came to, and its end.

    `moves` are (step moved to, when) in order. What a failed fix or a question went back behind counts as ahead again.
    """
    reached = {Step.REQUESTED: begun}
    for name, at in moves:
        to = Step(name)
        reached = {known: since for known, since in reached.items() if known in _behind(to)} | {to: at}
    way = [known for known in _WAY if known in reached] if step in (Step.RETURNED, Step.WITHDRAWN) else [*_WAY]
    if step in _ASIDE:
        way.insert(max((place for place, known in enumerate(way, 1) if known in reached), default=0), step)
    return [Stop(known, reached.get(known), known is step) for known in way]


def _behind(to: Step) -> tuple[Step, ...]:
    """What stays reached when a record comes to `to`."""
    return _WAY if to in _ASIDE else _WAY[: _WAY.index(to)]
