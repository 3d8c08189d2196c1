"""`python -m bench.mail_urgent`: how long from "250" for the answer "Urgent" of a Premier customer to the page, through
the mail intake, the workers and the paging engine as the processes they are; and how many mails a worker reads in a
second.
"""

import argparse
import json
import os
import shutil
import signal
import smtplib
import sys
import tempfile
import time
from email.message import EmailMessage
from pathlib import Path
from statistics import quantiles

from bench.desk import Desk
from supportdesk import embedded

_RITA, _SUPPORT = "rita@northwind.example", "support@desk.example"
_BETWEEN = 1.0  # second from one answer to the next


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.mail_urgent", description=__doc__)
    parser.add_argument("--answers", type=int, default=40)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="supportdesk-bench-urgent-"))
    desk, port, busy = Desk(folder), embedded.free_port(), os.getloadavg()[0]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        desk.start_servers()
        os.environ |= {"MAIL_PER_SENDER_AN_HOUR": "100000", "PAGING_QUIET_SECONDS": "0"}
        _prepare()
        desk.start_mail_intake(port)
        print(f"load average before: {busy:.1f}")
        numbers = _open(port, options.answers)
        desk.start_workers()
        _measure(desk, port, numbers)
    finally:
        desk.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _prepare() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("load_defaults", verbosity=0)

    from accounts.models import Role
    from escalations import defaults
    from tests import factories

    factories.member("Rita", factories.organization("Northwind", "premier", "Europe/Berlin"))
    bo = factories.staff("Bo", Role.AGENT, "Europe, Middle East and Africa")
    defaults.load(on_call=[bo], staff=[bo])


def _open(port: int, count: int) -> list[int]:
    """Hand in `count` requests, read them as one worker process does, and tell how fast; the tickets' numbers."""
    from tickets.mail.receive import receive_due
    from tickets.models import Ticket

    for number in range(count):
        _hand_in(port, _SUPPORT, f"Request {number}: nobody can log in.")
    begun = time.monotonic()
    read = receive_due()
    print(f"{read} mails read and acted on by one process: {read / (time.monotonic() - begun):.0f}/s")
    return list(Ticket.objects.values_list("pk", flat=True))


def _measure(desk: Desk, port: int, numbers: list[int]) -> None:
    from supportdesk.lib.signed_addresses import reply_address

    accepted: dict[str, float] = {}
    paged: dict[str, float] = {}
    first, *others = numbers
    _hand_in(port, reply_address(first, reader=_RITA), "Urgent")
    while not paged:  # until the workers have started
        _watch(desk, paged, seconds=0.1)
    for number in others:
        _hand_in(port, reply_address(number, reader=_RITA), "Urgent")
        accepted[str(number)] = time.monotonic()
        _watch(desk, paged, seconds=_BETWEEN)
    until = time.monotonic() + 60
    while len(paged) < len(numbers) and time.monotonic() < until:
        _watch(desk, paged, seconds=0.1)
    took = sorted(paged[number] - at for number, at in accepted.items())
    cuts = quantiles(took, n=20)
    print(f"{len(took)} answers: median {cuts[9]:.2f} s, p95 {cuts[18]:.2f} s, longest {took[-1]:.2f} s")


def _watch(desk: Desk, paged: dict[str, float], *, seconds: float) -> None:
    """For so long, note by our own clock when each ticket first reaches a phone: the file tells whole seconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if desk.pages_file.exists():
            for line in desk.pages_file.read_text().splitlines():
                for number in json.loads(line)["tickets"]:
                    paged.setdefault(number, time.monotonic())
        time.sleep(0.02)


def _hand_in(port: int, to: str, text: str) -> None:
    mail = EmailMessage()
    mail["Authentication-Results"] = "demo-relay; dmarc=pass header.from=northwind.example"
    mail["From"], mail["To"], mail["Subject"] = _RITA, to, "Nobody can log in"
    mail["Message-ID"] = f"<{time.time_ns()}@northwind.example>"
    mail.set_content(text)
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as server:
        server.send_message(mail, _RITA, [to])


if __name__ == "__main__":
    sys.exit(main())
