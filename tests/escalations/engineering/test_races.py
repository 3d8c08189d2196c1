"""Two at once: one does it, the other is told, and no customer hears anything twice."""

import pytest
from django.db import transaction

from accounts.models import User
from escalations.engineering import actions, telling
from escalations.engineering.steps import Move, Step
from escalations.models import CustomerNotice, Escalation, EscalationLink
from supportdesk.lib.errors import Conflict
from tests import factories
from tests.at_once import at_once
from tests.escalations.engineering.conftest import AT, MINUTE, TEXT, brought_to, problem
from tickets.models import Message, Ticket

pytestmark = pytest.mark.django_db(transaction=True)


def codes(results: list[object]) -> list[str]:
    """The refusals' codes; what isn't a refusal is `done`."""
    return sorted(result.code if isinstance(result, Conflict) else "done" for result in results)


def test_two_agents_escalate_one_ticket(ritas: Ticket, ann: User, bo: User) -> None:
    def escalate(by: User) -> Escalation:
        return actions.request_escalation(ritas, problem(), by=by, text=TEXT, at=AT)

    results = at_once(lambda: escalate(ann), lambda: escalate(bo))
    assert codes(results) == ["done", "escalated_already"]
    assert EscalationLink.objects.active().filter(ticket=ritas).count() == 1
    assert Escalation.objects.count() == 1


def test_s089_the_same_form_twice_is_one_record_and_one_message(ritas: Ticket, ann: User) -> None:
    def escalate() -> Escalation:
        return actions.request_escalation(ritas, problem(), by=ann, text=TEXT, at=AT, key="one-form")

    first, second = at_once(escalate, escalate)
    assert first == second
    assert Message.objects.filter(ticket=ritas, author=ann).count() == 1


def test_two_engineers_move_one_record(record: Escalation, sven: User, lea: User) -> None:
    def review(by: User) -> Escalation:
        return actions.take_step(record, Move.REVIEW, by=by, given={}, at=AT + MINUTE, seen_version=record.version)

    assert codes(at_once(lambda: review(sven), lambda: review(lea))) == ["changed_meanwhile", "done"]
    record.refresh_from_db()
    assert record.at_step is Step.UNDER_REVIEW


def test_who_only_wrote_there_is_not_blamed(
    record: Escalation, ritas: Ticket, sven: User, lea: User, ann: User
) -> None:
    seen = record.version
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    actions.comment(record, by=ann, body="Look", at=AT + 2 * MINUTE)
    actions.finish_ticket_as(EscalationLink.objects.get(ticket=ritas), "solved", by=ann, at=AT + 3 * MINUTE)
    with pytest.raises(Conflict, match=r"^Sven changed this escalation"):
        actions.edit(record, problem(severity=1), by=lea, at=AT + 4 * MINUTE, seen_version=seen)


def test_two_send_the_same_update_and_three_workers_tell_it(record: Escalation, sven: User, lea: User) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)

    def send(by: User) -> object:
        return actions.send_update(record, by=by, at=AT + 5 * MINUTE)

    assert codes(at_once(lambda: send(sven), lambda: send(lea))) == ["done", "nothing_owed"]
    at_once(*[lambda: telling.tell_customers(now=AT + 6 * MINUTE)] * 3)
    told = CustomerNotice.objects.filter(update_of__step="confirmed")
    assert [notice.state for notice in told] == ["sent", "sent"]
    assert Message.objects.filter(body__contains="confirmed this").count() == 2


def test_taking_a_ticket_out_while_it_is_being_told(record: Escalation, sams: Ticket, ann: User, sven: User) -> None:
    """Either it was told before it went, or it hears nothing; it comes back to its agent in any case."""
    brought_to(record, Move.CONFIRM, by=sven)
    link = EscalationLink.objects.get(ticket=sams)
    results = at_once(
        lambda: telling.tell_customers(now=AT + 6 * MINUTE), lambda: actions.unlink(link, by=ann, at=AT + 6 * MINUTE)
    )
    assert not [result for result in results if isinstance(result, Exception)]
    sams.refresh_from_db()
    assert not sams.is_escalated
    notice = CustomerNotice.objects.get(link=link, update_of__step="confirmed")
    said = sams.messages.filter(body__contains="confirmed this").count()
    assert (notice.state, said) in {("sent", 1), ("dropped", 0)}


def test_taking_a_ticket_out_while_it_is_given_back_untold(
    record: Escalation, tom: User, ann: User, sven: User
) -> None:
    """Who tells and who takes out lock the same rows in the same order; a newcomer who is held back isn't told."""
    newcomer = factories.open_ticket(tom, at=AT)
    link = actions.join(record, newcomer, by=tom, at=AT)
    actions.take_step(record, Move.WITHDRAW, by=sven, given={"reason": "A typo"}, at=AT + MINUTE)
    actions.hold_notice(CustomerNotice.objects.get(link=link), why="Told by phone", by=ann, at=AT + MINUTE)
    actions.send_update(record, by=sven, at=AT + MINUTE)
    waits = CustomerNotice.objects.get(link=link)
    assert (waits.state, waits.gives_back) == ("held", True)
    with transaction.atomic():
        actions.unlink(link, by=ann, at=AT + 2 * MINUTE)
        waits.refresh_from_db()
        assert (waits.gives_back, waits.next_attempt_at) == (False, None)
        transaction.set_rollback(True)
    results = at_once(
        lambda: actions.unlink(link, by=ann, at=AT + 2 * MINUTE),
        lambda: telling.tell_customers(now=AT + 2 * MINUTE),
    )
    assert not [result for result in results if isinstance(result, Exception)]
    newcomer.refresh_from_db()
    assert not newcomer.is_escalated
    assert not newcomer.messages.filter(from_staff=True).exists()
