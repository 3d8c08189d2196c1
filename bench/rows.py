"""Many rows at once, in SQL."""

from collections.abc import Mapping
from typing import Any

from django.db import connection, models
from psycopg2 import sql


def run(statement: str, parameters: Mapping[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


def insert(
    model: type[models.Model], columns: Mapping[str, str], source: str, parameters: Mapping[str, object]
) -> None:
    """INSERT … SELECT of SQL expressions by column; what isn't named gets the model's own default."""
    filled = dict(columns)
    for field in model._meta.concrete_fields:
        if field.column and field.column not in filled and not field.null and not field.primary_key:
            filled[field.column] = _literal(field)
    names = ", ".join(f'"{name}"' for name in filled)
    run(f'INSERT INTO "{model._meta.db_table}" ({names}) SELECT {", ".join(filled.values())} {source}', parameters)


def _literal(field: models.Field) -> str:  # type: ignore[type-arg]
    value = field.get_db_prep_save(field.get_default(), connection)
    return sql.Literal(value).as_string(connection.connection).replace("%", "%%")
