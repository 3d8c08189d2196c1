"""What somebody decided about a customer outlives merging and its undoing: holds, words of their own, what is news."""

from typing import Any

import pytest

from accounts.models import User
from escalations.engineering import actions, telling
from escalations.engineering.steps import Move
from escalations.models import CustomerNotice, Escalation, EscalationLink
from tests.escalations.engineering.conftest import AT, MINUTE, brought_to
from tickets.models import Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
LATER = AT + 30 * MINUTE
ON_LEAVE = "They are on leave."
OWN = "Pia, it is a fault of ours."


@pytest.fixture
def link(other: Escalation, pias: Ticket) -> EscalationLink:
    """Of pia's ticket, wherever it goes."""
    return EscalationLink.objects.get(ticket=pias)


def waiting(link: EscalationLink, state: str = "owed") -> CustomerNotice:
    return CustomerNotice.objects.get(link=link, state=state)


def hold(link: EscalationLink, *, by: User, why: str = ON_LEAVE) -> None:
    actions.hold_notice(waiting(link), why=why, by=by, at=LATER)


def held(link: EscalationLink) -> list[tuple[int, str, str]]:
    """What is held back: by which record's key, of which step, and why."""
    rows = link.notices.filter(state="held").order_by("pk").select_related("update_of")
    return [(row.update_of.escalation_id, row.update_of.step, row.held_why) for row in rows]


def said(ticket: Ticket) -> list[str]:
    return list(ticket.messages.filter(author__name="Sven").order_by("pk").values_list("body", flat=True))


def send(record: Escalation, *, by: User) -> None:
    actions.send_update(record, by=by, at=LATER)
    telling.tell_customers(now=LATER)


def ask(record: Escalation, *, by: User) -> None:
    asked: dict[str, Any] = {"question": "Which proxy?", "question_due_at": LATER + 600 * MINUTE}
    actions.take_step(record, Move.ASK, by=by, given={**asked, "asks_customer": True}, at=LATER)


@pytest.mark.parametrize("at", [Move.CONFIRM, Move.PLAN])
def test_who_is_held_back_stays_so_there_and_back(
    record: Escalation, other: Escalation, link: EscalationLink, pias: Ticket, ann: User, sven: User, at: Move
) -> None:
    brought_to(other, Move.CONFIRM, by=sven, send=False)
    brought_to(record, at, by=sven, send=False)
    hold(link, by=ann)
    merged = actions.merge(other, record, by=sven, at=LATER)
    record.refresh_from_db()
    assert held(link) == [(record.pk, record.step, ON_LEAVE)]
    assert waiting(link, "held").held_by == ann
    send(record, by=sven)
    assert said(pias) == []
    actions.unmerge(merged, by=sven, at=LATER)
    assert held(link) == [(other.pk, "confirmed", ON_LEAVE)]
    send(other, by=sven)
    assert said(pias) == []
    actions.merge(other, record, by=sven, at=LATER)
    assert held(link) == [(record.pk, record.step, ON_LEAVE)]


def test_words_of_their_own_are_kept_where_the_step_is_the_same(
    record: Escalation, other: Escalation, link: EscalationLink, pias: Ticket, ann: User, sven: User
) -> None:
    for one in (record, other):
        brought_to(one, Move.CONFIRM, by=sven, send=False)
    actions.change_notice(waiting(link), text=OWN, by=ann, at=LATER)
    merged = actions.merge(other, record, by=sven, at=LATER)
    assert waiting(link).own_text == OWN
    actions.unmerge(merged, by=sven, at=LATER)
    assert waiting(link).own_text == OWN
    actions.merge(other, record, by=sven, at=LATER)
    send(record, by=sven)
    assert said(pias) == [OWN]


def test_words_for_one_step_are_not_said_of_another(
    record: Escalation, other: Escalation, link: EscalationLink, ann: User, sven: User
) -> None:
    brought_to(other, Move.CONFIRM, by=sven, send=False)
    brought_to(record, Move.PLAN, by=sven, send=False)
    actions.change_notice(waiting(link), text=OWN, by=ann, at=LATER)
    merged = actions.merge(other, record, by=sven, at=LATER)
    assert waiting(link).own_text == ""
    actions.unmerge(merged, by=sven, at=LATER)
    assert waiting(link).own_text == OWN


def test_what_was_decided_meanwhile_is_kept_when_it_is_undone(
    record: Escalation, other: Escalation, link: EscalationLink, ann: User, sven: User
) -> None:
    for one in (record, other):
        brought_to(one, Move.CONFIRM, by=sven, send=False)
    hold(link, by=ann)
    merged = actions.merge(other, record, by=sven, at=LATER)
    actions.release_notice(waiting(link, "held"), by=ann, at=LATER)
    actions.change_notice(waiting(link), text=OWN, by=ann, at=LATER)
    actions.unmerge(merged, by=sven, at=LATER)
    assert (held(link), waiting(link).own_text) == ([], OWN)
    merged = actions.merge(other, record, by=sven, at=LATER)
    hold(link, by=ann, why="They asked to be called.")
    actions.unmerge(merged, by=sven, at=LATER)
    assert held(link) == [(other.pk, "confirmed", "They asked to be called.")]


def test_what_merging_held_back_nobody_decided(
    record: Escalation, other: Escalation, link: EscalationLink, sven: User
) -> None:
    brought_to(record, Move.CONFIRM, by=sven)
    telling.tell_customers(now=LATER)
    brought_to(other, Move.CONFIRM, by=sven, send=False)
    merged = actions.merge(other, record, by=sven, at=LATER)
    assert held(link) == [(record.pk, "confirmed", f"Came by merging {other.reference}: not told this yet.")]
    actions.unmerge(merged, by=sven, at=LATER)
    assert (held(link), waiting(link).update_of.escalation) == ([], other)


def test_a_hold_and_its_words_wait_where_it_was_told_already(
    record: Escalation, other: Escalation, link: EscalationLink, ann: User, sven: User
) -> None:
    brought_to(record, Move.CONFIRM, by=sven)
    brought_to(other, Move.CONFIRM, by=sven, send=False)
    actions.change_notice(waiting(link), text=OWN, by=ann, at=LATER)
    hold(link, by=ann)
    actions.merge(other, record, by=sven, at=LATER)
    assert held(link) == [(record.pk, "confirmed", ON_LEAVE)]
    assert waiting(link, "held").own_text == OWN


def test_who_heard_it_meanwhile_is_not_owed_it_again(
    record: Escalation, other: Escalation, link: EscalationLink, pias: Ticket, sven: User
) -> None:
    for one in (record, other):
        brought_to(one, Move.CONFIRM, by=sven, send=False)
    merged = actions.merge(other, record, by=sven, at=LATER)
    send(record, by=sven)
    actions.unmerge(merged, by=sven, at=LATER)
    other.refresh_from_db()
    assert not other.owes_update
    assert len(said(pias)) == 1
    actions.take_step(other, Move.PLAN, by=sven, given={"plan": "Mend it"}, at=LATER)


# --- While a question is open --------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_sent", [False, True])
def test_a_question_hides_from_no_newcomer_what_was_said_before(
    record: Escalation, other: Escalation, link: EscalationLink, pias: Ticket, ann: User, sven: User, is_sent: bool
) -> None:
    brought_to(record, Move.CONFIRM, by=sven)
    telling.tell_customers(now=LATER)
    ask(record, by=sven)
    if is_sent:
        send(record, by=sven)
    actions.merge(other, record, by=sven, at=LATER)
    assert held(link) == [(record.pk, "confirmed", f"Came by merging {other.reference}: not told this yet.")]
    assert CustomerNotice.objects.untold().held().of_no_fix().get().link == link
    if not is_sent:
        send(record, by=sven)
    assert ["Which proxy?" in text for text in said(pias)] == ([] if is_sent else [True])
    actions.release_notice(waiting(link, "held"), by=sven, at=LATER)
    telling.tell_customers(now=LATER)
    assert "confirmed this as a fault" in said(pias)[-1]
    pias.refresh_from_db()
    assert pias.state is (Status.ON_HOLD if is_sent else Status.PENDING), "being told answers no question"


def test_what_is_just_being_told_comes_before_the_question(
    record: Escalation, other: Escalation, link: EscalationLink, pias: Ticket, sven: User
) -> None:
    brought_to(record, Move.CONFIRM, by=sven)
    telling.tell_customers(now=LATER)
    ask(record, by=sven)
    brought_to(other, Move.CONFIRM, by=sven)
    actions.merge(other, record, by=sven, at=LATER)
    send(record, by=sven)
    assert held(link) == []
    assert ["confirmed" in text for text in said(pias)] == [True, False]


def test_undone_what_was_held_back_before_the_question_is_held_back_again(
    record: Escalation, other: Escalation, link: EscalationLink, pias: Ticket, ann: User, sven: User
) -> None:
    brought_to(other, Move.CONFIRM, by=sven, send=False)
    hold(link, by=ann)
    actions.send_update(other, by=sven, at=LATER)
    ask(other, by=sven)
    merged = actions.merge(other, record, by=sven, at=LATER)
    assert held(link) == []
    actions.unmerge(merged, by=sven, at=LATER)
    assert held(link) == [(other.pk, "confirmed", ON_LEAVE)]
    assert waiting(link).update_of.step == "needs_information"


def test_a_question_that_is_over_is_asked_of_nobody_who_comes_or_goes(
    record: Escalation, other: Escalation, link: EscalationLink, pias: Ticket, sven: User
) -> None:
    for one in (record, other):
        brought_to(one, Move.REVIEW, by=sven)
        ask(one, by=sven)
        actions.send_update(one, by=sven, at=LATER)
    for one in (record, other):
        actions.take_step(one, Move.RESUME, by=sven, given={}, at=LATER)
    actions.unmerge(actions.merge(other, record, by=sven, at=LATER), by=sven, at=LATER)
    telling.tell_customers(now=LATER)
    assert (held(link), said(pias)) == ([], [])


def test_whom_the_duplicate_had_asked_waits_for_the_record_that_goes_on(
    record: Escalation, other: Escalation, pias: Ticket, sven: User
) -> None:
    brought_to(other, Move.CONFIRM, by=sven)
    ask(other, by=sven)
    other.refresh_from_db()
    send(other, by=sven)
    pias.refresh_from_db()
    assert pias.state is Status.PENDING
    merged = actions.merge(other, record, by=sven, at=LATER)
    pias.refresh_from_db()
    assert pias.state is Status.ON_HOLD
    actions.unmerge(merged, by=sven, at=LATER)
    pias.refresh_from_db()
    assert pias.state is Status.ON_HOLD


def test_who_was_to_be_told_of_a_failed_fix_waits_for_the_record_that_goes_on(
    record: Escalation, other: Escalation, pias: Ticket, sven: User
) -> None:
    brought_to(other, Move.RELEASE, by=sven)
    telling.tell_customers(now=LATER)
    other.refresh_from_db()
    actions.take_step(other, Move.FAIL, by=sven, given={"reason": "Still there"}, at=LATER)
    pias.refresh_from_db()
    assert pias.state is Status.OPEN
    actions.merge(other, record, by=sven, at=LATER)
    pias.refresh_from_db()
    assert pias.state is Status.ON_HOLD


def test_a_question_that_is_over_stays_over(
    record: Escalation, other: Escalation, link: EscalationLink, pias: Ticket, ann: User, sven: User
) -> None:
    brought_to(other, Move.CONFIRM, by=sven)
    ask(other, by=sven)
    hold(link, by=ann)
    other.refresh_from_db()
    send(other, by=sven)
    actions.take_step(other, Move.RESUME, by=sven, given={}, at=LATER)
    other.refresh_from_db()
    ask(other, by=sven)
    merged = actions.merge(other, record, by=sven, at=LATER)
    actions.unmerge(merged, by=sven, at=LATER)
    assert [step for _, step, _ in held(link) if step == "needs_information"] == []
