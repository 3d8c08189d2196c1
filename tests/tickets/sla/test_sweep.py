"""Warnings and breaches: once each, whoever sweeps, whatever is broken, and for what is due alone."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests import factories
from tests.at_once import at_once
from tests.tickets.sla.stories import FIRST, NEXT, answerer, clock_of, fresh, prioritise, told, wall
from tickets import actions
from tickets.models import CalendarVersion, EventKind, Priority, Retargeting, SlaClock, SlaPolicy, Ticket, TicketEvent
from tickets.models import sla as kept
from tickets.sla import rebuild, retarget, sweep
from tickets.states import Status

URGENT, HIGH, NORMAL, LOW = Priority
WARNED, BREACHED = EventKind.SLA_WARNED, EventKind.SLA_BREACHED
MINUTE, HOUR, SECOND = timedelta(minutes=1), timedelta(hours=1), timedelta(seconds=1)
AT = wall("Tue 2026-11-10 10:00")
CountQueries = Callable[[], CaptureQueriesContext]


def urgent(rita: User, at: datetime = AT) -> Ticket:
    """Promised a first reply within the hour."""
    return factories.open_ticket(rita, at=at, priority=URGENT)


# --- Warnings and breaches -----------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestOnce:
    def test_it_warns_at_75_percent_once(self, rita: User) -> None:
        ticket = urgent(rita)
        for minute in range(0, 60, 5):
            sweep.act(now=AT + minute * MINUTE)
            assert len(told(WARNED, ticket)) == (1 if minute > 45 else 0), f"after {minute} minutes"
        assert told(WARNED, ticket) == [
            {
                "clock": clock_of(ticket).pk,
                "promise": FIRST,
                "due_at": (AT + HOUR).isoformat(),
                "points": [75],
            }
        ]
        assert clock_of(ticket).warned_at == AT + 50 * MINUTE

    def test_it_warns_at_75_percent_of_the_hours_that_count(self, rita: User) -> None:
        """Four business hours from Friday 16:00: three are used on Monday at eleven."""
        friday = wall("Fri 2026-11-13 16:00")
        ticket = factories.open_ticket(rita, at=friday, priority=NORMAL)
        assert clock_of(ticket).next_action_at == wall("Mon 2026-11-16 11:00")
        sweep.act(now=wall("Mon 2026-11-16 11:00"))
        assert not told(WARNED, ticket)
        sweep.act(now=wall("Mon 2026-11-16 11:01"))
        assert len(told(WARNED, ticket)) == 1
        assert clock_of(ticket).next_action_at == wall("Mon 2026-11-16 12:00")

    def test_points_are_configurable(self, rita: User) -> None:
        targets = {("first_reply", 1): (100, "clock")}
        factories.promise("premier", targets, warn_percent=(50, 90), warn_before=(30,))
        ticket = urgent(rita)
        warnings = []
        for minute in (49, 51, 69, 71, 72, 89, 91, 99):
            sweep.act(now=AT + minute * MINUTE)
            warnings.append(len(told(WARNED, ticket)))
        assert warnings == [0, 1, 1, 2, 2, 2, 3, 3]
        assert [row["points"] for row in told(WARNED, ticket)] == [[50], [-30], [90]]
        assert sorted(clock_of(ticket).warned) == [-30, 50, 90]
        sweep.act(now=AT + 101 * MINUTE)
        assert len(told(BREACHED, ticket)) == 1

    def test_points_passed_since_the_last_sweep_are_one_warning(self, rita: User) -> None:
        factories.promise("premier", {("first_reply", 1): (100, "clock")}, warn_percent=(50, 90), warn_before=(30,))
        ticket = urgent(rita)
        sweep.act(now=AT + 95 * MINUTE)
        (warning,) = told(WARNED, ticket)
        assert sorted(warning["points"]) == [-30, 50, 90]

    def test_a_point_before_the_beginning_warns_at_once(self, rita: User) -> None:
        factories.promise("premier", {("first_reply", 1): (20, "clock")}, warn_percent=(), warn_before=(30,))
        ticket = urgent(rita)
        sweep.act(now=AT + SECOND)
        assert [row["points"] for row in told(WARNED, ticket)] == [[-30]]

    def test_without_points_nobody_is_warned(self, rita: User) -> None:
        factories.promise("premier", {("first_reply", 1): (60, "clock")}, warn_percent=())
        ticket = urgent(rita)
        sweep.act(now=AT + 59 * MINUTE)
        assert not told(WARNED, ticket)
        assert clock_of(ticket).next_action_at == AT + HOUR

    def test_it_tells_of_a_breach_once_dated_when_it_broke(self, rita: User) -> None:
        ticket = urgent(rita)
        sweep.act(now=AT + HOUR)
        assert not told(BREACHED, ticket), "not before it is over"
        for minute in (61, 62, 300):
            sweep.act(now=AT + minute * MINUTE)
        (event,) = ticket.events.filter(kind=BREACHED)
        assert event.data == {"clock": clock_of(ticket).pk, "promise": FIRST, "broke_at": (AT + HOUR).isoformat()}
        assert event.at == AT + 61 * MINUTE
        clock = clock_of(ticket)
        assert (clock.breached_at, clock.due_at, clock.next_action_at) == (AT + HOUR, AT + HOUR, None)

    def test_a_warning_that_comes_after_the_breach_is_none(self, rita: User) -> None:
        ticket = urgent(rita)
        sweep.act(now=AT + 2 * HOUR)
        assert not told(WARNED, ticket)
        assert len(told(BREACHED, ticket)) == 1

    def test_it_leaves_in_peace_what_was_answered_paused_or_solved(self, rita: User, bo: User) -> None:
        answered, solved, waiting = urgent(rita), urgent(rita), urgent(rita)
        answerer(bo)(answered, AT + 10 * MINUTE, Status.PENDING)
        actions.solve(solved, by=bo, at=AT + 10 * MINUTE)
        actions.set_do_not_close(waiting, by=bo, to=True, at=AT + 5 * MINUTE)
        answerer(bo)(waiting, AT + 10 * MINUTE, Status.PENDING)
        assert sweep.act(now=AT + 24 * HOUR) == 0
        assert not TicketEvent.objects.filter(kind__in=[WARNED, BREACHED]).exists()

    def test_a_new_target_is_warned_of_where_the_old_one_was_not(self, rita: User, bo: User) -> None:
        ticket = factories.open_ticket(rita, at=AT, priority=HIGH)  # two hours
        prioritise(ticket, URGENT, by=bo, at=AT + 40 * MINUTE)
        assert clock_of(ticket).next_action_at == AT + 45 * MINUTE
        sweep.act(now=AT + 46 * MINUTE)
        prioritise(ticket, HIGH, by=bo, at=AT + 47 * MINUTE)
        sweep.act(now=AT + 91 * MINUTE)
        assert len(told(WARNED, ticket)) == 1, "each point once in a clock's life"
        assert clock_of(ticket).next_action_at == AT + 2 * HOUR

    def test_each_new_clock_warns_for_itself(self, rita: User, bo: User) -> None:
        ticket = urgent(rita)
        sweep.act(now=AT + 50 * MINUTE)
        answerer(bo)(ticket, AT + 51 * MINUTE, Status.PENDING)
        actions.reply(ticket, by=rita, body="And now?", at=AT + 2 * HOUR)
        sweep.act(now=AT + 3 * HOUR + 31 * MINUTE)
        assert [row["promise"] for row in told(WARNED, ticket)] == [FIRST, NEXT]


# --- What a sweep costs --------------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestCost:
    def test_with_nothing_due_it_is_one_query(self, rita: User, count_queries: CountQueries) -> None:
        for _ in range(12):
            urgent(rita)
        with count_queries() as queries:
            assert sweep.act(now=AT + 10 * MINUTE) == 0
        assert len(queries) == 1

    def test_a_hundred_due_are_a_few_queries_for_each_fifty(self, rita: User, count_queries: CountQueries) -> None:
        tickets = [urgent(rita) for _ in range(100)]
        sweep.act(now=AT + 10 * MINUTE)  # terms are read once per process
        with count_queries() as queries:
            assert sweep.act(now=AT + 46 * MINUTE) == 100
        assert len(queries) <= 1 + 2 * 6
        assert len(told(WARNED, *tickets)) == 100
        with count_queries() as queries:
            assert sweep.act(now=AT + 61 * MINUTE) == 100
        assert len(queries) <= 1 + 2 * 6
        assert len(told(BREACHED, *tickets)) == 100
        with count_queries() as queries:
            assert sweep.act(now=AT + 62 * MINUTE) == 0
        assert len(queries) == 1, "what has broken is looked at no more"


# --- A bad row -----------------------------------------------------------------------------------------------------


def forget_what_never_changes() -> None:
    """As a process that begins just now."""
    kept._terms.cache_clear()
    kept._calendar.cache_clear()
    kept.targets_of.cache_clear()


@pytest.mark.django_db
def test_a_bad_row_is_stepped_over_and_met_again(rita: User, pia: User, caplog: Any) -> None:
    """The calendar that one ticket's terms name was broken by SQL; both others are warned of all the same."""
    before, after = urgent(rita), urgent(rita)
    bad = factories.open_ticket(pia, at=AT - 20 * HOUR, priority=URGENT)
    clock = clock_of(bad)
    calendar = clock.terms.calendar_version
    own = CalendarVersion.objects.create(
        calendar=calendar.calendar, number=99, content={**calendar.content, "week": "broken"}, made_at=AT
    )
    type(clock.terms).objects.filter(pk=clock.terms_id).update(calendar_version=own)
    SlaClock.objects.filter(pk=clock.pk).update(next_action_at=AT, due_at=AT + HOUR)
    forget_what_never_changes()
    try:
        assert sweep.act(now=AT + 50 * MINUTE) == 2
        assert len(told(WARNED, before, after)) == 2
        assert not told(WARNED, bad)
        assert clock_of(bad).next_action_at == AT
        assert f"request #{bad.number}" in caplog.text
        assert sweep.act(now=AT + 51 * MINUTE) == 0, "met again, stepped over again"
        type(clock.terms).objects.filter(pk=clock.terms_id).update(calendar_version=calendar)
        forget_what_never_changes()
        assert sweep.act(now=AT + 52 * MINUTE) == 1, "mended: told"
    finally:
        forget_what_never_changes()


# --- At once -------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def test_three_sweeps_at_once_tell_of_each_clock_once(self, rita: User) -> None:
        tickets = [urgent(rita) for _ in range(60)]
        warned = at_once(*[lambda: sweep.act(now=AT + 50 * MINUTE)] * 3)
        assert sum(warned) == len(told(WARNED, *tickets)) == 60
        assert len({row["clock"] for row in told(WARNED, *tickets)}) == 60
        broken = at_once(*[lambda: sweep.act(now=AT + 70 * MINUTE)] * 3)
        assert sum(broken) == len(told(BREACHED, *tickets)) == 60
        assert len({row["clock"] for row in told(BREACHED, *tickets)}) == 60

    def test_a_ticket_that_somebody_acts_on_is_the_next_sweeps(self, rita: User) -> None:
        locked, free = urgent(rita), urgent(rita)
        with transaction.atomic():
            Ticket.objects.select_for_update().get(pk=locked.pk)
            (told_of,) = at_once(lambda: sweep.act(now=AT + 50 * MINUTE))
        assert told_of == 1
        assert told(WARNED, free) and not told(WARNED, locked)
        assert sweep.act(now=AT + 51 * MINUTE) == 1
        assert told(WARNED, locked)

    def test_a_sweep_that_is_killed_midway_loses_and_repeats_nothing(self, rita: User) -> None:
        """What it had committed is told, the rest is the next one's; its open batch is as if it had never been."""
        tickets = [urgent(rita) for _ in range(6)]
        numbers = [ticket.pk for ticket in tickets]
        sweep._act_on(numbers[:3], AT + 50 * MINUTE)

        def killed() -> None:
            with transaction.atomic():
                sweep._act_on(numbers[3:], AT + 50 * MINUTE)
                raise KeyboardInterrupt

        def dies() -> None:
            try:
                killed()
            except KeyboardInterrupt:
                connection.close()

        at_once(dies)
        assert len(told(WARNED, *tickets)) == 3
        assert sweep.act(now=AT + 51 * MINUTE) == 3
        assert sorted(row["clock"] for row in told(WARNED, *tickets)) == sorted(
            clock_of(ticket).pk for ticket in tickets
        )

    def test_a_sweep_against_answers_tells_of_each_breach_once(self, rita: User, bo: User) -> None:
        """Whoever comes first notices the breach; the reply meets the clock, late, in any case."""
        tickets = [urgent(rita) for _ in range(8)]
        late = AT + 2 * HOUR
        answer = answerer(bo)
        results = at_once(
            *[lambda ticket=ticket: answer(ticket, late, Status.PENDING) for ticket in tickets],
            lambda: sweep.act(now=late),
            lambda: sweep.act(now=late),
        )
        assert not [result for result in results if isinstance(result, Exception)]
        sweep.act(now=late + MINUTE)
        for ticket in tickets:
            clock = clock_of(ticket)
            assert (clock.breached_at, clock.met_at) == (AT + HOUR, late)
            assert [row["promise"] for row in told(BREACHED, ticket)] == [FIRST]
            assert fresh(ticket).next_due_at is None

    def test_sweeps_retargeting_and_verbs_at_once_leave_what_the_events_give(self, rita: User, bo: User) -> None:
        tickets = [urgent(rita) for _ in range(12)]
        for ticket in tickets[:6]:
            answerer(bo)(ticket, AT + 10 * MINUTE, Status.OPEN)
        factories.promise("premier", {("first_reply", 1): (90, "clock"), ("next_reply", 1): (30, "clock")})
        policy = SlaPolicy.objects.get(plan__slug="premier")
        now = AT + 2 * HOUR
        retarget.ask(Retargeting.Scope.POLICY, policy.pk, by=None, at=now)
        results = at_once(
            lambda: retarget.work(now=now),
            lambda: retarget.work(now=now),
            lambda: sweep.act(now=now),
            lambda: sweep.act(now=now),
            lambda: [actions.reply(ticket, by=rita, body="And?", at=now) for ticket in tickets[:6]],
            lambda: [answerer(bo)(ticket, now, Status.PENDING) for ticket in reversed(tickets)],
        )
        assert not [result for result in results if isinstance(result, Exception)]
        retarget.work(now=now)
        sweep.act(now=now + MINUTE)
        assert not list(rebuild.compare([ticket.pk for ticket in tickets], now=now + MINUTE))
        for ticket in tickets:
            broken = [row["clock"] for row in told(BREACHED, ticket)]
            assert len(broken) == len(set(broken))
            assert set(broken) == set(ticket.clocks.broken().values_list("pk", flat=True))
        current = SlaPolicy.objects.get(pk=policy.pk).current
        assert not SlaClock.objects.open().exclude(terms__policy_version=current).exists()
