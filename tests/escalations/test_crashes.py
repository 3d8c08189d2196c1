"""Engines are killed at each named point, as real processes: each due page arrives, once or twice, never not (S096)."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts.models import Role, User
from escalations.models import ContactMethod, EscalationPolicy, Page, PageDelivery, PageEvent
from escalations.paging.crash import NAMES
from supportdesk.lib import clock
from tests import factories
from tickets.models import Priority
from tickets.sla import sweep

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parent.parent.parent
DUE = 24
KILLED = 137
LEASE = 1  # second


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """That of an engine on this test's database, which leases for a second and sends three at a time."""
    settings = connection.settings_dict
    where = f"{settings['HOST']}:{settings['PORT']}" if settings["PORT"] else settings["HOST"]
    login = f"{settings['USER']}:{settings['PASSWORD']}" if settings["PASSWORD"] else settings["USER"]
    return {
        **os.environ,
        "DATABASE_URL": f"postgres://{login}@{where}/{settings['NAME']}",
        "DESK_ENV": "test",
        "PAGES_FILE": str(tmp_path / "pages.jsonl"),
        "MAIL_DIR": str(tmp_path / "mail"),
        "PAGING_LEASE_SECONDS": str(LEASE),
        "PAGING_SENDERS": "3",
        "PAGING_QUIET_SECONDS": "0",
    }


def pager(environment: dict[str, str], *options: str, crash: str = "") -> "subprocess.Popen[bytes]":
    command = [sys.executable, "manage.py", "pager", *options]
    return subprocess.Popen(command, cwd=ROOT, env={**environment, "PAGING_CRASH_POINT": crash})


def arrived(tmp_path: Path) -> Counter[str]:
    """How often each ticket reached a phone."""
    lines = [json.loads(line) for line in (tmp_path / "pages.jsonl").read_text().splitlines()]
    return Counter(number for line in lines for number in line["tickets"])


def recover(environment: dict[str, str]) -> None:
    """What the standby does anyway, once the lease of the dead is over."""
    time.sleep(LEASE + 0.1)
    assert pager(environment, "--once").wait(150) == 0


@pytest.fixture
def due(policy: EscalationPolicy, rita: User) -> list[str]:
    return [str(factories.open_ticket(rita, priority=Priority.URGENT).pk) for _ in range(DUE)]


@pytest.mark.parametrize("point", [*NAMES, "after_call:7"])
def test_killed_anywhere_no_page_is_lost_and_none_comes_more_than_twice(
    due: list[str], environment: dict[str, str], tmp_path: Path, point: str
) -> None:
    assert pager(environment, "--once", crash=point).wait(150) == KILLED
    recover(environment)
    times = arrived(tmp_path)
    assert set(times) == set(due)
    assert max(times.values()) <= 2
    assert sum(times.values()) <= DUE + 3, "only what was under way is repeated"
    assert Page.objects.ringing().count() == DUE
    assert not PageDelivery.objects.filter(state__in=["pending", "sending", "unknown"]).exists()


def test_what_was_lost_after_the_call_is_repeated_as_such(
    due: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    assert pager(environment, "--once", crash="after_call").wait(150) == KILLED
    recover(environment)
    texts = [json.loads(line)["text"] for line in (tmp_path / "pages.jsonl").read_text().splitlines()]
    repeats = [text for text in texts if text.startswith("Repeat: ")]
    assert 1 <= len(repeats) <= 3
    assert PageEvent.objects.filter(kind="unknown").count() == PageEvent.objects.filter(data__repeat=True).count()


@pytest.mark.parametrize("point", ["after_insert", "after_claim", "after_call", "before_record"])
def test_a_broken_promise_reaches_the_lead_whatever_is_killed(
    policy: EscalationPolicy, rita: User, environment: dict[str, str], tmp_path: Path, point: str
) -> None:
    number = str(factories.open_ticket(rita, priority=Priority.URGENT, at=clock.now() - timedelta(minutes=61)).pk)
    sweep.act(now=clock.now())
    ContactMethod.objects.exclude(user__role=Role.LEAD).update(verified_at=None)
    assert pager(environment, "--once", crash=point).wait(150) == KILLED
    recover(environment)
    lines = [json.loads(line) for line in (tmp_path / "pages.jsonl").read_text().splitlines()]
    of_breach = [line for line in lines if line["kind"] == "sla_breach"]
    assert {(line["person"], line["tickets"][0]) for line in of_breach} == {("lea@desk.example", number)}
    assert len(of_breach) <= 2
    assert Page.objects.ringing().filter(kind="sla_breach").count() == 1


def test_one_engine_dies_again_and_again_beside_a_healthy_one(
    due: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    dying = [pager(environment, "--once", crash=point) for point in ("after_claim:2", "after_call:3")]
    healthy = pager(environment, "--once")
    for engine in [*dying, healthy]:
        engine.wait(150)
    recover(environment)
    times = arrived(tmp_path)
    assert set(times) == set(due)
    assert max(times.values()) <= 2


def test_the_standby_ends_at_sigterm_and_outlives_a_database_that_drops_it(
    policy: EscalationPolicy, rita: User, environment: dict[str, str], tmp_path: Path
) -> None:
    environment |= {"PAGING_STANDBY_SECONDS": "1"}
    standby = pager(environment)
    try:
        _wait(lambda: _beats() > 0)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        number = str(factories.open_ticket(rita, priority=Priority.URGENT).pk)
        _wait(lambda: (tmp_path / "pages.jsonl").exists() and number in arrived(tmp_path))
        standby.send_signal(signal.SIGTERM)
        assert standby.wait(15) == 0
    finally:
        standby.kill()
        standby.wait()


def _beats() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM escalations_engineheartbeat")
        row: Any = cursor.fetchone()
    return int(row[0])


def _wait(look: Callable[[], object]) -> None:
    until = time.monotonic() + 20
    while not look():
        assert time.monotonic() < until, "not within 20 s"
        time.sleep(0.1)
