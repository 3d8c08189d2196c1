"""Real servers for the suite: one embedded PostgreSQL and one Valkey, shared by all workers.

Loaded by `-p tests.servers` before Django's settings are. Where DATABASE_URL and REDIS_URL are set, those are used.
Each worker has a database (pytest-django names it) and a Valkey database of its own.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

_stops = []


def _start() -> None:
    from supportdesk import embedded

    os.environ["DESK_ENV"] = "test"
    os.environ.setdefault("SITE_URL", "http://testserver")
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    if "DATABASE_URL" not in os.environ or "REDIS_URL" not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="supportdesk-tests-"))
        postgres = embedded.start_postgres(folder / "postgres", durable=False)
        valkey = embedded.start_valkey(folder / "valkey")
        os.environ |= {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url}
        _stops.extend([valkey.stop, postgres.stop, lambda: shutil.rmtree(folder, ignore_errors=True)])
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:
        number = int(worker.removeprefix("gw")) + 1
        os.environ["REDIS_URL"] = os.environ["REDIS_URL"].rsplit("/", 1)[0] + f"/{number}"
    files = Path(tempfile.mkdtemp(prefix="supportdesk-files-"))
    os.environ["DEMO_DIR"] = str(files)
    _stops.append(lambda: shutil.rmtree(files, ignore_errors=True))


def pytest_unconfigure(config: pytest.Config) -> None:
    while _stops:
        _stops.pop(0)()


_start()
