"""`make demo`: the whole desk in the foreground, with real servers, until Ctrl-C.

Starts the embedded PostgreSQL and Valkey, prepares the database, then runs web, workers, beat and the pager's standby
as the processes they are in production. A process that dies is started again; Ctrl-C stops all, servers last.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from supportdesk import embedded

ROOT = Path(__file__).resolve().parent.parent
PASSWORD = "supportdesk-demo"  # noqa: S105 - printed on the screen on purpose
LOGINS = [
    ("rita@northwind.example", "requester at Northwind, Premier (tom@ is a colleague, mona@ the manager)"),
    ("sam@contoso.example", "requester at Contoso, Enterprise"),
    ("pia@fabrikam.example", "requester at Fabrikam, Professional"),
    ("fred@hobby.example", "without an organisation: Free"),
    ("ann@desk.example", "support agent, Americas (bo@ Europe, Middle East and Africa; chi@ Asia-Pacific)"),
    ("lea@desk.example", "support lead"),
    ("sven@desk.example", "SET engineer"),
    ("pat@desk.example", "Product (cleo@ Customer Success, max@ Executives)"),
    ("ada@desk.example", "admin, with /admin/"),
]
_RESTART_SECONDS = (1, 2, 5, 10)


@dataclass
class Child:
    """One of the desk's processes: how it is started, and how often it had to be started again."""

    name: str
    command: list[str]
    log: Path
    process: subprocess.Popen[str] | None = None
    starts: int = 0
    next_start: float = field(default=0.0)

    def start(self, environment: Mapping[str, str]) -> None:
        self.starts += 1
        self.process = subprocess.Popen(
            self.command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        threading.Thread(target=self._relay, args=(self.process,), daemon=True).start()

    def _relay(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None  # noqa: S101 - it was asked for above
        with self.log.open("a") as log:
            for line in process.stdout:
                log.write(line)
                log.flush()
                if not line.startswith(("{", " ", "[20")) or '"level": "error"' in line:
                    print(f"{self.name:>8} | {line}", end="", flush=True)

    def watch(self, environment: Mapping[str, str]) -> None:
        """Start the process again, each time a little later, if it has ended by itself."""
        if self.process is not None and self.process.poll() is None:
            return
        now = time.monotonic()
        if self.process is not None:
            wait = _RESTART_SECONDS[min(self.starts - 1, len(_RESTART_SECONDS) - 1)]
            print(f"{self.name:>8} | ended with {self.process.returncode}; starting it again in {wait} s", flush=True)
            self.process, self.next_start = None, now + wait
        elif now >= self.next_start:
            self.start(environment)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def wait(self, seconds: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def main() -> int:
    port = int(os.environ.get("PORT", "8000"))
    folder = Path(os.environ.get("DEMO_DIR") or ROOT / "var").expanduser().resolve()
    if _is_taken(port):
        print(f"Port {port} is taken. Choose another one: PORT=8001 make demo", file=sys.stderr)
        return 1
    for name in ("logs", "mail", "attachments"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stopper(stopping))
    servers: list[embedded.Server] = []
    try:
        servers.append(embedded.start_postgres(folder / "postgres"))
        servers.append(embedded.start_valkey(folder / "valkey"))
        environment = _environment(folder, port, servers[0].url, servers[1].url)
        if not _prepare(environment, stopping):
            return 0 if stopping.is_set() else 1
        _run(_children(folder, port), environment, port, stopping)
    except embedded.ServerFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    finally:
        for server in reversed(servers):
            server.stop()
    return 0


def _stopper(stopping: threading.Event) -> Callable[[int, FrameType | None], None]:
    def stop(number: int, frame: FrameType | None) -> None:
        stopping.set()

    return stop


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


def _environment(folder: Path, port: int, database: str, valkey: str) -> dict[str, str]:
    return {
        **os.environ,
        "DESK_ENV": "demo",
        "DJANGO_SETTINGS_MODULE": "supportdesk.settings",
        "DATABASE_URL": database,
        "REDIS_URL": valkey,
        "SITE_URL": os.environ.get("SITE_URL", f"http://127.0.0.1:{port}"),
        "DEMO_DIR": str(folder),
        "SECRET_KEY": _secret_key(folder / "secret-key"),
        "PYTHONUNBUFFERED": "1",
    }


def _secret_key(path: Path) -> str:
    """A key of this demo's own, kept so that sessions outlive a restart."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()


def _prepare(environment: Mapping[str, str], stopping: threading.Event) -> bool:
    """Migrate, collect static files beside it, then load the demo's people and history."""
    manage = [sys.executable, "manage.py"]
    static = subprocess.Popen([*manage, "collectstatic", "--noinput", "-v0"], cwd=ROOT, env=environment)
    print("Preparing the database …", flush=True)
    steps = (["migrate", "-v0"], ["seed_demo"])
    prepared = all(
        not stopping.is_set()
        and subprocess.run([*manage, *step], cwd=ROOT, env=environment, check=False).returncode == 0
        for step in steps
    )
    return static.wait() == 0 and prepared


def _children(folder: Path, port: int) -> list[Child]:
    python = sys.executable
    celery = [python, "-m", "celery", "-A", "supportdesk.celery"]
    worker = [*celery, "worker", "--loglevel", "warning", "--without-mingle", "--without-gossip", "-P"]
    web = [python, "-m", "gunicorn", "supportdesk.wsgi", "--bind", f"127.0.0.1:{port}", "--no-control-socket"]
    commands = {
        "web": [*web, "--workers", "2", "--threads", "4", "--worker-class", "gthread", "--log-level", "warning"],
        "worker": [*worker, "threads", "-c", "2", "-Q", "default", "-n", "default@%h"],
        "paging": [*worker, "threads", "-c", "2", "-Q", "paging", "-n", "paging@%h"],
        "beat": [*celery, "beat", "--loglevel", "warning", "-s", str(folder / "beat"), "--pidfile="],
        "pager": [python, "manage.py", "pager"],
    }
    return [Child(name, command, folder / "logs" / f"{name}.log") for name, command in commands.items()]


def _run(children: list[Child], environment: Mapping[str, str], port: int, stopping: threading.Event) -> None:
    threading.Thread(target=_welcome, args=(port, stopping), daemon=True).start()
    try:
        while not stopping.is_set():
            for child in children:
                child.watch(environment)
            stopping.wait(0.5)
    finally:
        print("Stopping …", flush=True)
        for child in children:
            child.stop()
        for child in children:
            child.wait(10)


def _welcome(port: int, stopping: threading.Event) -> None:
    """Say where the desk is, once it answers."""
    address = f"http://127.0.0.1:{port}"
    while not stopping.wait(0.2):
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=2) as answer:
                if answer.status == 200:
                    break
        except OSError:
            continue
    if stopping.is_set():
        return
    lines = [f"\nSupportDesk answers at {address}", f"Password for everybody: {PASSWORD}\n"]
    lines += [f"  {login:<24} {who}" for login, who in LOGINS]
    lines += ["\nMails land in mail/, pages of the demo phones in pages.jsonl (both in DEMO_DIR). Plain http and"]
    lines += ["no second factor: for this demo only. Ctrl-C stops everything.\n"]
    print("\n".join(lines), flush=True)


if __name__ == "__main__":
    sys.exit(main())
