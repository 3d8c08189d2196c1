"""The lists of the forms, as they are edited on the desk: all of them in one query."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import F, Model, Value

from supportdesk.lib.kept import Kept
from tickets.models import Category, Environment, MobileDevice

_LISTS: dict[str, type[Model]] = {"category": Category, "environment": Environment, "mobile_device": MobileDevice}


@dataclass(frozen=True)
class Entry:
    pk: int
    name: str
    is_active: bool
    concerns_mobile: bool


@Kept
def lists() -> dict[str, list[Entry]]:
    """The entries of each list in its order, with those that are offered no more."""
    parts = []
    for name, model in _LISTS.items():
        mobile = F("concerns_mobile") if model is Category else Value(False)
        rows = model.objects.order_by().annotate(list=Value(name), mobile=mobile)  # type: ignore[attr-defined]
        parts.append(rows.values_list("list", "position", "name", "pk", "is_active", "mobile"))
    found: dict[str, list[Entry]] = {name: [] for name in _LISTS}
    for name, _, label, pk, is_active, mobile in sorted(parts[0].union(*parts[1:], all=True)):
        found[name].append(Entry(pk, label, is_active, mobile))
    return found


def offered(entries: Iterable[Entry], present: int | None) -> list[tuple[str, str]]:
    """What a select offers: the active entries, and the present one whatever has become of it."""
    return [(str(entry.pk), entry.name) for entry in entries if entry.is_active or entry.pk == present]
