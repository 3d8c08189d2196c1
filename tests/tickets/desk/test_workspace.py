"""A ticket as the staff sees it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.desk.page import fresh, hidden, text
from tests.tickets.forms import PNG, file
from tickets import actions
from tickets.models import Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def at(number: float) -> datetime:
    return AT + timedelta(minutes=number)


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita, at=AT, subject="All are logged out", cc=["tom@northwind.example"])


def workspace(browser: Client, ticket: Ticket, **asked: str) -> str:
    answer = browser.get(f"/desk/tickets/{ticket.number}/", asked)
    assert answer.status_code == 200
    return text(answer)


def test_the_whole_story_in_order(
    ticket: Ticket, rita: User, ann: User, bo: User, lea: User, client_of: ClientOf
) -> None:
    actions.take(ticket, by=ann, at=at(1))
    actions.add_note(ticket, by=ann, body="Same as last week?", at=at(2))
    actions.answer(ticket, by=ann, body="Which version?", submit_as=Status.PENDING, at=at(3))
    actions.reply(ticket, by=rita, body="10.5.2", at=at(4))
    actions.raise_priority(ticket, by=rita, to=Priority.URGENT, reason="All are out", at=at(5))
    actions.change_fields(ticket, by=bo, changes={"product_version": "10.5.2"}, at=at(6))
    actions.assign(ticket, by=lea, to=bo, at=at(7))
    actions.hold(ticket, by=bo, reason="database team", at=at(8))
    actions.unhold(ticket, by=bo, at=at(9))
    actions.set_do_not_close(ticket, by=bo, to=True, at=at(10))
    actions.answer(ticket, by=bo, body="Restore the key.", submit_as=Status.SOLVED, at=at(11))
    actions.reopen(ticket, by=rita, at=at(12))
    page = workspace(client_of(bo), ticket)
    story = [
        "Since the upgrade everybody",
        "Ann took it, now Open",
        "Internal note",
        "Same as last week?",
        "Which version?",
        "Ann set it to Pending",
        "10.5.2",
        "Rita answered, now Open",
        "Rita changed the priority from Normal to Urgent: “All are out”",
        "Bo changed the version from nothing to “10.5.2”",
        "Lea assigned it to Bo",
        "Bo put it on hold: database team",
        "Bo took it off hold",
        "Bo keeps it from closing by itself",
        "Restore the key.",
        "Bo set it to Solved",
        "Rita reopened it",
    ]
    thread = page[page.index("Since the upgrade") :]
    places = [thread.index(line) for line in story]
    assert places == sorted(places), list(zip(story, places, strict=True))


def test_what_the_rail_says_of_the_customer(
    ticket: Ticket, rita: User, tom: User, sam: User, bo: User, client_of: ClientOf
) -> None:
    other = factories.open_ticket(tom, subject="Emoji missing")
    factories.open_ticket(sam, subject="Of another organisation")
    done = factories.open_ticket(rita, subject="Done already")
    actions.solve(done, by=bo, at=clock.now())
    rita.time_zone = "Asia/Tokyo"
    rita.save(update_fields=["time_zone"])
    page = workspace(client_of(bo), ticket)
    assert f"#{other.number} Emoji missing" in page
    assert "Of another organisation" not in page
    assert "Done already" not in page
    for said in ("Northwind Premier", "Member", "rita@northwind.example", "tom@northwind.example", "(Asia/Tokyo)"):
        assert said in page
    there = clock.now().astimezone(__import__("zoneinfo").ZoneInfo("Asia/Tokyo"))
    assert f"{there:%H}:" in page.split("there (Asia/Tokyo)")[0][-8:]


def test_a_requester_who_left_is_marked(ticket: Ticket, rita: User, bo: User, client_of: ClientOf) -> None:
    rita.memberships.update(ended_at=clock.now())
    assert "No longer a member" in workspace(client_of(bo), ticket)


def test_agents_are_offered_by_region_those_on_shift_first(
    ticket: Ticket, ann: User, bo: User, chi: User, client_of: ClientOf
) -> None:
    body = client_of(bo).get(f"/desk/tickets/{ticket.number}/").content.decode()
    labels = [part.split('"')[0] for part in body.split('<optgroup label="')[1:]]
    assert len(labels) == 3
    assert labels[0].endswith(", on shift")
    assert not any(label.endswith(", on shift") for label in labels[1:])


def test_a_long_conversation_shows_its_newest_thirty_and_leads_to_the_rest(
    ticket: Ticket, rita: User, bo: User, client_of: ClientOf
) -> None:
    for number in range(70):
        if number == 5:
            actions.take(ticket, by=bo, at=at(5.5))
        actions.reply(ticket, by=rita, body=f"Message {number}.", at=at(number + 1))
    browser = client_of(bo)
    seen: list[str] = []
    address = f"/desk/tickets/{ticket.number}/"
    while address:
        answer = browser.get(address)
        found = [part.split(".<")[0] for part in answer.content.decode().split("<p>Message ")[1:]]
        seen = found + seen
        body = answer.content.decode()
        assert ("Newest messages" in text(answer)) == ("before=" in address)
        assert ("Bo took it" in text(answer)) == ("4" in found)
        address = body.split('id="earlier"')[1].split('href="')[1].split('"')[0] if 'id="earlier"' in body else ""
    assert seen == [str(number) for number in range(70)]
    fragment = browser.get(
        f"/desk/tickets/{ticket.number}/?before=o{10**15}.5",
        headers={"HX-Request": "true", "HX-Target": "earlier"},
    )
    assert "<html" not in fragment.content.decode()


@pytest.mark.parametrize("before", ["o1", "n1.1", "x", "o99999999999999999999.1", "o-999999999999999999.1", "%00", "é"])
def test_s106_a_cursor_that_is_none_of_ours_gives_the_newest(
    before: str, ticket: Ticket, bo: User, client_of: ClientOf
) -> None:
    assert "Since the upgrade everybody" in text(
        client_of(bo).get(f"/desk/tickets/{ticket.number}/?before={before}&panel=%00")
    )


@pytest.mark.parametrize("number", ["0", "99999999999999999999", "2147483648"])
def test_s106_an_unknown_number_is_a_404(number: str, bo: User, client_of: ClientOf) -> None:
    assert client_of(bo).get(f"/desk/tickets/{number}/").status_code == 404


def test_ten_messages_cost_no_more_than_two(
    ticket: Ticket, rita: User, bo: User, client_of: ClientOf, count_queries: Callable[[], CaptureQueriesContext]
) -> None:
    def cost() -> int:
        clock.forget()
        with count_queries() as queries:
            browser.get(f"/desk/tickets/{ticket.number}/")
        return len(queries)

    browser = client_of(bo)
    actions.reply(ticket, by=rita, body="One more", at=at(1))
    few = cost()
    for number in range(10):
        upload = actions.upload(rita, file=file("shot.png", PNG), name="shot.png", at=at(number))
        actions.reply(ticket, by=rita, body="More", uploads=[upload.pk], at=at(number + 2))
        actions.add_note(ticket, by=bo, body="Note", at=at(number + 2))
    assert cost() == few
    assert few <= 19


def test_an_open_page_learns_what_is_new_and_keeps_what_is_being_written(
    ticket: Ticket, rita: User, bo: User, client_of: ClientOf
) -> None:
    browser = client_of(bo)
    body = browser.get(f"/desk/tickets/{ticket.number}/").content.decode()
    asks = body.split('id="news"')[1].split('hx-get="')[1].split('"')[0]
    poll = {"HX-Request": "true", "HX-Target": "news"}
    assert browser.get(asks, headers=poll).status_code == 204
    actions.reply(ticket, by=rita, body="And on mobile", at=clock.now())
    fragment = browser.get(asks, headers=poll).content.decode()
    assert "And on mobile" in fragment
    assert 'id="alarm" hx-swap-oob="true"' in fragment
    assert "<textarea" not in fragment
    assert 'id="rail"' not in fragment


def test_original_and_follow_up_lead_to_each_other(ticket: Ticket, rita: User, bo: User, client_of: ClientOf) -> None:
    actions.solve(ticket, by=bo, at=at(1))
    assert actions.close_solved(ticket.pk, now=at(60 * 49))
    later = actions.reply(ticket, by=rita, body="It is back", at=at(60 * 50)).ticket
    browser = client_of(bo)
    assert f"Continued in #{later.number}" in workspace(browser, ticket)
    assert f"Follows up on #{ticket.number} All are logged out" in workspace(browser, later)


def test_a_closed_ticket_takes_notes_only(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    actions.solve(ticket, by=bo, at=at(1))
    assert actions.close_solved(ticket.pk, now=at(60 * 49))
    page = workspace(client_of(bo), ticket)
    assert "Add note" in page
    for gone in ("Send as", "Send, keep Open", "Assign to me", "Change without a reply", "Do not close", "Add CC"):
        assert gone not in page


def test_set_engineers_may_answer_and_note_but_nothing_else(ticket: Ticket, sven: User, client_of: ClientOf) -> None:
    page = workspace(client_of(sven), ticket, panel="fields")
    for offered in ("Send, keep Open", "Add note", "Add CC"):
        assert offered in page
    gone = ("Send as Pending", "Send as Solved", "Assign to me", "Change without a reply", "Do not close", "Edit")
    for missing in gone:
        assert missing not in page


@pytest.mark.parametrize("name", ["rita", "tom", "mona", "sam", "fred", "pat"])
def test_s048_for_others_there_is_no_such_page(
    name: str, ticket: Ticket, request: pytest.FixtureRequest, client_of: ClientOf
) -> None:
    browser = client_of(request.getfixturevalue(name))
    before = fresh(ticket).updated_at
    verbs = ["", "reply/", "note/", "assign/", "take/", "status/", "fields/", "do-not-close/", "cc/"]
    for verb in verbs:
        form = {"body": "x", "submit_as": "open", "move": "solve", "cc": "x@y.example", "subject": "x"}
        address = f"/desk/tickets/{ticket.number}/{verb}"
        answer = browser.post(address, form) if verb else browser.get(address)
        missing = browser.get("/desk/tickets/999999999/")
        assert answer.status_code == missing.status_code == 404, verb
    assert fresh(ticket).updated_at == before
    assert ticket.messages.count() == 1


def test_s054_an_agent_who_is_none_any_more_changes_nothing(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    form = hidden(browser.get(f"/desk/tickets/{ticket.number}/"), "reply/")
    bo.role = "product"
    bo.save(update_fields=["role"])
    answer = browser.post(f"/desk/tickets/{ticket.number}/reply/", {**form, "body": "Hi", "submit_as": "open"})
    assert answer.status_code == 404
    assert ticket.messages.count() == 1


def test_the_way_back_leads_to_the_view_that_was_looked_at(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    browser.get("/desk/?view=premier")
    body = browser.get(f"/desk/tickets/{ticket.number}/").content.decode()
    assert 'href="/desk/?view=premier"' in body.split('class="crumbs"')[1].split("</nav>")[0]
    browser.cookies["desk-view"] = "<script>"
    assert "All unfinished" in workspace(browser, ticket)
