"""*Escalate to SET* from a ticket: into a record that is there already, or into a new one."""

import html
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import User
from escalations.engineering import actions, telling
from escalations.engineering.steps import Move
from escalations.models import Escalation, EscalationLink
from supportdesk.lib import clock
from tests import factories
from tests.escalations.engineering.conftest import AT, MINUTE, TEXT, brought_to, problem
from tests.tickets.desk.page import text
from tickets import actions as ticket_actions
from tickets.models import Message, Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]

SAID = {
    "key": "form-1",
    "title": "Sessions end after a minute",
    "severity": "2",
    "area": "",
    "affected_versions": "9.5",
    "environment": "Production",
    "impact": "All users of two customers",
    "reproduction": "Log in, wait a minute",
    "logs": "session expired",
    "text": "Hello {{requester_name}}, our engineers look into #{{ticket_number}}.",
}


def address(ticket: Ticket) -> str:
    return f"/desk/tickets/{ticket.number}/escalate/"


def rail(browser: Client, ticket: Ticket) -> str:
    """The card *Engineering* of the ticket's page; empty without one."""
    page = browser.get(f"/desk/tickets/{ticket.number}/").content.decode()
    return page.split('id="engineering"', 1)[1].split("</section>", 1)[0] if 'id="engineering"' in page else ""


def test_a_ticket_is_escalated_into_a_new_record(ritas: Ticket, ann: User, client_of: ClientOf) -> None:
    browser = client_of(ann)
    assert "Escalate to SET" in rail(browser, ritas)
    answer = browser.post(address(ritas), SAID, follow=True)
    assert answer.redirect_chain == [(ritas.desk_url, 303)]
    record = Escalation.objects.get()
    assert f"Escalated: it is in {record.reference}. Rita is told." in text(answer)
    assert (record.title, record.severity, record.affected_versions) == ("Sessions end after a minute", 2, "9.5")
    assert (record.impact, record.reproduction, record.logs) == (SAID["impact"], SAID["reproduction"], SAID["logs"])
    ritas.refresh_from_db()
    assert (ritas.state, ritas.assignee) == (Status.ON_HOLD, ann)
    assert ritas.messages.filter(body=f"Hello Rita, our engineers look into #{ritas.number}.").count() == 1
    assert "Ann took it, escalated it to SET" in text(answer)


def test_the_form_begins_with_what_the_ticket_says(rita: User, ann: User, client_of: ClientOf) -> None:
    ticket = factories.open_ticket(rita, priority=Priority.URGENT, product_version="9.5.1", subject="All are out")
    page = client_of(ann).get(address(ticket)).content.decode()
    assert 'value="All are out"' in page
    assert 'value="9.5.1"' in page
    assert 'value="Production"' in page
    assert 'name="severity" value="1"' in page.split("checked")[0].rsplit("<input", 1)[1]
    assert f'<option value="{ticket.category_id}" selected>' in page
    assert "Rita at Northwind gets:" in text(client_of(ann).get(address(ticket)))
    assert "Hello Rita, our engineers now look into this." in text(client_of(ann).get(address(ticket)))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"title": ""}, "Give it a title."),
        ({"severity": ""}, "Choose how severe it is."),
        ({"severity": "9"}, "9 is not one of the available choices"),
        ({"area": "99999999"}, "is not one of the available choices"),
        ({"impact": " "}, "Say whom it hits, and how."),
        ({"reproduction": ""}, "Say how to make it happen."),
        ({"text": ""}, "Write what the customer is told."),
        ({"text": "{{secret}}"}, "{{secret}} is no variable"),
        ({"title": "x" * 201}, "200 characters"),
    ],
)
def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(
    ritas: Ticket, ann: User, client_of: ClientOf, wrong: dict[str, str], sentence: str
) -> None:
    answer = client_of(ann).post(address(ritas), {**SAID, **wrong})
    assert answer.status_code == 400
    assert sentence in text(answer)
    page = html.unescape(answer.content.decode())
    kept = [value for name, value in SAID.items() if name not in {*wrong, "severity", "area"}]
    assert [value for value in kept if value not in page] == []
    assert not Escalation.objects.exists()
    ritas.refresh_from_db()
    assert ritas.state is not Status.ON_HOLD


def test_sent_twice_it_is_one_record_and_one_message(ritas: Ticket, ann: User, client_of: ClientOf) -> None:
    browser = client_of(ann)
    for _ in range(2):
        assert browser.post(address(ritas), SAID).status_code == 303
    assert Escalation.objects.count() == 1
    assert ritas.messages.filter(author=ann).count() == 1


@pytest.mark.parametrize(
    "changed", [{"title": "Another"}, {"severity": "1"}, {"logs": ""}, {"text": "Hello, it is known."}]
)
def test_s089_sent_again_with_other_words_it_is_refused_and_they_are_kept(
    ritas: Ticket, ann: User, client_of: ClientOf, changed: dict[str, str]
) -> None:
    browser = client_of(ann)
    browser.post(address(ritas), SAID)
    record = Escalation.objects.get()
    answer = browser.post(address(ritas), {**SAID, **changed})
    assert answer.status_code == 409
    assert f"already sent with other words and became {record.reference}." in text(answer)
    assert all(value in html.unescape(answer.content.decode()) for value in {**SAID, **changed}.values())
    record.refresh_from_db()
    assert (record.title, record.severity) == (SAID["title"], 2)
    assert ritas.messages.filter(author=ann).count() == 1


def test_s089_sent_again_for_another_ticket_it_is_refused(
    ritas: Ticket, sams: Ticket, ann: User, client_of: ClientOf
) -> None:
    browser = client_of(ann)
    browser.post(address(ritas), SAID)
    assert browser.post(address(sams), SAID).status_code == 409
    assert not EscalationLink.objects.filter(ticket=sams).exists()


def test_s089_what_was_edited_since_is_no_other_form(ritas: Ticket, ann: User, sven: User, client_of: ClientOf) -> None:
    browser = client_of(ann)
    browser.post(address(ritas), SAID)
    record = Escalation.objects.get()
    actions.edit(record, problem(title="Better words"), by=sven, at=AT + MINUTE)
    assert browser.post(address(ritas), SAID).status_code == 303
    assert Escalation.objects.get().title == "Better words"


def test_s089_added_again_with_other_words_or_elsewhere_it_is_refused(
    record: Escalation, other: Escalation, tom: User, ann: User, sven: User, client_of: ClientOf
) -> None:
    ticket, browser = factories.open_ticket(tom), client_of(ann)
    said = {"key": "join-1", "into": record.reference, "text": "Hello {{requester_name}}, we know of it."}
    browser.post(address(ticket), said)
    for changed in ({"text": "Hello, other words"}, {"into": other.reference}):
        answer = browser.post(address(ticket), {**said, **changed})
        assert answer.status_code == 409
        assert f"already sent otherwise: #{ticket.number} was added to {record.reference}." in text(answer)
    assert browser.post(address(factories.open_ticket(tom)), said).status_code == 409
    actions.merge(record, other, by=sven, at=clock.now())
    assert browser.post(address(ticket), said).status_code == 303
    assert ticket.messages.filter(author=ann).count() == 1


@pytest.mark.django_db(transaction=True)
def test_s089_the_same_form_twice_at_once_is_one_record(ritas: Ticket, ann: User, client_of: ClientOf) -> None:
    found: list[int] = []

    def send() -> None:
        found.append(client_of(ann).post(address(ritas), SAID).status_code)
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [303] * 4
    assert Escalation.objects.count() == 1
    assert Message.objects.filter(ticket=ritas, author=ann).count() == 1


def test_what_is_known_already_is_shown_best_first_and_joined(
    record: Escalation, tom: User, ann: User, bo: User, sven: User, client_of: ClientOf
) -> None:
    other = factories.open_ticket(tom, subject="Emoji are missing")
    actions.request_escalation(other, problem(title="Emoji don't load", impact="x"), by=ann, text=TEXT, at=AT)
    brought_to(record, Move.CONFIRM, by=sven)
    ticket = factories.open_ticket(tom, subject="Sessions end all the time", body="Everybody is out.")
    browser = client_of(bo)
    page = text(browser.get(address(ticket)))
    assert f"{record.reference} Sessions end after a minute" in page
    assert "Emoji don't load" not in page
    page = text(browser.get(f"{address(ticket)}?into={record.reference}"))
    assert "Hello Tom, we know of this: our engineers have confirmed it as a fault" in page
    said = {"key": "join-1", "into": record.reference, "text": "Hello {{requester_name}}, we know of it."}
    for _ in range(2):
        assert browser.post(address(ticket), said).status_code == 303
    link = EscalationLink.objects.get(ticket=ticket)
    assert link.escalation == record
    assert ticket.messages.filter(body="Hello Tom, we know of it.").count() == 1


def test_a_record_is_found_by_its_reference_or_by_words(
    record: Escalation, tom: User, ann: User, client_of: ClientOf
) -> None:
    ticket = factories.open_ticket(tom, subject="Quite another", body="Nothing alike.")
    browser = client_of(ann)
    assert "No active record shares a word" in text(browser.get(address(ticket)))
    for words in (record.reference.lower(), "sessions", "a minute"):
        assert record.title in text(browser.get(address(ticket), {"q": words}))
    for words in ("SET-99999999", "xyzzy", "'; | & !", "\x00", "SET-"):
        assert record.title not in text(browser.get(address(ticket), {"q": words}))


def test_an_ended_record_is_not_offered_and_says_that_it_cant_be_joined(
    record: Escalation, tom: User, ann: User, sven: User, client_of: ClientOf
) -> None:
    actions.take_step(record, Move.WITHDRAW, by=sven, given={"reason": "No."}, at=AT + MINUTE)
    ticket = factories.open_ticket(tom, subject="Sessions end")
    browser = client_of(ann)
    assert record.title not in text(browser.get(address(ticket)))
    answer = browser.post(address(ticket), {"into": record.reference, "text": "Hello, my own words", "key": "k"})
    assert answer.status_code == 409
    page = text(answer)
    assert f"{record.reference} is withdrawn: nothing can be added to it." in page
    assert "Hello, my own words" in page
    assert "Give it a title." not in page
    assert f'id="escalate-newly" href="{address(ticket)}"' in answer.content.decode()
    assert 'id="escalate"' not in answer.content.decode()
    assert "Nothing can be added to it any more." in text(browser.get(f"{address(ticket)}?into={record.reference}"))


def test_what_was_merged_meanwhile_leads_to_where_it_is_now(
    record: Escalation, other: Escalation, tom: User, ann: User, sven: User, client_of: ClientOf
) -> None:
    actions.merge(record, other, by=sven, at=AT + MINUTE)
    ticket, browser = factories.open_ticket(tom, subject="Sessions end"), client_of(ann)
    said = {"into": record.reference, "text": "Hello, my own words", "key": "k"}
    answer = browser.post(address(ticket), said)
    assert answer.status_code == 409
    assert f'name="into" value="{other.reference}" data-send>' in answer.content.decode()
    assert browser.post(address(ticket), {**said, "into": [record.reference, other.reference]}).status_code == 303
    assert EscalationLink.objects.get(ticket=ticket).escalation == other
    assert ticket.messages.filter(body="Hello, my own words").count() == 1


def test_the_text_is_previewed_in_the_customers_words(ritas: Ticket, ann: User, client_of: ClientOf) -> None:
    said = {"preview": "yes", "text": "**{{requester_name}}** at {{organization}}: #{{ticket_number}}"}
    answer = client_of(ann).post(address(ritas), said, headers={"HX-Request": "true"})
    assert f"<strong>Rita</strong> at Northwind: #{ritas.number}" in answer.content.decode()
    assert "<html" not in answer.content.decode()
    assert "aria-live" not in answer.content.decode(), "the live region stays, its inside is swapped"
    answer = client_of(ann).post(address(ritas), {**SAID, **said})
    assert 'id="told-preview" aria-live="polite"' in answer.content.decode()
    assert f"at Northwind: #{ritas.number}" in text(answer)
    assert SAID["reproduction"] in text(answer)
    wrong = client_of(ann).post(address(ritas), {**said, "text": "{{x}}"}, headers={"HX-Request": "true"})
    assert "{{x}} is no variable" in text(wrong)
    assert not Escalation.objects.exists()


@pytest.mark.parametrize(
    ("brought", "sentence"),
    [
        ("hold", "Take it off hold first"),
        ("solve", "Reopen it first"),
        ("close", "It is Closed."),
    ],
)
def test_what_cant_be_escalated_says_why(
    ritas: Ticket, ann: User, client_of: ClientOf, brought: str, sentence: str
) -> None:
    if brought == "hold":
        ticket_actions.take(ritas, by=ann, at=AT)
        ticket_actions.hold(ritas, by=ann, reason="database team", at=AT)
    else:
        ticket_actions.solve(ritas, by=ann, at=AT)
    if brought == "close":
        ticket_actions.close_solved(ritas.pk, now=AT + 60 * 49 * MINUTE)
    browser = client_of(ann)
    assert sentence in text(browser.get(address(ritas)))
    assert sentence in rail(browser, ritas)
    assert "Escalate to SET" not in rail(browser, ritas)
    answer = browser.post(address(ritas), SAID)
    assert answer.status_code == 409
    assert SAID["reproduction"] in text(answer)
    assert not Escalation.objects.exists()


def test_what_the_rail_says_of_the_record(
    record: Escalation, ritas: Ticket, sams: Ticket, ann: User, sven: User, client_of: ClientOf
) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    card = rail(client_of(ann), ritas)
    for said in (
        record.reference,
        record.title,
        "Confirmed",
        "Sven",
        "The customer waits to be told that it is confirmed.",
    ):
        assert said in card
    assert f'href="#message-{ritas.messages.order_by("pk").last().pk}">Requested</a>' in card  # type: ignore[union-attr]
    notice = EscalationLink.objects.get(ticket=sams).notices.get(state="owed")
    actions.hold_notice(notice, why="They asked to be called", by=ann, at=AT + 9 * MINUTE)
    assert "Held back by Ann: They asked to be called" in rail(client_of(ann), sams)


def test_while_engineering_has_it_the_workspace_offers_no_way_around(
    record: Escalation, ritas: Ticket, ann: User, client_of: ClientOf
) -> None:
    page = client_of(ann).get(f"/desk/tickets/{ritas.number}/").content.decode()
    for offered in ('value="unhold"', 'value="solve"', "Send as Pending", "Send as Solved"):
        assert offered not in page
    assert "Send, keep Open" in page


def test_what_becomes_of_one_ticket_is_chosen_beside_it(
    record: Escalation, ritas: Ticket, ann: User, sven: User, client_of: ClientOf
) -> None:
    path = f"/desk/tickets/{ritas.number}/escalation/finish/"
    assert client_of(sven).post(path, {"finish_as": "solved"}).status_code == 303
    assert 'value="solved" selected' in rail(client_of(ann), ritas)
    refused = client_of(ann).post(path, {"finish_as": "closed"})
    assert refused.status_code == 400
    assert "Choose Open or Solved." in text(refused)
    brought_to(record, Move.RELEASE, by=sven)
    telling.tell_customers(now=AT + 9 * MINUTE)
    ritas.refresh_from_db()
    assert ritas.state is Status.SOLVED


def test_taken_out_a_ticket_is_its_agents_and_says_where_it_was(
    record: Escalation, ritas: Ticket, ann: User, client_of: ClientOf
) -> None:
    browser, path = client_of(ann), f"/desk/tickets/{ritas.number}/escalation/leave/"
    answer = browser.post(path, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert f"Taken out of {record.reference}" in text(answer)
    ritas.refresh_from_db()
    assert ritas.state is Status.OPEN
    card = rail(browser, ritas)
    assert "Escalate to SET" in card
    assert f"{record.reference}</a> (taken out)" in card
    again = browser.post(path)
    assert again.status_code == 409
    assert "isn't with engineering any more" in text(again)


def test_the_queue_names_the_record_and_costs_the_same(
    record: Escalation, ritas: Ticket, rita: User, ann: User, client_of: ClientOf, count_queries: Callable[[], Any]
) -> None:
    browser, costs = client_of(ann), []
    for number in range(2):
        clock.forget()
        with count_queries() as queries:
            answer = browser.get("/desk/?view=on_hold")
        costs.append(len(queries))
        assert text(answer).count(record.reference) == 2 + number
        ticket = factories.open_ticket(rita, at=AT)
        actions.add_ticket(record, ticket, by=ann, text=TEXT, at=AT)
    assert costs[0] == costs[1]
    assert record.reference in text(browser.get("/desk/?view=escalated"))


def test_a_workspace_with_engineering_costs_the_same_for_one_record_or_three(
    record: Escalation, ritas: Ticket, ann: User, client_of: ClientOf, count_queries: Callable[[], Any]
) -> None:
    browser, costs = client_of(ann), []
    for _ in range(2):
        clock.forget()
        with count_queries() as queries:
            browser.get(f"/desk/tickets/{ritas.number}/")
        costs.append(len(queries))
        for _ in range(2):
            actions.unlink(EscalationLink.objects.get(ticket=ritas, is_active=True), by=ann, at=AT + MINUTE)
            actions.request_escalation(ritas, problem(), by=ann, text=TEXT, at=AT + 2 * MINUTE)
    assert costs[0] == costs[1] <= 19
