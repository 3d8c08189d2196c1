"""Real servers for the suite: one embedded PostgreSQL and one Valkey, shared by all workers.

Imported before anything else of the suite (tests/__init__.py), because Django's settings want the addresses. Where
DATABASE_URL and REDIS_URL are set, those servers are used. Each worker has a database (pytest-django names it) and a
Valkey database of its own.
"""

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import django

from supportdesk import embedded

_PREFIX = "supportdesk-tests-"
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
