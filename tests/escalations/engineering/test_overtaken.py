"""What was to be told and is no longer true: nobody hears it, and no ticket is left waiting for it."""

import pytest

from accounts.models import User
from escalations.engineering import actions, telling
from escalations.engineering.actions.links import said_last
from escalations.engineering.steps import Move, Step
from escalations.models import CustomerNotice, Escalation
from supportdesk.lib.errors import Conflict, Invalid
from tests import factories
from tests.escalations.engineering.conftest import AT, MINUTE, TEXT, brought_to
from tickets import actions as ticket_actions
from tickets.models import EventKind, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ASKED = {"question": "Which proxy?", "question_due_at": AT + 600 * MINUTE, "asks_customer": True}


@pytest.fixture
def asking(record: Escalation, sven: User) -> Escalation:
    """`record`, whose customers have just been asked something; nobody has brought it into the tickets yet."""
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    actions.take_step(record, Move.ASK, by=sven, given=ASKED, at=AT + 2 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 3 * MINUTE)
    record.refresh_from_db()
    return record


def test_going_on_without_the_answer_puts_what_waits_on_hold_again(
    asking: Escalation, ritas: Ticket, sams: Ticket, sam: User, sven: User
) -> None:
    telling.tell_customers(now=AT + 3 * MINUTE)
    ticket_actions.reply(sams, by=sam, body="nginx", at=AT + 4 * MINUTE)
    actions.take_step(asking, Move.RESUME, by=sven, given={}, at=AT + 5 * MINUTE)
    for ticket in (ritas, sams):
        ticket.refresh_from_db()
        assert (ticket.state, ticket.is_escalated, ticket.pending_due_at) == (Status.ON_HOLD, True, None)
    assert [event.to_status for event in ritas.events.filter(kind=EventKind.HELD)] == ["on_hold"]
    assert not sams.events.filter(kind=EventKind.HELD).exists()


def test_who_was_not_asked_yet_is_not_asked_after_the_record_went_on(
    asking: Escalation, ritas: Ticket, sven: User
) -> None:
    actions.take_step(asking, Move.RESUME, by=sven, given={}, at=AT + 5 * MINUTE)
    assert telling.tell_customers(now=AT + 6 * MINUTE) == 0
    ritas.refresh_from_db()
    assert ritas.state is Status.ON_HOLD
    assert not ritas.messages.filter(body__contains="Which proxy?").exists()


def test_what_was_held_back_is_not_told_once_the_customer_has_heard_more(
    record: Escalation, ritas: Ticket, ann: User, sven: User
) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    notice = CustomerNotice.objects.get(link__ticket=ritas, update_of__step="confirmed")
    actions.hold_notice(notice, why="Wait", by=ann, at=AT + 5 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 5 * MINUTE)
    actions.take_step(record, Move.PLAN, by=sven, given={"plan": "Mend it"}, at=AT + 6 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 7 * MINUTE)
    telling.tell_customers(now=AT + 8 * MINUTE)
    with pytest.raises(Conflict) as refusal:
        actions.release_notice(notice, by=ann, at=AT + 9 * MINUTE)
    assert refusal.value.code == "told_more"


def test_a_failed_fix_that_nobody_owns_is_whose_who_says_so(record: Escalation, lea: User, sven: User) -> None:
    brought_to(record, Move.RELEASE, by=sven)
    actions.give_to(record, owner=None, backup=None, by=sven, at=AT + 9 * MINUTE)
    actions.take_step(record, Move.FAIL, by=lea, given={"reason": "It is back"}, at=AT + 10 * MINUTE)
    record.refresh_from_db()
    assert record.owner == lea


def test_a_newcomer_after_a_failed_fix_hears_of_no_fix(record: Escalation, rita: User, ann: User, sven: User) -> None:
    brought_to(record, Move.RELEASE, by=sven)
    telling.tell_customers(now=AT + 9 * MINUTE)
    actions.take_step(record, Move.FAIL, by=sven, given={"reason": "It is back"}, at=AT + 10 * MINUTE)
    newcomer = factories.open_ticket(rita, at=AT + 10 * MINUTE)
    link = actions.add_ticket(record, newcomer, by=ann, text=TEXT, at=AT + 11 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 12 * MINUTE)
    telling.tell_customers(now=AT + 13 * MINUTE)
    said = said_last(record)
    assert said is not None
    assert said.at_step is Step.CONFIRMED
    assert [notice.update_of for notice in link.notices.all()] == [said]
    assert not newcomer.messages.filter(body__contains="did not hold").exists()


@pytest.mark.parametrize(("own", "what"), [("{{upgrade}}", "empty"), ("x" * 65300 + "{{subject}}" * 20, "too long")])
def test_a_message_that_cant_be_written_is_refused_while_it_can_be_mended(
    record: Escalation, ritas: Ticket, sven: User, own: str, what: str
) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    notice = CustomerNotice.objects.get(link__ticket=ritas, update_of__step="confirmed")
    actions.change_notice(notice, text=own, by=sven, at=AT + 5 * MINUTE)
    with pytest.raises(Invalid) as refusal:
        actions.send_update(record, by=sven, at=AT + 6 * MINUTE)
    assert f"#{ritas.number} is {what}" in refusal.value.sentence
    record.refresh_from_db()
    assert record.owes_update


def test_what_could_not_be_told_can_be_held_and_its_ticket_comes_back(
    record: Escalation, ritas: Ticket, ann: User, sven: User
) -> None:
    brought_to(record, Move.RELEASE, by=sven)
    stuck = CustomerNotice.objects.filter(link__ticket=ritas, update_of__step="released")
    stuck.update(last_error="OperationalError", attempts=3, next_attempt_at=AT + 600 * MINUTE)
    actions.hold_notice(stuck.get(), why="Told by phone", by=ann, at=AT + 9 * MINUTE)
    telling.tell_customers(now=AT + 10 * MINUTE)
    ritas.refresh_from_db()
    assert (ritas.state, ritas.is_escalated) == (Status.OPEN, False)
    assert not ritas.messages.filter(body__contains="download now").exists()
