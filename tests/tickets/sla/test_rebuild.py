"""Clocks from events alone: no difference after long stories, each tampering reported, and all of it mended."""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db.models import F

from accounts.models import User
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from tests import factories
from tests.tickets.sla.stories import FIRST, NEXT, RESOLUTION, UPDATE, answerer, clock_of, clocks, fresh, prioritise
from tickets import actions
from tickets.actions.upkeep import close_solved
from tickets.models import EventKind, Priority, Retargeting, SlaClock, SlaPolicy, Ticket, TicketEvent
from tickets.sla import retarget, sweep
from tickets.sla.promises import Promise
from tickets.states import Status

pytestmark = pytest.mark.django_db

URGENT, HIGH, NORMAL, LOW = Priority
OPEN, PENDING, SOLVED = Status.OPEN, Status.PENDING, Status.SOLVED
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def check(*tickets: Ticket) -> str:
    """What `rebuild_clocks --check` says; the empty string where it finds no difference."""
    said = StringIO()
    try:
        call_command("rebuild_clocks", "--check", *[ticket.number for ticket in tickets], stdout=said)
    except CommandError as failure:
        return f"{said.getvalue()}{failure}"
    assert "no difference" in said.getvalue()
    return ""


def mend(*tickets: Ticket) -> str:
    said = StringIO()
    call_command("rebuild_clocks", *[ticket.number for ticket in tickets], stdout=said)
    return said.getvalue()


def reply(ticket: Ticket, at: datetime) -> None:
    actions.reply(ticket, by=ticket.requester, body="It still fails.", at=at)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    """Tuesday 8 December 2026, noon in Berlin, for as long as the test takes."""
    with time_machine.travel(datetime(2026, 12, 8, 11, 0, tzinfo=UTC), tick=False):
        yield


@pytest.fixture
def begun(_defaults: None) -> datetime:
    """A Thursday noon forty days ago, so that the stories are over by now."""
    return clock.now() - 40 * DAY


@pytest.fixture
def everything(_defaults: None) -> None:
    """All that can be promised, on both kinds of hours."""
    factories.promise(
        "premier",
        {
            ("first_reply", 1): (60, "clock"),
            ("first_reply", 2): (120, "clock"),
            ("first_reply", 3): (240, "business"),
            ("next_reply", 1): (120, "clock"),
            ("next_reply", 2): (480, "business"),
            ("next_reply", 4): (1440, "clock"),
            ("regular_update", 1): (240, "clock"),
            ("regular_update", 2): (480, "business"),
            ("resolution", 1): (1440, "clock"),
            ("resolution", 3): (2400, "business"),
        },
    )


@pytest.fixture
def long_story(everything: None, rita: User, bo: User, lea: User, begun: datetime) -> Ticket:
    """Priorities up and down, hold, do-not-close, solved, reopened, answered late and early; it stands Open."""
    answer, at = answerer(bo), begun
    ticket = factories.open_ticket(rita, at=at, priority=None)
    prioritise(ticket, NORMAL, by=bo, at=at + 20 * MINUTE)
    actions.take(ticket, by=bo, at=at + 25 * MINUTE)
    actions.unassign(ticket, by=lea, at=at + 26 * MINUTE)
    actions.raise_priority(ticket, by=rita, to=URGENT, reason="All are out", at=at + 50 * MINUTE)
    answer(ticket, at + 3 * HOUR, PENDING)
    reply(ticket, at + 5 * HOUR)
    actions.hold(ticket, by=bo, reason="the database team", at=at + 6 * HOUR)
    reply(ticket, at + 6 * HOUR + 30 * MINUTE)
    prioritise(ticket, LOW, by=bo, at=at + 7 * HOUR)
    sweep.act(now=at + 8 * HOUR)
    actions.unhold(ticket, by=bo, at=at + DAY)
    prioritise(ticket, HIGH, by=bo, at=at + DAY + HOUR)
    answer(ticket, at + 2 * DAY, OPEN)
    actions.set_do_not_close(ticket, by=bo, to=True, at=at + 2 * DAY + HOUR)
    answer(ticket, at + 3 * DAY, PENDING)
    prioritise(ticket, URGENT, by=bo, at=at + 3 * DAY + HOUR)
    actions.set_do_not_close(ticket, by=bo, to=False, at=at + 4 * DAY)
    reply(ticket, at + 5 * DAY)
    answer(ticket, at + 5 * DAY + HOUR, SOLVED)
    reply(ticket, at + 6 * DAY)
    actions.solve(ticket, by=bo, at=at + 6 * DAY + 30 * MINUTE)
    actions.reopen(ticket, by=bo, at=at + 7 * DAY)
    actions.mark_solved(ticket, by=rita, at=at + 8 * DAY)
    actions.reopen(ticket, by=rita, at=at + 9 * DAY)
    sweep.act(now=clock.now())
    return fresh(ticket)


@pytest.fixture
def unanswered_story(everything: None, rita: User, bo: User, begun: datetime) -> Ticket:
    """Solved and reopened without a reply, on hold; moved to other terms while it waits."""
    ticket = factories.open_ticket(rita, at=begun + HOUR, priority=NORMAL)
    actions.mark_solved(ticket, by=rita, at=begun + 90 * MINUTE)
    actions.reopen(ticket, by=rita, at=begun + 2 * DAY)
    actions.take(ticket, by=bo, at=begun + 2 * DAY + HOUR)
    actions.hold(ticket, by=bo, reason="the database team", at=begun + 2 * DAY + 2 * HOUR)
    factories.promise("premier", {("first_reply", 3): (6000, "business"), ("regular_update", 3): (60, "clock")})
    policy = SlaPolicy.objects.get(plan__slug="premier")
    retarget.ask(Retargeting.Scope.POLICY, policy.pk, by=None, at=begun + 3 * DAY)
    retarget.work(now=begun + 3 * DAY)
    sweep.act(now=clock.now())
    return fresh(ticket)


@pytest.fixture
def closed_story(everything: None, rita: User, bo: User, begun: datetime) -> list[Ticket]:
    """Solved with the first reply, closed, and followed up by mail."""
    ticket = factories.open_ticket(rita, at=begun, priority=URGENT)
    answerer(bo)(ticket, begun + 2 * HOUR, SOLVED)
    assert close_solved(ticket.pk, now=begun + 3 * DAY)
    reply(ticket, begun + 4 * DAY)
    following = Ticket.objects.get(follow_up_of=ticket)
    answerer(bo)(following, begun + 4 * DAY + 30 * MINUTE, PENDING)
    sweep.act(now=clock.now())
    return [ticket, following]


# --- No difference -------------------------------------------------------------------------------------------------


def test_a_long_story_gives_the_clocks_that_are_kept(long_story: Ticket) -> None:
    assert check() == ""
    assert {len(clocks(long_story, promise)) for promise in (FIRST, RESOLUTION)} == {1}
    assert len(clocks(long_story, NEXT)) == 4
    assert len(clocks(long_story, UPDATE)) == 3


def test_so_does_one_without_an_answer_moved_to_other_terms(unanswered_story: Ticket) -> None:
    assert unanswered_story.events.filter(kind=EventKind.RETARGETED).exists()
    assert check() == ""


def test_so_do_a_closed_one_and_what_follows_it(closed_story: list[Ticket]) -> None:
    assert check() == ""
    assert check(*closed_story) == ""


def test_a_breach_that_the_next_sweep_will_tell_of_is_no_difference(rita: User) -> None:
    ticket = factories.open_ticket(rita, at=clock.now() - HOUR - timedelta(seconds=20), priority=URGENT)
    assert check() == ""
    late = factories.open_ticket(rita, at=clock.now() - HOUR - 3 * MINUTE, priority=URGENT)
    assert "breached_at is None" in check(late)
    assert check(ticket) == ""


def test_mending_what_is_right_changes_nothing(long_story: Ticket, closed_story: list[Ticket]) -> None:
    before = list(SlaClock.objects.order_by("pk").values())
    due = list(Ticket.objects.order_by("pk").values("next_due_at"))
    assert "no difference" in mend()
    assert list(SlaClock.objects.order_by("pk").values()) == before
    assert list(Ticket.objects.order_by("pk").values("next_due_at")) == due


def _something(choose: random.Random, ticket: Ticket, people: dict[str, User], at: datetime) -> None:
    """One thing that anybody might do; what the ticket's status refuses is refused."""
    rita, bo, ada = people["rita"], people["bo"], people["ada"]
    submit_as = choose.choice([OPEN, PENDING, PENDING, SOLVED])
    verbs: list[Callable[[], object]] = [
        lambda: answerer(bo)(ticket, at, submit_as),
        lambda: answerer(people["sven"])(ticket, at),
        lambda: reply(ticket, at),
        lambda: reply(ticket, at),
        lambda: prioritise(ticket, choose.choice([*Priority]), by=bo, at=at),
        lambda: actions.raise_priority(ticket, by=rita, to=URGENT, reason="All are out", at=at),
        lambda: actions.take(ticket, by=bo, at=at),
        lambda: actions.unassign(ticket, by=bo, at=at),
        lambda: actions.hold(ticket, by=bo, reason="the database team", at=at),
        lambda: actions.unhold(ticket, by=bo, at=at),
        lambda: actions.solve(ticket, by=bo, at=at),
        lambda: actions.mark_solved(ticket, by=rita, at=at),
        lambda: actions.reopen(ticket, by=choose.choice([rita, bo]), at=at),
        lambda: actions.set_do_not_close(ticket, by=bo, to=not fresh(ticket).do_not_close, at=at),
        lambda: sweep.act(now=at),
        lambda: _edited_policy(choose, by=ada, at=at),
        lambda: _moved(choose, rita, at=at),
    ]
    with suppress(DomainError):
        choose.choice(verbs)()


def _edited_policy(choose: random.Random, *, by: User, at: datetime) -> None:
    """Some promises, of some length, applied to what is open; or to new ones only."""
    some = [(promise.value, priority.value) for promise in Promise for priority in Priority if choose.random() < 0.6]
    factories.promise(
        "premier", {key: (choose.randrange(5, 3000), choose.choice(["clock", "business"])) for key in some}
    )
    if choose.random() < 0.7:
        policy = SlaPolicy.objects.get(plan__slug="premier")
        retarget.ask(Retargeting.Scope.POLICY, policy.pk, by=by, at=at)
        retarget.work(now=at)


def _moved(choose: random.Random, person: User, *, at: datetime) -> None:
    person.time_zone = choose.choice(["Europe/Berlin", "America/New_York", "Pacific/Kiritimati"])
    person.country = choose.choice(["", "DE", "US"])
    person.save()
    retarget.ask(Retargeting.Scope.PERSON, person.pk, by=None, at=at)
    retarget.work(now=at)


@pytest.mark.parametrize("seed", range(10))
def test_whatever_happens_the_events_give_the_clocks(
    seed: int, rita: User, bo: User, sven: User, ada: User, begun: datetime
) -> None:
    choose, at = random.Random(seed), begun
    people = {"rita": rita, "bo": bo, "sven": sven, "ada": ada}
    ticket = factories.open_ticket(rita, at=at, priority=choose.choice([*Priority, None]))
    for _ in range(40):
        at += choose.choice([timedelta(), timedelta(seconds=choose.randrange(7200)), HOUR * choose.randrange(40)])
        _something(choose, ticket, people, at)
    sweep.act(now=clock.now())
    assert check() == ""
    mended = _rows(ticket)
    assert "no difference" in mend()
    assert _rows(ticket) == mended


# --- Tampering -----------------------------------------------------------------------------------------------------


def _shift(name: str, by: timedelta = HOUR) -> Callable[[SlaClock], None]:
    return lambda found: SlaClock.objects.filter(pk=found.pk).update(**{name: F(name) + by}) and None


def _set(**columns: Any) -> Callable[[SlaClock], None]:
    return lambda found: SlaClock.objects.filter(pk=found.pk).update(**columns) and None


def _span(**values: Any) -> Callable[[SlaClock], None]:
    """The first of its spans, with other values."""
    return lambda found: _set(spans=[{**found.spans[0], **values}, *found.spans[1:]])(found)


EDITS: dict[str, tuple[Callable[[Ticket], SlaClock], Callable[[SlaClock], None], str]] = {
    "due_at": (lambda ticket: clock_of(ticket, NEXT), _shift("due_at"), "due_at is"),
    "used": (lambda ticket: clock_of(ticket, FIRST), _shift("used"), "are used up, not"),
    "used, running": (lambda ticket: clock_of(ticket, NEXT), _shift("used"), "are used up, not"),
    "met_at": (lambda ticket: clock_of(ticket, FIRST), _shift("met_at", -HOUR), "met_at is"),
    "ended_at": (lambda ticket: clock_of(ticket, FIRST), _shift("ended_at"), "ended_at is"),
    "breached_at": (lambda ticket: clock_of(ticket, FIRST), _shift("breached_at"), "breached_at is"),
    "running_since": (lambda ticket: clock_of(ticket, NEXT), _shift("running_since", -HOUR), "are used up, not"),
    "priority": (
        lambda ticket: clock_of(ticket, FIRST),
        _set(priority=LOW),
        "priority is 4, not 1",
    ),
    "started_at": (lambda ticket: clock_of(ticket, FIRST), _shift("started_at"), "follows from no event"),
    "a span's running": (lambda ticket: clock_of(ticket, FIRST), _span(runs=False), "spans are"),
    "a span's priority": (lambda ticket: clock_of(ticket, FIRST), _span(priority=LOW), "spans are"),
    "a span's terms": (lambda ticket: clock_of(ticket, FIRST), _span(terms=999_999), "spans are"),
    "no span": (lambda ticket: clock_of(ticket, FIRST), _set(spans=[{}]), "spans are"),
    "next_action_at": (
        lambda ticket: clock_of(ticket, NEXT),
        _set(next_action_at=datetime(2026, 12, 9, tzinfo=UTC)),
        "next_action_at is 2026-12-09 00:00:00+00:00, not None",
    ),
}


@pytest.mark.parametrize("what", EDITS)
def test_a_clock_edited_by_sql_is_reported_and_mended(what: str, long_story: Ticket) -> None:
    choose, edit, words = EDITS[what]
    right = _rows(long_story)
    edit(choose(long_story))
    assert _rows(long_story) != right
    said = check()
    assert words in said and f"#{long_story.number}" in said
    assert check() == said, "checking changes nothing"
    assert words in mend()
    assert check() == ""
    assert _rows(long_story) == right


def _rows(ticket: Ticket) -> list[dict[str, Any]]:
    names = [field.attname for field in SlaClock._meta.fields if field.attname != "id"]
    return list(SlaClock.objects.filter(ticket=ticket).order_by("promise", "started_at", "pk").values(*names))


@pytest.mark.parametrize("minutes", [None, 0, 44, 46, 60, 61])
def test_when_the_sweep_looks_is_compared_and_mended(minutes: int | None, rita: User) -> None:
    """The warning is at 45 minutes; where nobody looks, nobody is warned and nothing breaks."""
    now = clock.now()
    ticket = factories.open_ticket(rita, at=now, priority=URGENT)
    right = _rows(ticket)
    SlaClock.objects.update(next_action_at=now + minutes * MINUTE if minutes is not None else None)
    assert "next_action_at is" in check()
    mend()
    assert check() == ""
    assert _rows(ticket) == right


def test_whenever_one_looks_before_a_sweep_or_after_nothing_differs(rita: User, bo: User) -> None:
    factories.promise("premier", {("first_reply", 1): (60, "clock")}, warn_percent=(50, 75), warn_before=(5,))
    now = clock.now()
    tickets = [factories.open_ticket(rita, at=now, priority=URGENT) for _ in range(3)]
    for minute in (20, 31, 46, 56, 60, 61):
        with time_machine.travel(now + minute * MINUTE, tick=False):
            if minute < 61:  # a breach is to be noticed within a minute
                assert check() == ""
            if minute == 31:
                answerer(bo)(tickets[1], clock.now(), PENDING)
                prioritise(tickets[2], LOW, by=bo, at=clock.now())
                assert check() == ""
            sweep.act(now=clock.now())
            assert check() == ""


def test_a_deleted_clock_is_missing_and_comes_back(long_story: Ticket) -> None:
    right = _rows(long_story)
    clock_of(long_story, NEXT).delete()
    assert "next_reply of" in check() and "is missing" in check()
    mend()
    assert check() == ""
    assert _rows(long_story) == right


def test_an_extra_clock_follows_from_no_event_and_goes(long_story: Ticket) -> None:
    right = _rows(long_story)
    extra = clocks(long_story, NEXT)[0]
    extra.pk, extra.started_at = None, extra.started_at + MINUTE
    extra.save(force_insert=True)
    assert "follows from no event" in check()
    mend()
    assert check() == ""
    assert _rows(long_story) == right


def test_the_tickets_next_deadline_is_compared_and_mended(long_story: Ticket) -> None:
    due = long_story.next_due_at
    Ticket.objects.filter(pk=long_story.pk).update(next_due_at=None)
    assert "as next deadline" in check()
    mend()
    assert fresh(long_story).next_due_at == due


def test_mending_keeps_what_was_warned_of(long_story: Ticket) -> None:
    """Nobody is warned a second time because clocks were written anew."""
    SlaClock.objects.filter(pk=clock_of(long_story, NEXT).pk).update(warned=[75], warned_at=clock.now(), used=HOUR)
    before = clock_of(long_story, NEXT)
    mend()
    after = clock_of(long_story, NEXT)
    assert (after.pk, after.warned, after.warned_at) == (before.pk, before.warned, before.warned_at)


DELETED = [
    (EventKind.CREATED, 0),
    (EventKind.ANSWERED, 0),
    (EventKind.ANSWERED, 1),
    (EventKind.CUSTOMER_REPLIED, 0),
    (EventKind.PRIORITY_CHANGED, 0),
    (EventKind.PRIORITY_CHANGED, -1),
    (EventKind.ASSIGNED, 0),
    (EventKind.HELD, 0),
    (EventKind.UNHELD, 0),
    (EventKind.SOLVED, 0),
    (EventKind.CUSTOMER_SOLVED, 0),
    (EventKind.REOPENED, 0),
    (EventKind.REOPENED, -1),
    (EventKind.DO_NOT_CLOSE_CHANGED, 0),
    (EventKind.DO_NOT_CLOSE_CHANGED, -1),
]


@pytest.mark.parametrize(("kind", "place"), DELETED)
def test_a_deleted_event_is_reported(kind: EventKind, place: int, long_story: Ticket) -> None:
    found = list(long_story.events.filter(kind=kind).order_by("pk"))
    found[place].delete()
    said = check()
    assert f"#{long_story.number}" in said
    # Only what moves no clock can go unseen, such as a second message while the first is unanswered.
    assert "event is missing" in said or "its events lead to" in said or "is missing" in said or " is " in said


def test_a_deleted_move_of_terms_is_reported(unanswered_story: Ticket) -> None:
    unanswered_story.events.filter(kind=EventKind.RETARGETED).delete()
    assert "terms are" in check()


# --- From before there were clocks ---------------------------------------------------------------------------------


def strip(*tickets: Ticket) -> None:
    """As these tickets were before there were clocks."""
    SlaClock.objects.filter(ticket__in=tickets).delete()
    Ticket.objects.filter(pk__in=[ticket.pk for ticket in tickets]).update(next_due_at=None)
    TicketEvent.objects.filter(ticket__in=tickets, kind__in=[EventKind.SLA_BREACHED, EventKind.SLA_WARNED]).delete()
    for event in TicketEvent.objects.filter(ticket__in=tickets):
        event.data = {name: value for name, value in event.data.items() if name not in {"terms", "waits"}}
        if event.kind == EventKind.CREATED:
            event.data = {name: value for name, value in event.data.items() if name not in {"priority", "answered"}}
        event.save(update_fields=["data"])


def test_tickets_from_before_there_were_clocks_get_them(long_story: Ticket, closed_story: list[Ticket]) -> None:
    tickets = [long_story, *closed_story]
    right = [_rows(ticket) for ticket in tickets]
    due = [fresh(ticket).next_due_at for ticket in tickets]
    for rows in right:
        for row in rows:
            row["warned"], row["warned_at"] = [], None
    strip(*tickets)
    assert check() != ""
    assert "differences mended" in mend()
    assert [_rows(ticket) for ticket in tickets] == right
    assert [fresh(ticket).next_due_at for ticket in tickets] == due
    assert check() == ""
    assert sweep.act(now=clock.now()) == 0, "nobody is told of what broke long ago"


def test_one_that_an_agent_opened_for_a_customer_was_answered_from_the_beginning(
    everything: None, rita: User, bo: User, begun: datetime
) -> None:
    from tickets.models import Channel

    ticket = actions.submit(
        rita,
        by=bo,
        organization=rita.memberships.get().organization,
        request=factories.request_of(priority=URGENT),
        channel=Channel.AGENT,
        at=begun,
    )
    reply(ticket, begun + HOUR)
    sweep.act(now=clock.now())
    right = _rows(ticket)
    strip(ticket)
    mend()
    assert check() == ""
    assert [row | {"warned": [], "warned_at": None} for row in right] == _rows(ticket)
    assert clock_of(ticket).met_at == begun


def test_after_mending_the_story_goes_on(long_story: Ticket, bo: User) -> None:
    strip(long_story)
    mend()
    now = clock.now()
    answerer(bo)(fresh(long_story), now, PENDING)
    assert clock_of(long_story, NEXT).met_at == now
    assert check() == ""


def test_a_breach_that_no_sweep_has_told_of_yet_is_left_to_it(rita: User) -> None:
    ticket = factories.open_ticket(rita, at=clock.now() - timedelta(hours=2), priority=Priority.URGENT)
    call_command("rebuild_clocks")
    assert SlaClock.objects.get(ticket=ticket).breached_at is None
    sweep.act(now=clock.now())
    assert ticket.events.filter(kind=EventKind.SLA_BREACHED).count() == 1


def test_what_can_not_be_read_is_told_and_left_alone(rita: User) -> None:
    ticket = factories.open_ticket(rita)
    TicketEvent.objects.filter(ticket=ticket).update(data={"terms": 10**9, "priority": 3})
    with pytest.raises(CommandError):
        call_command("rebuild_clocks", "--check")
    call_command("rebuild_clocks")
    assert SlaClock.objects.filter(ticket=ticket).count() == 1
