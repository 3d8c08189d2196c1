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
from collections.abc import Callable
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from statistics import quantiles

from bench.desk import Desk, wait_for
from supportdesk import embedded

_RITA, _SUPPORT = "rita@northwind.example", "support@desk.example"


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
        wait_for(lambda: _listens(port), seconds=30, what="the intake listens")
        print(f"load average before: {busy:.1f}")
        numbers = _open(port, options.answers)
        desk.start_workers()
        _measure(desk, port, numbers())
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


def _open(port: int, count: int) -> Callable[[], list[int]]:
    """Hand in `count` requests; what returns their numbers once a worker has read them."""
    for number in range(count):
        _hand_in(port, _SUPPORT, f"Request {number}: nobody can log in.")

    def numbers() -> list[int]:
        from tickets.models import IncomingMail, Ticket

        wait_for(
            lambda: not IncomingMail.objects.filter(state="waiting").exists(), seconds=120, what="the mails are read"
        )
        times = list(IncomingMail.objects.order_by("read_at").values_list("read_at", flat=True))
        took = (times[-1] - times[0]).total_seconds()
        print(f"{count} mails read by one worker of two processes: {(count - 1) / took:.0f}/s")
        return list(Ticket.objects.values_list("pk", flat=True))

    return numbers


def _measure(desk: Desk, port: int, numbers: list[int]) -> None:
    from supportdesk.lib.signed_addresses import reply_address

    accepted = {}
    for number in numbers:
        _hand_in(port, reply_address(number, reader=_RITA), "Urgent")
        accepted[str(number)] = time.time()
        time.sleep(0.25)
    wait_for(lambda: len(_paged(desk)) == len(numbers), seconds=60, what="every answer has paged")
    paged = _paged(desk)
    took = sorted(paged[number] - at for number, at in accepted.items())
    cuts = quantiles(took, n=20)
    print(f"{len(took)} answers: median {cuts[9]:.2f} s, p95 {cuts[18]:.2f} s, longest {took[-1]:.2f} s")


def _paged(desk: Desk) -> dict[str, float]:
    """When each ticket first reached a phone, in seconds since 1970."""
    first: dict[str, float] = {}
    if desk.pages_file.exists():
        for line in desk.pages_file.read_text().splitlines():
            page = json.loads(line)
            for number in page["tickets"]:
                first.setdefault(number, datetime.fromisoformat(page["at"].replace("Z", "+00:00")).timestamp())
    return first


def _hand_in(port: int, to: str, text: str) -> None:
    mail = EmailMessage()
    mail["Authentication-Results"] = "demo-relay; dmarc=pass header.from=northwind.example"
    mail["From"], mail["To"], mail["Subject"] = _RITA, to, "Nobody can log in"
    mail["Message-ID"] = f"<{time.time_ns()}@northwind.example>"
    mail.set_content(text)
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as server:
        server.send_message(mail, _RITA, [to])


def _listens(port: int) -> bool:
    try:
        smtplib.SMTP("127.0.0.1", port, timeout=2).quit()
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
