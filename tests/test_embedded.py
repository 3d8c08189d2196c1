"""The bundled servers: they start, keep their data, recover from a kill and die with their launcher."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg2
import pytest
import redis

from supportdesk import embedded

LAUNCHER = """
import sys, time
from pathlib import Path
from supportdesk import embedded
postgres = embedded.start_postgres(Path(sys.argv[1]), durable=False)
valkey = embedded.start_valkey(Path(sys.argv[1]) / "valkey")
print(postgres.process.pid, valkey.process.pid, postgres.url, flush=True)
time.sleep(60)
"""


def _one(url: str, statement: str) -> str:
    connection = psycopg2.connect(url)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return str(cursor.fetchone()[0]) if cursor.description else ""
    finally:
        connection.close()


def _is_alive(pid: int) -> bool:
    try:
        return bool(Path(f"/proc/{pid}/cmdline").read_bytes())
    except OSError:
        return False


def test_data_survive_a_kill_and_a_pid_file_that_names_a_stranger(tmp_path: Path) -> None:
    first = embedded.start_postgres(tmp_path)
    _one(first.url, "CREATE TABLE kept AS SELECT 'still here' AS word")
    first.process.kill()
    first.process.wait()
    pid_file = tmp_path / "data" / "postmaster.pid"
    lines = pid_file.read_text().split("\n")
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]))
    second = embedded.start_postgres(tmp_path)
    try:
        assert _one(second.url, "SELECT word FROM kept") == "still here"
        assert _one(second.url, "SHOW server_encoding") == "UTF8"
        assert _one(second.url, "SELECT datlocale FROM pg_database WHERE datname = 'supportdesk'") == "C.UTF-8"
    finally:
        second.stop()


def test_the_servers_want_a_password(tmp_path: Path) -> None:
    postgres = embedded.start_postgres(tmp_path / "postgres", durable=False)
    valkey = embedded.start_valkey(tmp_path / "valkey")
    try:
        with pytest.raises(psycopg2.OperationalError, match="password"):
            psycopg2.connect(f"postgres://desk:guess@{postgres.url.partition('@')[2]}")
        with pytest.raises(redis.AuthenticationError):
            redis.Redis.from_url(f"redis://{valkey.url.partition('@')[2]}").ping()
        assert redis.Redis.from_url(valkey.url).ping()
    finally:
        valkey.stop()
        postgres.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a process to its parent's life")
def test_servers_die_with_a_launcher_that_is_killed(tmp_path: Path) -> None:
    launcher = subprocess.Popen([sys.executable, "-c", LAUNCHER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert launcher.stdout is not None
    postgres, valkey, _url = launcher.stdout.readline().split()
    launcher.send_signal(signal.SIGKILL)
    launcher.wait()
    launcher.stdout.close()
    until = time.monotonic() + 10
    while _is_alive(int(postgres)) or _is_alive(int(valkey)):
        assert time.monotonic() < until, "an orphan is left"
        time.sleep(0.05)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="is about running as root")
def test_as_root_a_closed_folder_above_stays_closed(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    postgres = embedded.start_postgres(closed / "deep" / "postgres", durable=False)
    try:
        owner = Path(f"/proc/{postgres.process.pid}").stat().st_uid
        assert (owner, _one(postgres.url, "SELECT 1")) == (embedded.NOBODY, "1")
        assert (closed.stat().st_mode & 0o777, closed.stat().st_uid) == (0o700, 0)
        assert (closed / "deep").stat().st_uid == 0
    finally:
        postgres.stop()
