"""`make demo`: the whole desk in the foreground, with real servers and data that stay in DEMO_DIR.

`python -m supportdesk.demo` starts PostgreSQL and Valkey, prepares the database, then runs web, workers, beat, the
pager standby and the doors for mail until Ctrl-C; a process that dies is started again. `python -m supportdesk.demo
prepare` is the one Django process of the preparation: migrations and demo data together. `python -m supportdesk.demo
reset` deletes DEMO_DIR.
"""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from supportdesk import embedded
from supportdesk.demo_folder import ENVIRONMENT, ROOT, Refused, demo_folder, only_one, reset, secret_key, write_private

PASSWORD = "supportdesk-demo"  # noqa: S105 - printed on every start
PEOPLE = (
    ("rita@northwind.example", "requester at Northwind (Premier)"),
    ("tom@northwind.example", "her colleague"),
    ("mona@northwind.example", "their organisation's manager"),
    ("sam@contoso.example", "requester at Contoso (Enterprise)"),
    ("pia@fabrikam.example", "requester at Fabrikam (Professional)"),
    ("fred@hobby.example", "without an organisation (Free)"),
    ("ann@desk.example", "support agent, Americas"),
    ("bo@desk.example", "support agent, Europe, Middle East and Africa"),
    ("chi@desk.example", "support agent, Asia-Pacific"),
    ("lea@desk.example", "support lead"),
    ("sven@desk.example", "SET engineer"),
    ("pat@desk.example", "Product"),
    ("cleo@desk.example", "Customer Success"),
    ("max@desk.example", "Executives"),
    ("ada@desk.example", "admin"),
)
_LONGEST_REST = 30.0  # seconds between two starts of a process that keeps dying
_STEADY_AFTER = 60.0  # seconds after which a process counts as healthy again
_STOP_WITHIN = 10.0
_WEB_FIRST = 2.0  # seconds
_SMTP_PORT = "2525"
_BIGGEST_LOG = 20_000_000
_BORROWED = ("DESK_ENV", "SECRET_KEY", "DATABASE_URL", "REDIS_URL", "SITE_URL", "ALLOWED_HOSTS", "DEMO_DIR")


@dataclass
class Part:
    """One process of the desk: how it is started, and how its latest run went."""

    name: str
    command: list[str]
    process: subprocess.Popen[bytes] | None = None
    rest: float = 1.0
    started_at: float = 0.0
    start_again_at: float = 0.0


@dataclass
class Demo:
    """The running demo."""

    folder: Path
    port: int
    smtp_port: int | None
    """None: mail by SMTP is left out."""
    environment: dict[str, str] = field(default_factory=dict)
    servers: dict[str, embedded.Server] = field(default_factory=dict)
    preparing: list[subprocess.Popen[bytes]] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    asked_to_stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> int:
        """Everything, until Ctrl-C or SIGTERM; returns the exit status."""
        try:
            self.start_servers()
            self.prepare()
            if not self.asked_to_stop.is_set():
                self.start_parts()
                self.watch()
        finally:
            self.stop()
        return 0

    # --- servers -------------------------------------------------------------------------------------------------
    def start_servers(self) -> None:
        """PostgreSQL and Valkey of our own, each unless its address is given; both go into the environment."""
        self.environment = _environment(self.folder, self.port)
        for name, variable in (("postgres", "DATABASE_URL"), ("valkey", "REDIS_URL")):
            if not os.environ.get(variable):
                self.servers[name] = self._start_server(name)
                self.environment[variable] = self.servers[name].url
        write_private(self._environment_file, json.dumps({name: self.environment[name] for name in _BORROWED}))

    @property
    def _environment_file(self) -> Path:
        return self.folder / ENVIRONMENT

    def _start_server(self, name: str) -> embedded.Server:
        start = {"postgres": embedded.start_postgres, "valkey": embedded.start_valkey}[name]
        return start(self.folder / name)

    # --- preparation ---------------------------------------------------------------------------------------------
    def prepare(self) -> None:
        """Database and static files, side by side; Refused when one of them fails."""
        say("preparing the database" + ("" if self._static_is_fresh() else " and the static files") + " …")
        commands = {"prepare": [sys.executable, "-m", "supportdesk.demo", "prepare"]}
        if not self._static_is_fresh():
            commands["static"] = manage("collectstatic", "--noinput", "--clear", "-v0")
        self.preparing = [self._spawn(name, command) for name, command in commands.items()]
        for name, process in zip(commands, self.preparing, strict=True):
            while process.poll() is None and not self.asked_to_stop.wait(0.05):
                pass
            if process.poll() and not self.asked_to_stop.is_set():
                raise Refused(f"The demo could not be prepared; see {self.folder / 'logs' / name}.log")
        if not self.asked_to_stop.is_set():
            self._static_stamp.write_text(_fingerprint_of_static())

    @property
    def _static_stamp(self) -> Path:
        return self.folder / "static.stamp"

    def _static_is_fresh(self) -> bool:
        return self._static_stamp.exists() and self._static_stamp.read_text() == _fingerprint_of_static()

    # --- the desk's own processes --------------------------------------------------------------------------------
    def start_parts(self) -> None:
        """Web first, so that people wait for nothing else; `watch` starts the others a moment later."""
        now = time.monotonic()
        for name, command in _commands(self.folder, self.port, self.smtp_port).items():
            self.parts.append(Part(name, command, start_again_at=now if name == "web" else now + _WEB_FIRST))
        threading.Thread(target=self._welcome, daemon=True).start()

    def watch(self) -> None:
        """Start again what dies, each time after a longer rest, until the demo is asked to stop."""
        while not self.asked_to_stop.wait(0.2):
            for part in self.parts:
                self._revive(part)
            for name, server in self.servers.items():
                self._revive_server(name, server)

    def _revive(self, part: Part) -> None:
        now = time.monotonic()
        if part.process is None and now >= part.start_again_at:
            self._start(part)
        elif part.process is not None and part.process.poll() is not None:
            if now - part.started_at > _STEADY_AFTER:
                part.rest = 1.0
            say(f"{part.name} ended ({_how(part.process.returncode)}); it starts again in {part.rest:.0f} s")
            _signal_group(part.process, signal.SIGKILL)  # what it left behind
            part.process, part.start_again_at = None, now + part.rest
            part.rest = min(part.rest * 2, _LONGEST_REST)

    def _revive_server(self, name: str, server: embedded.Server) -> None:
        if server.process.poll() is None:
            return
        say(f"{name} ended ({_how(server.process.returncode)}); starting it again")
        try:
            server.restart()
        except embedded.ServerFailed as failure:
            say(str(failure))
            self.asked_to_stop.wait(5)

    def _start(self, part: Part) -> None:
        part.process = self._spawn(part.name, part.command)
        part.started_at = time.monotonic()

    def _spawn(self, name: str, command: list[str]) -> subprocess.Popen[bytes]:
        """A child in a session of its own (Ctrl-C is for us alone) that doesn't outlive us; its lines are passed on."""
        process = subprocess.Popen(
            [*embedded.tied_to_our_life(), *command],
            env=self.environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        threading.Thread(target=_pass_on, args=(name, process, self.folder / "logs" / f"{name}.log")).start()
        return process

    def _welcome(self) -> None:
        """Print where the desk is and who may log in, once it answers."""
        while not self.asked_to_stop.wait(0.1):
            if _answers(f"http://127.0.0.1:{self.port}/healthz"):
                print(_welcome_text(self.environment["SITE_URL"], self.folder, self.smtp_port), flush=True)
                return

    # --- the end -------------------------------------------------------------------------------------------------
    def stop(self) -> None:
        """Children first, all at once; then the servers. Nothing is left running."""
        self.asked_to_stop.set()
        running = [part.process for part in self.parts if part.process is not None]
        running += [process for process in self.preparing if process.poll() is None]
        for process in running:
            _signal_group(process, signal.SIGTERM)
        until = time.monotonic() + _STOP_WITHIN
        for process in running:
            with suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, until - time.monotonic()))
            _signal_group(process, signal.SIGKILL)  # also what the process itself left behind
        for server in self.servers.values():
            server.stop()
        self._environment_file.unlink(missing_ok=True)


def main() -> int:
    if sys.argv[1:] == ["prepare"]:
        return prepare_database()
    try:
        folder = demo_folder()
        if sys.argv[1:] == ["reset"]:
            return reset(folder)
        port = usable_port(os.environ.get("PORT") or "8000")
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        with only_one(folder):
            demo = Demo(folder, port, usable_smtp_port())
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, lambda *_: demo.asked_to_stop.set())
            return demo.run()
    except (Refused, embedded.ServerFailed) as refusal:
        print(f"demo: {refusal}", file=sys.stderr)
        return 1


def prepare_database() -> int:
    """Migrations and demo data in one process; both leave alone what is there already."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "supportdesk.settings")
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("seed_demo")
    return 0


def manage(*words: str) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), *words]


def say(sentence: str) -> None:
    print(f"demo     | {sentence}", flush=True)


def _commands(folder: Path, port: int, smtp_port: int | None) -> dict[str, list[str]]:
    """The desk's processes; the same shape as docker-compose.yml."""
    python = [sys.executable, "-m"]
    celery = [*python, "celery", "--quiet", "-A", "supportdesk.celery"]
    worker = [
        *celery,
        "worker",
        "--without-mingle",
        "--without-gossip",
        "--pool=threads",
        "--concurrency=2",
        "--loglevel=INFO",
    ]
    web = ["--worker-class=gthread", "--workers=2", "--threads=4", "--no-control-socket", f"--bind=127.0.0.1:{port}"]
    return {
        "web": [*python, "gunicorn", *web, "--preload", "--graceful-timeout=5", "supportdesk.wsgi"],
        "paging": [*worker, "--queues=paging", "--hostname=paging@demo"],
        "worker": [*worker, "--queues=default", "--hostname=default@demo"],
        "beat": [*celery, "beat", "--loglevel=INFO", "--pidfile=", f"--schedule={folder / 'celerybeat-schedule'}"],
        "pager": manage("pager"),
        "watcher": manage("paging_watch"),
        "fetch-mail": manage("fetch_mail"),
        **({"mail-intake": manage("mail_intake", f"--port={smtp_port}")} if smtp_port else {}),
    }


def _environment(folder: Path, port: int) -> dict[str, str]:
    """What every process of the demo is told; an address or host that the caller set is kept."""
    kept = {name: os.environ[name] for name in ("SITE_URL", "ALLOWED_HOSTS") if os.environ.get(name)}
    return {
        **os.environ,
        "DESK_ENV": "demo",
        "DJANGO_SETTINGS_MODULE": "supportdesk.settings",
        "SECRET_KEY": secret_key(folder / "secret-key"),
        "SITE_URL": f"http://127.0.0.1:{port}",
        "ALLOWED_HOSTS": "127.0.0.1,localhost",
        **kept,
        "DEMO_DIR": str(folder),
        "ATTACHMENT_DIR": str(folder / "attachments"),
        "MAIL_DIR": str(folder / "mail"),
        "STATIC_ROOT": str(folder / "static"),
        "PYTHONUNBUFFERED": "1",
        # Celery's warning about root is meant for servers; the demo's queues carry no pickles.
        "PYTHONWARNINGS": "ignore:You're running the worker with superuser privileges",
    }


def usable_port(text: str, *, name: str = "PORT") -> int:
    """The port as a number that is free on loopback; Refused otherwise, naming the variable."""
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise Refused(f"{name} must be a number from 1 to 65535, not {text!r}.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(text)))
        except OSError as failure:
            raise Refused(
                f"Port {text} can't be used ({failure.strerror}). Try another {name}: make demo {name}={int(text) + 1}"
            ) from None
    return int(text)


def usable_smtp_port() -> int | None:
    """SMTP_PORT, which has to be free; without it the usual one, unless somebody else has it."""
    if given := os.environ.get("SMTP_PORT"):
        return usable_port(given, name="SMTP_PORT")
    try:
        return usable_port(_SMTP_PORT)
    except Refused:
        say(f"port {_SMTP_PORT} is taken, so no mail is taken by SMTP; another port: make demo SMTP_PORT=2526")
        return None


def _pass_on(name: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Each line of the process to its log, and with its name to our own output unless it is routine."""
    if log.exists() and log.stat().st_size > _BIGGEST_LOG:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab", buffering=0) as file:
        for line in process.stdout or ():
            file.write(line)
            if shown := worth_showing(line.decode(errors="replace").rstrip()):
                print(f"{name:<8} | {shown}", flush=True)


def worth_showing(line: str) -> str:
    """The line as the screen shows it; empty for what logs say all day long (level info, banners, notices)."""
    if line.startswith('{"at"'):
        with suppress(ValueError):
            record = json.loads(line)
            first = record["message"].partition("\n")[0]
            return "" if record["level"] in {"debug", "info"} else f"{record['level']}: {first}"
    if line.startswith("[") and not any(level in line for level in ("[WARNING]", "[ERROR]", "[CRITICAL]")):
        return ""
    return "" if line.startswith(" ") else line


def _fingerprint_of_static() -> str:
    """Changes with our own static files, the locked packages and the settings that say how they are collected."""
    digest = hashlib.sha256()
    ours = sorted(path for path in (ROOT / "static").rglob("*") if path.is_file())
    for path in (*ours, ROOT / "requirements" / "base.txt", ROOT / "supportdesk" / "settings.py"):
        digest.update(str(path).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as response:
            return bool(response.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _how(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"


def _welcome_text(address: str, folder: Path, smtp_port: int | None) -> str:
    intake = f"\n  Mail to the desk is taken by SMTP on 127.0.0.1 port {smtp_port}." if smtp_port else ""
    people = "\n".join(f"    {email:<26} {who}" for email, who in PEOPLE)
    return f"""
  SupportDesk runs at {address}   (Ctrl-C stops it)

  A demo: plain http, one password for all. Log in with {PASSWORD} as
{people}

  Mail lands in {folder / "mail"}, pages for demo phones in {folder / "pages.jsonl"}, logs in {folder / "logs"}.{intake}
"""


if __name__ == "__main__":
    sys.exit(main())
