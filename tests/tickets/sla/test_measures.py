"""Reply times and attainment, from stories whose figures one can count on the fingers."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.models import User
from tests import factories
from tests.tickets.sla.stories import FIRST, NEXT, RESOLUTION, UPDATE, answerer, clock_of, prioritise, wall
from tickets import actions
from tickets.models import Channel, Priority, SlaClock, Ticket
from tickets.sla import sweep
from tickets.sla.promises import Promise
from tickets.states import Status

pytestmark = pytest.mark.django_db

URGENT, HIGH, NORMAL, LOW = Priority
OPEN, PENDING, SOLVED = Status.OPEN, Status.PENDING, Status.SOLVED
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AT = wall("Tue 2026-11-10 16:00")  # 10:00 in New York, and after hours in Sydney
END = AT + 20 * DAY
BY_PLAN = ("terms__plan__name", "priority")


def answered(person: User, by: User, after: timedelta, **fields: Any) -> Ticket:
    """Submitted at AT and answered as Pending so much later."""
    ticket = factories.open_ticket(person, at=AT, **fields)
    answerer(by)(ticket, AT + after, PENDING)
    return ticket


def figures(promise: Promise, *by: str) -> list[tuple[Any, ...]]:
    rows = SlaClock.objects.of_promise(promise).reply_times(by)
    return [(*[row[name] for name in by], row["replies"], row["mean"], row["median"]) for row in rows]


def attained(promise: Promise, *by: str) -> list[tuple[Any, ...]]:
    by = by or BY_PLAN
    rows = SlaClock.objects.of_promise(promise).attainment(by)
    return [(*[row[name] for name in by], row["kept"], row["broken"]) for row in rows]


@pytest.fixture
def stories(rita: User, sam: User, pia: User, bo: User) -> None:
    """Premier Urgent in 30, 50 and 100 minutes (an hour is promised); Enterprise Normal in two hours; others open."""
    for minutes in (30, 50, 100):
        answered(rita, bo, minutes * MINUTE, priority=URGENT)
    answered(sam, bo, 2 * HOUR, priority=NORMAL)
    solved = factories.open_ticket(sam, at=AT, priority=NORMAL)
    actions.solve(solved, by=bo, at=AT + HOUR)
    factories.open_ticket(pia, at=AT, priority=LOW)
    factories.open_ticket(sam, at=AT, priority=URGENT)
    sweep.act(now=AT + 3 * HOUR)


# --- Reply times ---------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("stories")
def test_reply_times_of_all_and_by_plan_and_priority() -> None:
    # 30, 50, 100 and 120 minutes: 75 on average, 75 in the middle. What was solved without a reply has no time.
    assert figures(FIRST) == [(4, 75 * 60, 75 * 60)]
    assert figures(FIRST, *BY_PLAN) == [
        ("Enterprise", NORMAL, 1, 7200, 7200),
        ("Premier", URGENT, 3, 3600, 3000),
    ]
    assert figures(NEXT) == [(0, None, None)]
    assert figures(NEXT, *BY_PLAN) == []


def test_a_reply_time_is_that_of_the_wall_not_of_business_hours(pia: User, bo: User) -> None:
    friday = wall("Fri 2026-11-13 16:00", "Australia/Sydney")
    ticket = factories.open_ticket(pia, at=friday)
    answerer(bo)(ticket, friday + 3 * DAY, PENDING)
    assert figures(FIRST) == [(1, 3 * 86_400, 3 * 86_400)]
    assert clock_of(ticket).used == 8 * HOUR
    assert attained(FIRST) == [("Professional", NORMAL, 1, 0)]


def test_next_replies_count_from_the_oldest_unanswered_message(rita: User, bo: User) -> None:
    ticket = answered(rita, bo, 10 * MINUTE, priority=URGENT)
    for start, later, end in ((HOUR, 90 * MINUTE, 2 * HOUR), (5 * HOUR, 6 * HOUR, 9 * HOUR)):
        actions.reply(ticket, by=rita, body="And?", at=AT + start)
        actions.reply(ticket, by=rita, body="Hello?", at=AT + later)
        answerer(bo)(ticket, AT + end, PENDING)
    assert figures(NEXT) == [(2, 2.5 * 3600, 2.5 * 3600)]  # one hour and four
    assert attained(NEXT) == [("Premier", URGENT, 1, 1)]


def test_what_an_agent_said_while_opening_is_met_but_no_time(rita: User, bo: User) -> None:
    actions.submit(
        rita,
        by=bo,
        organization=rita.memberships.get().organization,
        request=factories.request_of(priority=URGENT),
        channel=Channel.AGENT,
        at=AT,
    )
    assert figures(FIRST) == [(0, None, None)]
    assert attained(FIRST) == [("Premier", URGENT, 1, 0)]


# --- Attainment ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("stories")
def test_attainment_by_plan_and_priority() -> None:
    assert attained(FIRST) == [
        ("Enterprise", URGENT, 0, 1),  # over its two hours, and not answered yet
        ("Enterprise", NORMAL, 1, 0),  # the one solved without a reply counts for neither
        ("Premier", URGENT, 2, 1),
        ("Professional", LOW, 0, 0),  # stands open, in time
    ]
    assert attained(FIRST, "terms__plan__name") == [("Enterprise", 1, 1), ("Premier", 2, 1), ("Professional", 0, 0)]
    (row,) = SlaClock.objects.of_promise(FIRST).attainment(by=())
    assert (row["kept"], row["broken"]) == (3, 2)
    assert SlaClock.objects.of_promise(FIRST).attained().count() == 3
    assert SlaClock.objects.of_promise(FIRST).broken().count() == 2


def test_what_is_not_promised_is_not_counted_but_timed(pia: User, fred: User, bo: User) -> None:
    ticket = answered(pia, bo, HOUR, priority=URGENT)
    actions.reply(ticket, by=pia, body="And?", at=AT + 2 * HOUR)
    answerer(bo)(ticket, AT + 4 * HOUR, PENDING)
    free = actions.submit(
        fred,
        by=bo,
        organization=None,
        request=factories.request_of(),
        channel=Channel.AGENT,
        at=AT,
        public=False,
    )
    answerer(bo)(free, AT + HOUR, PENDING)
    assert attained(NEXT) == []
    assert attained(FIRST) == [("Professional", URGENT, 1, 0)]
    assert figures(NEXT, *BY_PLAN) == [("Professional", URGENT, 1, 7200, 7200)]
    assert figures(FIRST, "terms__plan__name") == [("Free", 1, 3600, 3600), ("Professional", 1, 3600, 3600)]


def test_it_counts_for_the_priority_it_had_in_the_end(rita: User, bo: User) -> None:
    ticket = factories.open_ticket(rita, at=AT, priority=URGENT)
    prioritise(ticket, HIGH, by=bo, at=AT + 30 * MINUTE)
    answerer(bo)(ticket, AT + 100 * MINUTE, PENDING)
    assert attained(FIRST) == [("Premier", HIGH, 1, 0)]


def test_updates_and_resolutions_count_alike(rita: User, bo: User) -> None:
    factories.promise("premier", {("regular_update", 1): (240, "clock"), ("resolution", 1): (600, "clock")})
    ticket = factories.open_ticket(rita, at=AT, priority=URGENT)
    for hours in (1, 2, 9):  # the second update in time, the third three hours late
        answerer(bo)(ticket, AT + hours * HOUR, OPEN)
    actions.solve(ticket, by=bo, at=AT + 11 * HOUR)
    assert attained(UPDATE) == [("Premier", URGENT, 1, 1)]
    assert attained(RESOLUTION) == [("Premier", URGENT, 0, 1)]


# --- Which clocks --------------------------------------------------------------------------------------------------


def _settled(start: datetime, end: datetime) -> set[int]:
    return set(SlaClock.objects.of_promise(FIRST).settled_between(start, end).values_list("ticket", flat=True))


def test_settled_between_is_what_was_met_ended_or_broke_then(rita: User, bo: User) -> None:
    met = answered(rita, bo, 30 * MINUTE, priority=URGENT)
    solved = factories.open_ticket(rita, at=AT, priority=URGENT)
    actions.solve(solved, by=bo, at=AT + 40 * MINUTE)
    late = answered(rita, bo, 3 * DAY, priority=URGENT)  # broke after an hour, met after three days
    waiting = factories.open_ticket(rita, at=AT, priority=LOW)
    sweep.act(now=AT + 2 * HOUR)
    assert _settled(AT, END) == {met.pk, solved.pk, late.pk}
    assert _settled(AT, AT + 35 * MINUTE) == {met.pk}
    assert _settled(AT + 2 * DAY, END) == {late.pk}
    assert _settled(AT + HOUR, AT + 2 * HOUR) == {late.pk}, "when it broke"
    assert waiting.pk not in _settled(AT, END)
    assert _settled(AT + 30 * MINUTE, AT + 31 * MINUTE) == {met.pk}, "the beginning belongs to it"
    assert _settled(AT + 29 * MINUTE, AT + 30 * MINUTE) == set(), "the end doesn't"


def test_everybody_sees_the_clocks_of_their_tickets_only(
    rita: User, tom: User, mona: User, sam: User, fred: User, bo: User
) -> None:
    hers, his = factories.open_ticket(rita, at=AT), factories.open_ticket(sam, at=AT)
    both = {clock_of(hers).pk, clock_of(his).pk}

    def seen(person: User) -> set[int]:
        return set(SlaClock.objects.visible_to(person).values_list("pk", flat=True))

    assert seen(bo) == both
    assert seen(rita) == seen(mona) == {clock_of(hers).pk}
    assert seen(sam) == {clock_of(his).pk}
    assert seen(tom) == seen(fred) == set()


@pytest.mark.usefixtures("stories")
def test_figures_of_what_somebody_sees(rita: User) -> None:
    rows = list(SlaClock.objects.visible_to(rita).of_promise(FIRST).attainment())
    assert [(row["terms__plan__name"], row["kept"], row["broken"]) for row in rows] == [("Premier", 2, 1)]
    rows = list(SlaClock.objects.visible_to(rita).of_promise(FIRST).settled_between(AT, END).reply_times())
    assert [row["replies"] for row in rows] == [3]
