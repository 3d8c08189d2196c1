"""Engines as real processes, killed around the call: counted is what the provider itself received (S096)."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from escalations.models import EscalationPolicy, PageDelivery
from supportdesk.lib import clock
from tests import factories
from tests.provider import ACCEPT, Provider
from tickets.models import Priority

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).resolve().parent.parent.parent
LEASE = 1  # second


@pytest.fixture
def number(policy: EscalationPolicy, only_by: Any, bo: Any, rita: Any) -> str:
    """bo's, who is to be paged for a ticket by text and by nothing else."""
    number = str(only_by(bo))
    factories.open_ticket(rita, priority=Priority.URGENT, at=clock.now())
    return number


def engine(provider: Provider, folder: Path, crash: str = "") -> int:
    """One pass of the standby; how it ended."""
    place = connection.settings_dict
    where = f"{place['HOST']}:{place['PORT']}" if place["PORT"] else place["HOST"]
    login = f"{place['USER']}:{place['PASSWORD']}" if place["PASSWORD"] else place["USER"]
    environment = {
        **os.environ,
        "DATABASE_URL": f"postgres://{login}@{where}/{place['NAME']}",
        "MAIL_DIR": str(folder / "mail"),
        "PAGING_LEASE_SECONDS": str(LEASE),
        "PAGING_CRASH_POINT": crash,
        "TWILIO_ACCOUNT_SID": "ACtest",
        "TWILIO_AUTH_TOKENS": "token",
        "TWILIO_FROM": "+15005550006",
        "TWILIO_API_URL": provider.url,
    }
    command = [sys.executable, "manage.py", "pager", "--once"]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def wait_for_lease() -> None:
    time.sleep(LEASE + 0.1)


def test_killed_before_the_call_the_text_goes_out_once(number: str, twilio: Provider, tmp_path: Path) -> None:
    twilio.expect(number)
    assert engine(twilio, tmp_path, "after_claim") == 137
    assert twilio.received == []
    wait_for_lease()
    assert engine(twilio, tmp_path) == 0
    assert [one.body.startswith("Repeat") for one in twilio.received] == [False]


@pytest.mark.parametrize("point", ["after_call", "before_record"])
def test_killed_after_the_call_it_is_repeated_once_and_marked(
    number: str, twilio: Provider, tmp_path: Path, point: str
) -> None:
    twilio.expect(number, ACCEPT, ACCEPT)
    assert engine(twilio, tmp_path, point) == 137
    wait_for_lease()
    assert engine(twilio, tmp_path) == 0
    assert engine(twilio, tmp_path) == 0
    first, repeat = twilio.received
    assert repeat.body == f"Repeat: {first.body}"
    assert repeat.message == first.message


def test_a_callback_spares_even_the_repeat(number: str, twilio: Provider, tmp_path: Path, twilio_calls: Any) -> None:
    twilio.expect(number, ACCEPT.then("delivered"))
    assert engine(twilio, tmp_path, "after_call") == 137
    twilio.call_back(twilio_calls)
    wait_for_lease()
    assert engine(twilio, tmp_path) == 0
    assert len(twilio.received) == 1
    assert PageDelivery.objects.get(contact__value=number).state == "delivered"
