"""Assigning many tickets at once."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.desk.page import fresh, numbers, text
from tickets import actions
from tickets.models import EventKind, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


@pytest.fixture
def tickets(rita: User) -> list[Ticket]:
    return [factories.open_ticket(rita, subject=f"Question {number}") for number in range(3)]


def assign(browser: Client, tickets: list[Ticket], **form: object) -> object:
    given = {"ticket": [str(ticket.number) for ticket in tickets], "address": "?view=new&sort=newest", **form}
    return browser.post("/desk/assign/", given)


def test_to_an_agent_to_oneself_and_to_nobody(tickets: list[Ticket], ann: User, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    for form, owner in (
        ({"to": "chosen", "assignee": str(ann.pk)}, ann),
        ({"to": "me", "assignee": ""}, bo),
        ({"to": "chosen", "assignee": "nobody"}, None),
    ):
        answer = assign(browser, tickets[:2], **form)
        assert (answer.status_code, answer["Location"]) == (303, "/desk/?view=new&sort=newest")
        assert [fresh(ticket).assignee for ticket in tickets] == [owner, owner, None]
    said = text(browser.get("/desk/"))
    assert all(f"2 tickets assigned to {whom}." in said for whom in ("Ann", "you", "nobody"))
    events = tickets[0].events.exclude(kind=EventKind.CREATED).values_list("kind", "actor__name")
    assert list(events) == [("assigned", "Bo"), ("assigned", "Bo"), ("unassigned", "Bo")]


def test_what_was_refused_is_named_and_the_rest_is_done(
    tickets: list[Ticket], bo: User, ann: User, client_of: ClientOf
) -> None:
    closed = tickets[0]
    now = clock.now()
    actions.solve(closed, by=ann, at=now)
    actions.close_solved(closed.pk, now=now + timedelta(hours=48))
    browser = client_of(bo)
    assign(browser, tickets, to="me")
    page = text(browser.get("/desk/"))
    assert "2 tickets assigned to you." in page
    assert f"Not assigned. #{closed.number}: Request #{closed.number} is Closed now" in page
    assert [fresh(ticket).assignee for ticket in tickets] == [ann, bo, bo]


def test_undo_gives_back_what_nobody_had(tickets: list[Ticket], bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    assign(browser, tickets, to="me")
    page = browser.get("/desk/").content.decode()
    form = page.split('action="/desk/assign/">')[-1].split("</form>")[0]
    assert "Undo" in form
    undo = dict(part.split('" value="') for part in form.replace('">', '"').split('name="')[1:])
    fields = {name: value.split('"')[0] for name, value in undo.items()}
    browser.post("/desk/assign/", fields)
    assert [(fresh(ticket).assignee, fresh(ticket).state) for ticket in tickets] == [(None, Status.NEW)] * 3


def test_one_row_by_its_own_button_in_place(tickets: list[Ticket], bo: User, client_of: ClientOf) -> None:
    answer = client_of(bo).post(
        "/desk/assign/",
        {"one": tickets[1].number, "ticket": [tickets[0].number], "address": "?view=new"},
        headers={"HX-Request": "true", "HX-Target": "rows"},
    )
    assert answer.status_code == 200
    assert set(numbers(answer)) == {tickets[0].number, tickets[2].number}
    assert f"#{tickets[1].number} assigned to you." in text(answer)
    assert [fresh(ticket).assignee for ticket in tickets] == [None, bo, None]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"ticket": [], "to": "me"}, "Tick the tickets to assign first."),
        ({"ticket": ["x", "1e5", "99999999999999999999", "\x00"], "to": "me"}, "Tick the tickets to assign first."),
        ({"to": "chosen", "assignee": ""}, "Choose whom to assign them to."),
        ({"to": "chosen", "assignee": "rita"}, "Choose whom to assign them to."),
        ({"to": "chosen", "assignee": "99999999999999999999"}, "Choose whom to assign them to."),
        ({}, "Choose whom to assign them to."),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    form: dict[str, object], said: str, tickets: list[Ticket], rita: User, bo: User, client_of: ClientOf
) -> None:
    if form.get("assignee") == "rita":
        form = {**form, "assignee": str(rita.pk)}
    browser = client_of(bo)
    answer = assign(browser, tickets, **form)
    assert answer.status_code == 303
    assert said in text(browser.get("/desk/"))
    assert not Ticket.objects.exclude(assignee=None).exists()


def test_the_way_back_stays_in_the_queue(tickets: list[Ticket], bo: User, client_of: ClientOf) -> None:
    """S077: the address in the form is read as filters, never followed."""
    answer = assign(client_of(bo), tickets, to="me", address="https://evil.example/?view=mine")
    assert answer["Location"] == "/desk/?"


@pytest.mark.parametrize(("name", "status"), [("rita", 404), ("mona", 404), ("pat", 404), ("sven", 403)])
def test_others_may_not(
    name: str, status: int, tickets: list[Ticket], request: pytest.FixtureRequest, client_of: ClientOf
) -> None:
    answer = assign(client_of(request.getfixturevalue(name)), tickets, to="me")
    assert answer.status_code == status
    assert not Ticket.objects.exclude(assignee=None).exists()


@pytest.mark.parametrize("form", ["one", "ticked"])
def test_nobodys_take_is_overwritten_by_an_old_queue(
    rita: User, ann: User, bo: User, client_of: Callable[[User], Client], form: str
) -> None:
    """Two agents see it unassigned; the second one is told whose it is by now."""
    ticket = factories.open_ticket(rita)
    fields = {"one": str(ticket.number)} if form == "one" else {"ticket": f"{ticket.number}.0", "to": "me"}
    for agent in (ann, bo):
        page = client_of(agent).post("/desk/assign/", {**fields, "address": "?view=new"}, follow=True)
    assert "was assigned to Ann meanwhile" in page.content.decode()
    ticket.refresh_from_db()
    assert ticket.assignee == ann
