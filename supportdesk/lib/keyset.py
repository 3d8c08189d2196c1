"""Pages of a long list by key, not by number: the thousandth costs what the first costs, and none skips a row."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar

from django.db.models import BooleanField, DateTimeField, F, Func, Model, QuerySet, Value

from supportdesk.lib.errors import Invalid

Row = TypeVar("Row", bound=Model)

_CURSOR = re.compile(r"([on])((?:-?\d{1,18}\.)*)(\d{1,19})", re.ASCII)
_LARGEST, _LARGEST_INTEGER = 2**63 - 1, 2**31 - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows in their order, and the cursors of the pages before and after them, empty where there are none."""

    rows: list[Row]
    newer: str = ""
    older: str = ""


def page_of(
    rows: QuerySet[Row], *, by: str | Sequence[str], size: int, cursor: str = "", ascending: bool = False
) -> Page[Row]:
    """One page of `rows` ordered by the columns `by` (never null) and the id, newest first unless `ascending`.

    Columns are integers or instants, of the table or annotated. Raises Invalid (field "cursor") for a cursor that no
    page of ours gave out.
    """
    return page_of_parts([rows], by=by, size=size, cursor=cursor, ascending=ascending)


def page_of_parts(
    parts: Sequence[QuerySet[Row]], *, by: str | Sequence[str], size: int, cursor: str = "", ascending: bool = False
) -> Page[Row]:
    """One page of what is in any of `parts`, as `page_of` gives it.

    Each part is asked by itself, so that each can walk an index of its own; one OR of them all would read the table.
    """
    columns = [name for name in ([by] if isinstance(by, str) else by) if name != "id"]
    instants = [_is_instant(parts[0], name) for name in columns]
    backwards, key = _read(cursor, instants) if cursor else (False, None)
    falling = ascending == backwards
    names = [*columns, "id"]
    order = [f"-{name}" if falling else name for name in names]
    merged: dict[Any, Row] = {}
    for part in parts:
        beyond = part if key is None else part.filter(_beyond(names, key, falling=falling))
        merged |= {row.pk: row for row in beyond.order_by(*order)[: size + 1]}
    found = list(merged.values())
    if len(parts) > 1:
        found.sort(key=lambda row: [getattr(row, name) for name in names], reverse=falling)
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    before, after = (more, bool(found)) if backwards else (key is not None and bool(found), more)
    return Page(
        found,
        newer=_cursor("n", found[0], columns) if before else "",
        older=_cursor("o", found[-1], columns) if after else "",
    )


def _is_instant(rows: QuerySet[Row], name: str) -> bool:
    annotated = rows.query.annotations.get(name)
    column = annotated.output_field if annotated is not None else rows.model._meta.get_field(name)
    return isinstance(column, DateTimeField)


def _beyond(names: Sequence[str], key: Sequence[Any], *, falling: bool) -> Func:
    """One comparison of rows, (a, b, id) > (1, 2, 3): it enters an index on the columns at exactly the right place."""
    here = Func(*map(F, names), function="ROW")
    there = Func(*map(Value, key), function="ROW")
    sign = " < " if falling else " > "
    return Func(here, there, template="%(expressions)s", arg_joiner=sign, output_field=BooleanField())


def _cursor(direction: str, row: Model, columns: Sequence[str]) -> str:
    parts = [_number(getattr(row, name)) for name in columns]
    return direction + ".".join(map(str, [*parts, row.pk]))


def _number(value: datetime | int) -> int:
    return (value - _EPOCH) // timedelta(microseconds=1) if isinstance(value, datetime) else value


def _read(cursor: str, instants: Sequence[bool]) -> tuple[bool, list[Any]]:
    found = _CURSOR.fullmatch(cursor)
    parts = found[2].split(".")[:-1] if found else []
    if found is None or len(parts) != len(instants) or int(found[3]) > _LARGEST:
        raise _unknown()
    try:
        key = [_instant(part) if is_instant else _small(part) for part, is_instant in zip(parts, instants, strict=True)]
    except OverflowError:
        raise _unknown() from None
    return found[1] == "n", [*key, int(found[3])]


def _instant(part: str) -> datetime:
    return _EPOCH + timedelta(microseconds=int(part))


def _small(part: str) -> int:
    """A column's number; OverflowError for what fits no integer of the database."""
    number = int(part)
    if abs(number) > _LARGEST_INTEGER:
        raise OverflowError
    return number


def _unknown() -> Invalid:
    return Invalid("There is no such page. Start from the first one.", code="unknown_page", field="cursor")


def without(query: Iterable[tuple[str, list[str]]], *names: str) -> list[tuple[str, str]]:
    """The pairs of a query string but for `names`: what the links to other pages keep."""
    return [(name, value) for name, values in query if name not in names for value in values if value]
