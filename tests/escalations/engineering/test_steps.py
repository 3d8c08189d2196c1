"""A record's way from requested to released, and what it owes at each step."""

from typing import Any

import pytest

from accounts.models import User
from escalations.engineering import actions, telling
from escalations.engineering.steps import MOVES, Move, Step, target
from escalations.models import CustomerNotice, Escalation, EscalationLink
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests.escalations.engineering.conftest import AT, GIVEN, MINUTE, TEXT, brought_to, problem, pull_request
from tickets import actions as ticket_actions
from tickets.models import EventKind, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db

R, U, N, C, P, T, L, B, W = Step
# The table of the domain description, typed from it and not computed from `steps.MOVES`.
TABLE: dict[Move, dict[Step, Step]] = {
    Move.REVIEW: {R: U},
    Move.ASK: {U: N, C: N, P: N, T: N},
    Move.RESUME: {N: C},
    Move.RETURN: {U: B},
    Move.CONFIRM: {U: C},
    Move.PLAN: {C: P},
    Move.TEST: {P: T},
    Move.RELEASE: {T: L},
    Move.FAIL: {T: C, L: C},
    Move.WITHDRAW: dict.fromkeys((R, U, N, C, P, T), W),
}


def test_every_cell_of_the_table_of_steps() -> None:
    found = {move: {step: target(move, step, asked_from=C) for step in Step} for move in MOVES}
    assert {move: {a: b for a, b in row.items() if b} for move, row in found.items()} == TABLE


def test_escalating_puts_on_hold_takes_and_tells(record: Escalation, ritas: Ticket, ann: User) -> None:
    ritas.refresh_from_db()
    assert (ritas.state, ritas.assignee, ritas.is_escalated) == (Status.ON_HOLD, ann, True)
    told = ritas.messages.order_by("pk").last()
    assert told is not None
    assert told.body == f"Hello Rita, our engineers look into #{ritas.number}."
    assert told.is_public
    assert told.author == ann


def test_from_request_to_release_each_customer_is_told_once_a_step(
    record: Escalation, ritas: Ticket, sams: Ticket, sven: User
) -> None:
    brought_to(record, Move.RELEASE, by=sven)
    assert telling.tell_customers(now=AT + 9 * MINUTE) == 8
    assert telling.tell_customers(now=AT + 9 * MINUTE) == 0
    for ticket in (ritas, sams):
        ticket.refresh_from_db()
        texts = list(ticket.messages.filter(author=sven).order_by("pk").values_list("body", flat=True))
        assert [("confirmed" in text, "at it" in text, "tests" in text, "download now" in text) for text in texts] == [
            (True, False, False, False),
            (False, True, False, False),
            (False, False, True, False),
            (False, False, False, True),
        ]
        assert ticket.state is Status.OPEN
        assert not ticket.is_escalated
        assert ticket.events.filter(kind=EventKind.CAME_BACK).count() == 1
    last = ritas.messages.order_by("pk").last()
    assert last is not None
    assert "You told us that you run 9.5.1: upgrade to 9.11.2 or later" in last.body


def test_a_step_that_owes_an_update_cant_be_left_without_it(record: Escalation, sven: User) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    with pytest.raises(Conflict) as refusal:
        actions.take_step(record, Move.PLAN, by=sven, given=GIVEN[Move.PLAN], at=AT + 9 * MINUTE)
    assert refusal.value.code == "update_owed"
    assert "not told that it is confirmed" in refusal.value.sentence
    record.refresh_from_db()
    assert record.at_step is C


def test_who_is_held_back_is_not_told_and_may_be_told_later(
    record: Escalation, ritas: Ticket, sams: Ticket, sven: User, ann: User
) -> None:
    brought_to(record, Move.RELEASE, by=sven, send=False)
    notice = CustomerNotice.objects.get(link__ticket=sams, update_of__step="released")
    actions.hold_notice(notice, why="They asked to be called", by=ann, at=AT + 8 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 9 * MINUTE)
    telling.tell_customers(now=AT + 9 * MINUTE)
    sams.refresh_from_db()
    assert not sams.messages.filter(body__contains="download now").exists()
    assert sams.state is Status.OPEN  # for ann to call
    actions.release_notice(notice, by=ann, at=AT + 20 * MINUTE)
    telling.tell_customers(now=AT + 20 * MINUTE)
    assert sams.messages.filter(body__contains="download now", author=ann).count() == 1


def test_a_ticket_solved_by_its_customer_is_told_and_stays_solved(
    record: Escalation, ritas: Ticket, rita: User, sven: User
) -> None:
    ticket_actions.mark_solved(ritas, by=rita, at=AT + MINUTE)
    brought_to(record, Move.RELEASE, by=sven, at=AT + MINUTE)
    telling.tell_customers(now=AT + 9 * MINUTE)
    ritas.refresh_from_db()
    assert ritas.state is Status.SOLVED
    assert ritas.messages.filter(body__contains="download now").count() == 1


def test_a_ticket_has_one_active_escalation(record: Escalation, ritas: Ticket, ann: User) -> None:
    with pytest.raises(Conflict) as refusal:
        actions.request_escalation(ritas, problem(), by=ann, text=TEXT, at=AT)
    assert refusal.value.code == "escalated_already"
    assert record.reference in refusal.value.sentence


def test_a_question_to_the_customer_waits_for_them_and_goes_on_hold_again(
    record: Escalation, ritas: Ticket, rita: User, sven: User
) -> None:
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    question = {"question": "Which proxy?", "question_due_at": AT + 60 * MINUTE, "asks_customer": True}
    actions.take_step(record, Move.ASK, by=sven, given=question, at=AT + 2 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 3 * MINUTE)
    telling.tell_customers(now=AT + 3 * MINUTE)
    ritas.refresh_from_db()
    assert ritas.state is Status.PENDING
    ticket_actions.reply(ritas, by=rita, body="nginx", at=AT + 5 * MINUTE)
    ritas.refresh_from_db()
    assert ritas.state is Status.ON_HOLD
    actions.take_step(record, Move.RESUME, by=sven, given={}, at=AT + 6 * MINUTE)
    record.refresh_from_db()
    assert record.at_step is U


def test_returned_goes_back_to_open_with_the_answer(record: Escalation, ritas: Ticket, sven: User) -> None:
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    actions.take_step(record, Move.RETURN, by=sven, given={"answer": "Raise the limit."}, at=AT + 2 * MINUTE)
    ritas.refresh_from_db()
    assert ritas.state is Status.ON_HOLD  # until its customer is told
    actions.send_update(record, by=sven, at=AT + 3 * MINUTE)
    telling.tell_customers(now=AT + 3 * MINUTE)
    ritas.refresh_from_db()
    assert ritas.state is Status.OPEN
    assert ritas.messages.filter(body__contains="Raise the limit.").count() == 1
    assert not EscalationLink.objects.active().exists()


def test_after_a_failed_fix_those_who_were_told_are_told_and_wait_again(
    record: Escalation, ritas: Ticket, sams: Ticket, sven: User
) -> None:
    brought_to(record, Move.RELEASE, by=sven)
    telling.tell_customers(now=AT + 9 * MINUTE)
    actions.take_step(record, Move.FAIL, by=sven, given={"reason": "It comes back."}, at=AT + 20 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 21 * MINUTE)
    telling.tell_customers(now=AT + 21 * MINUTE)
    for ticket in (ritas, sams):
        ticket.refresh_from_db()
        assert ticket.state is Status.ON_HOLD
        assert ticket.is_escalated
        assert ticket.messages.filter(body__contains="did not hold").count() == 1
    record.refresh_from_db()
    assert (record.at_step, record.fixed_version, record.ended_at) == (C, "", None)


def test_who_may_move(record: Escalation, ann: User, pat: User, rita: User, lea: User) -> None:
    for person in (ann, pat, rita):
        with pytest.raises(NotAllowed):
            actions.take_step(record, Move.REVIEW, by=person, given={}, at=AT + MINUTE)
    actions.take_step(record, Move.REVIEW, by=lea, given={}, at=AT + MINUTE)


def test_the_second_of_two_engineers_is_told(record: Escalation, sven: User, lea: User) -> None:
    seen = record.version
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + MINUTE, seen_version=seen)
    with pytest.raises(Conflict) as refusal:
        actions.take_step(record, Move.REVIEW, by=lea, given={}, at=AT + MINUTE, seen_version=seen)
    assert refusal.value.code == "changed_meanwhile"
    assert "Sven" in refusal.value.sentence


@pytest.mark.parametrize(
    ("last", "what", "given", "field"),
    [
        (Move.REVIEW, Move.ASK, {"question": "", "question_due_at": AT + 99 * MINUTE}, "question"),
        (Move.REVIEW, Move.ASK, {"question": "Which?"}, "question_due_at"),
        (Move.REVIEW, Move.RETURN, {}, "answer"),
        (Move.REVIEW, Move.CONFIRM, {"teams": ["marketing"]}, "teams"),
        (Move.CONFIRM, Move.PLAN, {"plan": " "}, "plan"),
        (Move.PLAN, Move.TEST, {"evidence": ""}, "evidence"),
        (Move.TEST, Move.RELEASE, {"version": ""}, "version"),
        (Move.TEST, Move.FAIL, {}, "reason"),
        (Move.CONFIRM, Move.WITHDRAW, {}, "reason"),
        (Move.TEST, Move.RELEASE, {"version": "9.1", "text": "{{secret}}"}, "text"),
    ],
)
def test_what_a_move_demands(
    record: Escalation, sven: User, last: Move, what: Move, given: dict[str, Any], field: str
) -> None:
    brought_to(record, last, by=sven)
    with pytest.raises(Invalid) as refusal:
        actions.take_step(record, what, by=sven, given=given, at=AT + 9 * MINUTE)
    assert refusal.value.field == field


def test_a_fix_is_tested_only_with_a_pull_request(record: Escalation, sven: User) -> None:
    request = pull_request(record, sven)
    brought_to(record, Move.PLAN, by=sven)
    request.unlinked_at = AT
    request.save(update_fields=["unlinked_at"])
    with pytest.raises(Invalid) as refusal:
        actions.take_step(record, Move.TEST, by=sven, given=GIVEN[Move.TEST], at=AT + 9 * MINUTE)
    assert refusal.value.field == "pull_request"


def test_taken_out_it_goes_back_to_its_agent_and_hears_no_more(
    record: Escalation, sams: Ticket, ann: User, sven: User
) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    actions.unlink(EscalationLink.objects.get(ticket=sams), by=ann, at=AT + 5 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 6 * MINUTE)
    telling.tell_customers(now=AT + 6 * MINUTE)
    sams.refresh_from_db()
    assert sams.state is Status.OPEN
    assert not sams.messages.filter(author=sven).exists()
