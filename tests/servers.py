"""Real servers for the suite: one embedded PostgreSQL and one Valkey, shared by all workers.

Imported before anything else of the suite (tests/__init__.py), because Django's settings want the addresses. Where
DATABASE_URL and REDIS_URL are set, those servers are used. Each worker has a database (pytest-django names it) and a
Valkey database of its own. Migrating takes its time, so it is done once, while the workers collect: their databases,
and those of the stories' desks, are copies of that one.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import django
import psycopg2

from supportdesk import embedded

_PREFIX = "supportdesk-tests-"
_ROOT = Path(__file__).resolve().parent.parent
_TEMPLATE = "supportdesk_migrated"
_UNFINISHED = f"{_TEMPLATE}_unfinished"
_stops: list[Callable[[], object]] = []


def start() -> None:
    """Start what is missing, tell Django by the environment, and set it up."""
    _remove_leftovers()
    if "DATABASE_URL" not in os.environ or "REDIS_URL" not in os.environ:
        _start_servers()
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker:
        number = int(worker.removeprefix("gw")) + 1
        os.environ["REDIS_URL"] = os.environ["REDIS_URL"].rsplit("/", 1)[0] + f"/{number}"
    os.environ["DESK_ENV"] = "test"
    files = _folder()
    (files / "static").mkdir()  # WhiteNoise warns of a folder that isn't there
    os.environ["DEMO_DIR"] = str(files)
    os.environ["DJANGO_SETTINGS_MODULE"] = "supportdesk.settings"
    os.environ.setdefault("SITE_URL", "http://testserver")
    os.environ.setdefault("LOG_LEVEL", "ERROR")
    django.setup()


def stop() -> None:
    """End what `start` started and remove its folders; the servers end by themselves if this is never reached."""
    while _stops:
        _stops.pop()()


def _start_servers() -> None:
    folder = _folder()
    postgres = embedded.start_postgres(folder / "postgres", durable=False)
    _stops.append(postgres.stop)
    valkey = embedded.start_valkey(folder / "valkey")
    _stops.append(valkey.stop)
    os.environ |= {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url}
    execute(postgres.url, f"CREATE DATABASE {_UNFINISHED}")
    threading.Thread(target=_make_template, args=(postgres.url,), daemon=True).start()


def _make_template(url: str) -> None:
    """It gets its name once it is whole; if it can't be made it is gone, and who wanted it migrates and sees why."""
    environment = os.environ | {
        "DATABASE_URL": database_at(url, _UNFINISHED),
        "DESK_ENV": "test",
        "SITE_URL": "http://testserver",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "-v0"], cwd=_ROOT, env=environment, capture_output=True, check=False
    )
    if done.returncode == 0:
        execute(url, f"ALTER DATABASE {_UNFINISHED} RENAME TO {_TEMPLATE}")
    else:
        execute(url, f"DROP DATABASE {_UNFINISHED}")


def template(url: str = "") -> str:
    """The name of the migrated database to copy on the server at `url`, once it is there; empty if there is none."""
    url = url or os.environ["DATABASE_URL"]
    names = f"SELECT datname FROM pg_database WHERE datname IN ('{_TEMPLATE}', '{_UNFINISHED}')"
    while (found := execute(url, names)) == [(_UNFINISHED,)]:
        time.sleep(0.1)
    return _TEMPLATE if found else ""


def database_at(url: str, name: str) -> str:
    """The address of another database of the same server."""
    return f"{url.rsplit('/', 1)[0]}/{name}"


def execute(url: str, statement: str) -> list[tuple[object, ...]]:
    """The rows that `statement` gives, by itself and outside a transaction."""
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    _stops.append(lambda: shutil.rmtree(folder, ignore_errors=True))
    return folder


def _remove_leftovers() -> None:
    """Remove the folders of runs that were killed before they could do it themselves."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdigit() and not _is_alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


start()
