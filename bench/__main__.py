"""`python -m bench`: load a desk of its own, measure it, print the table of docs/performance.md."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from bench.desk import Desk
from supportdesk import embedded

PARTS = ("pages", "throughput", "weight", "phone", "submit", "promises")


def main() -> int:
    options = _options()
    busy = os.getloadavg()[0]
    folder = (options.keep or Path(tempfile.mkdtemp(prefix="supportdesk-bench-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    desk = Desk(folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        desk.start_servers()
        return _measure(desk, options, busy)
    except embedded.ServerFailed as failure:
        print(f"bench: {failure}", file=sys.stderr)
        return 1
    finally:
        desk.stop()
        if options.keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--tickets", type=int, default=100_000, help="how many to load (100000); messages are 4 each")
    parser.add_argument("--only", nargs="+", choices=(*PARTS, "plans"), default=list(PARTS), help="measure just these")
    parser.add_argument("--rounds", type=int, default=0, help="rounds of page times")
    parser.add_argument("--keep", type=Path, help="a folder for the data, which a later run with it uses again")
    return parser.parse_args()


def _measure(desk: Desk, options: argparse.Namespace, busy: float) -> int:
    """Everything after the servers are up; modules that want Django's settings are imported here."""
    _prepare(options.tickets)
    from bench import cast, pages, plans, promises, report, submit, weight

    people = cast.choose()
    if "plans" in options.only:
        plans.show(people)
    desk.start_web()
    wanted = cache(lambda: pages.pages(desk, people))
    parts: dict[str, Callable[[], list[report.Figure]]] = {
        "pages": lambda: pages.time_figures(wanted(), rounds=options.rounds or pages.ROUNDS),
        "throughput": lambda: pages.throughput_figures(wanted()),
        "weight": lambda: weight.weight_figures(desk, people),
        "phone": lambda: submit.phone_figures(desk, people),
        "submit": lambda: submit.submit_figures(desk, people),
        "promises": promises.promise_figures,
    }
    figures: list[report.Figure] = []
    for name, part in parts.items():
        if name in options.only:
            print(f"measuring {name} …", flush=True)
            found = part()
            print(report.table(found), flush=True)
            figures += found
    command = " ".join(["python -m bench", *sys.argv[1:]])
    print(f"\n`{command}`, {_date()}: {options.tickets:,} tickets; {report.machine(busy)}\n\n{report.table(figures)}")
    return int(any(one.holds is False for one in figures))


def _prepare(tickets: int) -> None:
    """Tables, defaults, static files, and the load unless it is there already."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    from bench.load import Load, load, tidy
    from tickets.models import Ticket

    call_command("migrate", interactive=False, verbosity=0)
    call_command("load_defaults")
    call_command("collectstatic", interactive=False, verbosity=0)
    if Ticket.objects.exists():
        return
    print(f"loading {tickets:,} tickets …", flush=True)
    load(Load(tickets, timezone.now()), say=lambda line: print(f"  {line}", flush=True))
    tidy()


def _date() -> str:
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())


if __name__ == "__main__":
    sys.exit(main())
