"""What being told does to a ticket, and to nobody else's: who waits again, for whom, and who is left alone."""

import pytest

from accounts.models import User
from escalations.engineering import actions, telling
from escalations.engineering.steps import Move
from escalations.models import CustomerNotice, Escalation
from tests.escalations.engineering.conftest import AT, MINUTE, brought_to
from tickets.models import Ticket

pytestmark = pytest.mark.django_db
LATER = AT + 30 * MINUTE


# --- What fails ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempts", [41, 1000, 32767])
def test_what_failed_for_ever_so_long_keeps_nobody_else_from_hearing(
    record: Escalation, ritas: Ticket, sams: Ticket, sven: User, attempts: int
) -> None:
    brought_to(record, Move.CONFIRM, by=sven)
    stuck = CustomerNotice.objects.filter(link__ticket=ritas, state="due")
    stuck.update(own_text="{{upgrade}}", attempts=attempts)  # which comes out empty; the last can't be counted on
    assert telling.tell_customers(now=LATER) == 1
    assert sams.messages.filter(body__contains="confirmed this as a fault").count() == 1
    assert stuck.count() == 1


def test_what_fails_is_tried_again_after_growing_pauses_of_six_hours_at_most(
    record: Escalation, ritas: Ticket, sven: User
) -> None:
    brought_to(record, Move.CONFIRM, by=sven)
    stuck = CustomerNotice.objects.filter(link__ticket=ritas, state="due")
    stuck.update(own_text="{{upgrade}}")
    pauses, now = [], LATER
    for _ in range(12):
        telling.tell_customers(now=now)
        again = stuck.get().next_attempt_at
        assert again is not None
        pauses.append((again - now) // MINUTE)
        now = again
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360, 360]
