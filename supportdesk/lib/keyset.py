"""Pages of a long list by key, not by number: the thousandth costs what the first costs, and none skips a row."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import Model, Q, QuerySet

from supportdesk.lib.errors import Invalid

Row = TypeVar("Row", bound=Model)

_CURSOR = re.compile(r"([on])(-?\d{1,18})(?:\.(\d{1,19}))?", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows in their order, and the cursors of the pages before and after them, empty where there are none."""

    rows: list[Row]
    newer: str = ""
    older: str = ""


def page_of(rows: QuerySet[Row], *, by: str, size: int, cursor: str = "", ascending: bool = False) -> Page[Row]:
    """One page of `rows` ordered by the column `by` (never null) and the id, newest first unless `ascending`.

    Raises Invalid (field "cursor") for a cursor that no page of ours gave out.
    """
    backwards, key = _read(cursor, by) if cursor else (False, None)
    falling = ascending == backwards
    if key is not None:
        rows = rows.filter(_beyond(by, key, falling=falling))
    sign = "-" if falling else ""
    order = [f"{sign}{by}"] if by == "id" else [f"{sign}{by}", f"{sign}id"]
    found = list(rows.order_by(*order)[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    before, after = (more, bool(found)) if backwards else (key is not None and bool(found), more)
    return Page(
        found,
        newer=_cursor("n", found[0], by) if before else "",
        older=_cursor("o", found[-1], by) if after else "",
    )


def _beyond(by: str, key: tuple[Any, int], *, falling: bool) -> Q:
    value, pk = key
    side = "lt" if falling else "gt"
    if by == "id":
        return Q(**{f"id__{side}": pk})
    # The first condition is implied by the rest; it is what lets an index be entered at the right place.
    return Q(**{f"{by}__{side}e": value}) & (Q(**{f"{by}__{side}": value}) | Q(**{f"id__{side}": pk}))


def _cursor(direction: str, row: Model, by: str) -> str:
    if by == "id":
        return f"{direction}{row.pk}"
    micros = (getattr(row, by) - _EPOCH) // timedelta(microseconds=1)
    return f"{direction}{micros}.{row.pk}"


def _read(cursor: str, by: str) -> tuple[bool, tuple[Any, int]]:
    found = _CURSOR.fullmatch(cursor)
    if found is None or (found[3] is None) != (by == "id"):
        raise _unknown()
    backwards = found[1] == "n"
    if by == "id":
        return backwards, (None, int(found[2]))
    try:
        return backwards, (_EPOCH + timedelta(microseconds=int(found[2])), int(found[3]))
    except OverflowError:
        raise _unknown() from None


def _unknown() -> Invalid:
    return Invalid("There is no such page. Start from the first one.", code="unknown_page", field="cursor")


def without(query: Iterable[tuple[str, list[str]]], *names: str) -> list[tuple[str, str]]:
    """The pairs of a query string but for `names`: what the links to other pages keep."""
    return [(name, value) for name, values in query if name not in names for value in values if value]
