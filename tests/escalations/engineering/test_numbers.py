"""What is measured of engineering, on records that moved at known instants."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations.engineering import actions, numbers
from escalations.engineering.steps import Move, Step
from escalations.models import Escalation, EscalationLink
from escalations.period import Period
from supportdesk.lib import clock
from tests import factories
from tests.escalations.engineering.conftest import AT, TEXT, brought_to, problem
from tickets.models import Category, Ticket

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEK = Period(AT - DAY, AT + 7 * DAY)
LATER = Period(AT + 8 * DAY, AT + 30 * DAY)


@pytest.fixture
def requested(sam: User, ann: User) -> Callable[..., Escalation]:
    """A record of a new ticket of `by`, requested so many hours after the beginning."""

    def make(after: float = 0, *, by: User = sam, **fields: Any) -> Escalation:
        at = AT + timedelta(hours=after)
        ticket = factories.open_ticket(by, at=at - HOUR)
        return actions.request_escalation(ticket, problem(**fields), by=ann, text=TEXT, at=at)

    return make


def step(record: Escalation, what: Move, by: User, after: float, **given: Any) -> None:
    at = AT + timedelta(hours=after)
    actions.take_step(record, what, by=by, given=given, at=at)
    record.refresh_from_db()
    if record.owes_update:
        actions.send_update(record, by=by, at=at)


def test_time_per_step_is_from_coming_to_leaving(requested: Callable[..., Escalation], sven: User) -> None:
    for hours in (1, 2, 6):
        step(requested(), Move.REVIEW, sven, hours)
    slow = requested()
    step(slow, Move.REVIEW, sven, 10)
    step(slow, Move.CONFIRM, sven, 34)
    found = {row.step: row for row in numbers.step_times(WEEK)}
    assert found[Step.REQUESTED].stays == 4
    assert found[Step.REQUESTED].median == 4 * 3600
    assert found[Step.REQUESTED].p90 == pytest.approx((6 + 0.7 * 4) * 3600), "as percentile_cont has it"
    assert (found[Step.UNDER_REVIEW].stays, found[Step.UNDER_REVIEW].median) == (1, 24 * 3600)
    assert list(found) == [Step.REQUESTED, Step.UNDER_REVIEW]
    assert numbers.step_times(LATER) == []


def test_share_confirmed_of_those_decided(requested: Callable[..., Escalation], sven: User) -> None:
    records = [requested() for _ in range(4)]
    for record in records[:3]:
        step(record, Move.REVIEW, sven, 1)
        step(record, Move.CONFIRM, sven, 2)
    step(records[3], Move.REVIEW, sven, 1)
    step(records[3], Move.RETURN, sven, 2, answer="Raise the limit.")
    assert numbers.decided(WEEK) == numbers.Decided(confirmed=3, returned=1, failed=0)
    assert numbers.decided(WEEK).share == 0.75
    assert numbers.decided(LATER).share is None


def test_a_failed_fix_counts_each_time_and_its_record_was_confirmed_once(record: Escalation, sven: User) -> None:
    brought_to(record, Move.RELEASE, by=sven)
    step(record, Move.FAIL, sven, 5, reason="It comes back.")
    found = numbers.decided(WEEK)
    assert (found.confirmed, found.failed) == (1, 1)
    assert numbers.by_version(WEEK) == [], "its version has no fix"


def test_customers_and_tickets_of_a_record(
    record: Escalation, requested: Callable[..., Escalation], pia: User, sam: User
) -> None:
    requested(by=pia)
    requested(by=sam)
    Ticket.objects.filter(requester=pia).update(organization=None)  # she is a customer all the same
    found = numbers.spread(WEEK)
    assert (found.records, found.tickets, found.customers, found.most_customers) == (3, 4, 3, 2)
    assert found.tickets_each == pytest.approx(4 / 3)
    assert numbers.spread(LATER) == numbers.Spread(0, 0, 0, None, None, 0)


def test_a_ticket_taken_out_and_a_merged_record_count_no_more(
    record: Escalation, requested: Callable[..., Escalation], ann: User
) -> None:
    actions.unlink(EscalationLink.objects.filter(escalation=record).last(), by=ann, at=AT + HOUR)  # type: ignore[arg-type]
    other = requested()
    Escalation.objects.filter(pk=other.pk).update(merged_into=record)
    found = numbers.spread(WEEK)
    assert (found.records, found.tickets) == (1, 1)


def test_by_area_and_by_version(
    record: Escalation, requested: Callable[..., Escalation], sven: User, rita: User
) -> None:
    area = Category.objects.first()
    assert area is not None
    Escalation.objects.filter(pk=record.pk).update(area=area)
    requested(by=rita)
    brought_to(record, Move.RELEASE, by=sven)
    assert {group.name: group for group in numbers.by_area(WEEK)} == {
        area.name: numbers.Group(str(area.pk), area.name, 1, 2, 2),
        "No area": numbers.Group("0", "No area", 1, 1, 1),
    }
    assert numbers.by_version(WEEK) == [numbers.Group("9.11.2", "9.11.2", 1, 2, 2)]


def test_each_number_is_that_of_the_records_behind_it(
    record: Escalation, requested: Callable[..., Escalation], sven: User
) -> None:
    brought_to(record, Move.RELEASE, by=sven)
    returned = requested()
    step(returned, Move.REVIEW, sven, 1)
    step(returned, Move.RETURN, sven, 2, answer="Raise the limit.")

    def behind(what: str) -> int:
        rows = numbers.behind(what, WEEK)
        assert rows is not None
        return rows.count()

    found = numbers.decided(WEEK)
    assert (behind("confirmed"), behind("returned"), behind("failed")) == (found.confirmed, found.returned, 0)
    assert behind("requested") == numbers.spread(WEEK).records
    for row in numbers.step_times(WEEK):
        assert behind(f"step-{row.step}") == row.stays
    for group in numbers.by_area(WEEK):
        assert behind(f"area-{group.key}") == group.records
    for group in numbers.by_version(WEEK):
        assert behind(f"version-{group.key}") == group.records
    for nonsense in ("", "step-", "step-nonsense", "area-x", "area-", "confirmed-1", "nonsense"):
        assert numbers.behind(nonsense, WEEK) is None


def test_the_page_and_the_lists_behind_it(
    record: Escalation, sven: User, client_of: Callable[[User], Client], count_queries: Any
) -> None:
    clock.move(AT + DAY - clock.now())
    client, address = client_of(sven), "/desk/escalations/numbers/"
    assert "No escalations in these days" not in client.get(address).content.decode()
    brought_to(record, Move.RELEASE, by=sven)
    page = client.get(f"{address}?days=90").content.decode()
    assert "behind=version-9.11.2" in page
    behind = client.get(f"{address}?days=90&behind=version-9.11.2").content.decode()
    assert record.reference in behind
    assert client.get(f"{address}?behind=nonsense").status_code == 404
    assert client.get(f"{address}?days=7").context["days"] == 30


def test_without_any_record_the_page_says_so(sven: User, client_of: Callable[[User], Client]) -> None:
    assert "No escalations in these days" in client_of(sven).get("/desk/escalations/numbers/").content.decode()
