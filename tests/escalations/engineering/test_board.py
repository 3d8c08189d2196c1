"""The board: who stands where, what a card says, what narrows it; and that it stays quick."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations.engineering import actions
from escalations.engineering.board import ACTIVE_AT_ONCE, ENDED_AT_ONCE
from escalations.engineering.steps import COLUMNS, Move
from escalations.models import Escalation, EscalationLink, Involved
from supportdesk.lib import clock
from tests import factories
from tests.escalations.engineering.conftest import AT, MINUTE, TEXT, brought_to, page_queries, problem
from tickets import actions as ticket_actions
from tickets.models import Category, Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
BOARD = "/desk/escalations/"


def lane(html: str, step: str) -> str:
    """The part of the page that is the column."""
    return html.split('<section class="lane', 1)[1].split(f'data-lane="{step}"', 1)[1].split("</section>", 1)[0]


def board(client: Client, **asked: str) -> str:
    return client.get(BOARD, asked).content.decode()


def lately(move: Move, record: Escalation, by: User) -> Escalation:
    return brought_to(record, move, by=by, at=clock.now() - timedelta(hours=1))


def test_a_record_stands_in_the_column_of_its_step_with_what_matters(
    record: Escalation, sven: User, client_of: ClientOf
) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    html = board(client_of(sven))
    card = lane(html, "confirmed")
    for words in (
        record.reference,
        record.title,
        "Major",
        "2 tickets, 2 organisations",
        "Update owed",
        "Premier",
        "Sven",
    ):
        assert words in card
    assert record.title not in lane(html, "requested")


def test_every_column_is_there_and_says_how_many(record: Escalation, ann: User, client_of: ClientOf) -> None:
    html = board(client_of(ann))
    for step in COLUMNS:
        number = 1 if step == "requested" else 0
        assert f'{step.label} <span class="count num">{number}</span>' in html


def test_the_menu_of_a_card_leads_to_the_forms_of_its_moves(
    record: Escalation, sven: User, ann: User, client_of: ClientOf
) -> None:
    brought_to(record, Move.REVIEW, by=sven)
    there = f"{BOARD}{record.reference}/move/"
    card = lane(board(client_of(sven)), "under_review")
    ways = [f'href="{there}confirm/" data-to="confirmed"', f'href="{there}return/" data-to="returned"']
    assert all(way in card for way in ways)
    assert "move/plan/" not in card
    assert "data-to" not in board(client_of(ann))


def test_a_card_whose_customers_are_owed_a_word_offers_that_and_what_replaces_it(
    record: Escalation, sven: User, client_of: ClientOf
) -> None:
    brought_to(record, Move.CONFIRM, by=sven, send=False)
    card = lane(board(client_of(sven)), "confirmed")
    assert f"{record.reference}/update/" in card
    assert "move/withdraw/" in card
    assert "move/plan/" not in card
    assert "data-refuses" in card


def test_a_question_leads_back_to_where_it_came_from(record: Escalation, sven: User, client_of: ClientOf) -> None:
    brought_to(record, Move.CONFIRM, by=sven)
    question = {"question": "Which?", "question_due_at": AT + timedelta(hours=2)}
    actions.take_step(record, Move.ASK, by=sven, given=question, at=AT + timedelta(hours=1))
    card = lane(board(client_of(sven)), "needs_information")
    assert 'move/resume/" data-to="confirmed"' in card
    assert "Answer overdue" in card


def test_what_customers_did_shows_on_the_card(
    record: Escalation, ritas: Ticket, rita: User, ann: User, client_of: ClientOf
) -> None:
    ticket_actions.mark_solved(ritas, by=rita, at=AT + MINUTE)
    link = EscalationLink.objects.get(ticket=ritas)
    EscalationLink.objects.filter(pk=link.pk).update(replied_at=AT + MINUTE)
    card = lane(board(client_of(ann)), "requested")
    assert "customer says solved" in card
    assert "1 new" in card
    EscalationLink.objects.filter(pk=link.pk).update(seen_reply_at=AT + MINUTE)
    assert "1 new" not in board(client_of(ann))


@pytest.mark.parametrize(
    ("column", "words"),
    [("review_due_at", "Review overdue"), ("plan_due_at", "Plan overdue"), ("news_due_at", "News overdue")],
)
def test_a_deadline_that_has_passed_is_said(
    record: Escalation, ann: User, client_of: ClientOf, column: str, words: str
) -> None:
    now = clock.now()
    Escalation.objects.filter(pk=record.pk).update(**{column: now + MINUTE})
    assert words not in board(client_of(ann))
    Escalation.objects.filter(pk=record.pk).update(**{column: now - MINUTE})
    assert words in board(client_of(ann))


def test_what_is_over_stays_while_its_customers_are_still_to_be_told(
    record: Escalation, sven: User, client_of: ClientOf, move_clock: Callable[[timedelta], object]
) -> None:
    brought_to(record, Move.RELEASE, by=sven, at=clock.now() - timedelta(hours=1), send=False)
    move_clock(timedelta(days=15))
    assert record.title in lane(board(client_of(sven)), "released")
    actions.send_update(record, by=sven, at=clock.now())
    assert record.title not in board(client_of(sven))


def test_what_is_over_stays_a_fortnight_and_is_in_the_list_for_good(
    record: Escalation, sven: User, client_of: ClientOf, move_clock: Callable[[timedelta], object]
) -> None:
    lately(Move.RELEASE, record, sven)
    assert "9.11.2" in lane(board(client_of(sven)), "released")
    move_clock(timedelta(days=15))
    client = client_of(sven)
    assert record.title not in board(client)
    assert record.title in client.get(f"{BOARD}all/", {"step": "released"}).content.decode()
    assert record.title not in client.get(f"{BOARD}all/", {"step": "returned"}).content.decode()


def test_a_merged_record_is_not_on_the_board_but_in_the_list(
    record: Escalation, ann: User, rita: User, client_of: ClientOf
) -> None:
    other = actions.request_escalation(factories.open_ticket(rita), problem(title="The same"), by=ann, text=TEXT, at=AT)
    Escalation.objects.filter(pk=other.pk).update(merged_into=record)
    assert "The same" not in board(client_of(ann))
    listed = client_of(ann).get(f"{BOARD}all/").content.decode()
    assert f"merged into {record.reference}" in listed


@pytest.fixture
def another(record: Escalation, sam: User, sven: User, ann: User) -> Escalation:
    """Sam's alone, Critical, in an area, sven's; `record` is Major and nobody's."""
    facts = {"title": "Import stops", "severity": 1, "area": Category.objects.first(), "affected_versions": "10.4"}
    other = actions.request_escalation(factories.open_ticket(sam), problem(**facts), by=ann, text=TEXT, at=AT)
    actions.take_step(other, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    return other


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"severity": "1"}, ["Import stops"]),
        ({"severity": "2"}, ["Sessions end"]),
        ({"owner": "mine"}, ["Import stops"]),
        ({"owner": "nobody"}, ["Sessions end"]),
        ({"q": "import"}, ["Import stops"]),
        ({"q": "10.4"}, ["Import stops"]),
        ({"q": "nothing like it"}, []),
        ({"severity": "9", "owner": "x", "plan": "1e9", "area": "-1", "q": " \x00 "}, ["Import stops", "Sessions end"]),
    ],
)
def test_filters_narrow_the_board(
    record: Escalation, another: Escalation, sven: User, client_of: ClientOf, asked: dict[str, str], found: list[str]
) -> None:
    html = board(client_of(sven), **asked)
    assert [title for title in ("Import stops", "Sessions end") if title in html] == found


def test_filters_by_reference_area_plan_and_person(
    record: Escalation, another: Escalation, sven: User, rita: User, client_of: ClientOf
) -> None:
    client = client_of(sven)
    premier = rita.memberships.get().organization.plan_id
    for asked in ({"q": record.reference.lower()}, {"plan": str(premier)}):
        html = board(client, **asked)
        assert "Sessions end" in html
        assert "Import stops" not in html
    for asked in ({"area": str(another.area_id)}, {"owner": str(sven.pk)}):
        html = board(client, **asked)
        assert "Import stops" in html
        assert "Sessions end" not in html


def test_the_form_keeps_what_was_chosen_and_the_tabs_keep_the_filters(
    record: Escalation, ann: User, client_of: ClientOf
) -> None:
    html = board(client_of(ann), severity="2", q="sessions")
    assert '<option value="2" selected>' in html
    assert 'value="sessions"' in html
    assert 'href="?severity=2&amp;step=confirmed&amp;q=sessions"' in html


def test_a_phone_shows_the_step_that_was_chosen(record: Escalation, ann: User, client_of: ClientOf) -> None:
    html = board(client_of(ann), step="planned")
    assert 'class="lane bare chosen" data-lane="planned"' in html
    assert html.count(" chosen") == 1
    assert record.title in html
    assert " found<" not in html, "choosing narrows nothing"
    assert ">Clear<" not in html


def test_s049_a_stakeholder_sees_what_the_team_was_brought_into_and_nothing_else(
    record: Escalation, another: Escalation, pat: User, ann: User, client_of: ClientOf
) -> None:
    assert record.title not in board(client_of(pat))
    actions.invite_team(record, Involved.PRODUCT, by=ann, at=AT + MINUTE)
    for path in (BOARD, f"{BOARD}all/"):
        html = client_of(pat).get(path).content.decode()
        assert record.title in html
        assert another.title not in html


def test_s044_titles_are_text(record: Escalation, ann: User, client_of: ClientOf) -> None:
    Escalation.objects.filter(pk=record.pk).update(title='<img src=x onerror="x">', comes_with="<b>9</b>")
    for path in (BOARD, f"{BOARD}all/"):
        html = client_of(ann).get(path).content.decode()
        assert "<img src=x" not in html
        assert "<b>9</b>" not in html


def test_the_empty_board_says_what_will_be_here(ann: User, client_of: ClientOf) -> None:
    assert "No escalations" in board(client_of(ann))
    assert "None like that" in client_of(ann).get(f"{BOARD}all/").content.decode()


def test_a_column_of_what_is_over_shows_the_newest_and_says_how_many_more(
    record: Escalation, sven: User, client_of: ClientOf
) -> None:
    columns = {"step": "released", "requested_by": sven, "impact": "All", "reproduction": "Log in"}
    ended = [clock.now() - timedelta(hours=hours) for hours in range(1, ENDED_AT_ONCE + 4)]
    times = [dict.fromkeys(("step_since", "news_at", "created_at", "updated_at", "ended_at"), at) for at in ended]
    owing = len(ended) - 1
    Escalation.objects.bulk_create(
        Escalation(title=f"Fault {n:02}.", severity=3, owes_update=n == owing, **columns, **known)
        for n, known in enumerate(times)
    )
    column = lane(board(client_of(sven)), "released")
    assert column.count('class="slip"') == ENDED_AT_ONCE
    assert f'<span class="count num">{len(ended)}</span>' in column
    assert ">3 more<" in column
    assert column.index(f"Fault {owing}.") < column.index("Fault 00.") < column.index("Fault 23.")
    assert "Fault 24." not in column


def test_a_long_column_shows_the_worst_and_the_rest_when_it_is_asked_for(sven: User, client_of: ClientOf) -> None:
    columns = {"step": "confirmed", "requested_by": sven, "owner": sven, "impact": "All", "reproduction": "Log in"}
    then = clock.now() - timedelta(days=40)
    Escalation.objects.bulk_create(
        Escalation(
            title=f"Fault {number:02}.",
            severity=1 if number == ACTIVE_AT_ONCE + 2 else 3,
            **columns,
            **dict.fromkeys(("step_since", "news_at", "created_at", "updated_at"), then + timedelta(hours=number)),
        )
        for number in range(ACTIVE_AT_ONCE + 3)
    )
    column = lane(board(client_of(sven), severity="", q="fault"), "confirmed")
    assert column.count('class="slip"') == ACTIVE_AT_ONCE
    assert f'<span class="count num">{ACTIVE_AT_ONCE + 3}</span>' in column
    assert ">3 more<" in column
    assert column.index(f"Fault {ACTIVE_AT_ONCE + 2}.") < column.index("Fault 00.") < column.index("Fault 38.")
    assert "Fault 39." not in column
    way = re.search(r'href="([^"]+)#in-confirmed"', column)
    assert way
    assert "q=fault" in way[1]
    column = lane(client_of(sven).get(unescape(way[1])).content.decode(), "confirmed")
    assert column.count('class="slip"') == ACTIVE_AT_ONCE + 3
    assert " more<" not in column


def test_the_number_of_queries_does_not_grow(
    record: Escalation, rita: User, ann: User, sven: User, client_of: ClientOf, count_queries: Callable[[], Any]
) -> None:
    client = client_of(sven)

    def asked() -> tuple[int, int]:
        found = []
        for path in (BOARD, f"{BOARD}all/"):
            with count_queries() as queries:
                client.get(path)
            found.append(page_queries(queries))
        return found[0], found[1]

    asked()
    before = asked()
    for number in range(8):
        more = actions.request_escalation(
            factories.open_ticket(rita), problem(title=f"Fault {number}"), by=ann, text=TEXT, at=AT
        )
        if number % 2:
            actions.take_step(more, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    assert asked() == before
    assert max(before) <= 13


def test_the_list_has_pages(record: Escalation, ann: User, client_of: ClientOf) -> None:
    columns = {"severity": 3, "step_since": AT, "news_at": AT, "created_at": AT, "updated_at": AT, "requested_by": ann}
    Escalation.objects.bulk_create(Escalation(title=f"Fault {number}", **columns) for number in range(55))
    first = client_of(ann).get(f"{BOARD}all/").content.decode()
    assert "Fault 54" in first
    assert record.title not in first
    older = first.split('rel="next" href="', 1)[1].split('"', 1)[0]
    assert record.title in client_of(ann).get(f"{BOARD}all/{older}").content.decode()
    assert client_of(ann).get(f"{BOARD}all/?page=nonsense").status_code == 200


def test_the_way_there_stands_in_the_navigation(ann: User, client_of: ClientOf) -> None:
    assert f'href="{BOARD}" data-go="e"' in client_of(ann).get("/desk/on-call/").content.decode()
