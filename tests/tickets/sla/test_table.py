"""The default policy, cell by cell: what was asked when, and the due time as one works it out by hand.

All times are those of the customer's wall, typed in, not computed. Premier is rita in Berlin, Enterprise sam in New
York, Professional pia in Sydney; none has a country, so that no day is a holiday unless the test says so.
2026-11-10 is a Tuesday, 2026-11-14 a Saturday.
"""

from typing import Any

import pytest

from accounts.models import User
from tests import factories
from tests.tickets.sla.stories import (
    BERLIN,
    FIRST,
    NEW_YORK,
    NEXT,
    RESOLUTION,
    SYDNEY,
    UPDATE,
    clock_of,
    clocks,
    due,
    fresh,
    prioritise,
    wall,
)
from tickets import actions
from tickets.models import Channel, Priority, Ticket
from tickets.sla.lookup import bargain
from tickets.sla.promises import Promise
from tickets.states import Status

pytestmark = pytest.mark.django_db

URGENT, HIGH, NORMAL, LOW = Priority
PREMIER, ENTERPRISE, PROFESSIONAL = "rita", "sam", "pia"
ZONES = {PREMIER: BERLIN, ENTERPRISE: NEW_YORK, PROFESSIONAL: SYDNEY}

FIRST_REPLIES = [
    # 1 hour, 2 hours around the clock; 4 and 8 business hours. Tuesday 10:00 leaves seven hours of Tuesday.
    (PREMIER, URGENT, "Tue 2026-11-10 10:00", "Tue 2026-11-10 11:00"),
    (PREMIER, HIGH, "Tue 2026-11-10 10:00", "Tue 2026-11-10 12:00"),
    (PREMIER, NORMAL, "Tue 2026-11-10 10:00", "Tue 2026-11-10 14:00"),
    (PREMIER, LOW, "Tue 2026-11-10 10:00", "Wed 2026-11-11 10:00"),
    # Weekends are covered for Urgent and High; business hours begin Monday at nine.
    (PREMIER, URGENT, "Sat 2026-11-14 10:00", "Sat 2026-11-14 11:00"),  # as in the domain's example
    (PREMIER, HIGH, "Sat 2026-11-14 10:00", "Sat 2026-11-14 12:00"),
    (PREMIER, NORMAL, "Sat 2026-11-14 10:00", "Mon 2026-11-16 13:00"),
    (PREMIER, LOW, "Sat 2026-11-14 10:00", "Mon 2026-11-16 17:00"),
    # At night, and over midnight into the weekend.
    (PREMIER, URGENT, "Tue 2026-11-10 23:30", "Wed 2026-11-11 00:30"),
    (PREMIER, HIGH, "Fri 2026-11-13 23:00", "Sat 2026-11-14 01:00"),
    (PREMIER, NORMAL, "Tue 2026-11-10 20:00", "Wed 2026-11-11 13:00"),
    (PREMIER, LOW, "Fri 2026-11-13 16:59", "Mon 2026-11-16 16:59"),
    # 2 hours, 4 hours around the clock but for weekends; 8 business hours, and a business day, which is as long.
    (ENTERPRISE, URGENT, "Tue 2026-11-10 10:00", "Tue 2026-11-10 12:00"),
    (ENTERPRISE, HIGH, "Tue 2026-11-10 10:00", "Tue 2026-11-10 14:00"),
    (ENTERPRISE, NORMAL, "Tue 2026-11-10 10:00", "Wed 2026-11-11 10:00"),
    (ENTERPRISE, LOW, "Tue 2026-11-10 10:00", "Wed 2026-11-11 10:00"),
    (ENTERPRISE, URGENT, "Sat 2026-11-14 10:00", "Mon 2026-11-16 02:00"),  # as in the domain's example
    (ENTERPRISE, HIGH, "Sat 2026-11-14 10:00", "Mon 2026-11-16 04:00"),
    (ENTERPRISE, NORMAL, "Sat 2026-11-14 10:00", "Mon 2026-11-16 17:00"),
    (ENTERPRISE, LOW, "Sat 2026-11-14 10:00", "Mon 2026-11-16 17:00"),
    (ENTERPRISE, URGENT, "Fri 2026-11-13 23:00", "Mon 2026-11-16 01:00"),  # as in the domain's example
    (ENTERPRISE, HIGH, "Tue 2026-11-10 22:00", "Wed 2026-11-11 02:00"),
    (ENTERPRISE, NORMAL, "Fri 2026-11-13 16:30", "Mon 2026-11-16 16:30"),
    (ENTERPRISE, LOW, "Sun 2026-11-15 23:59", "Mon 2026-11-16 17:00"),
    # 4, 8 and 8 business hours, and 16: seven of Tuesday, eight of Wednesday, one of Thursday.
    (PROFESSIONAL, URGENT, "Tue 2026-11-10 10:00", "Tue 2026-11-10 14:00"),
    (PROFESSIONAL, HIGH, "Tue 2026-11-10 10:00", "Wed 2026-11-11 10:00"),
    (PROFESSIONAL, NORMAL, "Tue 2026-11-10 10:00", "Wed 2026-11-11 10:00"),
    (PROFESSIONAL, LOW, "Tue 2026-11-10 10:00", "Thu 2026-11-12 10:00"),
    (PROFESSIONAL, URGENT, "Sat 2026-11-14 10:00", "Mon 2026-11-16 13:00"),
    (PROFESSIONAL, HIGH, "Sat 2026-11-14 10:00", "Mon 2026-11-16 17:00"),
    (PROFESSIONAL, NORMAL, "Sat 2026-11-14 10:00", "Mon 2026-11-16 17:00"),
    (PROFESSIONAL, LOW, "Sat 2026-11-14 10:00", "Tue 2026-11-17 17:00"),
    (PROFESSIONAL, URGENT, "Fri 2026-11-13 16:00", "Mon 2026-11-16 12:00"),
    # Clocks change on Sunday: the office's hours don't.
    (PREMIER, NORMAL, "Fri 2026-10-23 16:00", "Mon 2026-10-26 12:00"),
    (ENTERPRISE, URGENT, "Fri 2026-10-30 23:00", "Mon 2026-11-02 01:00"),
    (PROFESSIONAL, LOW, "Fri 2026-10-02 16:00", "Tue 2026-10-06 16:00"),
]

# The customer writes again, after an answer, at the first time.
NEXT_REPLIES = [
    (PREMIER, URGENT, "Tue 2026-11-10 10:00", "Tue 2026-11-10 12:00"),
    (PREMIER, HIGH, "Tue 2026-11-10 10:00", "Tue 2026-11-10 14:00"),
    (PREMIER, NORMAL, "Tue 2026-11-10 10:00", "Wed 2026-11-11 10:00"),
    (PREMIER, LOW, "Tue 2026-11-10 10:00", "Wed 2026-11-11 10:00"),
    (PREMIER, URGENT, "Sat 2026-11-14 10:00", "Sat 2026-11-14 12:00"),
    (PREMIER, HIGH, "Sat 2026-11-14 10:00", "Sat 2026-11-14 14:00"),
    # Premier's weekend coverage is for Urgent and High: the 24 hours of Normal and Low stand still on weekends.
    (PREMIER, NORMAL, "Sat 2026-11-14 10:00", "Tue 2026-11-17 00:00"),
    (PREMIER, LOW, "Sat 2026-11-14 10:00", "Tue 2026-11-17 00:00"),
    (PREMIER, NORMAL, "Fri 2026-11-13 10:00", "Mon 2026-11-16 10:00"),
    (ENTERPRISE, URGENT, "Tue 2026-11-10 10:00", "Tue 2026-11-10 14:00"),
    (ENTERPRISE, HIGH, "Tue 2026-11-10 10:00", "Tue 2026-11-10 18:00"),
    (ENTERPRISE, NORMAL, "Tue 2026-11-10 10:00", "Wed 2026-11-11 10:00"),
    (ENTERPRISE, LOW, "Tue 2026-11-10 10:00", "Wed 2026-11-11 10:00"),
    (ENTERPRISE, URGENT, "Sat 2026-11-14 10:00", "Mon 2026-11-16 04:00"),
    (ENTERPRISE, HIGH, "Sat 2026-11-14 10:00", "Mon 2026-11-16 08:00"),
    (ENTERPRISE, NORMAL, "Sat 2026-11-14 10:00", "Tue 2026-11-17 00:00"),
    (ENTERPRISE, LOW, "Sat 2026-11-14 10:00", "Tue 2026-11-17 00:00"),
    (ENTERPRISE, HIGH, "Fri 2026-11-13 20:00", "Mon 2026-11-16 04:00"),
    *[
        (PROFESSIONAL, priority, at, None)
        for priority in Priority
        for at in ("Tue 2026-11-10 10:00", "Sat 2026-11-14 10:00")
    ],
]

# The agent answers as Open at the first time.
UPDATES = [
    (PREMIER, URGENT, "Tue 2026-11-10 10:00", "Tue 2026-11-10 14:00"),
    (PREMIER, HIGH, "Tue 2026-11-10 10:00", "Wed 2026-11-11 10:00"),
    (PREMIER, URGENT, "Sat 2026-11-14 10:00", "Sat 2026-11-14 14:00"),
    (PREMIER, HIGH, "Sat 2026-11-14 10:00", "Mon 2026-11-16 17:00"),
    *[(PREMIER, priority, "Tue 2026-11-10 10:00", None) for priority in (NORMAL, LOW)],
    *[(ENTERPRISE, priority, "Tue 2026-11-10 10:00", None) for priority in Priority],
    *[(PROFESSIONAL, priority, "Tue 2026-11-10 10:00", None) for priority in Priority],
]
BEFORE = "Mon 2026-11-09 09:00"


def opened(person: User, zone: str, at: str, **fields: Any) -> Ticket:
    return factories.open_ticket(person, at=wall(at, zone), **fields)


@pytest.fixture
def people(rita: User, sam: User, pia: User) -> dict[str, User]:
    return {PREMIER: rita, ENTERPRISE: sam, PROFESSIONAL: pia}


def expected(text: str | None, zone: str) -> object:
    return wall(text, zone) if text else None


def cells(rows: list[tuple[str, Priority, str, str | None]]) -> list[Any]:
    return [pytest.param(*row, id=f"{row[0]}-{row[1].label}-{row[2]}") for row in rows]


@pytest.mark.parametrize(("who", "priority", "at", "by_when"), cells(FIRST_REPLIES))
def test_first_reply(who: str, priority: Priority, at: str, by_when: str, people: dict[str, User]) -> None:
    zone = ZONES[who]
    ticket = opened(people[who], zone, at, priority=priority)
    assert due(ticket, FIRST) == wall(by_when, zone)
    assert fresh(ticket).next_due_at == wall(by_when, zone)
    assert not clocks(ticket, NEXT) and not clocks(ticket, UPDATE)


@pytest.mark.parametrize(("who", "priority", "at", "by_when"), cells(NEXT_REPLIES))
def test_next_reply(
    who: str, priority: Priority, at: str, by_when: str | None, people: dict[str, User], bo: User
) -> None:
    zone = ZONES[who]
    ticket = opened(people[who], zone, BEFORE, priority=priority)
    answered_at = wall("Mon 2026-11-09 09:30", zone)
    actions.answer(ticket, by=bo, body="Which version?", submit_as=Status.PENDING, at=answered_at)
    actions.reply(ticket, by=people[who], body="The newest.", at=wall(at, zone))
    assert due(ticket, NEXT) == expected(by_when, zone)
    assert clock_of(ticket, NEXT).started_at == wall(at, zone), "measured also where nothing is promised"


@pytest.mark.parametrize(("who", "priority", "at", "by_when"), cells(UPDATES))
def test_regular_update(
    who: str, priority: Priority, at: str, by_when: str | None, people: dict[str, User], bo: User
) -> None:
    zone = ZONES[who]
    ticket = opened(people[who], zone, BEFORE, priority=priority)
    actions.answer(ticket, by=bo, body="We look at it.", submit_as=Status.OPEN, at=wall(at, zone))
    assert due(ticket, UPDATE) == expected(by_when, zone)
    assert fresh(ticket).next_due_at == expected(by_when, zone)


@pytest.mark.parametrize("priority", Priority)
def test_no_plan_promises_a_resolution(priority: Priority, people: dict[str, User]) -> None:
    for who, person in people.items():
        assert not clocks(opened(person, ZONES[who], BEFORE, priority=priority), RESOLUTION)


@pytest.mark.parametrize("priority", [*Priority, None])
def test_free_is_promised_nothing(priority: Priority | None, fred: User, bo: User) -> None:
    """Free comes without the portal: an agent opens it, and times are known all the same."""
    found = bargain(fred, None)
    assert found is not None
    assert not any(found.terms().target(promise, number) for promise in Promise for number in (1, 2, 3, 4))
    ticket = actions.submit(
        fred,
        by=bo,
        organization=None,
        request=factories.request_of(priority=priority),
        channel=Channel.AGENT,
        at=wall(BEFORE),
        public=False,
    )
    actions.answer(ticket, by=bo, body="See the forum.", submit_as=Status.PENDING, at=wall("Tue 2026-11-10 10:00"))
    assert fresh(ticket).next_due_at is None
    assert [clock.promise for clock in ticket.clocks.all()] == [FIRST]
    assert clock_of(ticket).met_at == wall("Tue 2026-11-10 10:00")
    assert clock_of(ticket).breached_at is None


# --- Without a priority --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "at", "by_when"),
    [
        (PREMIER, "Sat 2026-11-14 10:00", "Sat 2026-11-14 12:00"),  # 2 hours, weekends covered
        (ENTERPRISE, "Tue 2026-11-10 10:00", "Tue 2026-11-10 14:00"),  # 4 hours
        (PROFESSIONAL, "Tue 2026-11-10 10:00", "Wed 2026-11-11 10:00"),  # 8 business hours
    ],
)
def test_without_a_priority_it_runs_as_high(who: str, at: str, by_when: str, people: dict[str, User]) -> None:
    ticket = opened(people[who], ZONES[who], at, priority=None)
    assert due(ticket) == wall(by_when, ZONES[who])
    assert clock_of(ticket).priority == HIGH


@pytest.mark.parametrize(
    ("priority", "by_when"),
    [
        (URGENT, "Tue 2026-11-10 11:00"),  # an hour, of which half is used
        (HIGH, "Tue 2026-11-10 12:00"),  # as before
        (NORMAL, "Tue 2026-11-10 14:00"),  # four hours less half an hour, from 10:30
        (LOW, "Wed 2026-11-11 10:00"),  # eight less half: six and a half of Tuesday, one of Wednesday
    ],
)
def test_the_priority_when_it_comes_counts_from_the_beginning(
    priority: Priority, by_when: str, rita: User, bo: User
) -> None:
    ticket = opened(rita, BERLIN, "Tue 2026-11-10 10:00", priority=None)
    prioritise(ticket, priority, by=bo, at=wall("Tue 2026-11-10 10:30"))
    assert due(ticket) == wall(by_when)


# --- Holidays, and where the customer is ---------------------------------------------------------------------------


def test_the_holidays_are_those_of_the_persons_country_before_the_organisations(rita: User, tom: User) -> None:
    northwind = rita.memberships.get().organization
    northwind.country = "DE"
    northwind.save()
    rita.country = "AT"
    rita.save()
    # Monday 26 October is a holiday in Austria only: Friday has one hour, Tuesday the other three.
    assert due(opened(rita, BERLIN, "Fri 2026-10-23 16:00")) == wall("Tue 2026-10-27 12:00")
    assert due(opened(tom, BERLIN, "Fri 2026-10-23 16:00")) == wall("Mon 2026-10-26 12:00")
    # Friday 3 October 2025 is one in Germany only: Thursday has one hour, Friday (hers) or Monday (his) the others.
    assert due(opened(rita, BERLIN, "Thu 2025-10-02 16:00")) == wall("Fri 2025-10-03 12:00")
    assert due(opened(tom, BERLIN, "Thu 2025-10-02 16:00")) == wall("Mon 2025-10-06 12:00")


def test_holidays_dont_stop_what_runs_around_the_clock(rita: User, sam: User) -> None:
    for person, country in ((rita, "DE"), (sam, "US")):
        person.country = country
        person.save()
    # 25 December 2026 is a Friday.
    assert due(opened(rita, BERLIN, "Fri 2026-12-25 10:00", priority=URGENT)) == wall("Fri 2026-12-25 11:00")
    assert due(opened(sam, NEW_YORK, "Fri 2026-12-25 10:00", priority=HIGH)) == wall("Fri 2026-12-25 14:00", NEW_YORK)
    assert due(opened(sam, NEW_YORK, "Fri 2026-12-25 10:00", priority=LOW)) == wall("Mon 2026-12-28 17:00", NEW_YORK)


def test_without_a_country_no_day_is_a_holiday(rita: User) -> None:
    """A country is never guessed from the zone."""
    assert due(opened(rita, BERLIN, "Fri 2026-12-25 10:00")) == wall("Fri 2026-12-25 14:00")


def test_the_zone_is_the_persons_before_the_organisations(rita: User) -> None:
    rita.time_zone = SYDNEY
    rita.save()
    # Tuesday 10:00 in Berlin is 20:00 in Sydney, where Wednesday's nine o'clock is Tuesday 23:00 in Berlin.
    assert due(opened(rita, BERLIN, "Tue 2026-11-10 10:00")) == wall("Wed 2026-11-11 13:00", SYDNEY)
    rita.time_zone = ""
    rita.save()
    assert due(opened(rita, BERLIN, "Tue 2026-11-10 10:00")) == wall("Tue 2026-11-10 14:00")


def test_a_weekend_is_that_of_the_customers_zone(sam: User) -> None:
    # Friday 23:30 in New York is Saturday in UTC; half an hour of Friday is left, and ninety minutes of Monday.
    assert due(opened(sam, NEW_YORK, "Fri 2026-11-13 23:30", priority=URGENT)) == wall("Mon 2026-11-16 01:30", NEW_YORK)
    # Sunday 20:00 in New York is Monday in UTC, and yet Sunday.
    assert due(opened(sam, NEW_YORK, "Sun 2026-11-15 20:00", priority=URGENT)) == wall("Mon 2026-11-16 02:00", NEW_YORK)
