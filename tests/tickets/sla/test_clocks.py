"""What starts, pauses, meets and ends a promise: the table "promise × status" through the verbs, and others' bugs."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import User
from tests import factories
from tests.tickets.sla.stories import (
    FIRST,
    NEW_YORK,
    NEXT,
    RESOLUTION,
    SYDNEY,
    UPDATE,
    answerer,
    clock_of,
    clocks,
    due,
    fresh,
    is_running,
    prioritise,
    told,
    wall,
)
from tickets import actions
from tickets.actions.upkeep import close_solved, follow_up_pending
from tickets.models import BusinessCalendar, Channel, EventKind, Priority, Retargeting, SlaClock, SlaPolicy, Ticket
from tickets.sla import publish, rebuild, retarget, sweep
from tickets.sla.promises import HoursKind
from tickets.states import Status

pytestmark = pytest.mark.django_db

URGENT, HIGH, NORMAL, LOW = Priority
OPEN, PENDING, SOLVED = Status.OPEN, Status.PENDING, Status.SOLVED
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AT = wall("Tue 2026-11-10 10:00")
Answer = Callable[..., None]


@pytest.fixture
def answer(bo: User) -> Answer:
    return answerer(bo)


@pytest.fixture
def urgent(rita: User) -> Ticket:
    """Promised an hour, two for the next reply, four for an update: all around the clock."""
    return factories.open_ticket(rita, at=AT, priority=URGENT)


@pytest.fixture
def resolving(_defaults: None) -> None:
    """Premier is promised a reply in an hour and a resolution in ten, around the clock, for Urgent."""
    factories.promise("premier", {("first_reply", 1): (60, "clock"), ("resolution", 1): (600, "clock")})


def wait_for_customer(ticket: Ticket, by: User, at: datetime) -> None:
    """To Pending "by hand", without a reply: an escalation can do so; there is no verb for it in the workspace."""
    from tickets.actions.moves import move
    from tickets.events import record
    from tickets.states import Verb

    ticket = fresh(ticket)
    former = move(ticket, Verb.ANSWER_PENDING, at=at)
    record(ticket, EventKind.STATUS_CHANGED, by=by, at=at, from_status=former, to_status=ticket.status)


def reply(ticket: Ticket, at: datetime) -> None:
    actions.reply(ticket, by=ticket.requester, body="It still fails.", at=at)


# --- First reply ---------------------------------------------------------------------------------------------------


def test_the_first_reply_runs_in_every_unfinished_status(urgent: Ticket, bo: User) -> None:
    assert is_running(urgent, FIRST)
    actions.take(urgent, by=bo, at=AT + 5 * MINUTE)
    assert is_running(urgent, FIRST), "Open"
    actions.hold(urgent, by=bo, reason="the database team", at=AT + 10 * MINUTE)
    assert is_running(urgent, FIRST), "On-hold"
    actions.unhold(urgent, by=bo, at=AT + 15 * MINUTE)
    wait_for_customer(urgent, bo, AT + 20 * MINUTE)
    assert fresh(urgent).state is PENDING
    assert is_running(urgent, FIRST), "Pending"
    assert due(urgent) == AT + HOUR


@pytest.mark.parametrize("submit_as", [OPEN, PENDING, SOLVED])
def test_a_public_reply_meets_the_first_reply_however_it_is_submitted(
    urgent: Ticket, answer: Answer, submit_as: Status
) -> None:
    answer(urgent, AT + 30 * MINUTE, submit_as)
    clock = clock_of(urgent)
    assert (clock.met_at, clock.ended_at, clock.breached_at) == (AT + 30 * MINUTE, AT + 30 * MINUTE, None)
    assert clock.used == 30 * MINUTE


def test_reply_and_pending_in_one_step_meets_the_first_reply(urgent: Ticket, answer: Answer) -> None:
    answer(urgent, AT + 59 * MINUTE, PENDING)
    assert clock_of(urgent).met_at == AT + 59 * MINUTE
    sweep.act(now=AT + 2 * DAY)
    assert clock_of(urgent).breached_at is None
    assert not told(EventKind.SLA_BREACHED, urgent)


def test_a_reply_by_set_meets_it_too(urgent: Ticket, sven: User) -> None:
    answerer(sven)(urgent, AT + 10 * MINUTE)
    assert clock_of(urgent).met_at == AT + 10 * MINUTE


def test_notes_and_what_the_system_does_meet_nothing(urgent: Ticket, bo: User, lea: User) -> None:
    actions.add_note(urgent, by=bo, body="Looks like the cache.", at=AT + MINUTE)
    actions.assign(urgent, by=lea, to=bo, at=AT + 2 * MINUTE)
    actions.add_cc(urgent, by=bo, addresses=["new@other.example"], at=AT + 3 * MINUTE)
    actions.change_fields(urgent, by=bo, changes={"subject": "Logged out"}, at=AT + 4 * MINUTE)
    wait_for_customer(urgent, bo, AT + 5 * MINUTE)
    Ticket.objects.filter(pk=urgent.pk).update(pending_due_at=AT + 6 * MINUTE)
    assert follow_up_pending(urgent.pk, now=AT + 7 * MINUTE), "the customer is reminded by the system"
    assert clock_of(urgent).met_at is None
    assert due(urgent) == AT + HOUR


def test_an_agents_public_opening_meets_the_first_reply(rita: User, bo: User) -> None:
    for public, met in ((True, AT), (False, None)):
        ticket = actions.submit(
            rita,
            by=bo,
            organization=rita.memberships.get().organization,
            request=factories.request_of(priority=URGENT),
            channel=Channel.AGENT,
            at=AT,
            public=public,
        )
        assert clock_of(ticket).met_at == met
        assert due(ticket) == (None if public else AT + HOUR)
        assert fresh(ticket).next_due_at == due(ticket)


def test_solving_without_a_reply_ends_the_first_reply_unmet(urgent: Ticket, bo: User) -> None:
    actions.solve(urgent, by=bo, at=AT + 20 * MINUTE)
    clock = clock_of(urgent)
    assert (clock.met_at, clock.ended_at, clock.breached_at) == (None, AT + 20 * MINUTE, None)
    assert fresh(urgent).next_due_at is None
    sweep.act(now=AT + DAY)
    assert clock_of(urgent).breached_at is None


def test_reopening_goes_on_with_the_time_used(urgent: Ticket, bo: User) -> None:
    actions.mark_solved(urgent, by=urgent.requester, at=AT + 20 * MINUTE)
    reply(urgent, AT + 5 * HOUR)
    assert len(clocks(urgent, FIRST)) == 1
    assert due(urgent) == AT + 5 * HOUR + 40 * MINUTE
    assert not clocks(urgent, NEXT), "the first reply is what is owed"
    actions.solve(urgent, by=bo, at=AT + 5 * HOUR + 10 * MINUTE)
    actions.reopen(urgent, by=bo, at=AT + 6 * HOUR)
    assert due(urgent) == AT + 6 * HOUR + 30 * MINUTE


def test_reopening_what_was_answered_owes_no_first_reply_again(urgent: Ticket, answer: Answer) -> None:
    answer(urgent, AT + 20 * MINUTE, SOLVED)
    reply(urgent, AT + 5 * HOUR)
    assert clock_of(urgent, FIRST).met_at == AT + 20 * MINUTE
    assert due(urgent, NEXT) == AT + 7 * HOUR


def test_the_first_reply_to_what_was_solved_without_one_meets_it_late(urgent: Ticket, bo: User, answer: Answer) -> None:
    actions.solve(urgent, by=bo, at=AT + 20 * MINUTE)
    answer(urgent, AT + 3 * HOUR, SOLVED)
    clock = clock_of(urgent)
    assert clock.met_at == AT + 3 * HOUR
    assert clock.used == 20 * MINUTE


def test_a_follow_up_begins_anew(urgent: Ticket, answer: Answer) -> None:
    answer(urgent, AT + 20 * MINUTE, SOLVED)
    assert close_solved(urgent.pk, now=AT + 49 * HOUR)
    actions.reply(urgent, by=urgent.requester, body="It is back.", at=AT + 50 * HOUR)
    following = Ticket.objects.get(follow_up_of=urgent)
    assert due(following) == AT + 51 * HOUR
    assert fresh(urgent).next_due_at is None


# --- Next reply ----------------------------------------------------------------------------------------------------


def test_a_web_reply_restarts_the_next_reply_clock(urgent: Ticket, answer: Answer) -> None:
    answer(urgent, AT + 10 * MINUTE, PENDING)
    assert not is_running(urgent, NEXT)
    reply(urgent, AT + HOUR)
    assert due(urgent, NEXT) == AT + 3 * HOUR
    answer(urgent, AT + 2 * HOUR, PENDING)
    assert clock_of(urgent, NEXT).met_at == AT + 2 * HOUR
    reply(urgent, AT + 5 * HOUR)
    assert due(urgent, NEXT) == AT + 7 * HOUR
    assert len(clocks(urgent, NEXT)) == 2


def test_a_web_reply_through_the_browser_restarts_it(urgent: Ticket, answer: Answer, client_of: Any) -> None:
    answer(urgent, AT + 10 * MINUTE, PENDING)
    address = f"/requests/{urgent.number}/reply/"
    sent = client_of(urgent.requester).post(address, {"body": "It still fails.", "key": "k1"})
    assert sent.status_code in {302, 303}
    clock = clock_of(urgent, NEXT)
    assert clock.due_at == clock.started_at + 2 * HOUR


def test_a_customers_second_message_does_not_restart_it(urgent: Ticket, answer: Answer) -> None:
    answer(urgent, AT + 10 * MINUTE, OPEN)
    reply(urgent, AT + HOUR)
    reply(urgent, AT + 2 * HOUR)
    assert due(urgent, NEXT) == AT + 3 * HOUR
    assert len(clocks(urgent, NEXT)) == 1


def test_before_the_first_reply_the_customers_messages_start_nothing(urgent: Ticket) -> None:
    reply(urgent, AT + 10 * MINUTE)
    assert not clocks(urgent, NEXT)
    assert due(urgent) == AT + HOUR


def test_the_next_reply_runs_on_hold(urgent: Ticket, bo: User, answer: Answer) -> None:
    answer(urgent, AT + 10 * MINUTE, OPEN)
    actions.hold(urgent, by=bo, reason="the database team", at=AT + 20 * MINUTE)
    reply(urgent, AT + HOUR)
    assert fresh(urgent).state is Status.ON_HOLD
    assert due(urgent, NEXT) == AT + 3 * HOUR
    actions.unhold(urgent, by=bo, at=AT + 2 * HOUR)
    assert due(urgent, NEXT) == AT + 3 * HOUR


def test_solving_ends_the_next_reply_and_a_reopening_by_an_agent_owes_none(
    urgent: Ticket, bo: User, answer: Answer
) -> None:
    answer(urgent, AT + 10 * MINUTE, OPEN)
    reply(urgent, AT + HOUR)
    actions.solve(urgent, by=bo, at=AT + 2 * HOUR)
    ended = clock_of(urgent, NEXT)
    assert (ended.met_at, ended.ended_at) == (None, AT + 2 * HOUR)
    actions.reopen(urgent, by=bo, at=AT + 3 * HOUR)
    assert not is_running(urgent, NEXT)
    actions.solve(urgent, by=bo, at=AT + 4 * HOUR)
    actions.reopen(urgent, by=urgent.requester, at=AT + 5 * HOUR)
    assert due(urgent, NEXT) == AT + 7 * HOUR, "a customer who reopens waits"


# --- Regular update ------------------------------------------------------------------------------------------------


def test_the_regular_update_pauses_in_pending_and_runs_on_hold(urgent: Ticket, bo: User, answer: Answer) -> None:
    answer(urgent, AT, OPEN)
    assert due(urgent, UPDATE) == AT + 4 * HOUR
    actions.hold(urgent, by=bo, reason="the database team", at=AT + HOUR)
    assert due(urgent, UPDATE) == AT + 4 * HOUR
    wait_for_customer(urgent, bo, AT + 2 * HOUR)
    assert due(urgent, UPDATE) is None
    assert clock_of(urgent, UPDATE).used == 2 * HOUR
    reply(urgent, AT + 10 * HOUR)
    assert due(urgent, UPDATE) == AT + 12 * HOUR


def test_each_public_reply_begins_the_update_anew(urgent: Ticket, answer: Answer) -> None:
    answer(urgent, AT, OPEN)
    answer(urgent, AT + 3 * HOUR, OPEN)
    first, second = clocks(urgent, UPDATE)
    assert (first.met_at, first.breached_at) == (AT + 3 * HOUR, None)
    assert second.due_at == AT + 7 * HOUR


def test_a_reply_as_pending_waits_with_the_update_until_the_customer_answered(urgent: Ticket, answer: Answer) -> None:
    answer(urgent, AT, PENDING)
    assert not is_running(urgent, UPDATE)
    reply(urgent, AT + DAY)
    assert due(urgent, UPDATE) == AT + DAY + 4 * HOUR
    assert fresh(urgent).next_due_at == AT + DAY + 2 * HOUR, "the next reply is due before it"


def test_an_update_target_never_overrides_the_first_reply(rita: User, bo: User) -> None:
    """An update is owed after a reply only; a shorter one neither brings the first reply forward nor meets it."""
    factories.promise("premier", {("first_reply", 1): (60, "clock"), ("regular_update", 1): (10, "clock")})
    ticket = factories.open_ticket(rita, at=AT, priority=URGENT)
    actions.take(ticket, by=bo, at=AT + MINUTE)
    assert not clocks(ticket, UPDATE)
    assert fresh(ticket).next_due_at == AT + HOUR
    sweep.act(now=AT + 30 * MINUTE)
    assert not told(EventKind.SLA_BREACHED, ticket)
    answerer(bo)(ticket, AT + 40 * MINUTE)
    assert due(ticket, UPDATE) == AT + 50 * MINUTE
    sweep.act(now=AT + 2 * HOUR)
    assert [row["promise"] for row in told(EventKind.SLA_BREACHED, ticket)] == [UPDATE]
    assert clock_of(ticket, FIRST).met_at == AT + 40 * MINUTE


# --- Resolution ----------------------------------------------------------------------------------------------------


def test_a_resolution_pauses_in_pending_is_met_and_goes_on(
    resolving: None, rita: User, bo: User, answer: Answer
) -> None:
    ticket = factories.open_ticket(rita, at=AT, priority=URGENT)
    assert due(ticket, RESOLUTION) == AT + 10 * HOUR
    answer(ticket, AT + HOUR, PENDING)
    assert due(ticket, RESOLUTION) is None
    reply(ticket, AT + 21 * HOUR)
    assert due(ticket, RESOLUTION) == AT + 30 * HOUR, "nine hours are left"
    actions.hold(ticket, by=bo, reason="the database team", at=AT + 22 * HOUR)
    assert due(ticket, RESOLUTION) == AT + 30 * HOUR
    actions.unhold(ticket, by=bo, at=AT + 23 * HOUR)
    actions.solve(ticket, by=bo, at=AT + 24 * HOUR)
    solved = clock_of(ticket, RESOLUTION)
    assert (solved.met_at, solved.used, solved.breached_at) == (AT + 24 * HOUR, 4 * HOUR, None)
    actions.reopen(ticket, by=rita, at=AT + 40 * HOUR)
    assert due(ticket, RESOLUTION) == AT + 46 * HOUR, "six hours are left"
    assert clock_of(ticket, RESOLUTION).met_at is None
    answer(ticket, AT + 47 * HOUR, SOLVED)
    again = clock_of(ticket, RESOLUTION)
    assert (again.met_at, again.breached_at) == (AT + 47 * HOUR, AT + 46 * HOUR)
    assert len(clocks(ticket, RESOLUTION)) == 1


def test_an_answer_does_not_meet_a_resolution(resolving: None, rita: User, answer: Answer) -> None:
    ticket = factories.open_ticket(rita, at=AT, priority=URGENT)
    answer(ticket, AT + HOUR, OPEN)
    assert due(ticket, RESOLUTION) == AT + 10 * HOUR


def test_a_customer_who_solves_it_meets_the_resolution(resolving: None, rita: User) -> None:
    ticket = factories.open_ticket(rita, at=AT, priority=URGENT)
    actions.mark_solved(ticket, by=rita, at=AT + 2 * HOUR)
    assert clock_of(ticket, RESOLUTION).met_at == AT + 2 * HOUR


# --- Do not close --------------------------------------------------------------------------------------------------


def test_do_not_close_stops_all_clocks_while_pending(resolving: None, rita: User, bo: User) -> None:
    ticket = factories.open_ticket(rita, at=AT, priority=URGENT)
    actions.set_do_not_close(ticket, by=bo, to=True, at=AT + 5 * MINUTE)
    assert due(ticket, FIRST) == AT + HOUR, "only while Pending"
    wait_for_customer(ticket, bo, AT + 10 * MINUTE)
    assert [clock.due_at for clock in ticket.clocks.all()] == [None, None]
    assert fresh(ticket).next_due_at is None
    actions.set_do_not_close(ticket, by=bo, to=False, at=AT + 5 * HOUR)
    assert due(ticket, FIRST) == AT + 5 * HOUR + 50 * MINUTE
    assert due(ticket, RESOLUTION) is None, "Pending as it is"
    actions.set_do_not_close(ticket, by=bo, to=True, at=AT + 5 * HOUR + 10 * MINUTE)
    reply(ticket, AT + 7 * HOUR)
    assert due(ticket, FIRST) == AT + 7 * HOUR + 40 * MINUTE, "Open again: running again"
    spans = [(span["runs"], span["why"]) for span in clock_of(ticket, FIRST).spans]
    assert spans == [
        (True, "submitted"),
        (False, "kept_open"),
        (True, "may_close"),
        (False, "kept_open"),
        (True, "customer_wrote"),
    ]


# --- Changed targets -----------------------------------------------------------------------------------------------


def test_a_raised_priority_keeps_the_time_used(rita: User, bo: User) -> None:
    ticket = factories.open_ticket(rita, at=AT, priority=HIGH)  # two hours
    prioritise(ticket, URGENT, by=bo, at=AT + 40 * MINUTE)  # one
    assert due(ticket) == AT + HOUR
    assert clock_of(ticket).breached_at is None


def test_a_raised_priority_is_due_at_once_where_it_is_used_up(rita: User) -> None:
    ticket = factories.open_ticket(rita, at=AT, priority=NORMAL)  # four business hours
    raised_at = AT + 3 * HOUR
    actions.raise_priority(ticket, by=rita, to=URGENT, reason="All are out", at=raised_at)
    assert due(ticket) == raised_at
    assert fresh(ticket).next_due_at == raised_at
    sweep.act(now=raised_at + timedelta(seconds=30))
    assert clock_of(ticket).breached_at == raised_at
    assert clock_of(ticket).used == 3 * HOUR


def test_a_lowered_priority_gives_more_time_but_forgives_no_breach(rita: User, bo: User, answer: Answer) -> None:
    ticket = factories.open_ticket(rita, at=AT, priority=URGENT)
    prioritise(ticket, NORMAL, by=bo, at=AT + 2 * HOUR)
    assert clock_of(ticket).breached_at == AT + HOUR
    assert due(ticket) == AT + 4 * HOUR
    answer(ticket, AT + 3 * HOUR)
    assert (clock_of(ticket).met_at, clock_of(ticket).breached_at) == (AT + 3 * HOUR, AT + HOUR)
    assert len(told(EventKind.SLA_BREACHED, ticket)) == 1


def test_a_priority_without_a_promise_stands_still_and_one_with_it_runs_again(rita: User, bo: User) -> None:
    factories.promise("premier", {("first_reply", 1): (60, "clock"), ("first_reply", 2): (120, "clock")})
    ticket = factories.open_ticket(rita, at=AT, priority=URGENT)
    prioritise(ticket, LOW, by=bo, at=AT + 20 * MINUTE)
    assert due(ticket) is None and fresh(ticket).next_due_at is None
    prioritise(ticket, HIGH, by=bo, at=AT + 10 * HOUR)
    assert due(ticket) == AT + 10 * HOUR + 100 * MINUTE
    assert [(span["runs"], span["why"]) for span in clock_of(ticket).spans][1] == (False, "unpromised")


def test_a_priority_changed_while_paused_counts_when_it_runs_again(
    resolving: None, rita: User, bo: User, answer: Answer
) -> None:
    factories.promise("premier", {("resolution", 1): (600, "clock"), ("resolution", 2): (300, "clock")})
    ticket = factories.open_ticket(rita, at=AT, priority=URGENT)
    answer(ticket, AT + HOUR, PENDING)
    prioritise(ticket, HIGH, by=bo, at=AT + 2 * HOUR)
    assert due(ticket, RESOLUTION) is None
    reply(ticket, AT + 10 * HOUR)
    assert due(ticket, RESOLUTION) == AT + 14 * HOUR


def test_no_old_target_survives_a_policy_change(rita: User, sam: User, bo: User, ada: User, answer: Answer) -> None:
    waiting = factories.open_ticket(rita, at=AT, priority=URGENT)
    answered = factories.open_ticket(rita, at=AT, priority=URGENT)
    answer(answered, AT + 10 * MINUTE, OPEN)
    reply(answered, AT + 20 * MINUTE)
    met = factories.open_ticket(rita, at=AT, priority=URGENT)
    answer(met, AT + 5 * MINUTE, PENDING)
    stranger = factories.open_ticket(sam, at=AT, priority=URGENT)
    version = factories.promise("premier", {("first_reply", 1): (30, "clock"), ("next_reply", 1): (180, "clock")})
    policy = SlaPolicy.objects.get(plan__slug="premier")
    retarget.ask(Retargeting.Scope.POLICY, policy.pk, by=ada, at=AT + 40 * MINUTE)
    retarget.work(now=AT + 40 * MINUTE)

    assert due(waiting) == AT + 40 * MINUTE, "its thirty minutes are used up: due at once"
    assert due(answered, NEXT) == AT + 20 * MINUTE + 3 * HOUR
    assert due(answered, UPDATE) is None, "no longer promised"
    assert fresh(answered).next_due_at == AT + 20 * MINUTE + 3 * HOUR
    assert due(stranger) == wall("Tue 2026-11-10 06:00", NEW_YORK), "4:00 in New York and two hours"
    open_ones = SlaClock.objects.open().filter(ticket__requester=rita)
    assert {clock.terms.policy_version for clock in open_ones} == {version}
    assert clock_of(met).terms.policy_version != version, "what is over stays under what it was promised"
    prioritise(answered, HIGH, by=bo, at=AT + 50 * MINUTE)
    assert due(answered, NEXT) is None, "the new policy promises High nothing"


# --- Breaches ------------------------------------------------------------------------------------------------------


def test_a_breach_is_dated_when_it_broke_also_where_a_late_reply_noticed_it(urgent: Ticket, answer: Answer) -> None:
    answer(urgent, AT + 3 * HOUR)
    clock = clock_of(urgent)
    assert (clock.breached_at, clock.met_at) == (AT + HOUR, AT + 3 * HOUR)
    (event,) = urgent.events.filter(kind=EventKind.SLA_BREACHED)
    assert event.at == AT + 3 * HOUR
    assert event.data == {"clock": clock.pk, "promise": FIRST, "broke_at": (AT + HOUR).isoformat()}
    sweep.act(now=AT + DAY)
    assert len(told(EventKind.SLA_BREACHED, urgent)) == 1 + 1, "that of the update, which is owed since"


def test_in_time_is_up_to_the_deadline_itself(rita: User, answer: Answer) -> None:
    for late, breached_at in ((timedelta(), None), (timedelta(microseconds=1), AT + HOUR)):
        ticket = factories.open_ticket(rita, at=AT, priority=URGENT)
        answer(ticket, AT + HOUR + late, SOLVED)
        assert clock_of(ticket).breached_at == breached_at


def test_an_unassigned_ticket_taken_and_given_back_keeps_its_deadline(urgent: Ticket, bo: User, lea: User) -> None:
    for number in range(5):
        actions.take(urgent, by=bo, at=AT + number * MINUTE)
        actions.unassign(urgent, by=lea, at=AT + number * MINUTE)
    assert due(urgent) == AT + HOUR
    assert len(clock_of(urgent).spans) == 1


# --- Others' bugs --------------------------------------------------------------------------------------------------


def test_pause_counters_do_not_drift(resolving: None, rita: User, bo: User, answer: Answer) -> None:
    """Two hundred pauses at odd seconds: what was used is what ran, to the microsecond."""
    ticket, at, ran = factories.open_ticket(rita, at=AT, priority=URGENT), AT, timedelta()
    factories.promise("premier", {("resolution", 1): (600_000, "clock")})
    for number in range(100):
        runs, waits = timedelta(seconds=7 + number, microseconds=333_333), timedelta(seconds=11, microseconds=123_457)
        answer(ticket, at + runs, PENDING)
        reply(ticket, at + runs + waits)
        at, ran = at + runs + waits, ran + runs
    clock = clock_of(ticket, RESOLUTION)
    assert clock.used == ran
    assert clock.due_at == at + 10 * HOUR - ran
    assert len(clock.spans) == 201
    assert sum(span["runs"] for span in clock.spans) == 101


def on_calendar(minutes: int, *, at: datetime, zone: str, spans: list[int], dates: Sequence[date] = ()) -> None:
    """Promise Premier an Urgent first reply on a calendar open from 8 to 17 on these weekdays and dates."""
    calendar = BusinessCalendar.objects.create(name="Odd", time_zone=zone, holidays="none")
    for weekday in spans:
        calendar.spans.create(weekday=weekday, starts="08:00", ends="17:00")
    for day in dates:
        calendar.dates.create(date=day, starts="08:00", ends="17:00")
    publish.calendar(calendar, by=None, at=at)
    policy = SlaPolicy.objects.get(plan__slug="premier")
    publish.policy(policy, {(FIRST, 1): (minutes, HoursKind.BUSINESS)}, calendar=calendar, by=None, at=at)


def test_no_day_loop_without_end(rita: User) -> None:
    """The longest target that can be entered, on a calendar open on Tuesdays only, fourteen hours ahead of UTC."""
    on_calendar(60 * 24 * 366, at=AT, zone="Pacific/Kiritimati", spans=[1])
    began = time.process_time()
    ticket = factories.open_ticket(rita, at=AT, priority=URGENT)
    # 8,784 hours are 976 Tuesdays of nine: the first is 17 November 2026, since the 10th is over there.
    assert due(ticket) == wall("Tue 2045-07-25 17:00", "Pacific/Kiritimati")
    assert time.process_time() - began < 1


def test_a_deadline_that_never_comes_is_none_and_stands_in_nobodys_way(rita: User, bo: User) -> None:
    """A calendar with a single opening: before it was published well, after it nothing is left of it."""
    on_calendar(60, at=AT, zone="Europe/Berlin", spans=[], dates=[date(2026, 11, 12)])
    assert due(factories.open_ticket(rita, at=AT, priority=URGENT)) == wall("Thu 2026-11-12 09:00")
    late = wall("Thu 2026-11-12 16:30")
    ticket = factories.open_ticket(rita, at=late, priority=URGENT)
    assert due(ticket) is None
    sweep.act(now=late + DAY)
    answerer(bo)(ticket, late + DAY)
    clock = clock_of(ticket)
    assert (clock.met_at, clock.used, clock.breached_at) == (late + DAY, 30 * MINUTE, None)
    assert not list(rebuild.compare([ticket.pk], now=late + DAY))


@pytest.fixture(params=["Asia/Tokyo", "America/Los_Angeles"])
def elsewhere(request: pytest.FixtureRequest, settings: Any) -> Iterator[None]:
    """The server stands somewhere else: its settings, its process and what Django has activated say so."""
    former = os.environ.get("TZ")
    settings.TIME_ZONE = os.environ["TZ"] = request.param
    time.tzset()
    with timezone.override(request.param):
        yield
    if former is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = former
    time.tzset()


def test_the_servers_zone_is_never_used_for_a_customers_hours(
    elsewhere: None, rita: User, sam: User, pia: User
) -> None:
    asked = [
        (rita, NORMAL, "Tue 2026-11-10 16:00", "Europe/Berlin", "Wed 2026-11-11 12:00"),
        (sam, URGENT, "Fri 2026-11-13 23:00", NEW_YORK, "Mon 2026-11-16 01:00"),
        (pia, LOW, "Tue 2026-11-10 16:00", SYDNEY, "Thu 2026-11-12 16:00"),
    ]
    for person, priority, at, zone, by_when in asked:
        ticket = factories.open_ticket(person, at=timezone.localtime(wall(at, zone)), priority=priority)
        assert due(ticket) == wall(by_when, zone)


def test_who_waited_for_the_lock_comes_after_whom_they_waited_for(rita: User, bo: User) -> None:
    """Doors read the clock before they get the ticket: a reply may be recorded before a change that began earlier."""
    opened = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    ticket = factories.open_ticket(rita, at=opened)
    actions.answer(ticket, by=bo, body="Which version?", submit_as=Status.OPEN, at=opened + timedelta(minutes=1))
    actions.reply(ticket, by=rita, body="10.5.2", at=opened + timedelta(minutes=3))
    actions.change_fields(ticket, by=bo, changes={"priority": Priority.URGENT}, at=opened + timedelta(minutes=2))
    clock = SlaClock.objects.open().get(ticket=ticket, promise="next_reply")
    assert clock.running_since == clock.started_at == opened + timedelta(minutes=3)
    assert list(rebuild.compare([ticket.pk], now=opened + timedelta(minutes=4))) == []
