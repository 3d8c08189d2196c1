"""What customers of a duplicate are told: nothing twice, nothing by two records, and nothing forgotten."""

import pytest

from accounts.models import User
from escalations.engineering import actions, replies, telling
from escalations.engineering.steps import Move
from escalations.models import CustomerNotice, Escalation, EscalationLink
from supportdesk.lib.errors import Conflict
from tests.escalations.engineering.conftest import AT, GIVEN, MINUTE, brought_to
from tickets import actions as ticket_actions
from tickets.models import EventKind, Ticket

pytestmark = pytest.mark.django_db
LATER = AT + 30 * MINUTE


def replies_of(escalation: Escalation) -> list[tuple[int, bool]]:
    """The replies that it tells of, and whether those who follow are still to be told."""
    rows = escalation.events.filter(kind="customer_replied").order_by("at", "pk")
    return [(row.data["ticket"], row.notified_at is None) for row in rows]


def confirmed(links: EscalationLink) -> list[str]:
    rows = CustomerNotice.objects.filter(link=links, update_of__step="confirmed").exclude(state="dropped")
    return [row.state for row in rows.order_by("pk")]


def told(ticket: Ticket, words: str) -> int:
    return ticket.messages.filter(body__contains=words).count()


def test_who_came_is_told_with_the_others_and_nothing_by_the_duplicate(
    record: Escalation, other: Escalation, pias: Ticket, ritas: Ticket, sven: User
) -> None:
    brought_to(other, Move.CONFIRM, by=sven, send=False)
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    actions.merge(other, record, by=sven, at=LATER)
    actions.send_update(record, by=sven, at=LATER)
    telling.tell_customers(now=LATER)
    other.refresh_from_db()
    assert not other.owes_update
    with pytest.raises(Conflict):
        actions.send_update(other, by=sven, at=LATER)
    assert told(pias, "confirmed this as a fault") == told(ritas, "confirmed this as a fault") == 1
    record.refresh_from_db()
    actions.take_step(record, Move.PLAN, by=sven, given=GIVEN[Move.PLAN], at=LATER)
    actions.send_update(record, by=sven, at=LATER)
    telling.tell_customers(now=LATER)
    assert told(pias, "at it") == told(ritas, "at it") == 1


def test_what_was_told_already_is_held_back_for_who_came_and_not_forgotten(
    record: Escalation, other: Escalation, pias: Ticket, sven: User, ann: User
) -> None:
    brought_to(record, Move.CONFIRM, by=sven)
    telling.tell_customers(now=LATER)
    actions.merge(other, record, by=sven, at=LATER)
    notice = CustomerNotice.objects.get(state="held")
    assert notice.link.ticket == pias
    assert notice.held_why == f"Came by merging {other.reference}: not told this yet."
    telling.tell_customers(now=LATER)
    assert told(pias, "confirmed this as a fault") == 0
    actions.release_notice(notice, by=ann, at=LATER)
    telling.tell_customers(now=LATER)
    assert told(pias, "confirmed this as a fault") == 1


def test_who_was_told_the_same_by_the_duplicate_isnt_told_again(
    record: Escalation, other: Escalation, pias: Ticket, sven: User
) -> None:
    for one in (record, other):
        brought_to(one, Move.CONFIRM, by=sven)
    actions.merge(other, record, by=sven, at=LATER)  # while it is being told
    telling.tell_customers(now=LATER)
    assert not CustomerNotice.objects.filter(state="held").exists()
    assert told(pias, "confirmed this as a fault") == 1


def test_that_a_fix_failed_isnt_said_to_who_never_heard_of_one(
    record: Escalation, other: Escalation, pias: Ticket, ritas: Ticket, sven: User
) -> None:
    brought_to(record, Move.TEST, by=sven)
    telling.tell_customers(now=LATER)
    actions.take_step(record, Move.FAIL, by=sven, given={"reason": "It comes back."}, at=LATER)
    actions.merge(other, record, by=sven, at=LATER)
    actions.send_update(record, by=sven, at=LATER)
    telling.tell_customers(now=LATER)
    assert (told(ritas, "did not hold"), told(pias, "did not hold")) == (1, 0)
    assert CustomerNotice.objects.get(state="held").link.ticket == pias


def test_old_replies_come_along_and_nobody_is_told_of_them_again(
    record: Escalation, other: Escalation, pias: Ticket, pia: User, sven: User
) -> None:
    ticket_actions.reply(pias, by=pia, body="Any news?", at=AT + MINUTE)
    replies.note_all(now=AT + 2 * MINUTE)
    merged = actions.merge(other, record, by=sven, at=LATER)
    assert replies.note_all(now=LATER) == 0
    assert replies_of(record) == [(pias.number, False)]
    ticket_actions.reply(pias, by=pia, body="Still nothing?", at=LATER + MINUTE)
    assert replies.note_all(now=LATER + MINUTE) == 1
    actions.unmerge(merged, by=sven, at=LATER + 2 * MINUTE)
    assert replies.note_all(now=LATER + 2 * MINUTE) == 0
    assert replies_of(other) == [(pias.number, True), (pias.number, False)]
    assert len(replies_of(record)) == 2


def test_what_the_duplicate_held_back_is_decided_once(
    record: Escalation, other: Escalation, pias: Ticket, ann: User, sven: User
) -> None:
    for one in (record, other):
        brought_to(one, Move.CONFIRM, by=sven, send=False)
    link = EscalationLink.objects.get(ticket=pias)
    actions.hold_notice(link.notices.get(state="owed"), why="They are on leave.", by=ann, at=LATER)
    for one in (record, other):
        actions.send_update(one, by=sven, at=LATER)
    telling.tell_customers(now=LATER)
    merged = actions.merge(other, record, by=sven, at=LATER)
    held = link.notices.get(state="held")
    assert held.update_of.escalation == record
    actions.unmerge(merged, by=sven, at=LATER)
    held = link.notices.get(state="held")
    assert (held.update_of.escalation, held.held_why, held.held_by) == (other, "They are on leave.", ann)
    merged = actions.merge(other, record, by=sven, at=LATER)
    actions.release_notice(link.notices.get(state="held"), by=ann, at=LATER)
    telling.tell_customers(now=LATER)
    actions.unmerge(merged, by=sven, at=LATER)
    assert confirmed(link) == ["sent"]
    assert told(pias, "confirmed this as a fault") == 1


def test_what_is_being_told_goes_on_in_the_name_of_the_record_that_stays(
    record: Escalation, other: Escalation, pias: Ticket, sven: User
) -> None:
    for one in (record, other):
        brought_to(one, Move.CONFIRM, by=sven)
    actions.merge(other, record, by=sven, at=LATER)
    telling.tell_customers(now=LATER)
    pias.refresh_from_db()
    assert pias.hold_reason == f"Engineering: {record.reference}"
    assert told(pias, "confirmed this as a fault") == 1
    said = pias.events.filter(kind=EventKind.ANSWERED).last()
    assert said is not None
    assert said.data["escalation"] == record.reference


def test_what_was_being_told_when_merging_and_undoing_came_is_decided_by_somebody(
    record: Escalation, other: Escalation, pias: Ticket, sven: User
) -> None:
    brought_to(other, Move.CONFIRM, by=sven)
    merged = actions.merge(other, record, by=sven, at=LATER)
    telling.tell_customers(now=LATER)
    assert told(pias, "confirmed this as a fault") == 0
    actions.unmerge(merged, by=sven, at=LATER)
    held = CustomerNotice.objects.get(state="held")
    assert held.link.ticket == pias
    assert held.held_why == f"Was in {record.reference} meanwhile: not told this yet."


def test_undone_nobody_is_left_to_be_told_by_the_one_that_stayed(
    record: Escalation, other: Escalation, sven: User, ann: User
) -> None:
    merged = actions.merge(other, record, by=sven, at=LATER)
    brought_to(record, Move.CONFIRM, by=sven, at=LATER, send=False)
    for link in EscalationLink.objects.active().filter(escalation=record).exclude(pk__in=merged.moved):
        actions.unlink(link, by=ann, at=LATER)
    record.refresh_from_db()
    assert record.owes_update
    actions.unmerge(merged, by=sven, at=LATER)
    record.refresh_from_db()
    assert not record.owes_update
