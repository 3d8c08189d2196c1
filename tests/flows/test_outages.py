"""Valkey gone, Valkey hung, PostgreSQL down: what people can still do, and that everything follows."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from supportdesk import embedded
from tests.flows.desk import Desk, run_desk, wait_for
from tests.flows.person import Answer, Person

pytestmark = pytest.mark.flow

SLOWER_AT_MOST = 1.0  # seconds, than the same with everything up


def timed(action: Callable[[], Answer]) -> tuple[Answer, float]:
    started = time.monotonic()
    answer = action()
    return answer, time.monotonic() - started


def log_in_submit_reply(desk: Desk) -> tuple[int, float]:
    """rita logs in, submits an Urgent request and replies; her request's number and the slowest step in seconds."""
    rita = Person(desk.url)
    login, first = timed(lambda: rita.log_in("rita@northwind.example"))
    assert login.status == 200, login.text[:500]
    assert "/accounts/login" not in login.url
    form = rita.open("/requests/new/").text
    fields = {
        "subject": "Nobody can log in",
        "priority": "1",
        "category": _option(form, "category", "Server Issues"),
        "environment": _option(form, "environment", "Production"),
        "description": "It began at nine.",
    }
    submitted, second = timed(lambda: rita.fill("/requests/new/", fields))
    number = re.search(r"/requests/(\d+)/", submitted.url)
    assert number, submitted.text[-3000:]
    path = f"/requests/{number[1]}/"
    replied, third = timed(lambda: rita.fill(path, {"body": "It is worse now."}, action=f"{path}reply/"))
    assert "It is worse now." in replied.text
    return int(number[1]), max(first, second, third)


def _option(form: str, name: str, label: str) -> str:
    select = re.search(rf'<select name="{name}".*?</select>', form, re.DOTALL)
    assert select
    value = re.search(rf'<option value="([^"]+)"[^>]*>\s*{label}', select[0])
    assert value
    return value[1]


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[embedded.Server]:
    server = embedded.start_valkey(tmp_path / "valkey")
    yield server
    if server.process.poll() is None:
        server.process.send_signal(signal.SIGCONT)
    server.stop()


@pytest.mark.parametrize("how", ["gone", "hung"])
def test_without_valkey_people_carry_on_and_the_standby_pages(
    valkey: embedded.Server, tmp_path: Path, how: str
) -> None:
    folder = tmp_path / "desk"
    folder.mkdir()
    with run_desk(folder, valkey=valkey.url) as desk:
        desk.run("-m", "tests.flows.cast")
        desk.start_workers()
        desk.start_pager()
        log_in_submit_reply(desk)
        _, usual = log_in_submit_reply(desk)
        if how == "gone":
            valkey.stop()
        else:
            os.kill(valkey.process.pid, signal.SIGSTOP)
        number, slowest = log_in_submit_reply(desk)
        assert slowest - usual < SLOWER_AT_MOST
        health = Person(desk.url).open("/healthz")
        assert (health.status, json.loads(health.text)) == (200, {"status": "degraded"})
        rung = wait_for(lambda: _rung(desk, number), seconds=30, what="the standby pages")
        assert rung["person"] == "bo@desk.example"
        acknowledge_in_time(desk, number, usual)


def acknowledge_in_time(desk: Desk, number: int, usual: float) -> None:
    bo = Person(desk.url)
    bo.log_in("bo@desk.example")
    ticket = bo.open(f"/desk/tickets/{number}/").text
    action = re.search(r'action="(/desk/pages/\d+/acknowledge/)"', ticket)
    assert action
    answer, seconds = timed(lambda: bo.fill(f"/desk/tickets/{number}/", {}, action=action[1]))
    assert answer.status == 200
    assert seconds - usual < SLOWER_AT_MOST


def _rung(desk: Desk, number: int) -> dict[str, object] | None:
    return next((page for page in desk.pages() if str(number) in page["tickets"]), None)


def test_without_postgresql_the_desk_says_so_and_recovers(tmp_path: Path) -> None:
    postgres = embedded.start_postgres(tmp_path / "postgres", durable=False)
    folder = tmp_path / "desk"
    folder.mkdir()
    try:
        with run_desk(folder, postgres=postgres.url) as desk:
            web = desk.processes["web"].pid
            port = int(postgres.url.rsplit(":", 1)[1].split("/")[0])
            postgres.stop()
            down = Person(desk.url).open("/accounts/login/")
            assert down.status == 503
            assert "Traceback" not in down.text
            health = Person(desk.url).open("/healthz")
            assert (health.status, json.loads(health.text)) == (503, {"status": "unavailable"})
            postgres = embedded.start_postgres(tmp_path / "postgres", port=port, durable=False)
            wait_for(lambda: Person(desk.url).open("/accounts/login/").status == 200, seconds=10, what="recovery")
            assert desk.processes["web"].pid == web
            assert desk.processes["web"].poll() is None
    finally:
        postgres.stop()
