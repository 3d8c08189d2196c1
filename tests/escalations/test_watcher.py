"""The watcher: alarms that are told once, a dead-man's address that is asked only while all holds, and its process."""

import smtplib
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client

from accounts.models import User
from escalations.models import (
    EscalationPolicy,
    Leave,
    Override,
    Page,
    PagingAlarm,
    Schedule,
    Shift,
    WatcherHeartbeat,
)
from escalations.paging import alarms, shifts, watcher
from escalations.paging.engine import run_pass
from supportdesk.checks import watcher_knows_whom_to_ask
from supportdesk.lib import clock
from tests import factories
from tests.at_once import at_once
from tests.escalations.test_crashes import ROOT, environment  # noqa: F401 - a fixture
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db

LATE = timedelta(minutes=5, seconds=35)


@pytest.fixture(autouse=True)
def _as_a_process_begins(settings: Any) -> None:
    settings.PAGING_CANARY_MINUTES = 0
    watcher.forget()


@pytest.fixture
def well(policy: EscalationPolicy) -> None:
    """A desk on which everything holds."""
    shifts.materialise(now=clock.now())
    run_pass("test")


@pytest.fixture
def late(well: None, rita: User) -> Ticket:
    """An Urgent ticket whose first page the engine did not see for a minute."""
    ticket = factories.open_ticket(rita, priority=Priority.URGENT)
    clock.move(timedelta(minutes=1))
    return ticket


@pytest.fixture
def outside(settings: Any) -> Iterator[list[str]]:
    """The dead-man's service: what it was asked so far. It answers 503 while its list begins with "down"."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(503 if asked[0] == "down" else 200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.PAGING_DEADMAN_URL = f"http://127.0.0.1:{server.server_port}/ping/some-id"
    yield asked
    server.shutdown()
    server.server_close()


def look() -> None:
    watcher.ping(watcher.look(now=clock.now()))


def told() -> list[EmailMessage]:
    """The mails about alarms, without those that page somebody."""
    return [message for message in mail.outbox if message.subject.startswith("Paging")]


def open_keys() -> list[str]:
    return list(PagingAlarm.objects.filter(ended_at=None).values_list("key", flat=True))


# --- Alarms --------------------------------------------------------------------------------------------------------


def test_what_lasts_for_two_looks_is_an_alarm_and_is_told_once(late: Ticket, lea: User, ada: User) -> None:
    look()
    assert open_keys() == [], "an engine may be just about to see to it"
    look()
    assert open_keys() == ["ticket_without_page"]
    assert len(told()) == 1
    assert sorted(told()[0].to) == ["ada@desk.example", "lea@desk.example"]
    assert told()[0].subject == "Paging alarm: something is wrong"
    assert f"#{late.pk} qualifies and has no page" in told()[0].body
    assert "/desk/on-call/health/" in told()[0].body
    assert "Secret" not in told()[0].body
    look()
    look()
    assert len(told()) == 1


def test_it_is_told_when_it_is_over(late: Ticket) -> None:
    look()
    look()
    run_pass("test")
    clock.move(timedelta(seconds=10))
    look()
    assert open_keys() == []
    assert [message.subject for message in told()][1:] == ["Paging: an alarm is over"]
    look()
    assert len(told()) == 2
    alarm = PagingAlarm.objects.get()
    assert alarm.ended_at is not None
    assert alarm.ended_at > alarm.began_at


def test_what_settles_by_itself_is_none(late: Ticket) -> None:
    look()
    run_pass("test")
    look()
    look()
    assert not PagingAlarm.objects.exists()
    assert not told()


def test_a_clock_that_is_moved_again_and_again_is_no_alarm(well: None, page: Page) -> None:
    """Only demo and tests do that: the engine is not late, time is early."""
    for _ in range(3):
        clock.move(timedelta(minutes=6))
        look()
    assert not PagingAlarm.objects.exists()
    look()
    assert open_keys() == ["step_overdue"], "but it does have to catch up"


def test_one_that_lasts_is_told_again_after_a_day(late: Ticket) -> None:
    look()
    look()
    clock.move(timedelta(hours=23))
    look()
    before = len([message for message in told() if f"#{late.pk} qualifies" in message.body])
    clock.move(timedelta(hours=2))
    look()
    after = len([message for message in told() if f"#{late.pk} qualifies" in message.body])
    assert (before, after) == (1, 2)


def test_addresses_outside_are_told_too(late: Ticket, settings: Any) -> None:
    settings.PAGING_ALARM_EMAILS = ["duty@elsewhere.example"]
    look()
    look()
    assert "duty@elsewhere.example" in told()[0].to


class Refusing(EmailBackend):
    """A mail server that takes nothing."""

    def send_messages(self, messages: Any) -> int:
        raise smtplib.SMTPServerDisconnected("gone")


def test_what_could_not_be_told_is_told_later(late: Ticket, settings: Any) -> None:
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    look()
    look()
    assert PagingAlarm.objects.get().told_at is None
    settings.EMAIL_BACKEND = working
    look()
    assert len(told()) == 1
    assert PagingAlarm.objects.get().told_at is not None


def test_an_alarm_that_was_over_before_anybody_was_told_is_told_to_nobody(late: Ticket, settings: Any) -> None:
    working = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = f"{__name__}.Refusing"
    look()
    look()
    run_pass("test")
    look()
    settings.EMAIL_BACKEND = working
    look()
    assert not told()


@pytest.mark.django_db(transaction=True)
def test_of_two_watchers_at_once_one_tells(policy: EscalationPolicy, rita: User) -> None:
    factories.open_ticket(rita, priority=Priority.URGENT)
    clock.move(timedelta(minutes=1))
    look()
    failures = [found for found in at_once(look, look) if isinstance(found, Exception)]
    assert failures == []
    assert len(told()) == 1
    assert len(open_keys()) == len(set(open_keys()))


def test_a_gap_within_three_days_is_an_alarm_at_once_and_one_a_schedule(well: None, bo: User, ann: User) -> None:
    now, schedule = clock.now(), Schedule.objects.get()
    Leave.objects.create(user=bo, starts_at=now + timedelta(hours=10), ends_at=now + timedelta(hours=20))
    look()
    assert open_keys() == [f"coverage:{schedule.pk}"]
    assert "is away" in told()[0].body
    Override.objects.create(
        schedule=schedule, user=ann, starts_at=now + timedelta(hours=9), ends_at=now + timedelta(hours=21)
    )
    clock.move(timedelta(seconds=10))
    look()
    assert open_keys() == []
    assert told()[-1].subject == "Paging: an alarm is over"


def test_each_person_who_cant_be_reached_is_an_alarm(well: None, bo: User) -> None:
    bo.contact_methods.filter(kind="sms").delete()
    look()
    assert set(open_keys()) == {f"unreachable:{bo.pk}", f"coverage:{Schedule.objects.get().pk}"}
    assert len(told()) == 1, "one mail says it all"
    assert told()[0].subject == "Paging alarm: 2 things are wrong"


def test_calendars_that_are_out_of_date_are_written_again(policy: EscalationPolicy, ann: User) -> None:
    run_pass("test")
    now, schedule = clock.now(), Schedule.objects.get()
    hours = {"starts_at": now + timedelta(days=2), "ends_at": now + timedelta(days=3)}
    Override.objects.create(schedule=schedule, user=ann, **hours)  # by a road that rewrites nothing
    look()
    assert Shift.objects.filter(person=ann, **hours).exists()
    look()
    assert not PagingAlarm.objects.exists()


# --- The dead-man's address ----------------------------------------------------------------------------------------


def test_it_is_asked_while_all_holds_and_once_a_minute(well: None, outside: list[str]) -> None:
    look()
    look()
    assert outside == ["/ping/some-id"]


def test_it_is_not_asked_while_a_page_is_late(late: Ticket, outside: list[str]) -> None:
    look()
    assert outside == []
    run_pass("test")
    look()
    assert outside == ["/ping/some-id"]


def test_it_is_not_asked_without_an_engine(policy: EscalationPolicy, outside: list[str]) -> None:
    shifts.materialise(now=clock.now())
    look()
    assert outside == []


def test_a_gap_ahead_does_not_stop_it(well: None, bo: User, outside: list[str]) -> None:
    now = clock.now()
    Leave.objects.create(user=bo, starts_at=now + timedelta(hours=10), ends_at=now + timedelta(hours=20))
    look()
    assert len(open_keys()) == 1
    assert outside == ["/ping/some-id"]


def test_while_it_is_down_it_is_asked_at_each_look(well: None, outside: list[str]) -> None:
    outside.append("down")
    look()
    look()
    assert outside == ["down", "/ping/some-id", "/ping/some-id"]


def test_without_an_address_nobody_is_asked(well: None, settings: Any) -> None:
    settings.PAGING_DEADMAN_URL = ""
    assert watcher.ping(watcher.look(now=clock.now())) is False


@pytest.mark.parametrize(
    ("address", "wrong"), [("", 0), ("https://hc.example.com/x", 0), ("hc.example.com/x", 1), ("file:///etc/x", 1)]
)
def test_an_address_that_cant_be_asked_stops_the_desk_at_boot(settings: Any, address: str, wrong: int) -> None:
    settings.PAGING_DEADMAN_URL = address
    assert len(watcher_knows_whom_to_ask(None)) == wrong


# --- Doors ---------------------------------------------------------------------------------------------------------


def test_healthz_tells_of_the_watcher_in_words_and_numbers(well: None, bo: User) -> None:
    assert Client().get("/healthz/paging").json() == {"status": "ok", "watcher": "stopped"}
    bo.contact_methods.filter(kind="sms").delete()
    look()
    assert Client().get("/healthz/paging").json() == {"status": "ok", "watcher": "ok", "broken": 2}
    with connection.cursor() as cursor:
        cursor.execute("UPDATE escalations_engineheartbeat SET finished_at = finished_at - interval '16 seconds'")
    answer = Client().get("/healthz/paging")
    assert (answer.status_code, answer.json()["status"]) == (503, "stopped")


def test_one_look_from_the_command_line(late: Ticket, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CommandError, match="not as it must be"):
        call_command("paging_watch", once=True)
    assert f"#{late.pk} qualifies and has no page" in capsys.readouterr().out
    run_pass("test")
    call_command("paging_watch", once=True)
    assert capsys.readouterr().out == ""


def test_the_check_of_its_container(well: None) -> None:
    with pytest.raises(CommandError, match="has not looked"):
        call_command("paging_watch", check=True)
    look()
    call_command("paging_watch", check=True)


def test_hosts_that_are_gone_are_forgotten(well: None) -> None:
    look()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE escalations_watcherheartbeat SET finished_at = finished_at - interval '8 days'")
    watcher.tidy()
    assert not WatcherHeartbeat.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_process_outlives_a_database_that_drops_it_and_ends_at_sigterm(
    policy: EscalationPolicy,
    rita: User,
    environment: dict[str, str],  # noqa: F811
    tmp_path: Path,
) -> None:
    factories.open_ticket(rita, priority=Priority.URGENT, at=clock.now() - timedelta(minutes=1))
    environment |= {"PAGING_WATCH_SECONDS": "1", "PAGING_CANARY_MINUTES": "0"}
    process = subprocess.Popen([sys.executable, "manage.py", "paging_watch"], cwd=ROOT, env=environment)
    try:
        _wait(WatcherHeartbeat.objects.exists)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        seen = WatcherHeartbeat.objects.get().finished_at
        _wait(lambda: WatcherHeartbeat.objects.get().finished_at > seen)
        _wait(lambda: "ticket_without_page" in open_keys())
        _wait(lambda: list((tmp_path / "mail").glob("*.eml")))
        process.terminate()
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()


def _wait(look_for: Callable[[], object]) -> None:
    until = time.monotonic() + 30
    while not look_for():
        assert time.monotonic() < until, "not within 30 s"
        time.sleep(0.1)


def test_an_alarm_names_five_and_counts_the_rest(well: None, rita: User) -> None:
    for _ in range(7):
        factories.open_ticket(rita, priority=Priority.URGENT)
    clock.move(timedelta(minutes=1))
    look()
    look()
    text = PagingAlarm.objects.get().text
    assert text.count("has no page") == 5
    assert text.endswith("and 2 more.")
    assert alarms.recipients()
