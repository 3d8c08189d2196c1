"""Writing many rows at once."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models


def update(rows: Sequence[models.Model], names: Sequence[str]) -> None:
    """Write these fields of all rows (of one model) in one statement.

    For some hundred rows this is several times as fast as `bulk_update`, which builds a CASE for each field and row.
    """
    if not rows:
        return
    meta = rows[0]._meta
    fields: list[models.Field[Any, Any]] = [meta.get_field(name) for name in names]  # type: ignore[misc]
    places = ", ".join(f"%s::{field.db_type(connection)}" for field in (meta.pk, *fields))
    columns = ", ".join(f'"{field.column}"' for field in (meta.pk, *fields))
    written = ", ".join(f'"{field.column}" = given."{field.column}"' for field in fields)
    values = [
        field.get_db_prep_save(getattr(row, field.attname), connection) for row in rows for field in (meta.pk, *fields)
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f'UPDATE "{meta.db_table}" AS kept SET {written} '  # noqa: S608 - names of our own models' columns
            f"FROM (VALUES {', '.join([f'({places})'] * len(rows))}) AS given ({columns}) "
            f'WHERE kept."{meta.pk.column}" = given."{meta.pk.column}"',
            values,
        )
