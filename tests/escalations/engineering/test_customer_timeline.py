"""What a customer's request page shows of an escalation: what they were told, no more."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations.engineering import actions, telling
from escalations.engineering.steps import Move
from escalations.models import CustomerNotice, Escalation, EscalationLink
from supportdesk.lib import clock
from tests import factories
from tests.escalations.engineering.conftest import AT, GIVEN, MINUTE, TEXT, brought_to, problem
from tickets import actions as ticket_actions
from tickets.models import Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
STAGES = ["Reported", "Confirmed", "Plan", "Fix tested", "Released"]
FIVE = [(stage, "todo") for stage in STAGES]


def card(browser: Client, ticket: Ticket) -> str:
    page = browser.get(f"/requests/{ticket.number}/").content.decode()
    return page.split('id="engineering"', 1)[1].split("</section>", 1)[0] if 'id="engineering"' in page else ""


def marks(shown: str) -> list[tuple[str, str]]:
    """The first timeline's stages, each with how it looks."""
    first = shown.split("<ol", 1)[1].split("</ol>", 1)[0]
    return re.findall(r'<li class="(\w*)".*?<b>([^<]+)</b>', first)


def looks(shown: str) -> dict[str, str]:
    return {stage: look for look, stage in marks(shown)}


def tell(record: Escalation, minutes: int) -> None:
    telling.tell_customers(now=AT + minutes * MINUTE)


def test_the_five_steps_as_they_are_told(
    record: Escalation, ritas: Ticket, rita: User, sven: User, client_of: ClientOf
) -> None:
    browser = client_of(rita)
    moves = {Move.REVIEW: 0, Move.CONFIRM: 1, Move.PLAN: 2, Move.TEST: 3, Move.RELEASE: 4}
    assert looks(card(browser, ritas)) == dict(zip(STAGES, ["now", *["todo"] * 4], strict=True))
    for minute, (move, here) in enumerate(moves.items(), start=1):
        brought = {**GIVEN, Move.TEST: {"evidence": "Ran it.", "comes_with": "9.11.2"}}
        if move is Move.TEST:
            from tests.escalations.engineering.conftest import pull_request

            pull_request(record, sven)
        actions.take_step(record, move, by=sven, given=brought[move], at=AT + minute * MINUTE)
        record.refresh_from_db()
        before = card(browser, ritas)
        if record.owes_update:
            assert list(looks(before).values())[here] == "todo"  # nobody has told them yet
            actions.send_update(record, by=sven, at=AT + minute * MINUTE)
            tell(record, minute)
        shown = card(browser, ritas)
        assert [look for look, _ in marks(shown)] == ["done"] * here + ["now"] + ["todo"] * (4 - here)
        assert shown.count('aria-current="step"') == 1
    assert "The fix is in Mattermost 9.11.2." in text_of(shown)
    assert "You told us that you run 9.5.1: upgrade to 9.11.2 or later to get it." in text_of(shown)


def text_of(shown: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", shown)).replace("&#x27;", "'")


def test_s050_an_update_that_was_held_back_is_not_in_it(
    record: Escalation, ritas: Ticket, sams: Ticket, rita: User, sam: User, ann: User, sven: User, client_of: ClientOf
) -> None:
    brought_to(record, Move.TEST, by=sven)
    tell(record, 9)
    actions.take_step(record, Move.RELEASE, by=sven, given=GIVEN[Move.RELEASE], at=AT + 10 * MINUTE)
    notice = CustomerNotice.objects.get(link__ticket=sams, update_of__step="released")
    actions.hold_notice(notice, why="They are away", by=ann, at=AT + 10 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 11 * MINUTE)
    tell(record, 11)
    assert looks(card(client_of(rita), ritas))["Released"] == "now"
    held = card(client_of(sam), sams)
    assert (looks(held)["Fix tested"], looks(held)["Released"]) == ("now", "todo")
    assert "9.11.2" not in held
    actions.release_notice(notice, by=ann, at=AT + 20 * MINUTE)
    tell(record, 20)
    assert looks(card(client_of(sam), sams))["Released"] == "now"


def test_the_version_is_the_one_that_they_were_told(
    record: Escalation, ritas: Ticket, sams: Ticket, rita: User, sam: User, ann: User, sven: User, client_of: ClientOf
) -> None:
    """The record may name another by now, of which they were not told."""
    brought_to(record, Move.RELEASE, by=sven)
    tell(record, 9)
    actions.take_step(record, Move.FAIL, by=sven, given={"reason": "x"}, at=AT + 20 * MINUTE)
    for notice in CustomerNotice.objects.filter(link__ticket=sams, state="owed"):
        actions.hold_notice(notice, why="They are away", by=ann, at=AT + 21 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 21 * MINUTE)
    tell(record, 21)
    assert "9.11.2" in card(client_of(sam), sams)
    failed = card(client_of(rita), ritas)
    assert looks(failed) == {
        "Reported": "done",
        "Confirmed": "now",
        "Plan": "todo",
        "Fix tested": "todo",
        "Released": "todo",
    }
    assert "did not hold" in failed
    assert "9.11.2" not in failed


def test_returned_it_is_reported_and_answered(
    record: Escalation, ritas: Ticket, rita: User, sven: User, client_of: ClientOf
) -> None:
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    actions.take_step(record, Move.RETURN, by=sven, given={"answer": "Raise the limit."}, at=AT + 2 * MINUTE)
    assert looks(card(client_of(rita), ritas))["Reported"] == "now"
    actions.send_update(record, by=sven, at=AT + 3 * MINUTE)
    tell(record, 3)
    assert marks(card(client_of(rita), ritas)) == [("done", "Reported"), ("now", "Answered")]


def test_withdrawn_it_is_over(record: Escalation, ritas: Ticket, rita: User, sven: User, client_of: ClientOf) -> None:
    actions.take_step(record, Move.WITHDRAW, by=sven, given={"reason": "SECRET"}, at=AT + MINUTE)
    actions.send_update(record, by=sven, at=AT + 2 * MINUTE)
    tell(record, 2)
    shown = card(client_of(rita), ritas)
    assert "don't pursue this any further" in text_of(shown)
    assert 'aria-current="step"' not in shown
    assert "SECRET" not in shown


def test_the_latest_is_on_top_and_earlier_ones_are_folded(
    record: Escalation, ritas: Ticket, rita: User, ann: User, sven: User, client_of: ClientOf
) -> None:
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    actions.take_step(record, Move.RETURN, by=sven, given={"answer": "Raise the limit."}, at=AT + 2 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 3 * MINUTE)
    tell(record, 3)
    actions.request_escalation(ritas, problem(), by=ann, text=TEXT, at=AT + 5 * MINUTE)
    shown = card(client_of(rita), ritas)
    assert looks(shown)["Reported"] == "now"
    assert "Answered" in shown.split("<details", 1)[1]
    assert "Answered" not in shown.split("<details", 1)[0]


def test_a_ticket_taken_out_shows_none(
    record: Escalation, ritas: Ticket, rita: User, ann: User, client_of: ClientOf
) -> None:
    assert card(client_of(rita), ritas)
    actions.unlink(EscalationLink.objects.get(ticket=ritas), by=ann, at=AT + MINUTE)
    assert card(client_of(rita), ritas) == ""


def test_s050_nothing_internal_and_nothing_of_another_customer_is_on_the_page(
    record: Escalation, ritas: Ticket, sams: Ticket, rita: User, sven: User, client_of: ClientOf
) -> None:
    brought_to(record, Move.RELEASE, by=sven)
    tell(record, 9)
    page = client_of(rita).get(f"/requests/{ritas.number}/").content.decode()
    for internal in (
        record.reference,
        "SET",
        record.title,
        "All users",
        "Contoso",
        "Sam",
        "escalat",
        "/desk/",
        "Moderate",
    ):
        assert internal not in page, internal
    assert "Ann handed this to our engineers" in page


def test_the_open_page_learns_of_it(
    record: Escalation, ritas: Ticket, rita: User, sven: User, client_of: ClientOf
) -> None:
    browser = client_of(rita)
    seen = re.findall(r"\?seen=([^\"&]+)", browser.get(f"/requests/{ritas.number}/").content.decode())[0]
    ask = f"/requests/{ritas.number}/?seen={seen}"
    assert browser.get(ask, headers={"HX-Request": "true"}).status_code == 204
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    assert browser.get(ask, headers={"HX-Request": "true"}).status_code == 204  # not told yet
    actions.send_update(record, by=sven, at=AT + 5 * MINUTE)
    tell(record, 5)
    fresh = browser.get(ask, headers={"HX-Request": "true"})
    assert looks(fresh.content.decode())["Confirmed"] == "now"


def test_it_costs_two_queries_however_much_was_told(
    record: Escalation, ritas: Ticket, rita: User, sven: User, client_of: ClientOf, count_queries: Callable[[], Any]
) -> None:
    browser = client_of(rita)
    plain = factories.open_ticket(rita)
    ticket_actions.answer(plain, by=sven, body="x", submit_as=__import__("tickets.states").states.Status.OPEN, at=AT)

    def cost(ticket: Ticket) -> int:
        clock.forget()
        with count_queries() as queries:
            browser.get(f"/requests/{ticket.number}/")
        return sum("escalations_" in query["sql"] for query in queries)

    assert cost(plain) == 1
    assert cost(ritas) == 2
    brought_to(record, Move.RELEASE, by=sven)
    tell(record, 9)
    assert cost(ritas) == 2
