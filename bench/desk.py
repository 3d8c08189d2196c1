"""The desk that is measured: its own servers, durable as in production, and its processes."""

import os
import signal
import smtplib
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from supportdesk import embedded

ROOT = Path(__file__).resolve().parent.parent
WEB_SHAPE = ["--worker-class=gthread", "--workers=2", "--threads=4", "--no-control-socket"]


def wait_for(is_so: Callable[[], object], *, seconds: float, what: str) -> None:
    """Look until it is so; RuntimeError naming `what` after `seconds`."""
    until = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > until:
            raise RuntimeError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.1)


@dataclass
class Desk:
    """Servers and processes below one folder; everything ends with `stop`."""

    folder: Path
    port: int = field(default_factory=embedded.free_port)
    reference_port: int = field(default_factory=embedded.free_port)
    servers: list[embedded.Server] = field(default_factory=list)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def pages_file(self) -> Path:
        return self.folder / "pages.jsonl"

    def start_servers(self) -> None:
        """PostgreSQL and Valkey; their addresses and all other settings go into this process' environment."""
        postgres = embedded.start_postgres(self.folder / "postgres", durable=True)
        valkey = embedded.start_valkey(self.folder / "valkey")
        self.servers = [postgres, valkey]
        os.environ |= {
            "DESK_ENV": "demo",
            "DJANGO_SETTINGS_MODULE": "supportdesk.settings",
            "DATABASE_URL": postgres.url,
            "REDIS_URL": valkey.url,
            "SITE_URL": f"http://127.0.0.1:{self.port}",
            "ALLOWED_HOSTS": "127.0.0.1",
            "DEMO_DIR": str(self.folder),
            "ATTACHMENT_DIR": str(self.folder / "attachments"),
            "MAIL_DIR": str(self.folder / "mail"),
            "STATIC_ROOT": str(self.folder / "static"),
            "PAGES_FILE": str(self.pages_file),
            "LOG_LEVEL": "WARNING",
        }

    def start_web(self) -> None:
        """The product and the reference page, each in a gunicorn of the shape that the figures are stated for."""
        self._gunicorn("web", self.port, "supportdesk.wsgi", "supportdesk.settings", "/healthz")
        reference = "bench.reference.page"
        self._gunicorn("reference", self.reference_port, reference, "bench.reference.settings", "/login/")

    def _gunicorn(self, name: str, port: int, module: str, settings: str, probe: str) -> None:
        bind = f"--bind=127.0.0.1:{port}"
        command = [sys.executable, "-m", "gunicorn", *WEB_SHAPE, bind, module]
        self._start(name, command, {"DJANGO_SETTINGS_MODULE": settings})
        wait_for(lambda: _answers(f"http://127.0.0.1:{port}{probe}"), seconds=30, what=f"{name} answers")

    def start_workers(self) -> None:
        """Celery workers for both queues, beat and the standby pager, as the demo and the compose file run them."""
        celery = [sys.executable, "-m", "celery", "-A", "supportdesk.celery"]
        worker = [*celery, "worker", "--without-mingle", "--without-gossip", "--concurrency=2", "--loglevel=WARNING"]
        self._start("paging", [*worker, "--queues=paging", "--hostname=paging@bench"])
        self._start("worker", [*worker, "--queues=default", "--hostname=default@bench"])
        self._start("beat", [*celery, "beat", "--pidfile=", f"--schedule={self.folder / 'beat'}"])
        self._start("pager", [sys.executable, str(ROOT / "manage.py"), "pager"])

    def start_mail_intake(self, port: int) -> None:
        self._start("intake", [sys.executable, str(ROOT / "manage.py"), "mail_intake", f"--port={port}"])
        wait_for(lambda: _takes_mail(port), seconds=30, what="the intake listens")

    def _start(self, name: str, command: list[str], extra: dict[str, str] | None = None) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [*embedded.tied_to_our_life(), *command],
                cwd=ROOT,
                env=os.environ | (extra or {}),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def stop_workers(self) -> None:
        self._stop("paging", "worker", "beat", "pager")

    def _stop(self, *names: str) -> None:
        """Ask all of them to end, then make sure."""
        processes = [self.processes.pop(name) for name in names]
        for process in processes:
            _signal_group(process, signal.SIGTERM)
        for process in processes:
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            _signal_group(process, signal.SIGKILL)

    def stop(self) -> None:
        self._stop(*self.processes)
        for server in self.servers:
            server.stop()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _answers(address: str) -> bool:
    """Whether somebody answers there, be it that there is no such page."""
    try:
        urllib.request.urlopen(address, timeout=2).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _takes_mail(port: int) -> bool:
    try:
        smtplib.SMTP("127.0.0.1", port, timeout=2).quit()
    except OSError:
        return False
    return True
