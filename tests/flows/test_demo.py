"""`make demo` as a newcomer has it: up, logins that work, what dies comes back, nothing is left at the end."""

import os
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from supportdesk import demo, embedded
from tests.flows.desk import ROOT, wait_for
from tests.flows.person import Person

pytestmark = [pytest.mark.flow, pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")]


@dataclass
class Running:
    """The demo: its launcher, where it is, and what it has said so far."""

    process: subprocess.Popen[bytes]
    folder: Path
    port: int
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def said(self) -> str:
        return (self.folder.parent / "output").read_text()

    def processes(self, word: str = "") -> set[int]:
        """The numbers of everything that was told this DEMO_DIR, and has `word` in its command line."""
        found = set()
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                command, told = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
            except OSError:
                continue
            if word.encode() in command and str(self.folder).encode() in command + told:
                found.add(int(folder.name))
        return found


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    folder, port, smtp_port = tmp_path / "demo", embedded.free_port(), embedded.free_port()
    ours = {"DATABASE_URL", "REDIS_URL", "DESK_ENV", "SITE_URL", "LOG_LEVEL", "DJANGO_SETTINGS_MODULE", "MAIL_DIR"}
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment |= {"DEMO_DIR": str(folder), "PORT": str(port), "SMTP_PORT": str(smtp_port)}
    with (tmp_path / "output").open("wb") as output:
        process = subprocess.Popen(
            [*embedded.tied_to_our_life(), sys.executable, "-m", "supportdesk.demo"],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=output,
        )
    yield Running(process, folder, port, environment)
    process.terminate()
    process.wait(30)


def test_the_demo_from_nothing_to_nothing_left(running: Running) -> None:
    wait_for(
        lambda: running.process.poll() is not None or "Log in with" in running.said(),
        seconds=120,
        what="the demo's logins",
    )
    assert running.process.poll() is None, running.said()
    for email in ("rita@northwind.example", "bo@desk.example", "ada@desk.example"):
        credentials = {"login": email, "password": demo.PASSWORD}
        landed = Person(running.url).fill("/accounts/login/", credentials)
        assert (landed.status, "/accounts/login" in landed.url) == (200, False), email

    with smtplib.SMTP("127.0.0.1", int(running.environment["SMTP_PORT"]), timeout=10) as client:
        assert (
            client.sendmail("rita@northwind.example", ["support@desk.example"], b"Subject: Hello\r\n\r\nHello\r\n")
            == {}
        )

    (worker,) = running.processes("--queues=default")
    os.kill(worker, signal.SIGKILL)
    wait_for(lambda: running.processes("--queues=default") - {worker}, seconds=20, what="another worker")

    moved = subprocess.run(
        [sys.executable, "manage.py", "demo_clock", "+1h"],
        cwd=ROOT,
        env=running.environment,
        capture_output=True,
        check=False,
    )
    assert moved.returncode == 0, moved.stderr

    again = subprocess.run(
        [sys.executable, "-m", "supportdesk.demo"], cwd=ROOT, env=running.environment, capture_output=True, check=False
    )
    assert (again.returncode, b"Try another" in again.stderr) == (1, True)

    running.process.send_signal(signal.SIGINT)
    assert running.process.wait(20) == 0, running.said()
    assert running.processes() == set()
