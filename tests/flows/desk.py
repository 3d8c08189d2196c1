"""A whole desk for one story: its own database, web, workers and standby as the processes they are in production."""

import email
import email.policy
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from supportdesk import embedded
from tests import servers

ROOT = Path(__file__).resolve().parent.parent.parent
Found = TypeVar("Found")


def wait_for(look: Callable[[], Found | None], *, seconds: float, what: str) -> Found:
    """What `look` returns as soon as it is truthy; AssertionError naming `what` after `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"{what}: not within {seconds:.0f} s")


@dataclass
class Desk:
    """The running desk: its address, its mails, its pages, and a hand on its processes."""

    url: str
    folder: Path
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *command: str) -> None:
        log = (self.folder / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            command, cwd=ROOT, env=self.environment, stdout=log, stderr=log, start_new_session=True
        )

    def start_web(self) -> None:
        bind = urlsplit(self.url).netloc
        gunicorn = [sys.executable, "-m", "gunicorn", "supportdesk.wsgi", "--bind", bind, "--no-control-socket"]
        self.start("web", *gunicorn, "--workers", "1", "--threads", "4", "--worker-class", "gthread")
        wait_for(self.is_up, seconds=30, what="the web process answers")

    def start_workers(self) -> None:
        worker = [sys.executable, "-m", "celery", "-A", "supportdesk.celery", "worker", "-P", "threads", "-c", "2"]
        beat = ["-B", "-s", str(self.folder / "beat")]  # a wake-up that a busy machine loses is made good by beat
        self.start("workers", *worker, *beat, "-Q", "default,paging", "--loglevel", "warning", "--without-mingle")

    def start_pager(self) -> None:
        self.start("pager", sys.executable, "manage.py", "pager")

    def stop(self, name: str, number: signal.Signals = signal.SIGTERM) -> None:
        process = self.processes.pop(name, None)
        if process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def stop_all(self) -> None:
        for name in list(self.processes):
            self.stop(name)

    def is_up(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def manage(self, *command: str) -> str:
        """Run a management command to its end and return what it printed."""
        return self.run("manage.py", *command)

    def run(self, *command: str) -> str:
        done = subprocess.run(
            [sys.executable, *command], cwd=ROOT, env=self.environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def sweep(self) -> None:
        """Have the workers do now what beat wakes them for anyway."""
        self.run("-m", "celery", "-A", "supportdesk.celery", "call", "tickets.sweep")

    def mails(self, to: str = "", having: str = "") -> list[EmailMessage]:
        """The mails out so far, oldest first."""
        found = []
        for path in sorted((self.folder / "mail").glob("*.eml")):
            mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
            assert isinstance(mail, EmailMessage)
            if (not to or to in str(mail["To"])) and having in f"{mail['Subject']}\n{text_of(mail)}":
                found.append(mail)
        return found

    def pages(self) -> list[dict[str, object]]:
        """What the demo phones got so far."""
        path = self.folder / "pages.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    return str(body.get_content()) if body else ""


@contextmanager
def run_desk(
    folder: Path, *, postgres: str = "", valkey: str = "", settings: dict[str, str] | None = None
) -> Iterator[Desk]:
    """A desk with defaults and nobody in it; web runs, workers don't yet.

    Stories that hurt a server bring their own: the addresses `postgres` and `valkey`; `settings` are variables.
    """
    name = f"flow_{uuid.uuid4().hex[:12]}"
    server = postgres or os.environ["DATABASE_URL"]
    copied = servers.template(server)
    servers.execute(server, f"CREATE DATABASE {name}" + (f" TEMPLATE {copied}" if copied else ""))
    port = embedded.free_port()
    (folder / "mail").mkdir()
    environment = os.environ | {
        "DESK_ENV": "test",
        "DJANGO_SETTINGS_MODULE": "supportdesk.settings",
        "DATABASE_URL": servers.database_at(server, name),
        "REDIS_URL": valkey or os.environ["REDIS_URL"],
        "SITE_URL": f"http://127.0.0.1:{port}",
        "DEMO_DIR": str(folder),
        "MAIL_DIR": str(folder / "mail"),
        "LOG_LEVEL": "WARNING",
        **(settings or {}),
    }
    desk = Desk(f"http://127.0.0.1:{port}", folder, environment)
    try:
        if not copied:
            desk.manage("migrate", "-v0")
        desk.manage("load_defaults")
        desk.start_web()
        yield desk
    finally:
        desk.stop_all()
        servers.execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
