"""Records that nobody reviews ring SET's on-call for an Urgent ticket of a plan that pages, until somebody does."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from escalations import actions
from escalations.defaults import make_reachable
from escalations.engineering import actions as engineering
from escalations.engineering.steps import Move
from escalations.models import Escalation, EscalationEvent, EscalationLink, EscalationPolicy, Page, PolicyStep
from escalations.paging import engineering as set_pages
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict
from tests import factories
from tests.at_once import at_once
from tickets import actions as ticket_actions
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
PassTime = Callable[[float], None]


@pytest.fixture
def for_set(policy: EscalationPolicy, sven: User) -> EscalationPolicy:
    make_reachable(sven, at=clock.now())
    made = EscalationPolicy.objects.create(name="SET", active_from=clock.now(), is_for_set=True)
    PolicyStep.objects.create(policy=made, position=1, delay_minutes=0).people.add(sven)
    return made


@pytest.fixture
def urgent(for_set: EscalationPolicy, rita: User, ann: User) -> Ticket:
    """Rita's: Premier, Urgent, and answered, so that it rings nobody of support."""
    return factories.open_ticket(rita, priority=Priority.URGENT, subject="Secret subject")


def escalate(ticket: Ticket, by: User) -> Escalation:
    problem = engineering.Problem("Secret title", 2, "All users", "Log in")
    return engineering.request_escalation(ticket, problem, by=by, text="We look.", at=clock.now())


@pytest.fixture
def record(urgent: Ticket, ann: User) -> Escalation:
    return escalate(urgent, ann)


def open_pages() -> list[Page]:
    run_pass("test")
    return list(Page.objects.open().filter(kind=Page.Kind.SET))


def why_over() -> str:
    return str(Page.objects.get(kind=Page.Kind.SET).events.get(kind="ended").data["why"])


def test_it_rings_sets_on_call_names_the_record_and_tells_its_history(
    record: Escalation, urgent: Ticket, sven: User, phones: Any, mailoutbox: list[Any]
) -> None:
    (page,) = open_pages()
    assert (page.ticket, page.escalation, page.priority) == (urgent, record, Priority.URGENT)
    (line,) = phones()
    assert line["person"] == sven.email
    assert line["text"].startswith(f"SET, Urgent, Northwind: #{urgent.number} in {record.reference}.")
    for text in (line["text"], mailoutbox[0].subject, mailoutbox[0].body, mailoutbox[0].alternatives[0][0]):
        assert "Secret" not in text
    event = record.events.get(kind=EscalationEvent.Kind.PAGED)
    assert (event.actor, event.data["page"]) == (None, page.pk)
    assert len(open_pages()) == 1, "once"


def test_the_page_leads_to_the_record(record: Escalation, urgent: Ticket, sven: User, client_of: ClientOf) -> None:
    (page,) = open_pages()
    client = client_of(sven)
    shown = client.get(page.get_absolute_url()).content.decode()
    assert record.get_absolute_url() in shown
    assert 'id="finish"' not in shown
    assert record.reference in client.get("/desk/pages/").content.decode()
    assert record.get_absolute_url() in client.get(urgent.desk_url).content.decode()


def test_who_begins_the_review_ends_it(record: Escalation, sven: User) -> None:
    open_pages()
    engineering.take_step(record, Move.REVIEW, by=sven, given={}, at=clock.now())
    assert open_pages() == []
    assert why_over() == f"{record.reference} is at “Under review”"


def test_acknowledged_and_not_reviewed_it_rings_again(
    record: Escalation, sven: User, pass_time: PassTime, urgent: Ticket, ann: User
) -> None:
    (page,) = open_pages()
    actions.acknowledge(page, by=sven, at=clock.now())
    urgent.refresh_from_db()
    ticket_actions.add_note(urgent, by=ann, body="Sven looks.", at=clock.now())
    pass_time(1)
    page.refresh_from_db()
    assert page.is_acknowledged
    pass_time(60)
    page.refresh_from_db()
    assert page.is_ringing


def test_nobody_ends_it_by_saying_done(record: Escalation, sven: User) -> None:
    (page,) = open_pages()
    with pytest.raises(Conflict):
        actions.finish(page, by=sven, at=clock.now())


def test_withdrawn_or_without_its_ticket_it_is_over(record: Escalation, urgent: Ticket, ann: User) -> None:
    open_pages()
    engineering.unlink(EscalationLink.objects.get(ticket=urgent), by=ann, at=clock.now())
    assert open_pages() == []
    assert why_over() == f"{record.reference} has no Urgent ticket any more"


def test_a_solved_or_less_urgent_ticket_rings_no_more(record: Escalation, urgent: Ticket, rita: User) -> None:
    open_pages()
    urgent.refresh_from_db()
    ticket_actions.mark_solved(urgent, by=rita, at=clock.now())
    assert open_pages() == []


def test_merged_into_another_it_is_over(record: Escalation, sam: User, ann: User) -> None:
    other = escalate(factories.open_ticket(sam), ann)
    open_pages()
    Escalation.objects.filter(pk=record.pk).update(merged_into=other)
    assert open_pages() == []
    assert why_over() == f"{record.reference} was merged into another"


def test_other_tickets_ring_nobody(for_set: EscalationPolicy, rita: User, sam: User, ann: User) -> None:
    escalate(factories.open_ticket(rita, priority=Priority.HIGH), ann)
    escalate(factories.open_ticket(sam, priority=Priority.URGENT), ann)
    assert open_pages() == []


def test_an_urgent_ticket_that_joins_later_rings(for_set: EscalationPolicy, rita: User, sam: User, ann: User) -> None:
    record = escalate(factories.open_ticket(sam), ann)
    assert open_pages() == []
    joining = factories.open_ticket(rita, priority=Priority.URGENT)
    engineering.add_ticket(record, joining, by=ann, text="We look.", at=clock.now())
    (page,) = open_pages()
    assert (page.ticket, page.escalation) == (joining, record)


def test_two_urgent_tickets_in_one_record_are_one_page(record: Escalation, tom: User, ann: User) -> None:
    other = factories.open_ticket(tom, priority=Priority.URGENT)
    engineering.add_ticket(record, other, by=ann, text="We look.", at=clock.now())
    (page,) = open_pages()
    engineering.unlink(EscalationLink.objects.get(ticket=page.ticket), by=ann, at=clock.now())
    assert [one.pk for one in open_pages()] == [page.pk], "it rings on for the other"


def test_none_begins_beside_one_asked_for_and_none_is_asked_for_beside_it(urgent: Ticket, ann: User) -> None:
    ask = {"kind": Page.Kind.SET, "priority": Priority.URGENT, "reason": "Look", "by": ann, "at": clock.now()}
    by_hand = actions.page_by_hand(urgent, **ask)  # type: ignore[arg-type]
    record = escalate(urgent, ann)
    assert [page.pk for page in open_pages()] == [by_hand.pk]
    actions.finish(by_hand, by=ann, at=clock.now())
    (page,) = open_pages()
    assert page.escalation == record
    with pytest.raises(Conflict):
        actions.page_by_hand(urgent, **ask)  # type: ignore[arg-type]


def test_requested_before_paging_began_it_rings_nobody(record: Escalation, for_set: EscalationPolicy) -> None:
    EscalationPolicy.objects.filter(pk=for_set.pk).update(active_from=clock.now())
    assert open_pages() == []


def test_without_a_policy_the_last_resort_rings(policy: EscalationPolicy, rita: User, ann: User, phones: Any) -> None:
    escalate(factories.open_ticket(rita, priority=Priority.URGENT), ann)
    (page,) = open_pages()
    assert page.policy is None
    assert {line["person"] for line in phones()} >= {"lea@desk.example", "ada@desk.example"}


@pytest.mark.django_db(transaction=True)
def test_two_engines_at_once_begin_one(record: Escalation) -> None:
    at_once(*[lambda: set_pages.derive(now=clock.now())] * 2)
    assert Page.objects.filter(kind=Page.Kind.SET).count() == 1
    assert record.events.filter(kind=EscalationEvent.Kind.PAGED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_reviewed_in_the_same_moment_it_is_over_or_never_was(record: Escalation, sven: User) -> None:
    at_once(
        lambda: set_pages.derive(now=clock.now()),
        lambda: engineering.take_step(record, Move.REVIEW, by=sven, given={}, at=clock.now()),
    )
    set_pages.derive(now=clock.now())
    record.refresh_from_db()
    assert record.step == "under_review"
    assert not Page.objects.open().filter(kind=Page.Kind.SET).exists()


def test_what_rings_is_found_by_indexes_and_not_by_reading_all(record: Escalation) -> None:
    """Which of them goes first is the planner's choice, by what the tables hold."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        sql, params = set_pages.to_begin(None).query.sql_with_params()
        cursor.execute(f"EXPLAIN {sql}", params)
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "Seq Scan" not in plan, plan
