"""What customers do in their tickets stands on the record: each once, whoever looks, until somebody has seen it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from escalations.engineering import actions, replies, telling
from escalations.engineering.board import reported_by
from escalations.engineering.steps import Move
from escalations.models import Escalation, EscalationEvent, EscalationLink
from supportdesk.lib.errors import NotAllowed
from tests.at_once import at_once
from tests.escalations.engineering.conftest import AT, MINUTE, TEXT, brought_to, problem
from tickets import actions as ticket_actions
from tickets.actions.upkeep import close_solved
from tickets.models import Ticket, TicketEvent

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
Kind = EscalationEvent.Kind


def told(record: Escalation) -> list[tuple[str, int]]:
    rows = record.events.filter(kind__in=(Kind.CUSTOMER_REPLIED, Kind.CUSTOMER_SOLVED)).order_by("at", "pk")
    return [(row.kind, row.data["ticket"]) for row in rows]


def test_a_reply_stands_on_the_record_once(record: Escalation, ritas: Ticket, rita: User) -> None:
    ticket_actions.reply(ritas, by=rita, body="Any news?", at=AT + MINUTE)
    assert replies.note_all(now=AT + 2 * MINUTE) == 1
    assert replies.note_all(now=AT + 3 * MINUTE) == 0
    assert told(record) == [("customer_replied", ritas.number)]
    link = EscalationLink.objects.get(ticket=ritas)
    assert (link.replied_at, link.seen_reply_at) == (AT + MINUTE, None)
    event = record.events.get(kind=Kind.CUSTOMER_REPLIED)
    assert (event.at, event.actor, event.data["name"]) == (AT + MINUTE, None, "Rita")


def test_that_it_is_solved_stands_there_too(record: Escalation, ritas: Ticket, rita: User) -> None:
    ticket_actions.mark_solved(ritas, by=rita, at=AT + MINUTE)
    replies.note_all(now=AT + 2 * MINUTE)
    ritas.refresh_from_db()
    ticket_actions.reopen(ritas, by=rita, at=AT + 3 * MINUTE)
    replies.note_all(now=AT + 4 * MINUTE)
    assert [kind for kind, _ in told(record)] == ["customer_solved", "customer_replied"]


def test_what_the_staff_does_is_no_news(record: Escalation, ritas: Ticket, rita: User, ann: User) -> None:
    ticket_actions.add_note(ritas, by=ann, body="They called.", at=AT + MINUTE)
    ticket_actions.mark_solved(ritas, by=rita, at=AT + 2 * MINUTE)
    replies.note_all(now=AT + 2 * MINUTE)
    ritas.refresh_from_db()
    ticket_actions.reopen(ritas, by=ann, at=AT + 3 * MINUTE)
    assert replies.note_all(now=AT + 4 * MINUTE) == 0
    assert told(record) == [("customer_solved", ritas.number)]


def test_a_ticket_taken_out_tells_the_record_nothing_more(
    record: Escalation, ritas: Ticket, rita: User, ann: User
) -> None:
    actions.unlink(EscalationLink.objects.get(ticket=ritas), by=ann, at=AT + MINUTE)
    ritas.refresh_from_db()
    ticket_actions.reply(ritas, by=rita, body="Any news?", at=AT + 2 * MINUTE)
    assert replies.note_all(now=AT + 3 * MINUTE) == 0


def test_a_reply_that_waited_for_its_ticket_is_not_lost(record: Escalation, ritas: Ticket, rita: User) -> None:
    """Of two that came at once the one with the later time may be stored first."""
    ticket_actions.reply(ritas, by=rita, body="Second", at=AT + 2 * MINUTE)
    replies.note_all(now=AT + 2 * MINUTE)
    late = AT + 2 * MINUTE - timedelta(milliseconds=40)
    TicketEvent.objects.create(ticket=ritas, kind="customer_replied", actor=rita, at=late)
    assert replies.note_all(now=AT + 3 * MINUTE) == 1
    assert len(told(record)) == 2
    assert EscalationLink.objects.get(ticket=ritas).replied_at == AT + 2 * MINUTE


def test_a_reply_changes_no_version_and_makes_nobody_the_last_who_changed_it(
    record: Escalation, ritas: Ticket, rita: User, sven: User
) -> None:
    ticket_actions.reply(ritas, by=rita, body="Any news?", at=AT + MINUTE)
    replies.note_all(now=AT + 2 * MINUTE)
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + 3 * MINUTE, seen_version=record.version)


def test_seen_is_what_was_shown(record: Escalation, ritas: Ticket, rita: User, sven: User, pat: User) -> None:
    ticket_actions.reply(ritas, by=rita, body="Any news?", at=AT + MINUTE)
    replies.note_all(now=AT + 2 * MINUTE)
    shown = EscalationLink.objects.select_related("escalation").get(ticket=ritas)
    ticket_actions.reply(ritas, by=rita, body="Hello?", at=AT + 3 * MINUTE)
    replies.note_all(now=AT + 4 * MINUTE)
    with pytest.raises(NotAllowed):
        actions.mark_seen(shown, replied_at=AT + MINUTE, by=pat)
    actions.mark_seen(shown, replied_at=AT + MINUTE, by=sven)
    shown.refresh_from_db()
    assert shown.seen_reply_at == AT + MINUTE
    assert shown.replied_at == AT + 3 * MINUTE
    for read, known in ((AT + 9 * MINUTE, AT + 3 * MINUTE), (AT + MINUTE, AT + 3 * MINUTE)):
        actions.mark_seen(shown, replied_at=read, by=sven)
        shown.refresh_from_db()
        assert shown.seen_reply_at == known, "neither ahead of what came nor back"


def test_what_came_after_the_page_was_shown_stays_new(
    record: Escalation, ritas: Ticket, rita: User, ann: User, client_of: Callable[[User], Client]
) -> None:
    ticket_actions.reply(ritas, by=rita, body="Any news?", at=AT + timedelta(microseconds=7))
    replies.note_all(now=AT + MINUTE)
    client, verb = client_of(ann), f"{record.get_absolute_url()}tickets/{ritas.pk}/"
    shown = client.get(record.get_absolute_url()).content.decode()
    form = {"act": "seen", "replied_at": shown.split('name="replied_at" value="', 1)[1].split('"', 1)[0]}
    ticket_actions.reply(ritas, by=rita, body="Hello?", at=AT + 3 * MINUTE)
    replies.note_all(now=AT + 4 * MINUTE)
    assert client.post(verb, form).status_code == 303
    link = EscalationLink.objects.get(ticket=ritas)
    assert link.seen_reply_at == AT + timedelta(microseconds=7)
    assert "Mark the reply as read" in client.get(record.get_absolute_url()).content.decode()
    for wrong in ("", "x", "2026-13-01T00:00:00+00:00", "2026-11-23T09:00:00", "0001-01-01T00:00:00+14:00"):
        answer = client.post(verb, {**form, "replied_at": wrong}, HTTP_HX_REQUEST="true")
        assert answer.status_code == 400, wrong


@pytest.fixture
def released(record: Escalation, sven: User) -> Escalation:
    """Its customers were told of the release at AT + 5 minutes."""
    brought_to(record, Move.RELEASE, by=sven)
    telling.tell_customers(now=AT + 5 * MINUTE)
    record.refresh_from_db()
    return record


def test_that_the_fix_does_not_help_reaches_the_record(released: Escalation, ritas: Ticket, rita: User) -> None:
    ritas.refresh_from_db()
    ticket_actions.reply(ritas, by=rita, body="Still there with 9.11.2.", at=AT + 9 * MINUTE)
    assert replies.note_all(now=AT + 10 * MINUTE) == 1
    assert replies.note_all(now=AT + 11 * MINUTE) == 0
    assert told(released) == [("customer_replied", ritas.number)]
    assert reported_by([released])[released.pk].replied == 1


def test_so_does_what_is_written_on_a_closed_ticket(
    released: Escalation, ritas: Ticket, rita: User, ann: User, sven: User, client_of: Callable[[User], Client]
) -> None:
    """It opens a follow-up, which SET finds by its number."""
    ritas.refresh_from_db()
    ticket_actions.solve(ritas, by=ann, at=AT + 6 * MINUTE)
    assert close_solved(ritas.number, now=AT + 3 * DAY)
    message = ticket_actions.reply(ritas, by=rita, body="Still there with 9.11.2.", at=AT + 4 * DAY)
    assert message.ticket_id != ritas.pk
    assert replies.note_all(now=AT + 4 * DAY + MINUTE) == 1
    assert replies.note_all(now=AT + 4 * DAY + 2 * MINUTE) == 0
    assert told(released) == [("customer_replied", ritas.number)]
    assert reported_by([released])[released.pk].replied == 1
    said = f"Rita wrote on #{ritas.number}, which is Closed: in the follow-up #{message.ticket_id}"
    assert said in client_of(sven).get(released.get_absolute_url()).content.decode()


def test_a_record_that_is_long_over_hears_no_more(released: Escalation, ritas: Ticket, rita: User) -> None:
    late = AT + replies.HEARD_FOR + timedelta(hours=1)
    ritas.refresh_from_db()
    ticket_actions.reply(ritas, by=rita, body="By the way", at=late)
    assert replies.note_all(now=late + MINUTE) == 0


def test_what_belongs_to_another_record_by_now_is_told_to_that_one_alone(
    released: Escalation, ritas: Ticket, rita: User, ann: User
) -> None:
    ritas.refresh_from_db()
    again = actions.request_escalation(ritas, problem(title="Another"), by=ann, text=TEXT, at=AT + 7 * MINUTE)
    ritas.refresh_from_db()
    ticket_actions.reply(ritas, by=rita, body="Any news?", at=AT + 9 * MINUTE)
    assert replies.note_all(now=AT + 10 * MINUTE) == 1
    assert (told(released), told(again)) == ([], [("customer_replied", ritas.number)])


def test_of_two_records_that_are_over_the_later_one_hears(
    released: Escalation, ritas: Ticket, rita: User, ann: User, sven: User
) -> None:
    ritas.refresh_from_db()
    again = actions.request_escalation(ritas, problem(title="Another"), by=ann, text=TEXT, at=AT + 7 * MINUTE)
    actions.take_step(again, Move.WITHDRAW, by=sven, given={"reason": "No."}, at=AT + 8 * MINUTE)
    again.refresh_from_db()
    actions.send_update(again, by=sven, at=AT + 8 * MINUTE)
    telling.tell_customers(now=AT + 8 * MINUTE)
    ritas.refresh_from_db()
    ticket_actions.reply(ritas, by=rita, body="Any news?", at=AT + 9 * MINUTE)
    assert replies.note_all(now=AT + 10 * MINUTE) == 1
    assert (told(released), told(again)) == ([], [("customer_replied", ritas.number)])


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_put_it_down_once(record: Escalation, ritas: Ticket, rita: User) -> None:
    ticket_actions.reply(ritas, by=rita, body="Any news?", at=AT + MINUTE)
    at_once(*[lambda: replies.note_all(now=AT + 2 * MINUTE)] * 2)
    assert told(record) == [("customer_replied", ritas.number)]


def test_two_looks_for_all_links(record: Escalation, ritas: Ticket, rita: User, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(2):
        assert replies.note_all(now=AT + MINUTE) == 0


def test_each_ticket_is_looked_up_by_itself(record: Escalation, count_queries: Any) -> None:
    """Joined, all events of the desk would be read for it: a join of whole tables is what the database may choose."""
    with count_queries() as queries:
        replies.note_all(now=AT + MINUTE)
    with connection.cursor() as cursor:
        for query in queries:
            cursor.execute(f"EXPLAIN {query['sql']}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            assert "SubPlan" in plan
            assert "Semi Join" not in plan
