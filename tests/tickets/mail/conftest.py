"""A request that has been answered, its mails written."""

import pytest

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tickets import actions, notifications
from tickets.models import (
    Ticket,
)
from tickets.states import Status


@pytest.fixture
def ticket(rita: User, bo: User) -> Ticket:
    """rita's request, answered by bo, the mails of both written."""
    ticket = factories.open_ticket(rita)
    actions.answer(ticket, by=bo, body="Which version is it?", submit_as=Status.PENDING, at=clock.now())
    notifications.notify(now=clock.now())
    ticket.refresh_from_db()
    return ticket
