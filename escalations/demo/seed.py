"""The whole of the demo's data, in one transaction: all of it is there, or nothing."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F

from accounts import defaults as account_defaults
from accounts.models import User
from escalations.demo import cast, letters, plot, records
from escalations.demo.play import Play, ring
from escalations.engineering import defaults as engineering_defaults
from supportdesk.lib import queue
from tickets import defaults as ticket_defaults
from tickets.models import Ticket, TicketEvent

FIRST_NUMBER = 4600
_BEFORE_THE_FIRST = timedelta(days=90)


def is_there() -> bool:
    return User.objects.filter(email="rita@northwind.example").exists()


@transaction.atomic
def load(now: datetime) -> None:
    """People, sixty days of requests, and one that rings `now`. Who was told of the past has been told."""
    account_defaults.load()
    ticket_defaults.load(at=now - _BEFORE_THE_FIRST)
    engineering_defaults.load(at=now - _BEFORE_THE_FIRST)
    if not Ticket.objects.exists():
        _start_numbers_at(FIRST_NUMBER)
    play = Play(cast.make(now), now)
    with queue.asleep():
        cases = plot.cases(now)
        records.plan(cases, now)
        play.perform(cases)
        records.settle(now)
        letters.load(now)
    TicketEvent.objects.filter(notified_at=None).update(notified_at=F("at"))
    ring(play)


def _start_numbers_at(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval(pg_get_serial_sequence('tickets_ticket', 'id'), %s, false)", [number])
