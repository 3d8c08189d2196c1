"""What is owed and overdue: which rows stand in which queue, that counts and lists agree, and who may look."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations.engineering import actions, defaults, replies, telling
from escalations.engineering.queues import BY_SLUG, QUEUES, count_all
from escalations.engineering.steps import Move
from escalations.models import CustomerNotice, Escalation, EscalationLink
from supportdesk.lib import clock
from tests import factories
from tests.escalations.engineering.conftest import AT, MINUTE, TEXT, brought_to, problem
from tickets import actions as ticket_actions
from tickets.models import Ticket

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUESTION = {"question": "Which proxy?", "question_due_at": AT + 10 * HOUR, "asks_customer": True}


@pytest.fixture(autouse=True)
def _targets(_defaults: None) -> None:
    defaults.load(at=AT - DAY)


def filled(at: Any = AT + 10 * MINUTE) -> dict[str, int]:
    """The queues that aren't empty, each with its number, which is that of its rows."""
    counts = count_all(now=at)
    assert counts == {queue.slug: len(queue.listed(at)) for queue in QUEUES}
    return {slug: count for slug, count in counts.items() if count}


def said(slug: str, at: Any = AT + 10 * MINUTE) -> list[str]:
    queue = BY_SLUG[slug]
    return [queue.item(row).says for row in queue.listed(at).order_by("sort_at", "pk")]


def notice_of(ticket: Ticket, step: str) -> CustomerNotice:
    return CustomerNotice.objects.get(link__ticket=ticket, update_of__step=step)


def test_a_new_record_waits_in_no_queue_until_its_review_is_due(record: Escalation) -> None:
    assert filled() == {}
    assert filled(AT + 4 * HOUR) == {"review-overdue": 1}


def test_what_a_step_owes_is_owed_until_it_is_sent(record: Escalation, sven: User) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    assert filled() == {"updates-owed": 1}
    assert said("updates-owed") == ["The customers were not told that it is confirmed."]
    actions.send_update(record, by=sven, at=AT + 5 * MINUTE)
    assert filled() == {}


@pytest.mark.parametrize("last", [Move.TEST, Move.RELEASE])
def test_a_fix_that_customers_were_not_told_of(record: Escalation, sven: User, last: Move) -> None:
    brought_to(record, last, by=sven, send=False)
    assert filled() == {"updates-owed": 1, "fixed-untold": 2}
    actions.send_update(record, by=sven, at=AT + 8 * MINUTE)
    assert filled() == {"fixed-untold": 2}, "until the messages are there"
    telling.tell_customers(now=AT + 9 * MINUTE)
    assert filled() == {}


def test_a_customer_held_back_from_a_release_stays_until_told(
    record: Escalation, sams: Ticket, sven: User, ann: User
) -> None:
    brought_to(record, Move.RELEASE, by=sven, send=False)
    notice = notice_of(sams, "released")
    actions.hold_notice(notice, why="They asked to be called", by=ann, at=AT + 8 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 9 * MINUTE)
    telling.tell_customers(now=AT + 9 * MINUTE)
    assert filled() == {"fixed-untold": 1}
    assert said("fixed-untold") == ["Held back by Ann: They asked to be called"]
    actions.release_notice(notice, by=ann, at=AT + 9 * MINUTE)
    telling.tell_customers(now=AT + 9 * MINUTE)
    assert filled() == {}


def test_who_was_held_back_from_the_test_and_told_of_the_release_is_told(
    record: Escalation, sams: Ticket, sven: User, ann: User
) -> None:
    brought_to(record, Move.TEST, by=sven, send=False)
    actions.hold_notice(notice_of(sams, "tested"), why="Not yet", by=ann, at=AT + 5 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 6 * MINUTE)
    telling.tell_customers(now=AT + 6 * MINUTE)
    assert filled() == {"fixed-untold": 1}
    actions.take_step(record, Move.RELEASE, by=sven, given={"version": "9.11.2"}, at=AT + 7 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 7 * MINUTE)
    telling.tell_customers(now=AT + 7 * MINUTE)
    assert filled() == {}


def test_whoever_could_not_be_told_is_named_with_the_reason(record: Escalation, sams: Ticket, sven: User) -> None:
    brought_to(record, Move.RELEASE, by=sven)
    CustomerNotice.objects.filter(link__ticket=sams, update_of__step="released").update(own_text="x" * 70_000)
    telling.tell_customers(now=AT + 6 * MINUTE)
    assert filled() == {"fixed-untold": 1}
    assert said("fixed-untold")[0].startswith("Telling them failed: ")


def test_held_back_of_anything_but_a_fix_stands_apart(record: Escalation, sams: Ticket, sven: User, ann: User) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    actions.hold_notice(notice_of(sams, "confirmed"), why="Legal reads it first", by=ann, at=AT + 5 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 6 * MINUTE)
    assert filled() == {"held-back": 1}
    actions.unlink(EscalationLink.objects.get(ticket=sams), by=ann, at=AT + 7 * MINUTE)
    assert filled() == {}


def test_without_a_plan_and_without_news(record: Escalation, sven: User) -> None:
    brought_to(record, Move.CONFIRM, by=sven)
    assert filled(AT + 2 * DAY) == {}
    assert filled(AT + 2 * DAY + HOUR) == {"no-news": 1}
    assert filled(AT + 4 * DAY) == {"no-news": 1, "plan-overdue": 1}


def test_a_question_waits_with_whom_it_was_asked(record: Escalation, ritas: Ticket, rita: User, sven: User) -> None:
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT)
    actions.take_step(record, Move.ASK, by=sven, given=QUESTION, at=AT)
    actions.send_update(record, by=sven, at=AT)
    telling.tell_customers(now=AT)
    assert filled() == {"needs-information": 1}
    assert said("needs-information") == ["Asked of the customers: “Which proxy?”"]
    ticket_actions.reply(ritas, by=rita, body="nginx", at=AT + 5 * MINUTE)
    replies.note_all(now=AT + 6 * MINUTE)
    assert said("needs-information") == ["A customer has written since: “Which proxy?”"]


def test_a_question_lets_nobody_forget_who_was_held_back(
    record: Escalation, sams: Ticket, ann: User, sven: User
) -> None:
    brought_to(record, Move.TEST, by=sven, send=False)
    actions.hold_notice(notice_of(sams, "tested"), why="They are on leave.", by=ann, at=AT + 5 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 5 * MINUTE)
    telling.tell_customers(now=AT + 5 * MINUTE)
    before = filled()
    actions.take_step(record, Move.ASK, by=sven, given=QUESTION, at=AT + 6 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 6 * MINUTE)
    telling.tell_customers(now=AT + 6 * MINUTE)
    assert filled() == {**before, "needs-information": 1}
    assert 1 in before.values()


def test_what_is_over_or_merged_waits_nowhere(record: Escalation, sven: User, sam: User, ann: User) -> None:
    actions.take_step(record, Move.WITHDRAW, by=sven, given={"reason": "A typo"}, at=AT + MINUTE)
    actions.send_update(record, by=sven, at=AT + MINUTE)
    telling.tell_customers(now=AT + MINUTE)
    assert filled(AT + 30 * DAY) == {}
    other = actions.request_escalation(factories.open_ticket(sam, at=AT), problem(), by=ann, text=TEXT, at=AT)
    Escalation.objects.filter(pk=other.pk).update(merged_into=record)
    assert filled(AT + 30 * DAY) == {}


def test_a_known_issue_that_no_longer_holds_waits_to_be_changed(
    record: Escalation, sven: User, client_of: Callable[[User], Client]
) -> None:
    said_so = actions.Notice(title="Sessions end", text="We look into it.")
    actions.publish_known_issue(record, said_so, by=sven, at=AT)
    assert filled() == {}
    actions.take_step(record, Move.WITHDRAW, by=sven, given={"reason": "A proxy"}, at=AT + MINUTE)
    actions.send_update(record, by=sven, at=AT + MINUTE)
    telling.tell_customers(now=AT + MINUTE)
    assert filled() == {"untrue-known-issues": 1}
    words = "Customers read “We look into it”, and engineering is through with it: Withdrawn."
    assert said("untrue-known-issues") == [words]
    assert words in client_of(sven).get(BY_SLUG["untrue-known-issues"].address).content.decode()
    assert words in client_of(sven).get(record.get_absolute_url()).content.decode()
    assert (
        "Next: Withdraw the known issue<"
        in client_of(sven).get(BY_SLUG["untrue-known-issues"].address).content.decode()
    )
    assert f"{words} Withdraw the known issue.<" in client_of(sven).get(record.get_absolute_url()).content.decode()
    actions.withdraw_known_issue(record, by=sven, at=AT + 2 * MINUTE)
    assert filled() == {}


def test_a_workaround_holds_for_what_engineering_returned(
    record: Escalation, sven: User, client_of: Callable[[User], Client]
) -> None:
    client, known = client_of(sven), actions.Notice(title="Sessions end", text="A proxy cuts them.")
    actions.publish_known_issue(record, known, by=sven, at=AT)
    brought_to(record, Move.REVIEW, by=sven)
    actions.take_step(record, Move.RETURN, by=sven, given={"answer": "Raise its time-out."}, at=AT + 2 * MINUTE)
    assert (
        "Returned. Withdraw the known issue, or name a workaround.<"
        in client.get(record.get_absolute_url()).content.decode()
    )
    around = replace(known, state="workaround", workaround="Raise the proxy's time-out.")
    actions.publish_known_issue(record, around, by=sven, at=AT + 3 * MINUTE)
    assert said("untrue-known-issues") == []
    assert "Customers read “" not in client.get(record.get_absolute_url()).content.decode()


def test_a_known_issue_names_a_fix_only_while_one_is_released(record: Escalation, sven: User) -> None:
    fixed = actions.Notice(title="Sessions end", text="Upgrade.", state="fixed", fixed_version="9.11.2")
    actions.publish_known_issue(record, fixed, by=sven, at=AT)
    assert said("untrue-known-issues") == ["Customers read “Fixed in 9.11.2”, and no fix is released."]
    brought_to(record, Move.RELEASE, by=sven)
    assert said("untrue-known-issues") == []
    actions.take_step(record, Move.FAIL, by=sven, given={"reason": "It leaks"}, at=AT + 9 * MINUTE)
    assert BY_SLUG["untrue-known-issues"].listed(AT).get().sort_at == AT + 9 * MINUTE


def test_a_duplicates_known_issue_goes_by_the_record_that_stays(
    record: Escalation, other: Escalation, sven: User
) -> None:
    words = actions.Notice(title="Sessions end", text="We look into it.")
    actions.publish_known_issue(other, words, by=sven, at=AT)
    actions.merge(other, record, by=sven, at=AT + MINUTE)
    assert said("untrue-known-issues") == []
    brought_to(record, Move.RELEASE, by=sven)
    assert said("untrue-known-issues") == ["Customers read “We look into it”, and the fix is released."]


# --- The pages -----------------------------------------------------------------------------------------------------


@pytest.fixture
def owed(record: Escalation, sven: User) -> Escalation:
    return brought_to(record, Move.RELEASE, by=sven, send=False)


def test_the_number_in_the_navigation_is_that_of_the_list(
    owed: Escalation, sven: User, client_of: Callable[[User], Client]
) -> None:
    client = client_of(sven)
    overview = client.get("/desk/escalations/queues/").content.decode()
    links = re.findall(r'href="(/desk/escalations/queues/[\w-]+/)"[^>]*>(?:(?!</a>).)*?class="count">(\d+)<', overview)
    assert {address.split("/")[-2]: int(number) for address, number in links} == {"updates-owed": 1, "fixed-untold": 2}
    for address, number in links:
        page = client.get(address)
        assert len(page.context["items"]) == int(number)
        assert page.context["count"] == number


def test_a_row_says_what_is_to_be_done_next_and_leads_there(
    owed: Escalation, ritas: Ticket, lea: User, client_of: Callable[[User], Client]
) -> None:
    page = client_of(lea).get("/desk/escalations/queues/fixed-untold/").content.decode()
    assert "Next: Tell the customers" in page
    assert f'href="{owed.get_absolute_url()}"' in page
    assert f'href="{ritas.desk_url}"' in page
    assert "Northwind" in page


def test_an_empty_queue_says_so(ann: User, client_of: Callable[[User], Client]) -> None:
    client = client_of(ann)
    for queue in QUEUES:
        assert queue.empty in client.get(queue.address).content.decode()
    assert client.get("/desk/escalations/queues/nonsense/").status_code == 404


def test_the_desk_has_the_way_to_the_queues_and_stakeholders_have_not(
    owed: Escalation, ann: User, pat: User, client_of: Callable[[User], Client]
) -> None:
    assert "/desk/escalations/queues/updates-owed/" in client_of(ann).get("/desk/").content.decode()
    assert client_of(pat).get("/desk/escalations/queues/").status_code == 403


def test_a_long_queue_has_pages_and_a_constant_number_of_queries(
    record: Escalation, sven: User, sam: User, client_of: Callable[[User], Client], count_queries: Any
) -> None:
    client, address = client_of(sven), "/desk/escalations/queues/fixed-untold/"
    brought_to(record, Move.RELEASE, by=sven, send=False)
    client.get(address)
    clock.forget()  # its offset is read once a second, which is no matter of the page
    with count_queries() as few:
        client.get(address)
    update = record.updates.get(step="released")
    for number in range(60):
        link = EscalationLink.objects.create(
            escalation=record, ticket=factories.open_ticket(sam, subject=str(number)), linked_at=AT
        )
        CustomerNotice.objects.create(update_of=update, link=link)
    clock.forget()
    with count_queries() as many:
        first = client.get(address)
    assert len(many) == len(few)
    assert first.context["count"] == "62"
    second = client.get(address + first.context["after"])
    assert len(first.context["items"]) + len(second.context["items"]) == 62
    assert client.get(f"{address}?page=o1.2.3").status_code == 200
