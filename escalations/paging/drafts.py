"""A schedule as somebody writes it down, before it is saved. Pure: no Django, no database, no clock.

Layers stand in order, the one that goes first on top; a member is a person's id.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from escalations.paging.rotation import Absence, Layer, Override, Plan, Window

EVERY_DAY = "1234567"
LONGEST_TURN = 366
LONGEST_WINDOW = 6
NAME_LENGTH = 64
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2099, 12, 31)
_DAY = 24 * 60


@dataclass(frozen=True)
class WindowDraft:
    """Hours in which its layer names somebody: from `starts` on each ISO weekday until `ends`, so many days later."""

    weekdays: str
    starts: time
    ends: time
    ends_after_days: int = 0

    def moved(self, *, start: int, end: int) -> "WindowDraft":
        """Begun and ended so many minutes later (earlier: less than 0), over midnight where it comes to that."""
        begins = _minutes(self.starts) + start
        shift, begins = divmod(begins, _DAY)
        days, ends = divmod(self.ends_after_days * _DAY + _minutes(self.ends) + end - shift * _DAY, _DAY)
        weekdays = "".join(sorted(str((int(day) - 1 + shift) % 7 + 1) for day in self.weekdays))
        return WindowDraft(weekdays, _time(begins), _time(ends), days)


@dataclass(frozen=True)
class LayerDraft:
    name: str
    zone: str
    days: int
    anchor: date
    hand_over: time
    members: tuple[int, ...]
    windows: tuple[WindowDraft, ...] = ()


@dataclass(frozen=True)
class ScheduleDraft:
    name: str
    purpose: str
    layers: tuple[LayerDraft, ...]


@dataclass(frozen=True)
class Fault:
    """What is wrong: the field (`name`, `l0-zone`, `l0-w1-ends`, …) and a sentence that helps to mend it."""

    field: str
    sentence: str
    code: str = "invalid"


@dataclass(frozen=True)
class Around:
    """What holds for a schedule whatever its layers say, and who may take turns at all."""

    takers: frozenset[int]
    overrides: Sequence[Override] = ()
    absences: Sequence[Absence] = field(default_factory=tuple)


def plan_of(draft: ScheduleDraft, around: Around) -> Plan:
    """The draft as the arithmetic wants it; the turn of who may not answer pages is nobody's."""
    layers = [as_layer(layer, len(draft.layers) - place, around.takers) for place, layer in enumerate(draft.layers)]
    return Plan(layers, around.overrides, around.absences)


def as_layer(layer: LayerDraft, priority: int, takers: Collection[int]) -> Layer:
    return Layer(
        priority=priority,
        zone=layer.zone,
        anchor=layer.anchor,
        hand_over=layer.hand_over,
        days=layer.days,
        members=tuple(member if member in takers else None for member in layer.members),
        windows=tuple(
            Window(frozenset(map(int, window.weekdays)), window.starts, window.ends, window.ends_after_days)
            for window in layer.windows
        ),
    )


# --- What is wrong with it -----------------------------------------------------------------------------------------


def faults(draft: ScheduleDraft) -> Iterator[Fault]:
    """Everything that contradicts itself, from top to bottom."""
    if not draft.name:
        yield Fault("name", "Give the schedule a name.", "required")
    if len(draft.name) > NAME_LENGTH:
        yield Fault("name", f"At most {NAME_LENGTH} letters.", "too_long")
    if not draft.layers:
        yield Fault("layers", "Add a layer: without one nobody is ever on call.", "no_layers")
    names = [layer.name.casefold() for layer in draft.layers]
    for place, layer in enumerate(draft.layers):
        if layer.name and layer.name.casefold() in names[:place]:
            yield Fault(f"l{place}-name", "Another layer has this name. Choose a different one.", "same_name")
        yield from _layer_faults(layer, f"l{place}")


def _layer_faults(layer: LayerDraft, prefix: str) -> Iterator[Fault]:
    if not layer.name:
        yield Fault(f"{prefix}-name", "Give the layer a name.", "required")
    if len(layer.name) > NAME_LENGTH:
        yield Fault(f"{prefix}-name", f"At most {NAME_LENGTH} letters.", "too_long")
    if layer.zone not in _known_zones():
        yield Fault(f"{prefix}-zone", "Choose a time zone such as Europe/Berlin.", "unknown_zone")
    if not 1 <= layer.days <= LONGEST_TURN:
        yield Fault(f"{prefix}-days", f"From 1 to {LONGEST_TURN} days.", "length")
    if not FIRST_DAY <= layer.anchor <= LAST_DAY:
        yield Fault(f"{prefix}-anchor", f"A date from {FIRST_DAY.year} to {LAST_DAY.year}.", "date")
    if not layer.members:
        yield Fault(f"{prefix}-m0-person", "Name at least one person: a layer of nobody leaves a gap.", "no_members")
    for place, window in enumerate(layer.windows):
        yield from window_faults(window, f"{prefix}-w{place}")


def window_faults(window: WindowDraft, prefix: str) -> Iterator[Fault]:
    if not window.weekdays:
        yield Fault(f"{prefix}-weekdays", "Tick at least one day.", "no_days")
    if not 0 <= window.ends_after_days <= LONGEST_WINDOW:
        yield Fault(f"{prefix}-ends_after_days", f"At most {LONGEST_WINDOW} days later.", "too_long")
    if window.ends_after_days == 0 and window.ends <= window.starts:
        yield Fault(
            f"{prefix}-ends", "This is before it starts. Choose a later time, or that it ends the next day.", "ends"
        )


# --- Mending gaps --------------------------------------------------------------------------------------------------


def widened(draft: ScheduleDraft, *, minutes: int = 60) -> ScheduleDraft:
    """With every window begun so much earlier and ended so much later: what changes of clocks may take away."""
    return replace(draft, layers=tuple(_widened(layer, minutes) for layer in draft.layers))


def _widened(layer: LayerDraft, minutes: int) -> LayerDraft:
    windows = tuple(window.moved(start=-minutes, end=minutes) for window in layer.windows)
    if layer.hand_over in {window.starts for window in layer.windows}:
        return replace(_handed_over_later(layer, -minutes), windows=windows)  # a turn still begins with its hours
    return replace(layer, windows=windows)


def _handed_over_later(layer: LayerDraft, minutes: int) -> LayerDraft:
    days, hand_over = divmod(_minutes(layer.hand_over) + minutes, _DAY)
    return replace(layer, anchor=layer.anchor + timedelta(days=days), hand_over=_time(hand_over))


def in_one_zone(draft: ScheduleDraft, zone: str, *, at: datetime) -> ScheduleDraft:
    """With the windows of every layer kept to the clock of `zone`: the hours are those that they have at `at`."""
    return replace(draft, layers=tuple(_in_zone(layer, zone, at) for layer in draft.layers))


def _in_zone(layer: LayerDraft, zone: str, at: datetime) -> LayerDraft:
    theirs, ours = (at.astimezone(ZoneInfo(name)).utcoffset() or timedelta() for name in (layer.zone, zone))
    minutes = round((ours - theirs).total_seconds() / 60)
    windows = tuple(window.moved(start=minutes, end=minutes) for window in layer.windows)
    return replace(_handed_over_later(layer, minutes), zone=zone, windows=windows)


def backup_of(draft: ScheduleDraft) -> ScheduleDraft:
    """The same turns a turn ahead: who is backup now has the schedule itself next."""
    layers = (replace(layer, members=(*layer.members[1:], *layer.members[:1])) for layer in draft.layers)
    return ScheduleDraft(f"{draft.name} backup"[:NAME_LENGTH], "", tuple(layers))


def zones_of(layers: Iterable[LayerDraft]) -> list[str]:
    """The zones that its layers keep to, each once."""
    return list(dict.fromkeys(layer.zone for layer in layers))


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _minutes(moment: time) -> int:
    return moment.hour * 60 + moment.minute


def _time(minutes: int) -> time:
    return time(*divmod(minutes, 60))
