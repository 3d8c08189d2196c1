"""The system's own moves: nobody touches a row, the clock moves on."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection

from accounts.models import Organization, User
from supportdesk.lib import clock
from tests import factories
from tickets import actions, tasks
from tickets.models import Attachment, OutgoingMail, Ticket, TicketEvent, WorkflowSettings
from tickets.states import Status

pytestmark = pytest.mark.django_db
Move = Callable[[timedelta], object]


def answered(requester: User, agent: User, submit_as: Status, *, at: datetime | None = None) -> Ticket:
    at = at or clock.now()
    ticket = factories.open_ticket(requester, at=at)
    actions.answer(ticket, by=agent, body="Which database is it?", submit_as=submit_as, at=at)
    return ticket


def status(ticket: Ticket) -> str:
    return Ticket.objects.values_list("status", flat=True).get(pk=ticket.pk)


def test_solved_is_closed_after_48_hours(rita: User, bo: User, move_clock: Move) -> None:
    ticket = answered(rita, bo, Status.SOLVED)
    move_clock(timedelta(hours=47, minutes=59))
    tasks.sweep()
    assert status(ticket) == "solved"
    move_clock(timedelta(minutes=2))
    tasks.sweep()
    assert status(ticket) == "closed"
    tasks.notify()
    assert OutgoingMail.objects.filter(kind="closed").count() == 1


def test_the_hours_are_the_admins(rita: User, bo: User, move_clock: Move) -> None:
    WorkflowSettings.objects.update(close_after_hours=2)
    ticket = answered(rita, bo, Status.SOLVED)
    move_clock(timedelta(hours=2, minutes=1))
    tasks.sweep()
    assert status(ticket) == "closed"


def test_reopened_in_time_is_not_closed(rita: User, bo: User, move_clock: Move) -> None:
    ticket = answered(rita, bo, Status.SOLVED)
    move_clock(timedelta(hours=47))
    actions.reopen(ticket, by=rita, at=clock.now())
    move_clock(timedelta(hours=2))
    tasks.sweep()
    assert status(ticket) == "open"


@pytest.mark.parametrize("submit_as", [Status.SOLVED, Status.PENDING])
def test_do_not_close_keeps_both_moves_from_happening(
    rita: User, bo: User, move_clock: Move, submit_as: Status
) -> None:
    ticket = answered(rita, bo, submit_as)
    actions.set_do_not_close(ticket, by=bo, to=True, at=clock.now())
    move_clock(timedelta(days=30))
    tasks.sweep()
    assert status(ticket) == submit_as
    actions.set_do_not_close(ticket, by=bo, to=False, at=clock.now())
    tasks.sweep()
    assert happened(ticket) == (["closed"] if submit_as is Status.SOLVED else [])
    move_clock(timedelta(days=7))  # five business days: the customer is reminded once, by the later reminder
    tasks.sweep()
    tasks.sweep()
    assert happened(ticket) == (["closed"] if submit_as is Status.SOLVED else ["reminded"])


def happened(ticket: Ticket) -> list[str]:
    kinds = ["closed", "reminded", "gave_up_waiting"]
    return list(TicketEvent.objects.filter(ticket=ticket, kind__in=kinds).values_list("kind", flat=True))


def test_after_an_outage_nobody_gets_three_mails_at_once(rita: User, bo: User, move_clock: Move) -> None:
    ticket = answered(rita, bo, Status.PENDING)
    move_clock(timedelta(days=30))
    for _ in range(3):
        tasks.sweep()
    assert happened(ticket) == ["gave_up_waiting"]


def test_asking_again_while_pending_begins_the_wait_anew(rita: User, bo: User, move_clock: Move) -> None:
    ticket = answered(rita, bo, Status.PENDING)
    move_clock(timedelta(days=8))
    tasks.sweep()
    assert happened(ticket) == ["reminded"]
    actions.answer(ticket, by=bo, body="And which database?", submit_as=Status.PENDING, at=clock.now())
    move_clock(timedelta(days=2))
    tasks.sweep()
    assert happened(ticket) == ["reminded"]
    assert status(ticket) == "pending"


def test_pending_is_reminded_of_after_3_and_5_and_solved_after_7_business_days(
    rita: User, bo: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked on a Wednesday at 17:30 in Berlin: reminded on Monday and Wednesday, solved on Friday, at that hour."""
    berlin = ZoneInfo("Europe/Berlin")
    asked = datetime(2026, 11, 18, 17, 30, tzinfo=berlin)
    ticket = answered(rita, bo, Status.PENDING, at=asked)
    happened = _sweeping_hourly(ticket, asked, days=12, monkeypatch=monkeypatch)
    at = [(kind, when.astimezone(berlin).strftime("%a %d %H:%M")) for kind, when in happened]
    assert at == [
        ("reminded", "Mon 23 17:30"),
        ("reminded", "Wed 25 17:30"),
        ("gave_up_waiting", "Fri 27 17:30"),
        ("closed", "Sun 29 17:30"),
    ]


def test_weekends_are_the_customers(
    fabrikam: Organization, pia: User, bo: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Friday 23:00 UTC is Saturday morning in Sydney, so the first business day there is Monday."""
    sydney = ZoneInfo("Australia/Sydney")
    asked = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)
    ticket = answered(pia, bo, Status.PENDING, at=asked)
    kind, when = _sweeping_hourly(ticket, asked, days=7, monkeypatch=monkeypatch)[0]
    assert (kind, when.astimezone(sydney).strftime("%a %d %H:%M")) == ("reminded", "Thu 26 10:00")


def test_an_answer_stops_the_reminders_and_asking_again_counts_anew(
    rita: User, bo: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = datetime(2026, 11, 16, 9, 0, tzinfo=UTC)
    ticket = answered(rita, bo, Status.PENDING, at=asked)
    _sweeping_hourly(ticket, asked, days=3, monkeypatch=monkeypatch)
    actions.reply(ticket, by=rita, body="PostgreSQL 16", at=asked + timedelta(days=3, hours=1))
    assert _sweeping_hourly(ticket, asked + timedelta(days=4), days=20, monkeypatch=monkeypatch) == []
    again = datetime(2026, 12, 14, 9, 0, tzinfo=UTC)
    actions.answer(ticket, by=bo, body="And which version of it?", submit_as=Status.PENDING, at=again)
    happened = _sweeping_hourly(ticket, again, days=4, monkeypatch=monkeypatch)
    assert [when.day for _, when in happened] == [17]


def _sweeping_hourly(
    ticket: Ticket, start: datetime, *, days: int, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[str, datetime]]:
    """Sweep every half hour from `start` on; what the system did to the ticket."""
    for half_hours in range(days * 48 + 1):
        now = start + timedelta(minutes=30 * half_hours)
        monkeypatch.setattr(clock, "now", lambda now=now: now)
        tasks.sweep()
    events = TicketEvent.objects.filter(ticket=ticket, actor=None, at__gte=start).order_by("at", "pk")
    return list(events.exclude(kind__startswith="sla_").values_list("kind", "at"))


def test_a_bad_row_is_stepped_over(
    rita: User, bo: User, move_clock: Move, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = answered(rita, bo, Status.SOLVED), answered(rita, bo, Status.SOLVED)
    close = actions.close_solved

    def close_or_fail(number: int, *, now: datetime) -> bool:
        if number == bad.pk:
            raise ValueError("broken")
        return close(number, now=now)

    monkeypatch.setattr(actions, "close_solved", close_or_fail)
    move_clock(timedelta(hours=49))
    tasks.sweep()
    assert (status(bad), status(good)) == ("solved", "closed")
    assert f"#{bad.pk}" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_do_each_thing_once(rita: User, bo: User, move_clock: Move) -> None:
    solved = [answered(rita, bo, Status.SOLVED) for _ in range(6)]
    pending = [answered(rita, bo, Status.PENDING) for _ in range(6)]
    move_clock(timedelta(days=5, hours=2))  # three business days, whatever day it is, and not five
    faults = _both(tasks.sweep)
    assert faults == []
    assert {status(ticket) for ticket in solved} == {"closed"}
    assert TicketEvent.objects.filter(kind="closed").count() == len(solved)
    reminded = TicketEvent.objects.filter(kind="reminded").values_list("ticket", flat=True)
    assert sorted(reminded) == [ticket.pk for ticket in pending]


def _both(work: Callable[[], object]) -> list[Exception]:
    begin, faults = threading.Barrier(2), []

    def run() -> None:
        try:
            begin.wait()
            work()
        except Exception as fault:
            faults.append(fault)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


def test_uploads_that_were_never_sent_go_after_a_day(
    rita: User, move_clock: Move, django_capture_on_commit_callbacks: Any
) -> None:
    kept = actions.upload(rita, file=BytesIO(b"one"), name="sent.log", at=clock.now())
    factories.open_ticket(rita, uploads=[kept.pk])
    lost = actions.upload(rita, file=BytesIO(b"two"), name="lost.log", at=clock.now())
    move_clock(timedelta(hours=23))
    tasks.discard_stale_uploads()
    assert Attachment.objects.count() == 2
    move_clock(timedelta(hours=2))
    fresh = actions.upload(rita, file=BytesIO(b"three"), name="fresh.log", at=clock.now())
    with django_capture_on_commit_callbacks(execute=True):
        tasks.discard_stale_uploads()
    assert set(Attachment.objects.values_list("pk", flat=True)) == {kept.pk, fresh.pk}
    assert not lost.file.storage.exists(lost.file.name)
