"""The agents' queue."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Region, User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.desk.page import counts, link, numbers, text
from tickets import actions, queue
from tickets.models import Category, Priority, SlaClock, Ticket
from tickets.states import Status
from tickets.views.agent import rows

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
AT = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


def at(number: float) -> datetime:
    return AT + timedelta(minutes=number)


def unset_priority(ticket: Ticket) -> Ticket:
    """As a request by mail has none; there is no such door yet."""
    Ticket.objects.filter(pk=ticket.pk).update(priority=None)
    return ticket


@pytest.fixture
def stage(rita: User, sam: User, ann: User, bo: User) -> dict[str, Ticket]:
    """A ticket for each view."""
    new = factories.open_ticket(rita, at=at(1), subject="Brand new", priority=Priority.URGENT)
    mine = factories.open_ticket(sam, at=at(2), subject="Mine")
    actions.take(mine, by=bo, at=at(3))
    pending = factories.open_ticket(rita, at=at(4), subject="Asked back")
    actions.answer(pending, by=ann, body="Which?", submit_as=Status.PENDING, at=at(5))
    held = factories.open_ticket(sam, at=at(6), subject="On ice")
    actions.answer(held, by=ann, body="Wait.", submit_as=Status.OPEN, at=at(7))
    actions.hold(held, by=ann, reason="waits", at=at(8))
    solved = factories.open_ticket(rita, at=at(9), subject="Done")
    actions.solve(solved, by=bo, at=at(10))
    closed = factories.open_ticket(rita, at=at(-9000), subject="Long gone")
    actions.solve(closed, by=bo, at=at(-8990))
    assert actions.close_solved(closed.pk, now=at(0))
    return {"new": new, "mine": mine, "pending": pending, "held": held, "solved": solved, "closed": closed}


def on_shift_only(name: str) -> None:
    """Region `name` is on shift all day, the others for a minute at noon of which no test knows."""
    Region.objects.exclude(name=name).update(shift_starts=time(3, 33), shift_ends=time(3, 34))
    Region.objects.filter(name=name).update(shift_starts=time(3, 34), shift_ends=time(3, 33))


def test_each_view_holds_its_tickets_and_says_how_many(stage: dict[str, Ticket], bo: User, client_of: ClientOf) -> None:
    on_shift_only("Europe, Middle East and Africa")
    browser = client_of(bo)
    expected = {
        "mine": {"mine"},
        "new": {"new"},
        "": {"new", "mine", "pending", "held"},
        "waiting": {"new", "mine"},
        "premier": {"new", "pending"},
        "pending": {"pending"},
        "on_hold": {"held"},
        "escalated": set(),
        "off_shift": {"pending", "held"},
        "solved": {"solved"},
        "all": set(stage),
    }
    labels = {queue.VIEWS[key or "unfinished"].label: str(len(names)) for key, names in expected.items()}
    for view, names in expected.items():
        page = browser.get("/desk/", {"view": view} if view else {})
        assert set(numbers(page)) == {stage[name].number for name in names}, view
        assert counts(page) == labels


def test_what_is_due_next_comes_first(rita: User, sam: User, bo: User, client_of: ClientOf) -> None:
    """Whatever its priority; what nothing is owed for comes last."""
    tomorrow = factories.open_ticket(sam, at=at(0), priority=Priority.NORMAL)
    late = factories.open_ticket(rita, at=at(-300), priority=Priority.HIGH)
    answered = factories.open_ticket(rita, at=at(0), priority=Priority.NORMAL)
    actions.answer(answered, by=bo, body="On it.", submit_as=Status.OPEN, at=at(1))
    soon = factories.open_ticket(rita, at=at(2), priority=Priority.URGENT)
    sooner = factories.open_ticket(sam, at=at(-70), priority=Priority.URGENT)
    order = [ticket.number for ticket in (late, sooner, soon, tomorrow, answered)]
    assert numbers(client_of(bo).get("/desk/")) == order
    assert numbers(client_of(bo).get("/desk/?view=waiting&sort=due")) == order[:-1]


def rows_of(page: HttpResponse) -> dict[int, str]:
    """The rows of the table as markup, by their tickets."""
    return {int(row.split('id="t')[1].split('"')[0]): row for row in page.content.decode().split("<tr")[2:]}


def test_each_row_counts_down_on_its_clock(rita: User, sam: User, bo: User, client_of: ClientOf) -> None:
    """Nine in the morning in London on a Monday: ten in Berlin, four at night in New York."""
    clock.move(AT - clock.now() + timedelta(seconds=30))
    bo.time_zone = "Europe/Berlin"
    bo.save(update_fields=["time_zone"])
    late = factories.open_ticket(rita, at=at(-72), priority=Priority.URGENT)
    warns = factories.open_ticket(rita, at=at(-100), priority=Priority.HIGH)
    waits = factories.open_ticket(sam, at=at(-10), priority=Priority.NORMAL)
    paused = factories.open_ticket(rita, at=at(-20), priority=Priority.URGENT)
    actions.answer(paused, by=bo, body="Which?", submit_as=Status.PENDING, at=at(-10))
    nothing = factories.open_ticket(rita, at=at(-20), priority=Priority.NORMAL)
    actions.answer(nothing, by=bo, body="Hm.", submit_as=Status.OPEN, at=at(-10))
    rows = rows_of(client_of(bo).get("/desk/"))
    expected = {
        late: ("sla breached", "12 m late", "around the clock", "First reply, due Mon 2 Nov 2026, 09:48 CET"),
        warns: ("sla warning", "19 m left", "around the clock", "First reply, due Mon 2 Nov 2026, 10:20 CET"),
        waits: ("sla calm", "8 h left", "resumes 15:00", "business hours New York"),
        paused: ("sla paused", "4 h left", "paused", "Regular update: 4 h left"),
    }
    for ticket, words in expected.items():
        assert not [word for word in words if word not in rows[ticket.number]], (words, rows[ticket.number])
    assert 'class="sla' not in rows[nothing.number]
    assert "data-left" in rows[late.number]
    assert "data-left" not in rows[waits.number]
    for ticket in expected:
        told = rows[ticket.number].split('class="due-cell">')[1].split("</td>")[0]
        found = re.match(r'<a class="sla [a-z]+" href="([^"#]*)#clock-(\d+)" title="', told)
        assert found is not None
        assert found[1] == f"/desk/tickets/{ticket.number}/promises/"
        assert SlaClock.objects.get(pk=found[2]).ticket == ticket
        assert f'id="clock-{found[2]}"' in client_of(bo).get(found[1]).content.decode()


def test_each_column_has_a_header(rita: User, bo: User, client_of: ClientOf) -> None:
    factories.open_ticket(rita)
    head = client_of(bo).get("/desk/").content.decode().split("<thead>")[1].split("</thead>")[0]
    assert head.count('<th scope="col"') == head.count("</th>") == 9


def test_the_open_page_learns_of_a_warning_and_a_breach_though_nothing_happened(
    rita: User, bo: User, client_of: ClientOf
) -> None:
    clock.move(AT - clock.now())
    factories.open_ticket(rita, at=clock.now(), priority=Priority.URGENT)
    browser, poll = client_of(bo), {"HX-Request": "true", "HX-Target": "rows"}
    found = []
    for minutes in (10, 20, 20, 20):
        page = browser.get("/desk/").content.decode()
        asks = page.split('id="rows"')[1].split('hx-get="')[1].split('"')[0].replace("&amp;", "&")
        clock.move(timedelta(minutes=minutes))
        found.append(browser.get(asks, headers=poll).status_code)
    assert found == [204, 204, 200, 200]


def test_by_priority_and_within_it_who_waits_longest(rita: User, bo: User, client_of: ClientOf) -> None:
    low = factories.open_ticket(rita, at=at(0), priority=Priority.LOW)
    late = factories.open_ticket(rita, at=at(2), priority=Priority.URGENT)
    early = factories.open_ticket(rita, at=at(1), priority=Priority.URGENT)
    answered = factories.open_ticket(rita, at=at(-5), priority=Priority.URGENT)
    actions.answer(answered, by=bo, body="On it.", submit_as=Status.OPEN, at=at(3))
    unset = unset_priority(factories.open_ticket(rita, at=at(4)))
    high = factories.open_ticket(rita, at=at(5), priority=Priority.HIGH)
    order = [early, late, answered, unset, high, low]
    assert numbers(client_of(bo).get("/desk/?sort=priority")) == [ticket.number for ticket in order]


def test_the_other_orders(stage: dict[str, Ticket], bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    names = {ticket.number: name for name, ticket in stage.items()}
    found = {
        sort: [names[number] for number in numbers(browser.get("/desk/", {"view": "all", "sort": sort}))]
        for sort in ("newest", "oldest", "updated")
    }
    assert found["newest"] == ["solved", "held", "pending", "mine", "new", "closed"]
    assert found["oldest"] == found["newest"][::-1]
    assert found["updated"] == ["solved", "held", "pending", "mine", "new", "closed"]


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ({"status": "pending"}, {"pending"}),
        ({"priority": "1"}, {"new"}),
        ({"assignee": "me"}, {"mine"}),
        ({"assignee": "nobody"}, {"new"}),
        ({"assignee": "ann"}, {"pending", "held"}),
        ({"organization": "north"}, {"new", "pending"}),
        ({"organization": "CONTOSO"}, {"mine", "held"}),
        ({"organization": "north", "status": "new"}, {"new"}),
        ({"organization": "nobody is called so"}, set()),
        ({"category": "server-issues", "assignee": "nobody"}, {"new"}),
    ],
)
def test_filters_narrow_a_view(
    asked: dict[str, str], names: set[str], stage: dict[str, Ticket], ann: User, bo: User, client_of: ClientOf
) -> None:
    if asked.get("assignee") == "ann":
        asked = {"assignee": str(ann.pk)}
    if "category" in asked:
        asked = {**asked, "category": str(Category.objects.get(slug=asked["category"]).pk)}
    page = client_of(bo).get("/desk/", asked)
    assert set(numbers(page)) == {stage[name].number for name in names}
    if not names:
        assert "Nothing fits" in text(page)


def test_what_is_chosen_stays_chosen_and_can_be_shared(stage: dict[str, Ticket], bo: User, client_of: ClientOf) -> None:
    page = client_of(bo).get("/desk/?view=all&status=pending&assignee=nobody&organization=North&sort=oldest")
    body = page.content.decode()
    for option in ('value="pending" selected', 'value="nobody" selected', 'value="oldest" selected', 'value="North"'):
        assert option in body
    assert '<input type="hidden" name="view" value="all">' in body


@pytest.mark.parametrize("sort", queue.SORTS)
def test_walking_the_pages_meets_every_ticket_once_and_comes_back(
    sort: str, rita: User, bo: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where columns are equal or empty."""
    monkeypatch.setattr(queue, "PAGE_SIZE", 3)
    tickets = [
        factories.open_ticket(rita, at=at(number // 4), priority=Priority(1 + number % 4)) for number in range(11)
    ]
    unset_priority(tickets[3])
    for ticket in tickets[:5]:
        actions.answer(ticket, by=bo, body="Hello", submit_as=Status.OPEN, at=at(60))
    browser = client_of(bo)
    address, seen, pages = f"?sort={sort}", [], []
    while address:
        page = browser.get(f"/desk/{address}")
        pages.append(numbers(page))
        seen += pages[-1]
        address = link(page, "next")
        assert len(pages) < 9
    assert sorted(seen) == sorted(ticket.number for ticket in tickets)
    back = [pages[-1]]
    while address := link(page, "prev"):
        page = browser.get(f"/desk/{address}")
        back.append(numbers(page))
    assert [number for found in back[::-1] for number in found] == seen


def test_a_ticket_that_comes_meanwhile_shifts_nothing(
    rita: User, bo: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "PAGE_SIZE", 2)
    old = [factories.open_ticket(rita, at=at(number)) for number in range(4)]
    browser = client_of(bo)
    first = browser.get("/desk/?sort=newest")
    factories.open_ticket(rita, at=at(9))
    second = browser.get(f"/desk/{link(first, 'next')}")
    assert numbers(first) + numbers(second) == [ticket.number for ticket in reversed(old)]


GARBAGE = [
    "sort=id;select pg_sleep(5)",
    "sort=-assignee__password",
    "view=../../etc/passwd",
    "status=open'--",
    "priority=99999999999999999999",
    "priority=-1",
    "priority=%D9%A3",
    "assignee=1e5",
    "assignee=99999999999999999999999",
    "assignee=9223372036854775807",
    "category=99999999999999999999999",
    "organization=%00",
    "organization=%25%25_%5C",
    "page=o1.2.3.4.5",
    "page=o99999999999999999999.1",
    "page=n-999999999999999999.999999999999999999.9223372036854775807",
    "page=o9999999999.9999999999.9999999999999999999",
    "page=%D9%A3",
    "page=1%00",
    "page=" + "9" * 5000,
    '{"a\\" FROM auth_user--":1}=1',
    "ticket=%00&ticket=1e5",
]


@pytest.mark.parametrize("asked", GARBAGE)
def test_s103_s106_garbage_is_the_default(asked: str, stage: dict[str, Ticket], bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    page = browser.get(f"/desk/?{asked}")
    assert page.status_code == 200
    assert browser.get(f"/desk/?{asked}", headers={"HX-Request": "true", "HX-Target": "rows"}).status_code == 200
    if asked.startswith(("page", "sort", "view", "ticket", "{")):
        assert len(numbers(page)) == 4


def test_the_page_costs_the_same_with_fifty_rows_as_with_five(
    rita: User, bo: User, client_of: ClientOf, count_queries: Callable[[], CaptureQueriesContext]
) -> None:
    def cost() -> int:
        clock.forget()
        with count_queries() as queries:
            browser.get("/desk/")
        return len(queries)

    browser = client_of(bo)
    for number in range(5):
        factories.open_ticket(rita, at=at(number))
    few = cost()
    for number in range(45):
        ticket = factories.open_ticket(rita, at=at(number))
        if number % 2:
            actions.take(ticket, by=bo, at=at(100))
    assert cost() == few
    assert few <= 16


def test_a_customer_who_waits_is_marked(stage: dict[str, Ticket], bo: User, client_of: ClientOf) -> None:
    found = rows_of(client_of(bo).get("/desk/"))
    assert 'class="unread"' in found[stage["new"].number]
    assert 'class="unread"' not in found[stage["pending"].number]


def test_a_subject_is_text(rita: User, bo: User, client_of: ClientOf) -> None:
    factories.open_ticket(rita, subject="<script>alert(1)</script>")
    page = client_of(bo).get("/desk/").content.decode()
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_the_open_page_asks_for_its_rows_and_keeps_the_ticks(
    stage: dict[str, Ticket], rita: User, bo: User, client_of: ClientOf
) -> None:
    browser = client_of(bo)
    page = browser.get("/desk/").content.decode()
    asks = page.split('id="rows"')[1].split('hx-get="')[1].split('"')[0].replace("&amp;", "&")
    poll = {"HX-Request": "true", "HX-Target": "rows"}
    assert browser.get(asks, headers=poll).status_code == 204
    factories.open_ticket(rita, subject="Just in")
    mine = Ticket.objects.get(pk=stage["mine"].pk)
    fragment = browser.get(f"{asks}&ticket={rows.ticked_as(mine.number, mine.assignee_id)}", headers=poll)
    body = fragment.content.decode()
    assert fragment.status_code == 200
    assert "Just in" in body
    assert "<html" not in body
    assert 'id="views" hx-swap-oob="true"' in body
    assert body.count(" checked") == 1
    assert f'value="{mine.number}.{mine.assignee_id}" id="s{mine.number}"' in body.split(" checked")[0]
    assert {"HX-Request", "HX-Target"} <= {one.strip() for one in fragment["Vary"].split(",")}


def test_organisations_are_suggested_by_name(stage: dict[str, Ticket], bo: User, client_of: ClientOf) -> None:
    headers = {"HX-Request": "true", "HX-Target": "organizations"}
    answer = client_of(bo).get("/desk/?organization=nor", headers=headers)
    assert 'value="Northwind"' in answer.content.decode()
    assert "Contoso" not in answer.content.decode()


def test_counts_stop_at_999(bo: User, rita: User, client_of: ClientOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "COUNTED_TO", 2)
    for _ in range(4):
        factories.open_ticket(rita)
    assert counts(client_of(bo).get("/desk/"))["New, unassigned"] == "2+"


def test_an_empty_queue_says_so(bo: User, client_of: ClientOf) -> None:
    assert "Nothing is assigned to you" in text(client_of(bo).get("/desk/?view=mine"))


def test_set_engineers_look_on(stage: dict[str, Ticket], sven: User, client_of: ClientOf) -> None:
    page = client_of(sven).get("/desk/")
    assert len(numbers(page)) == 4
    assert "Assign to me" not in text(page)
    assert "Assigned to me" not in text(page)


@pytest.mark.parametrize("name", ["rita", "mona", "fred", "pat"])
def test_for_others_there_is_no_queue(name: str, request: pytest.FixtureRequest, client_of: ClientOf) -> None:
    browser = client_of(request.getfixturevalue(name))
    assert browser.get("/desk/").status_code == 404
    assert browser.get("/desk/", headers={"HX-Request": "true", "HX-Target": "organizations"}).status_code == 404


def test_strangers_are_asked_to_log_in() -> None:
    assert Client().get("/desk/?view=mine")["Location"] == "/accounts/login/?next=/desk/%3Fview%3Dmine"
