"""Workers are killed while they read, and read the same mail at once: each mail comes to exactly one result."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now

from accounts.models import User
from tests.at_once import at_once
from tests.tickets.mail.letters import FORGED, letter, put
from tickets.mail import receive
from tickets.models import IncomingMail, MailState, Message, Ticket

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parent.parent.parent.parent
MAILS = 30
READER = "import django; django.setup(); from tickets.mail.receive import receive_due; receive_due()"


@pytest.fixture
def environment(settings: Any) -> dict[str, str]:
    """That of a worker on this test's database and its files."""
    database = connection.settings_dict
    where = f"{database['HOST']}:{database['PORT']}" if database["PORT"] else database["HOST"]
    login = f"{database['USER']}:{database['PASSWORD']}" if database["PASSWORD"] else database["USER"]
    return {
        **os.environ,
        "DATABASE_URL": f"postgres://{login}@{where}/{database['NAME']}",
        "DESK_ENV": "test",
        "DJANGO_SETTINGS_MODULE": "supportdesk.settings",
        "ATTACHMENT_DIR": str(settings.ATTACHMENT_DIR),
        "MAIL_PER_SENDER_AN_HOUR": "1000",
    }


def start(environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", READER], cwd=ROOT, env=environment)


def release() -> None:
    """What time does anyway: the claims of the dead run out."""
    IncomingMail.objects.filter(state=MailState.WAITING).update(next_attempt_at=Now())


def waiting() -> int:
    return IncomingMail.objects.filter(state=MailState.WAITING).count()


def test_killed_while_reading_no_mail_is_lost_or_done_twice(rita: User, environment: dict[str, str]) -> None:
    for number in range(MAILS):
        put(letter(rita.email, f"Number {number}").as_bytes(), sender=rita.email)
    chance, killed = random.Random(26), 0
    for _ in range(3):
        before, worker = waiting(), start(environment)
        # It is killed somewhere within its next few mails: while it parses, acts, or commits.
        until = time.monotonic() + 60
        while waiting() > before - 3 and worker.poll() is None and time.monotonic() < until:
            worker.poll()
        for _ in range(chance.randrange(2000)):
            worker.poll()
        worker.send_signal(signal.SIGKILL)
        killed += worker.wait() == -signal.SIGKILL
        release()
    assert killed == 3
    assert waiting() > 0
    assert start(environment).wait(120) == 0
    assert IncomingMail.objects.filter(state=MailState.TICKET).count() == MAILS
    assert Ticket.objects.count() == Message.objects.count() == MAILS
    assert {message.body for message in Message.objects.all()} == {f"Number {number}" for number in range(MAILS)}


def test_s022_two_workers_with_the_same_mail_make_one_request(rita: User) -> None:
    mail = put(letter(rita.email).as_bytes(), sender=rita.email)

    def read_it_too() -> bool:
        """As somebody whose claim ran out while they still read."""
        return receive._read(IncomingMail.objects.get(pk=mail.pk))

    assert sorted(at_once(read_it_too, read_it_too, read_it_too)) == [False, False, True]
    assert Ticket.objects.count() == Message.objects.count() == 1


def test_two_leads_who_sort_the_same_mail_sort_it_once(rita: User, lea: User, ada: User) -> None:
    mail = put(letter(rita.email).as_bytes(), sender=rita.email, verdict=FORGED)
    receive.receive_due()
    mail.refresh_from_db()
    assert mail.state == MailState.QUARANTINED
    results = at_once(*(lambda by=by: receive.recover(mail, by=by, at=mail.received_at) for by in (lea, ada)))
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "IncomingMail"]
    assert Ticket.objects.count() == 1
