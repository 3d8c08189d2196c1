"""Many customers are told at once: workers die half-way or work side by side, and each hears of it exactly once."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.db import connection

from accounts.models import User
from escalations.engineering import actions, progress, telling
from escalations.engineering.steps import Move
from escalations.models import CustomerNotice, Escalation, EscalationLink
from tests import factories
from tests.at_once import at_once
from tests.escalations.engineering.conftest import AT, MINUTE, brought_to
from tickets import notifications
from tickets.models import EventKind, Message, OutgoingMail, TicketEvent
from tickets.states import Status

pytestmark = pytest.mark.django_db(transaction=True)
ROOT = Path(__file__).resolve().parent.parent.parent.parent
TICKETS = 12
KILLED = 137
WORKER = """
import django
django.setup()
from escalations.engineering.tasks import tell_customers
tell_customers()
"""


@pytest.fixture
def release(record: Escalation, rita: User, sam: User, sven: User, ann: User) -> Escalation:
    """Just sent to the customers of 12 tickets, before any worker has seen it; one of them is held back."""
    for number in range(TICKETS - 2):
        ticket = factories.open_ticket((rita, sam)[number % 2], at=AT, subject=f"Logged out {number}")
        actions.add_ticket(record, ticket, by=ann, text="We look.", at=AT)
    brought_to(record, Move.RELEASE, by=sven, send=False)
    telling.tell_customers(now=AT + 9 * MINUTE)
    notice = CustomerNotice.objects.filter(update_of__step="released").earliest("pk")
    actions.hold_notice(notice, why="They asked to be called", by=ann, at=AT + 9 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 9 * MINUTE)
    return record


def worker(crash: str = "") -> "subprocess.Popen[bytes]":
    """A worker's task as a process of its own on this test's database."""
    where = connection.settings_dict
    host = f"{where['HOST']}:{where['PORT']}" if where["PORT"] else where["HOST"]
    login = f"{where['USER']}:{where['PASSWORD']}" if where["PASSWORD"] else where["USER"]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "supportdesk.settings",
        "DATABASE_URL": f"postgres://{login}@{host}/{where['NAME']}",
        "DESK_ENV": "test",
        "PAGING_CRASH_POINT": crash,
    }
    return subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=environment)


def told() -> Counter[int]:
    """How often each ticket's customer reads of the release."""
    rows = Message.objects.filter(body__contains="download now")
    return Counter(rows.values_list("ticket", flat=True))


def assert_each_was_told_once() -> None:
    assert set(told().values()) == {1}
    assert len(told()) == TICKETS - 1
    assert not CustomerNotice.objects.filter(next_attempt_at__isnull=False).exists()
    assert not EscalationLink.objects.active().exists()
    came_back = Counter(TicketEvent.objects.filter(kind=EventKind.CAME_BACK).values_list("ticket", flat=True))
    assert (len(came_back), set(came_back.values())) == (TICKETS, {1})
    statuses = EscalationLink.objects.values_list("ticket__status", flat=True)
    assert set(statuses) == {Status.OPEN.value}


@pytest.mark.parametrize("point", ["mid_notice:5", "after_notice:5"])
def test_killed_half_way_it_goes_on_and_tells_nobody_twice(release: Escalation, point: str) -> None:
    assert worker(point).wait(150) == KILLED
    assert 3 <= len(told()) <= 5
    assert worker().wait(150) == 0
    assert_each_was_told_once()


def test_killed_again_and_again_it_comes_to_its_end(release: Escalation) -> None:
    codes = [worker("after_notice:5").wait(150) for _ in range(3)]
    assert codes == [KILLED, KILLED, 0]
    assert_each_was_told_once()


def test_two_workers_at_once_tell_each_once(release: Escalation) -> None:
    workers = [worker(), worker()]
    assert [one.wait(150) for one in workers] == [0, 0]
    assert_each_was_told_once()


def test_threads_of_one_process_do_so_too(release: Escalation) -> None:
    done = at_once(*[lambda: telling.tell_customers(now=AT + 9 * MINUTE)] * 3)
    assert sum(done) == TICKETS
    assert_each_was_told_once()


def test_each_message_is_one_mail_to_its_own_customer(release: Escalation, rita: User, sam: User) -> None:
    telling.tell_customers(now=AT + 9 * MINUTE)
    notifications.notify(now=AT + 10 * MINUTE)
    mails = OutgoingMail.objects.filter(text__contains="download now", to_user__in=(rita, sam))
    assert Counter(mails.values_list("ticket", flat=True)) == told()
    for mail in mails.select_related("ticket", "to_user"):
        assert mail.ticket is not None
        assert mail.to_user_id == mail.ticket.requester_id
        other = "Contoso" if mail.to_user == rita else "Northwind"
        assert other not in mail.text
        assert release.reference not in mail.text


def test_progress_says_how_far_it_has_come(release: Escalation, sven: User) -> None:
    update = release.updates.get(step="released")
    before = progress.of([update], sven)[update.pk]
    assert (before.held, before.due) == (1, TICKETS - 1)
    assert worker("after_notice:5").wait(150) == KILLED
    halfway = progress.of([update], sven)[update.pk]
    assert halfway.sent + halfway.due == TICKETS - 1
    assert 3 <= halfway.sent <= 5
