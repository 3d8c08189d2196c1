"""A desk with promises in every state."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tickets import actions
from tickets.models import Priority, Ticket
from tickets.sla import sweep
from tickets.states import Status


@pytest.fixture
def admin(client_of: Callable[[User], Client], ada: User) -> Client:
    return client_of(ada)


@pytest.fixture
def desk(rita: User, sam: User, ann: User) -> list[Ticket]:
    """Nine open requests of two plans and a solved one: waiting, answered, asked again, pending, broken."""
    now = clock.now()

    def ago(minutes: float) -> timedelta:
        return now - timedelta(minutes=minutes)

    found = [
        factories.open_ticket(rita, at=ago(40), priority=Priority.URGENT),
        factories.open_ticket(rita, at=ago(20), priority=Priority.URGENT),
        factories.open_ticket(rita, at=ago(200), priority=Priority.URGENT),
        factories.open_ticket(rita, at=ago(100), priority=Priority.HIGH),
        factories.open_ticket(rita, at=ago(300), priority=Priority.NORMAL),
        factories.open_ticket(sam, at=ago(50), priority=Priority.URGENT),
    ]
    for minutes, submit_as in ((120, Status.OPEN), (110, Status.PENDING), (105, Status.SOLVED)):
        ticket = factories.open_ticket(rita, at=ago(minutes), priority=Priority.URGENT)
        actions.answer(ticket, by=ann, body="We look.", submit_as=submit_as, at=ago(minutes - 10))
        found.append(ticket)
    asked = factories.open_ticket(rita, at=ago(90), priority=Priority.HIGH)
    actions.answer(asked, by=ann, body="Which version?", submit_as=Status.PENDING, at=ago(80))
    actions.reply(asked, by=rita, body="Ten.", at=ago(70))
    sweep.act(now=now)
    return [*found, asked]


@pytest.fixture
def no_difference() -> Callable[[], None]:
    """What is kept follows from the events: the command exits with an error otherwise."""

    def check() -> None:
        said = StringIO()
        try:
            call_command("rebuild_clocks", "--check", stdout=said)
        except Exception:
            raise AssertionError(said.getvalue()) from None

    return check
