"""The queries behind the measured pages, with their plans: where to look when a figure is missed."""

import re
from collections.abc import Sequence
from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.cast import Cast

_SLOW = 0.002
_TIME = re.compile(r"(?:Planning|Execution) Time: ([\d.]+) ms")
_SAVEPOINT = re.compile(r"^(SAVEPOINT|RELEASE|BEGIN|COMMIT|SET)")


def show(cast: Cast) -> None:
    """Print for each page how many queries it makes and how long they take, and EXPLAIN those above 2 ms."""
    from bench.pages import filtered

    staff = ["/desk/", "/desk/?view=all", *filtered(cast), f"/desk/tickets/{cast.tickets[0]}/"]
    asked = [(cast.agent, path) for path in staff]
    asked += [(cast.requester, "/requests/"), (cast.manager, f"/requests/?of=org-{cast.managed}")]
    asked += [(cast.manager, f"/requests/{cast.managed_tickets[0]}/"), (cast.requester, "/requests/new/")]
    for session, path in asked:
        _show(session, path)


def _show(session: str, path: str) -> None:
    client = Client(raise_request_exception=False, SERVER_NAME="127.0.0.1")
    client.cookies["sessionid"] = session
    client.get(path)
    with CaptureQueriesContext(
        connection,
    ) as captured:
        answer = client.get(path)
    queries: Sequence[dict[str, Any]] = captured.captured_queries
    spent = sum(float(query["time"]) for query in queries)
    print(f"\n## {path}: {answer.status_code}, {len(queries)} queries, {spent * 1000:.0f} ms in them")
    for query in queries:
        print(f"- {float(query['time']) * 1000:.0f} ms {query['sql'][:160]}")
        if float(query["time"]) >= _SLOW and not _SAVEPOINT.match(query["sql"]):
            _explain(query["sql"])


def _explain(statement: str) -> None:
    """The plan, where it is the database that takes the time and not the way there."""
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS) {statement}")
        lines = [line for (line,) in cursor.fetchall()]
    took = sum(float(number) for number in _TIME.findall("\n".join(lines))) / 1000
    if took >= _SLOW:
        print("\n".join(f"      {line}" for line in lines))
