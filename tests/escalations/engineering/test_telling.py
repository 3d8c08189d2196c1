"""What being told does to a ticket, and to nobody else's: who waits again, for whom, and who is left alone."""

from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from escalations.engineering import actions, telling
from escalations.engineering.steps import Move
from escalations.engineering.story import stories_of
from escalations.models import CustomerNotice, Escalation
from tests import factories
from tests.escalations.engineering.conftest import AT, MINUTE, TEXT, brought_to, problem
from tickets import actions as ticket_actions
from tickets.models import Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
LATER = AT + 30 * MINUTE
FAILED = {"reason": "It comes back."}


def ask(record: Escalation, *, by: User, of_customers: bool = True, send: bool = True) -> None:
    asked = {"question": "Which proxy?", "question_due_at": LATER + 600 * MINUTE, "asks_customer": of_customers}
    actions.take_step(record, Move.ASK, by=by, given=asked, at=LATER)
    if send:
        actions.send_update(record, by=by, at=LATER)
        telling.tell_customers(now=LATER)


def send(record: Escalation, *, by: User) -> None:
    actions.send_update(record, by=by, at=LATER)
    telling.tell_customers(now=LATER)


def status_of(ticket: Ticket) -> tuple[Status, str]:
    ticket.refresh_from_db()
    return ticket.state, ticket.hold_reason if ticket.state is Status.ON_HOLD else ""


def waits_for(record: Escalation) -> tuple[Status, str]:
    return Status.ON_HOLD, f"Engineering: {record.reference}"


def hold(record: Escalation, ticket: Ticket, *, by: User) -> None:
    notice = CustomerNotice.objects.get(update_of__escalation=record, link__ticket=ticket, state="owed")
    actions.hold_notice(notice, why="They are on leave.", by=by, at=LATER)


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


# --- Questions -----------------------------------------------------------------------------------------------------


@pytest.fixture
def toms(record: Escalation, tom: User, ann: User) -> Ticket:
    """Tom's, who joined the record by himself, and whom ann has asked something on her own."""
    ticket = factories.open_ticket(tom, at=AT)
    actions.join(record, ticket, by=tom, at=AT)
    ticket_actions.answer(ticket, by=ann, body="Which browser?", submit_as=Status.PENDING, at=AT + MINUTE)
    return ticket


def test_who_waits_for_an_agents_answer_goes_on_waiting_when_support_has_answered_engineering(
    record: Escalation, toms: Ticket, sven: User
) -> None:
    brought_to(record, Move.REVIEW, by=sven)
    ask(record, by=sven, of_customers=False, send=False)
    actions.take_step(record, Move.RESUME, by=sven, given={}, at=LATER)
    assert status_of(toms)[0] is Status.PENDING


def test_who_was_asked_by_engineering_waits_again_and_who_was_not_goes_on_waiting_for_their_agent(
    record: Escalation, ritas: Ticket, toms: Ticket, ann: User, sven: User
) -> None:
    brought_to(record, Move.REVIEW, by=sven)
    ask(record, by=sven, send=False)
    hold(record, toms, by=ann)
    send(record, by=sven)
    assert status_of(ritas)[0] is status_of(toms)[0] is Status.PENDING
    actions.take_step(record, Move.RESUME, by=sven, given={}, at=LATER)
    assert status_of(ritas) == waits_for(record)
    assert status_of(toms)[0] is Status.PENDING


def test_a_former_question_is_not_this_one(record: Escalation, toms: Ticket, ann: User, tom: User, sven: User) -> None:
    brought_to(record, Move.REVIEW, by=sven)
    ask(record, by=sven)
    actions.take_step(record, Move.RESUME, by=sven, given={}, at=LATER)
    toms.refresh_from_db()
    ticket_actions.mark_solved(toms, by=tom, at=LATER)
    ticket_actions.answer(toms, by=ann, body="Sure?", submit_as=Status.PENDING, at=LATER)
    ask(record, by=sven, of_customers=False, send=False)
    actions.take_step(record, Move.RESUME, by=sven, given={}, at=LATER)
    assert status_of(toms)[0] is Status.PENDING


def test_who_answers_waits_for_the_same_again(
    record: Escalation, ritas: Ticket, toms: Ticket, ann: User, sven: User, client_of: Callable[[User], Client]
) -> None:
    brought_to(record, Move.REVIEW, by=sven)
    ask(record, by=sven)
    for ticket in (ritas, toms):
        ticket_actions.reply(ticket, by=ticket.requester, body="nginx", at=LATER)
        assert status_of(ticket) == waits_for(record)
    page = client_of(ann).get(ritas.desk_url).content.decode()
    assert f"On hold: Engineering: {record.reference}" in page


def test_given_back_it_waits_for_nothing(record: Escalation, ritas: Ticket, rita: User, sven: User) -> None:
    brought_to(record, Move.REVIEW, by=sven)
    ask(record, by=sven)
    actions.take_step(record, Move.WITHDRAW, by=sven, given={"reason": "No."}, at=LATER)
    send(record, by=sven)
    ritas.refresh_from_db()
    assert (ritas.state, ritas.hold_reason) == (Status.OPEN, "")


# --- After a fix that failed ---------------------------------------------------------------------------------------


def test_a_ticket_that_is_in_another_record_by_now_is_told_and_left_alone(
    record: Escalation, ritas: Ticket, sams: Ticket, ann: User, sven: User
) -> None:
    brought_to(record, Move.RELEASE, by=sven)
    telling.tell_customers(now=LATER)
    ritas.refresh_from_db()
    second = actions.request_escalation(ritas, problem(), by=ann, text=TEXT, at=LATER)
    actions.take_step(record, Move.FAIL, by=sven, given=FAILED, at=LATER)
    send(record, by=sven)
    assert status_of(ritas) == waits_for(second)
    ask(record, by=sven)
    assert ritas.messages.filter(body__contains="Which proxy?").count() == 1
    assert status_of(ritas) == waits_for(second)
    assert status_of(sams)[0] is Status.PENDING


def test_who_was_held_back_throughout_waits_again_at_once(
    record: Escalation, ritas: Ticket, sams: Ticket, ann: User, sven: User
) -> None:
    brought_to(record, Move.TEST, by=sven, send=False)
    hold(record, sams, by=ann)
    actions.send_update(record, by=sven, at=LATER)
    actions.take_step(record, Move.RELEASE, by=sven, given={"version": "9.11.2"}, at=LATER)
    hold(record, sams, by=ann)
    send(record, by=sven)
    assert status_of(ritas)[0] is status_of(sams)[0] is Status.OPEN
    seen_at = sams.public_updated_at
    actions.take_step(record, Move.FAIL, by=sven, given=FAILED, at=LATER)
    assert status_of(ritas)[0] is Status.OPEN, "until it is told"
    assert status_of(sams) == waits_for(record)
    assert sams.public_updated_at == seen_at, "the customer is not to notice"
    send(record, by=sven)
    assert status_of(ritas) == waits_for(record)


def test_who_is_not_to_hear_that_it_failed_waits_again_as_the_others_hear_it(
    record: Escalation, ritas: Ticket, ann: User, sven: User
) -> None:
    brought_to(record, Move.RELEASE, by=sven)
    telling.tell_customers(now=LATER)
    actions.take_step(record, Move.FAIL, by=sven, given=FAILED, at=LATER)
    hold(record, ritas, by=ann)
    send(record, by=sven)
    assert status_of(ritas) == waits_for(record)
    assert not ritas.messages.filter(body__contains="did not hold").exists()


def test_who_owes_their_agent_an_answer_goes_on_waiting(
    record: Escalation, sams: Ticket, ann: User, sven: User
) -> None:
    brought_to(record, Move.TEST, by=sven, send=False)
    hold(record, sams, by=ann)
    actions.send_update(record, by=sven, at=LATER)
    actions.take_step(record, Move.RELEASE, by=sven, given={"version": "9.11.2"}, at=LATER)
    hold(record, sams, by=ann)
    send(record, by=sven)
    sams.refresh_from_db()
    ticket_actions.answer(sams, by=ann, body="Which browser?", submit_as=Status.PENDING, at=LATER)
    actions.take_step(record, Move.FAIL, by=sven, given=FAILED, at=LATER)
    assert status_of(sams)[0] is Status.PENDING


# --- Withdrawn -----------------------------------------------------------------------------------------------------


def test_who_joined_by_themselves_is_told_that_engineering_looks_no_more(
    record: Escalation, tom: User, ann: User, sven: User
) -> None:
    ticket = factories.open_ticket(tom, at=AT)
    actions.join(record, ticket, by=tom, at=AT)
    assert not stories_of([ticket])[ticket.pk][0].is_over
    actions.take_step(record, Move.WITHDRAW, by=sven, given={"reason": "No."}, at=LATER)
    send(record, by=sven)
    assert ticket.messages.filter(body__contains="don't pursue this any further").count() == 1
    assert stories_of([ticket])[ticket.pk][0].is_over
    ticket.refresh_from_db()
    assert not ticket.is_escalated
