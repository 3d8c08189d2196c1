"""`python -m bench.engineering`: a record with 500 tickets, its page and the telling of all their customers, also by
two workers of which one is killed half-way; a board of 300 records; queues and numbers over 10,000 records.

Figures: the record's page and the board 80 ms at p95, 500 messages within 60 s. Pages are asked for over loopback from
gunicorn, one after the other; customers are told by the worker's own function, once in this process and once by two
processes. `--keep` leaves the folder of its database; `--tickets`, `--board` and `--records` make it smaller.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from bench.client import Browser, UnexpectedAnswer, percentile
from bench.desk import Desk

_ROUNDS = 60
_COMPANIES = 40
_WORKER = "import django; django.setup(); from escalations.engineering.tasks import tell_customers; tell_customers()"
_PAGES = ("/desk/escalations/", "/desk/escalations/queues/", "/desk/escalations/numbers/?days=365")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.engineering", description=__doc__)
    parser.add_argument("--tickets", type=int, default=500, help="in the one large record")
    parser.add_argument("--board", type=int, default=300, help="records under way")
    parser.add_argument("--records", type=int, default=10_000, help="of the past")
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="supportdesk-bench-engineering-"))
    desk, busy = Desk(folder), os.getloadavg()[0]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    try:
        desk.start_servers()
        print(f"load average before: {busy:.1f}", flush=True)
        world = _World(options.tickets)
        world.past(options.records)
        world.board(options.board)
        desk.start_web()
        world.time_pages(desk)
        world.time_sweeps()
        world.broadcast("tested", by_processes=False)
        world.broadcast("released", by_processes=True)
    finally:
        desk.stop()
        if options.keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return 0


class _World:
    """Customers of many organisations whose tickets are in one record, and who moves it."""

    def __init__(self, tickets: int) -> None:
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", interactive=False, verbosity=0)
        call_command("load_defaults", verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)

        from accounts.models import Role
        from escalations.engineering import actions
        from supportdesk.lib import clock
        from tests import factories

        self.at: datetime = clock.now() - timedelta(hours=2)
        companies = [factories.organization(f"Company{number}", "enterprise") for number in range(_COMPANIES)]
        self.customers = [factories.member(f"Customer{number}", company) for number, company in enumerate(companies)]
        self.ann = factories.staff("Ann", Role.AGENT, "Americas")
        self.sven = factories.staff("Sven", Role.SET)
        self.tickets = tickets
        first = factories.open_ticket(self.customers[0], at=self.at)
        self.record = actions.request_escalation(first, _problem(), by=self.ann, text="We look.", at=self.at)
        begun = time.monotonic()
        for number in range(1, tickets):
            ticket = factories.open_ticket(self.customers[number % _COMPANIES], at=self.at)
            actions.add_ticket(self.record, ticket, by=self.ann, text="We look.", at=self.at)
        print(f"a record with {tickets} tickets made in {time.monotonic() - begun:.0f} s", flush=True)
        for what, given in (("review", {}), ("confirm", {}), ("plan", {"plan": "Mend it."})):
            self._move(what, given)
            self._tell_all()

    def past(self, records: int) -> None:
        """Records that are over, as rows: what queues and numbers have to find their way through."""
        from escalations.models import Escalation, EscalationEvent

        made = Escalation.objects.bulk_create(
            (_past(self.sven, self.at - timedelta(hours=number)) for number in range(records)), batch_size=1000
        )
        EscalationEvent.objects.bulk_create(
            (event for record in made for event in _history(record, self.sven)), batch_size=5000
        )
        _analyse()

    def board(self, records: int) -> None:
        """Records under way, a ticket each, at all steps that a board shows."""
        from escalations.engineering import actions
        from escalations.engineering.steps import Move
        from tests import factories

        for number in range(records):
            ticket = factories.open_ticket(self.customers[number % _COMPANIES], at=self.at)
            record = actions.request_escalation(ticket, _problem(), by=self.ann, text="We look.", at=self.at)
            for what in (Move.REVIEW, Move.CONFIRM)[: number % 3]:
                actions.take_step(record, what, by=self.sven, given={}, at=self.at)
        _analyse()

    def time_pages(self, desk: Desk) -> None:
        """Each page in turns with the reference, a minimal page: the machine's speed drifts, their ratio doesn't."""
        from bench.cast import REFERENCE_BACKEND, session_of

        plain = Browser(desk.reference_port, session_of(self.sven, REFERENCE_BACKEND))
        queues = [f"/desk/escalations/queues/{slug}/" for slug in _slugs()]
        with Browser(desk.port, session_of(self.sven)) as browser, plain as reference:
            for path in (self.record.get_absolute_url(), *_PAGES, *queues):
                try:
                    rounds = [(browser.get(path).seconds, reference.get("/").seconds) for _ in range(_ROUNDS)][10:]
                except UnexpectedAnswer as answer:
                    print(f"not measured: {answer}")
                    continue
                took, plainly = (
                    [percentile(list(column), of) for of in (50, 95)] for column in zip(*rounds, strict=True)
                )
                figures = f"median {_ms(took[0])}, p95 {_ms(took[1])}"
                beside = f"reference {_ms(plainly[0])}, {_ms(plainly[1])}"
                print(f"{path}: {figures} ({beside}: {took[0] / plainly[0]:.1f} ×)", flush=True)

    def time_sweeps(self) -> None:
        """What the sweep costs when nothing is due."""
        from escalations.engineering import replies, watch
        from supportdesk.lib import clock

        for name, work in (("replies", replies.note_all), ("deadlines", watch.warn_all)):
            work(now=clock.now())
            begun = time.monotonic()
            work(now=clock.now())
            print(f"sweep for {name}, nothing new: {_ms(time.monotonic() - begun)}", flush=True)

    def broadcast(self, step: str, *, by_processes: bool) -> None:
        """Tell everybody; by two processes of which one is killed once it has told some, and a third that goes on."""
        self._link_pull_request()
        given = {"evidence": "Ran it.", "comes_with": "10.6.1"} if step == "tested" else {"version": "10.6.1"}
        self._move({"tested": "test", "released": "release"}[step], given)
        begun = time.monotonic()
        if by_processes:
            self._tell_with_a_death()
        else:
            self._tell_all()
        took = time.monotonic() - begun
        print(f"{self._told(step)} customers told of “{step}” in {took:.1f} s, {self._doubled()} of them twice")

    def _tell_with_a_death(self) -> None:
        first, second = (subprocess.Popen([sys.executable, "-c", _WORKER]) for _ in range(2))
        while self._told("released") < self.tickets // 4 and first.poll() is None:
            time.sleep(0.05)
        first.kill()
        first.wait()
        print(f"one of two workers killed when {self._told('released')} had been told")
        second.wait()
        subprocess.run([sys.executable, "-c", _WORKER], check=True)

    def _told(self, step: str) -> int:
        from escalations.models import CustomerNotice

        return CustomerNotice.objects.told().filter(update_of__step=step).count()

    def _doubled(self) -> int:
        from django.db.models import Count

        from tickets.models import Message

        rows = Message.objects.filter(author=self.sven).values("ticket", "body").annotate(number=Count("pk"))
        return rows.filter(number__gt=1).count()

    def _move(self, what: str, given: dict[str, Any]) -> None:
        from escalations.engineering import actions
        from escalations.engineering.steps import Move

        self.at += timedelta(minutes=1)
        actions.take_step(self.record, Move(what), by=self.sven, given=given, at=self.at)
        self.record.refresh_from_db()
        if self.record.owes_update:
            actions.send_update(self.record, by=self.sven, at=self.at)

    def _tell_all(self) -> None:
        from escalations.engineering import telling
        from supportdesk.lib import clock

        telling.tell_customers(now=clock.now())

    def _link_pull_request(self) -> None:
        from tests.escalations.engineering.conftest import pull_request

        if not self.record.pull_requests.exists():
            pull_request(self.record, self.sven)


def _problem() -> Any:
    from escalations.engineering.actions import Problem

    return Problem("Sessions end after a minute", 2, "All users", "Log in and wait.")


def _slugs() -> list[str]:
    from escalations.engineering.queues import BY_SLUG

    return list(BY_SLUG)


def _past(by: Any, at: datetime) -> Any:
    from escalations.models import Escalation

    moments = dict.fromkeys(("step_since", "news_at", "created_at", "updated_at", "ended_at"), at)
    return Escalation(
        title="Sessions end", severity=2, impact="All", reproduction="Log in", requested_by=by, owner=by,
        step="released", fixed_version="10.5.1", **moments,
    )  # fmt: skip


def _history(record: Any, by: Any) -> list[Any]:
    from escalations.models import EscalationEvent

    steps = ("requested", "under_review", "confirmed", "planned", "tested", "released")
    moves = ("", "review", "confirm", "plan", "test", "release")
    return [
        EscalationEvent(
            escalation=record, kind="moved" if number else "requested", actor=by, from_step=steps[max(number - 1, 0)],
            to_step=step, data={"move": moves[number]}, at=record.created_at + timedelta(hours=number),
            notified_at=record.created_at,
        )
        for number, step in enumerate(steps)
    ]  # fmt: skip


def _analyse() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


if __name__ == "__main__":
    sys.exit(main())
