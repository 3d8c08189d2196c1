"""*My requests*: whose, which, and at a constant price."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Membership, Organization, User
from supportdesk.lib import clock
from tests import factories
from tickets import actions
from tickets.models import Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


def listed(browser: Client, query: str = "") -> list[int]:
    page = browser.get(f"/requests/{query}")
    assert page.status_code == 200
    return [int(number) for number in re.findall(r'class="lead" href="/requests/(\d+)/"', page.content.decode())]


def test_mine_in_copy_and_my_organisations(rita: User, tom: User, mona: User, sam: User, client_of: ClientOf) -> None:
    ritas, toms = factories.open_ticket(rita, cc=[tom.email]), factories.open_ticket(tom)
    factories.open_ticket(sam)
    assert listed(client_of(rita)) == [ritas.number]
    assert listed(client_of(tom)) == [toms.number]
    assert listed(client_of(tom), "?of=copy") == [ritas.number]
    assert listed(client_of(mona)) == []
    assert listed(client_of(mona), "?of=org-northwind") == [toms.number, ritas.number]
    assert "Northwind" in client_of(mona).get("/requests/").content.decode()


def test_what_is_owed_leads_to_how_it_came_about(rita: User, bo: User, client_of: ClientOf) -> None:
    owed, answered = factories.open_ticket(rita), factories.open_ticket(rita)
    actions.answer(answered, by=bo, body="Which?", submit_as=Status.PENDING, at=clock.now())
    page = client_of(rita).get("/requests/").content.decode()
    assert f'We owe you <a class="link above" href="/requests/{owed.number}/promises/">a first answer by <time' in page
    assert f"/requests/{answered.number}/promises/" not in page


@pytest.mark.parametrize("name", ["rita", "tom", "sam", "fred"])
def test_only_a_manager_has_the_organisations_tab(
    mona: User, client_of: ClientOf, request: pytest.FixtureRequest, name: str
) -> None:
    factories.open_ticket(mona)
    browser = client_of(request.getfixturevalue(name))
    assert listed(browser, "?of=org-northwind") == []
    assert "of=org-northwind" not in browser.get("/requests/").content.decode()


def test_a_removed_member_no_longer_finds_requests(rita: User, client_of: ClientOf) -> None:
    factories.open_ticket(rita)
    browser = client_of(rita)
    Membership.objects.filter(user=rita).update(ended_at=clock.now())
    assert listed(browser) == []


def test_statuses_are_those_that_customers_know(rita: User, bo: User, client_of: ClientOf) -> None:
    new, held, pending, solved, closed = (factories.open_ticket(rita) for _ in range(5))
    actions.take(held, by=bo, at=clock.now())
    actions.hold(held, by=bo, reason="engineering", at=clock.now())
    actions.answer(pending, by=bo, body="?", submit_as=Status.PENDING, at=clock.now())
    for ticket in (solved, closed):
        actions.solve(ticket, by=bo, at=clock.now())
    actions.close_solved(closed.pk, now=clock.now() + timedelta(hours=49))
    browser = client_of(rita)
    found = {status: set(listed(browser, f"?status={status}")) for status in ("unfinished", *Status)}
    assert found == {
        "unfinished": {new.pk, held.pk, pending.pk},
        "new": {new.pk},
        "open": {held.pk},
        "pending": {pending.pk},
        "on_hold": {new.pk, held.pk, pending.pk, solved.pk, closed.pk},
        "solved": {solved.pk},
        "closed": {closed.pk},
    }
    page = browser.get("/requests/").content.decode()
    assert "On-hold" not in page
    assert "One request waits for your answer." in page


def test_search_finds_words_of_the_subject_and_numbers(rita: User, client_of: ClientOf) -> None:
    one = factories.open_ticket(rita, subject="LDAP sync 100% broken")
    two = factories.open_ticket(rita, subject="Push notifications")
    browser = client_of(rita)
    assert listed(browser, "?q=ldap") == [one.number]
    assert listed(browser, "?q=100%25") == [one.number]
    assert listed(browser, f"?q=%23{two.number}") == [two.number]
    assert listed(browser, "?q=nothing") == []
    assert "Nothing found" in browser.get("/requests/?q=nothing").content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "?q=%00",
        "?q=a%00b",
        "?q=" + "9" * 500,
        "?q=9223372036854775808",
        "?q=%25%5C_",
        "?q=%27%3Bselect+pg_sleep(5)",
        "?status=x&status[]=y",
        "?of=org-x%00",
        "?sort=id;select+pg_sleep(5)",
        "?q=%D9%A3",
    ],
)
def test_s019_s103_s106_nothing_in_a_query_breaks_the_list(rita: User, client_of: ClientOf, query: str) -> None:
    factories.open_ticket(rita)
    assert client_of(rita).get(f"/requests/{query}").status_code == 200


@pytest.mark.parametrize("cursor", ["x", "o1", "o1.2.3", "o99999999999999999999.1", "n-1.-1", "%00", "1000000000"])
def test_s106_a_page_that_can_not_be_leads_to_the_first(rita: User, client_of: ClientOf, cursor: str) -> None:
    answer = client_of(rita).get(f"/requests/?page={cursor}")
    assert (answer.status_code, answer["Location"]) == (302, "/requests/")


def test_pages_follow_each_other_without_a_gap_even_at_one_instant(rita: User, client_of: ClientOf) -> None:
    at = clock.now()
    numbers = [factories.open_ticket(rita, at=at).number for _ in range(60)]
    browser, found, path = client_of(rita), [], "/requests/?status=new"
    pages = []
    while path:
        page = browser.get(path).content.decode()
        pages.append(path)
        found += [int(number) for number in re.findall(r'class="lead" href="/requests/(\d+)/"', page)]
        older = re.search(r'rel="next" href="([^"]+)"', page)
        path = "/requests/" + older[1].replace("&amp;", "&") if older else ""
    assert found == sorted(numbers, reverse=True)
    assert len(pages) == 3
    back = re.search(r'rel="prev" href="([^"]+)"', browser.get(pages[2]).content.decode())
    assert back is not None
    assert listed(browser, back[1].replace("&amp;", "&")) == found[25:50]


def test_empty_states_say_what_will_be_here(rita: User, mona: User, fred: User, client_of: ClientOf) -> None:
    assert "What you submit stands here" in client_of(rita).get("/requests/").content.decode()
    assert "Nobody has copied you in" in client_of(rita).get("/requests/?of=copy").content.decode()
    page = client_of(mona).get("/requests/?of=org-northwind").content.decode()
    assert "Requests of everybody in your organisation" in page
    free = client_of(fred).get("/requests/").content.decode()
    assert "Your account comes without the portal" in free
    assert "Submit a request</a></div></header>" not in free


@pytest.mark.parametrize("scope", ["", "?of=copy", "?of=org-northwind", "?q=a", "?status=open"])
def test_the_list_costs_the_same_number_of_queries_whatever_it_holds(
    mona: User,
    rita: User,
    northwind: Organization,
    client_of: ClientOf,
    count_queries: Callable[[], Any],
    scope: str,
) -> None:
    browser, counts = client_of(mona), []
    for _ in range(2):
        factories.open_ticket(mona)
        factories.open_ticket(rita, cc=[mona.email])
        clock.forget()
        with count_queries() as queries:
            browser.get(f"/requests/{scope}")
        counts.append(len(queries))
        for _ in range(4):
            factories.open_ticket(rita, cc=[mona.email])
    assert counts[0] == counts[1] <= 10


def test_the_staff_is_led_to_the_desk(ann: User, sven: User, pat: User, client_of: ClientOf) -> None:
    for person in (ann, sven):
        assert client_of(person).get("/requests/")["Location"] == "/desk/"
    assert client_of(pat).get("/requests/").status_code == 404


def test_the_waiting_count_is_capped(rita: User, bo: User, client_of: ClientOf) -> None:
    for _ in range(3):
        ticket = factories.open_ticket(rita)
        actions.answer(ticket, by=bo, body="?", submit_as=Status.PENDING, at=clock.now())
    assert "3 requests wait for your answer." in client_of(rita).get("/requests/").content.decode()
    assert Ticket.objects.count() == 3
