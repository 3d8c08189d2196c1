"""The one clock of doors and sweeps.

Actions never read it: a door does, once, and passes the instant on. The demo and the tests may move it, so that
stories over days run through real processes; everywhere else it is the machine's clock.
"""

import time
from datetime import datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.db import connection
from django.utils import timezone

_REREAD_AFTER = 1.0  # seconds: how late another process may learn that the clock was moved
_known: tuple[float, timedelta] | None = None


def now() -> datetime:
    """The present instant, aware, in UTC."""
    real = timezone.now()
    return real + _offset() if is_movable() else real


def is_movable() -> bool:
    return settings.DESK_ENV in {"demo", "test"}


def move(by: timedelta) -> datetime:
    """Move the desk's clock on by `by` for every process and return the new now; RuntimeError in production."""
    if not is_movable():
        raise RuntimeError("The clock can be moved in the demo and in tests only.")
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO lib_clockoffset (id, "offset") VALUES (1, %s) '
            'ON CONFLICT (id) DO UPDATE SET "offset" = lib_clockoffset."offset" + EXCLUDED."offset"',
            [cast(Any, by)],  # psycopg2 knows intervals, the stubs don't
        )
    forget()
    return now()


def forget() -> None:
    """Drop what this process remembers of the offset, so that the next `now()` asks the database."""
    global _known
    _known = None


def _offset() -> timedelta:
    global _known
    if _known is None or time.monotonic() - _known[0] > _REREAD_AFTER:
        with connection.cursor() as cursor:
            cursor.execute('SELECT "offset" FROM lib_clockoffset')
            row = cursor.fetchone()
        _known = (time.monotonic(), row[0] if row else timedelta())
    return _known[1]
