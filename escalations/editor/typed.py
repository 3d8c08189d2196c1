"""What stands in the editor's form, as text, and what its buttons do to it. Nothing typed is ever lost by one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from escalations.paging.drafts import EVERY_DAY, LayerDraft, ScheduleDraft

MOST = 60
"""Layers in a schedule, people and windows in a layer: more than anybody draws by hand."""


class Posted(Protocol):
    """A form's data, as Django gives it."""

    def get(self, key: str, default: Any = None) -> Any: ...
    def getlist(self, key: str) -> Sequence[Any]: ...


@dataclass
class TypedWindow:
    weekdays: list[str] = field(default_factory=lambda: list(EVERY_DAY))
    starts: str = ""
    ends: str = ""
    ends_after_days: str = "0"


@dataclass
class TypedLayer:
    name: str = ""
    zone: str = "UTC"
    days: str = "7"
    anchor: str = ""
    hand_over: str = "09:00"
    members: list[str] = field(default_factory=lambda: [""])
    windows: list[TypedWindow] = field(default_factory=list)


@dataclass
class Typed:
    name: str = ""
    purpose: str = ""
    gaps_why: str = ""
    layers: list[TypedLayer] = field(default_factory=list)


# --- From and to -----------------------------------------------------------------------------------------------------


def read(posted: Posted) -> Typed:
    """What the browser sent, whatever it is."""
    layers = [_read_layer(posted, f"l{place}") for place in range(_count(posted, "layers"))]
    return Typed(_text(posted, "name"), _text(posted, "purpose"), _text(posted, "gaps_why"), layers)


def _read_layer(posted: Posted, prefix: str) -> TypedLayer:
    windows = [_read_window(posted, f"{prefix}-w{place}") for place in range(_count(posted, f"{prefix}-windows"))]
    members = [_text(posted, f"{prefix}-m{place}-person") for place in range(_count(posted, f"{prefix}-members"))]
    texts = {name: _text(posted, f"{prefix}-{name}") for name in ("name", "zone", "days", "anchor", "hand_over")}
    return TypedLayer(**texts, members=members or [""], windows=windows)


def _read_window(posted: Posted, prefix: str) -> TypedWindow:
    weekdays = [str(day) for day in posted.getlist(f"{prefix}-weekdays")]
    starts, ends, later = (_text(posted, f"{prefix}-{name}") for name in ("starts", "ends", "ends_after_days"))
    return TypedWindow(weekdays, starts, ends, later)


def _text(posted: Posted, name: str) -> str:
    return str(posted.get(name, "")).replace("\0", "").strip()


def _count(posted: Posted, name: str) -> int:
    number = _text(posted, name)
    return min(int(number), MOST) if number.isascii() and number.isdigit() and len(number) < 4 else 0


def typed(draft: ScheduleDraft, *, gaps_why: str = "") -> Typed:
    """A draft as text."""
    return Typed(draft.name, draft.purpose, gaps_why, [_typed_layer(layer) for layer in draft.layers])


def _typed_layer(layer: LayerDraft) -> TypedLayer:
    return TypedLayer(
        layer.name,
        layer.zone,
        str(layer.days),
        layer.anchor.isoformat(),
        f"{layer.hand_over:%H:%M}",
        members=[str(member) for member in layer.members] or [""],
        windows=[
            TypedWindow(
                list(window.weekdays), f"{window.starts:%H:%M}", f"{window.ends:%H:%M}", str(window.ends_after_days)
            )
            for window in layer.windows
        ],
    )


# --- Buttons ---------------------------------------------------------------------------------------------------------

PRESSES = ("add_layer", "remove_layer", "add_window", "remove_window", "add_member", "remove_member", "up", "down")


def press(form: Typed, posted: Posted, *, anchor: str) -> str | None:
    """Do what the button says that was pressed, and give the id of the field to go on with; None: no such button.

    A button's value is the place that it means: "1" for a layer, "1-m0" for a person in it, "1-w0" for a window.
    """
    for name in PRESSES:
        value = posted.get(name)
        if value is not None:
            return _press(form, name, str(value), anchor)
    return None


def _press(form: Typed, name: str, value: str, anchor: str) -> str:
    if name == "add_layer":
        if len(form.layers) < MOST:
            form.layers.append(TypedLayer(anchor=anchor))
        return f"id_l{len(form.layers) - 1}-name"
    number, _, part = value.partition("-")
    layer = _at(form.layers, number)
    if layer is None:
        return ""
    if name in {"add_window", "add_member"}:
        return _add(layer, name, number)
    if part:
        rows: list[Any] = layer.members if part.startswith("m") else layer.windows
        prefix, suffix = f"id_l{number}-{part[0]}", "-person" if part.startswith("m") else "-starts"
        place = _move(rows, name, part[1:])
        if not layer.members:
            layer.members.append("")
        return f"{prefix}{place}{suffix}"
    return f"id_l{_move(form.layers, name, number)}-name"


def _add(layer: TypedLayer, name: str, number: str) -> str:
    if name == "add_member" and len(layer.members) < MOST:
        layer.members.append("")
    if name == "add_window" and len(layer.windows) < MOST:
        layer.windows.append(TypedWindow())
    if name == "add_member":
        return f"id_l{number}-m{len(layer.members) - 1}-person"
    return f"id_l{number}-w{len(layer.windows) - 1}-starts"


def _move(rows: list[Any], name: str, value: str) -> int:
    """Take away, or change places with the neighbour; where it, or what took its place, stands now."""
    if not (value.isascii() and value.isdigit()) or int(value) >= len(rows):
        return 0
    place = int(value)
    if name.startswith("remove"):
        rows.pop(place)
        return max(0, min(place, len(rows) - 1))
    other = place - 1 if name == "up" else place + 1
    if 0 <= other < len(rows):
        rows[place], rows[other] = rows[other], rows[place]
        return other
    return place


def _at(layers: list[TypedLayer], number: str) -> TypedLayer | None:
    found = number.isascii() and number.isdigit() and int(number) < len(layers)
    return layers[int(number)] if found else None
