"""`python -m bench.mail_intake`: how many messages a second manage.py mail_intake takes, each on the disk and in a row
of a durable PostgreSQL before 250 is said; and how much memory it has needed at most after messages of 25 MB."""

import argparse
import os
import shutil
import signal
import smtplib
import sys
import tempfile
import threading
import time
from pathlib import Path

from bench.desk import Desk
from supportdesk import embedded

_SENDER, _SUPPORT = "rita@northwind.example", "support@desk.example"
_TEXT = "Since the upgrade everybody is logged out after a minute.\r\n" * 60  # about 3.5 kB, as a short mail has
_LINE = b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0\r\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.mail_intake", description=__doc__)
    parser.add_argument("--messages", type=int, default=2000)
    parser.add_argument("--connections", type=int, default=8)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="supportdesk-bench-mail-"))
    desk, port, busy = Desk(folder), embedded.free_port(), os.getloadavg()[0]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        desk.start_servers()
        _migrate()
        desk.start_mail_intake(port)
        print(f"load average before: {busy:.1f}")
        _measure(port, options.messages, options.connections, desk.processes["intake"].pid)
    finally:
        desk.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _migrate() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)


def _measure(port: int, messages: int, connections: int, pid: int) -> None:
    from tickets.models import IncomingMail

    _send(port, range(20))
    begun = time.monotonic()
    threads = [
        threading.Thread(target=_send, args=(port, range(1000 + start, 1000 + messages, connections)))
        for start in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.monotonic() - begun
    stored = IncomingMail.objects.count() - 20
    print(f"{stored} of {messages} messages over {connections} connections in {taken:.1f} s: {stored / taken:.0f}/s")
    print(f"memory at most, before large ones: {_peak_mib(pid):.0f} MiB")
    body = _LINE * (25 * 1024 * 1024 // len(_LINE))
    for number in range(6):
        begun = time.monotonic()
        with smtplib.SMTP("127.0.0.1", port, timeout=120) as client:
            client.sendmail(_SENDER, [_SUPPORT], _head(f"large-{number}") + body)
        print(f"25 MB: {time.monotonic() - begun:.1f} s; memory at most: {_peak_mib(pid):.0f} MiB")


def _send(port: int, numbers: range) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=60) as client:
        for number in numbers:
            client.sendmail(_SENDER, [_SUPPORT], _head(str(number)) + _TEXT.encode())


def _head(name: str) -> bytes:
    return f"From: {_SENDER}\r\nTo: {_SUPPORT}\r\nSubject: Mail {name}\r\nMessage-ID: <{name}@bench>\r\n\r\n".encode()


def _peak_mib(pid: int) -> float:
    """Of the process and of what it started: the launcher that ties it to our life stays in between, or not."""
    pids = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    peaks = [
        int(line.split()[1])
        for one in pids
        for line in Path(f"/proc/{one}/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    return max(peaks) / 1024


if __name__ == "__main__":
    sys.exit(main())
