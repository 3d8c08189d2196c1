"""How a deadline came about: the same to everybody who may see the request."""

import html
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization, User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.desk.page import text
from tickets import actions
from tickets.models import Priority, SlaClock, Ticket
from tickets.sla import retarget, sweep
from tickets.sla.clocks import used_by
from tickets.sla.explain import REASONS, Explanation, of_ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
NEW_YORK = ZoneInfo("America/New_York")


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """Of November 2026, in New York: the 20th is a Friday, the 26th Thanksgiving."""
    return datetime(2026, 11, day, hour, minute, tzinfo=NEW_YORK)


def explain(ticket: Ticket, now: datetime, promise: str = "first_reply") -> Explanation:
    return next(one for one in of_ticket(ticket, now=now) if one.promise == promise)


def api(browser: Client, ticket: Ticket) -> Any:
    return browser.get(f"/api/v1/tickets/{ticket.number}/promises/").json()["results"]


def cards(browser: Client, address: str) -> list[str]:
    """The explanations of a page as text, without what ticks and where links lead."""
    body = browser.get(address).content.decode()
    found = re.findall(r"<article.*?</article>", body, re.DOTALL)
    return [re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", one))).strip() for one in found]


@pytest.fixture
def moved_to() -> Callable[[datetime], None]:
    def move(at: datetime) -> None:
        clock.move(at - clock.now())

    return move


def test_friday_half_past_four_is_due_monday_half_past_four(sam: User, ann: User) -> None:
    """Friday's half hour, and seven and a half of Monday."""
    ticket = factories.open_ticket(sam, at=local(20, 16, 30), priority=Priority.NORMAL)
    found = explain(ticket, local(23, 10))
    assert (found.state, found.due_at) == ("running", local(23, 16, 30))
    assert (found.target, found.hours) == ("1 business day", "business hours New York")
    assert found.weekly == ("Monday to Friday 09:00 to 17:00",)
    assert (found.policy.name, found.policy.number) == ("Enterprise policy", 1)
    assert found.calendar is not None
    assert (found.calendar.name, found.zone, found.place) == ("Business hours", "America/New_York", "America/New_York")
    assert (found.used, found.left) == (timedelta(hours=1, minutes=30), timedelta(hours=6, minutes=30))
    assert [(one.began_at, one.ended_at, one.ran, one.reason) for one in found.stretches] == [
        (local(20, 16, 30), None, True, "The request was submitted")
    ]
    actions.answer(ticket, by=ann, body="Which?", submit_as=Status.PENDING, at=local(23, 11))
    actions.reply(ticket, by=sam, body="This.", at=local(23, 12))
    newest = of_ticket(ticket, now=local(23, 13))
    assert [one.promise for one in newest] == ["next_reply", "first_reply"]
    assert newest[0].stretches[0].reason == "The customer wrote"
    met = newest[1]
    assert (met.state, met.due_at, met.met_at, met.left) == ("met", local(23, 16, 30), local(23, 11), None)
    assert met.used == timedelta(hours=2, minutes=30)


@pytest.mark.parametrize(
    ("person", "submitted", "due", "hours"),
    [
        ("sam", local(21, 10), local(23, 2), "day and night on weekdays, New York"),
        ("sam", local(20, 23), local(23, 1), "day and night on weekdays, New York"),
        ("rita", datetime(2026, 11, 21, 9, tzinfo=UTC), datetime(2026, 11, 21, 10, tzinfo=UTC), "around the clock"),
    ],
)
def test_weekends(person: str, submitted: datetime, due: datetime, hours: str, request: pytest.FixtureRequest) -> None:
    ticket = factories.open_ticket(request.getfixturevalue(person), at=submitted, priority=Priority.URGENT)
    found = explain(ticket, submitted)
    assert (found.due_at, found.hours, found.calendar) == (due, hours, None)


def test_the_stretches_add_up_to_the_time_used(sam: User, ann: User, contoso: Organization) -> None:
    factories.promise("enterprise", {("first_reply", 3): (480, "business"), ("resolution", 3): (2400, "business")})
    ticket = factories.open_ticket(sam, at=local(20, 16, 30), priority=Priority.NORMAL)
    actions.answer(ticket, by=ann, body="Which?", submit_as=Status.PENDING, at=local(23, 11))
    actions.reply(ticket, by=sam, body="This.", at=local(24, 12))
    actions.hold(ticket, by=ann, reason="waits for Sven's secret project", at=local(24, 13))
    contoso.country, contoso.subdivision = "US", "NY"
    contoso.save(update_fields=["country", "subdivision"])
    retarget.ask("organization", contoso.pk, by=None, at=local(25, 9))  # type: ignore[arg-type]
    retarget.work(now=local(25, 10))
    now = local(30, 10)
    found = explain(ticket, now, "resolution")
    ran = [(one.ran, one.reason, one.used) for one in found.stretches]
    assert ran == [
        (True, "The request was submitted", timedelta(hours=2, minutes=30)),
        (False, "Support waits for the customer's answer", timedelta()),
        (True, "The customer wrote", timedelta(hours=6)),
        (True, REASONS["terms_organization"], timedelta(hours=16)),
    ]
    row = SlaClock.objects.with_terms().get(ticket=ticket, promise="resolution")
    assert found.used == sum((one.used for one in found.stretches), timedelta()) == used_by(row, now)
    assert [one.total for one in found.stretches][-1] == found.used
    assert [(special.day.day, special.what) for special in found.special_days] == [(26, "Closed: Thanksgiving Day")]
    assert found.holidays == "Public holidays of United States (NY) are closed"
    assert found.place == "America/New_York, United States (NY)"


def test_what_broke_says_when(sam: User, ann: User) -> None:
    ticket = factories.open_ticket(sam, at=local(23, 9), priority=Priority.URGENT)
    found = explain(ticket, local(23, 11, 30))
    assert (found.state, found.due_at, found.left) == ("late", local(23, 11), -timedelta(minutes=30))
    actions.answer(ticket, by=ann, body="Sorry.", submit_as=Status.OPEN, at=local(23, 12))
    found = explain(ticket, local(23, 13))
    assert (found.state, found.broke_at, found.due_at) == ("met_late", local(23, 11), local(23, 11))


def test_it_says_when_our_staff_was_warned(sam: User, ann: User, client_of: ClientOf) -> None:
    ticket = factories.open_ticket(sam, at=local(23, 9), priority=Priority.URGENT)
    assert explain(ticket, local(23, 10)).warned_at is None
    sweep.act(now=local(23, 10, 31))
    assert explain(ticket, local(23, 11)).warned_at == local(23, 10, 31)
    for user, address in ((sam, f"/requests/{ticket.number}/promises/"), (ann, f"{ticket.desk_url}promises/")):
        user.time_zone = "America/New_York"
        user.save(update_fields=["time_zone"])
        (card,) = cards(client_of(user), address)
        assert "Warned Mon 23 Nov 2026, 10:31 EST : our staff was warned" in card
        assert api(client_of(user), ticket)[0]["warned_at"] == "2026-11-23T10:31:00-05:00"


def test_the_table_of_stretches_stays_a_table_where_it_is_shown_as_blocks(sam: User, client_of: ClientOf) -> None:
    ticket = factories.open_ticket(sam, at=local(23, 9))
    page = client_of(sam).get(f"/requests/{ticket.number}/promises/").content.decode()
    table = page.split('<table class="spans" role="table" aria-label="First reply: when its clock ran">')[1]
    table = table.split("</table>")[0]
    assert table.count("<th ") == table.count('<th role="columnheader" scope="col"') == 6
    assert table.count("<td ") == table.count('<td role="cell"') == 6
    assert table.count("<tr ") == table.count('<tr role="row"') == 2


def test_what_ended_without_a_reply_and_what_was_never_promised(sam: User, fred: User, ann: User) -> None:
    ticket = factories.open_ticket(sam, at=local(23, 9))
    actions.solve(ticket, by=ann, at=local(23, 10))
    found = explain(ticket, local(23, 11))
    assert (found.state, found.ended_at, found.met_at) == ("ended", local(23, 10), None)
    factories.promise("enterprise", {("first_reply", 1): (60, "clock")})
    ticket = factories.open_ticket(sam, at=local(23, 9), priority=Priority.LOW)
    found = explain(ticket, local(23, 11))
    assert (found.state, found.target, found.due_at, found.left) == ("unpromised", "", None, None)
    assert found.stretches[0].reason == "Nothing was promised for this"


def test_agent_customer_and_api_say_the_same_each_in_the_own_zone(
    sam: User, ann: User, client_of: ClientOf, moved_to: Callable[[datetime], None]
) -> None:
    ticket = factories.open_ticket(sam, at=local(20, 16, 30), priority=Priority.NORMAL)
    actions.answer(ticket, by=ann, body="Which?", submit_as=Status.OPEN, at=local(23, 11))
    actions.hold(ticket, by=ann, reason="Sven's secret project", at=local(23, 11, 30))
    actions.reply(ticket, by=sam, body="This.", at=local(23, 12))
    moved_to(local(23, 13) + timedelta(seconds=30))
    desk, portal = f"/desk/tickets/{ticket.number}/promises/", f"/requests/{ticket.number}/promises/"
    ann.time_zone = "America/New_York"
    ann.save(update_fields=["time_zone"])
    for_ann, for_sam = cards(client_of(ann), desk), cards(client_of(sam), portal)
    assert for_ann == for_sam
    assert "Due Mon 23 Nov 2026, 16:30 EST" in for_sam[1]
    assert "1 business day, as the priority is Normal" in for_sam[1]
    assert not re.search(r"hold|Sven|secret|Ann", " ".join(for_sam), re.IGNORECASE)
    said = api(client_of(sam), ticket)
    for_agent, goes_on = api(client_of(ann), ticket), ("used", "left", "stretches")
    assert said[1] == for_agent[1]
    assert {**said[0], **dict.fromkeys(goes_on)} == {**for_agent[0], **dict.fromkeys(goes_on)}
    assert [one["promise"] for one in said] == ["next_reply", "first_reply"]
    first = said[1]
    assert first["due_at"] == "2026-11-23T16:30:00-05:00"
    assert (first["state"], first["used"], first["left"]) == ("met", 2.5 * 3600, None)
    assert first["stretches"][0]["reason"] == "The request was submitted"
    for name in ("target", "place"):
        assert first[name].casefold() in for_sam[1].casefold()
    ann.time_zone = "Asia/Kolkata"
    ann.save(update_fields=["time_zone"])
    assert "Due Tue 24 Nov 2026, 03:00 IST" in cards(client_of(ann), desk)[1]
    assert "Times are in Asia/Kolkata" in text(client_of(ann).get(desk))
    assert api(client_of(ann), ticket)[1]["due_at"] == "2026-11-24T03:00:00+05:30"


def test_who_may_not_see_the_request_is_told_nothing(sam: User, rita: User, pat: User, client_of: ClientOf) -> None:
    ticket = factories.open_ticket(sam)
    for user in (rita, pat):
        for address in (
            f"/desk/tickets/{ticket.number}/",
            f"/requests/{ticket.number}/",
            f"/api/v1/tickets/{ticket.number}/",
        ):
            assert client_of(user).get(f"{address}promises/").status_code == 404


def test_every_reason_that_is_recorded_has_words() -> None:
    from tickets.models import Retargeting
    from tickets.sla.moments import _REASONS

    codes = {*_REASONS.values(), "open_again", "pending", "kept_open", "not_begun", "unpromised"}
    codes |= {f"terms_{scope}" for scope in Retargeting.Scope.values}
    assert codes == set(REASONS)


def test_many_promises_cost_no_more_queries_than_one(
    sam: User, ann: User, client_of: ClientOf, count_queries: Callable[[], CaptureQueriesContext]
) -> None:
    ticket = factories.open_ticket(sam, at=local(20, 9))
    costs = []
    for rounds in (1, 6):
        for number in range(rounds):
            at = local(23, 9) + timedelta(hours=10 * rounds + number)
            actions.answer(ticket, by=ann, body="And?", submit_as=Status.PENDING, at=at)
            actions.reply(ticket, by=sam, body="So.", at=at + timedelta(minutes=30))
        browser = client_of(ann)
        for address in (f"/desk/tickets/{ticket.number}/promises/", f"/api/v1/tickets/{ticket.number}/promises/"):
            browser.get(address)
            clock.forget()
            with count_queries() as queries:
                assert browser.get(address).status_code == 200
            costs.append(len(queries))
    assert costs[:2] == costs[2:]
    assert max(costs) <= 12


def test_the_api_pages_through_them(sam: User, ann: User, client_of: ClientOf) -> None:
    ticket = factories.open_ticket(sam, at=local(20, 9))
    actions.answer(ticket, by=ann, body="And?", submit_as=Status.PENDING, at=local(23, 9))
    actions.reply(ticket, by=sam, body="So.", at=local(23, 10))
    page = client_of(sam).get(f"/api/v1/tickets/{ticket.number}/promises/", {"page_size": 1}).json()
    assert [one["promise"] for one in page["results"]] == ["next_reply"]
    assert [one["promise"] for one in client_of(sam).get(page["next"]).json()["results"]] == ["first_reply"]
    assert client_of(sam).get(f"/api/v1/tickets/{ticket.number}/promises/", {"x": 1}).status_code == 400
