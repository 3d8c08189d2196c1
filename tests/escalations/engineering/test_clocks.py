"""Engineering's deadlines: on which hours they run, when the lead is warned, and that an edit moves them."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations.engineering import actions, defaults
from escalations.engineering.steps import Move
from escalations.engineering.watch import warn_all
from escalations.models import EngineeringTarget, Escalation, EscalationEvent, Severity
from tests import factories
from tests.at_once import at_once
from tests.escalations.engineering.conftest import AT, MINUTE, TEXT, brought_to, problem
from tickets.models import BusinessCalendar, CalendarDate, Ticket
from tickets.sla import publish

pytestmark = pytest.mark.django_db
FRIDAY = datetime(2026, 11, 27, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
QUESTION = {"question": "Which proxy?", "question_due_at": AT + 10 * HOUR, "asks_customer": True}


@pytest.fixture(autouse=True)
def _targets(_defaults: None) -> None:
    defaults.load(at=AT - timedelta(days=1))


def warnings(escalation: Escalation) -> list[tuple[str, bool]]:
    rows = escalation.events.filter(kind=EscalationEvent.Kind.WARNED).order_by("pk")
    return [(row.data["deadline"], row.data["over"]) for row in rows]


def due(escalation: Escalation) -> dict[str, datetime | None]:
    escalation.refresh_from_db()
    return {name: getattr(escalation, f"{name}_due_at") for name in ("review", "plan", "news")}


def test_a_major_one_is_due_by_engineerings_hours(ritas: Ticket, ann: User) -> None:
    record = actions.request_escalation(ritas, problem(severity=2), by=ann, text=TEXT, at=FRIDAY)
    assert due(record) == {"review": datetime(2026, 11, 30, 11, 0, tzinfo=UTC), "plan": None, "news": None}


def test_a_critical_one_runs_through_the_night(ritas: Ticket, ann: User) -> None:
    late = FRIDAY + 8 * HOUR
    record = actions.request_escalation(ritas, problem(severity=1), by=ann, text=TEXT, at=late)
    assert due(record)["review"] == late + HOUR


@pytest.mark.parametrize(
    ("severity", "review", "plan", "news"),
    [(1, 60, 1440, 1440), (2, 240, 1440, 960), (3, 480, 2400, 2400), (4, 1440, 4800, 4800)],
)
def test_the_targets_of_a_new_desk(severity: int, review: int, plan: int, news: int) -> None:
    target = EngineeringTarget.objects.get(severity=severity)
    assert (target.review_minutes, target.plan_minutes, target.news_minutes) == (review, plan, news)
    assert (target.calendar is None) == (severity == Severity.CRITICAL)


def test_loading_again_leaves_what_was_edited() -> None:
    EngineeringTarget.objects.filter(severity=1).update(review_minutes=30)
    defaults.load()
    assert EngineeringTarget.objects.get(severity=1).review_minutes == 30


def test_what_is_due_at_each_step(record: Escalation, sven: User) -> None:
    assert [name for name, at in due(record).items() if at] == ["review"]
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    assert [name for name, at in due(record).items() if at] == ["news"]
    brought_to_confirmed = actions.take_step(record, Move.CONFIRM, by=sven, given={}, at=AT + 2 * MINUTE)
    assert [name for name, at in due(brought_to_confirmed).items() if at] == ["plan", "news"]
    actions.send_update(record, by=sven, at=AT + 3 * MINUTE)
    actions.take_step(record, Move.ASK, by=sven, given=QUESTION, at=AT + 4 * MINUTE)
    assert not any(due(record).values())
    actions.send_update(record, by=sven, at=AT + 5 * MINUTE)
    actions.take_step(record, Move.RESUME, by=sven, given={}, at=AT + 6 * MINUTE)
    actions.take_step(record, Move.WITHDRAW, by=sven, given={"reason": "A typo"}, at=AT + 7 * MINUTE)
    assert not any(due(record).values())
    assert record.warn_at is None


def test_news_are_a_step_and_an_update(record: Escalation, sven: User) -> None:
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT)
    first = due(record)["news"]
    actions.take_step(record, Move.CONFIRM, by=sven, given={}, at=AT + HOUR)
    second = due(record)["news"]
    actions.send_update(record, by=sven, at=AT + 2 * HOUR)
    third = due(record)["news"]
    assert first == datetime(2026, 11, 24, 17, 0, tzinfo=UTC)
    assert (second, third) == (AT + timedelta(days=2, hours=1), AT + timedelta(days=2, hours=2))


def test_the_lead_is_warned_before_and_when_it_is_over_once_each(record: Escalation) -> None:
    for hours, expected in ((2.9, []), (3, [("review", False)]), (3.5, [("review", False)])):
        warn_all(now=AT + timedelta(hours=hours))
        assert warnings(record) == expected, hours
    for hours in (4, 4.1, 50):
        warn_all(now=AT + timedelta(hours=hours))
        assert warnings(record) == [("review", False), ("review", True)], hours
    event = record.events.filter(kind=EscalationEvent.Kind.WARNED).last()
    assert event is not None
    assert event.data["due_at"] == (AT + 4 * HOUR).isoformat()
    assert event.actor is None


def test_a_sweep_that_comes_late_says_once_that_it_is_over(record: Escalation) -> None:
    assert warn_all(now=AT + timedelta(days=3)) == 1
    assert warnings(record) == [("review", True)]
    assert warn_all(now=AT + timedelta(days=4)) == 0


def test_who_reviews_in_time_is_warned_of_nothing(record: Escalation, sven: User) -> None:
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + HOUR)
    assert warn_all(now=AT + 6 * HOUR) == 0


def test_news_that_are_late_again_are_warned_of_again(record: Escalation, sven: User) -> None:
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT)
    warn_all(now=AT + timedelta(days=3))
    actions.take_step(record, Move.CONFIRM, by=sven, given={}, at=AT + timedelta(days=3))
    actions.send_update(record, by=sven, at=AT + timedelta(days=3))
    EngineeringTarget.objects.update(plan_minutes=None)
    assert warn_all(now=AT + timedelta(days=9)) == 1
    assert warnings(record) == [("news", True), ("news", True)]


def test_a_question_is_due_too(record: Escalation, sven: User) -> None:
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT)
    actions.take_step(record, Move.ASK, by=sven, given=QUESTION, at=AT)
    warn_all(now=AT + 7 * HOUR)
    assert warnings(record) == []
    warn_all(now=AT + 8 * HOUR)
    warn_all(now=AT + 10 * HOUR)
    assert warnings(record) == [("question", False), ("question", True)]


def test_edited_targets_move_the_deadlines_of_records_under_way(
    record: Escalation, ada: User, client_of: Callable[[User], Client]
) -> None:
    target = EngineeringTarget.objects.get(severity=2)
    fields = {"calendar": "", "review_minutes": 30, "plan_minutes": "", "news_minutes": 60}
    answer = client_of(ada).post(f"/admin/escalations/engineeringtarget/{target.pk}/change/", fields)
    assert answer.status_code == 302, answer.content
    warn_all(now=datetime(2100, 1, 1, tzinfo=UTC))
    assert due(record)["review"] == AT + timedelta(minutes=30)


@pytest.mark.parametrize("typed", ["0", "-5", "soon", "99999999"])
def test_what_is_no_length_is_refused_beside_its_field(
    typed: str, ada: User, client_of: Callable[[User], Client]
) -> None:
    target = EngineeringTarget.objects.get(severity=2)
    page = client_of(ada).post(f"/admin/escalations/engineeringtarget/{target.pk}/change/", {"review_minutes": typed})
    assert "review_minutes" in page.context["adminform"].form.errors


def test_an_edited_calendar_moves_them_too(record: Escalation) -> None:
    calendar = BusinessCalendar.objects.get(name=defaults.CALENDAR)
    CalendarDate.objects.create(calendar=calendar, date=date(2026, 11, 23), note="Engineering is away")
    publish.calendar(calendar, by=None, at=AT)
    warn_all(now=datetime(2100, 1, 1, tzinfo=UTC))
    assert due(record)["review"] == datetime(2026, 11, 24, 13, 0, tzinfo=UTC)


def test_a_target_that_is_gone_is_none(record: Escalation) -> None:
    EngineeringTarget.objects.get(severity=2).delete()
    assert warn_all(now=datetime(2100, 1, 1, tzinfo=UTC)) == 0
    assert not any(due(record).values())


@pytest.mark.django_db(transaction=True)
def test_two_sweeps_at_once_warn_once(record: Escalation) -> None:
    at_once(*[lambda: warn_all(now=AT + 5 * HOUR)] * 2)
    assert warnings(record) == [("review", True)]


def test_one_that_fails_keeps_no_other_from_being_warned_of(
    record: Escalation, sam: User, ann: User, sven: User
) -> None:
    brought_to(record, Move.CONFIRM, by=sven)
    other = actions.request_escalation(
        factories.open_ticket(sam, at=AT), problem(severity=2), by=ann, text=TEXT, at=AT + MINUTE
    )
    Escalation.objects.filter(pk=record.pk).update(warned=7, warn_at=AT)  # no list: it can't be looked at
    warn_all(now=AT + 5 * HOUR)
    assert warnings(other) == [("review", True)]


def test_looking_when_nothing_is_due_is_one_query(record: Escalation, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert warn_all(now=AT + HOUR) == 0


def test_a_question_stops_the_time_for_the_plan_and_does_not_begin_it_anew(record: Escalation, sven: User) -> None:
    """Three days of eight hours: five hours at Confirmed, a question overnight, and an hour until the next."""
    brought_to(record, Move.CONFIRM, by=sven, at=AT - 2 * MINUTE)
    assert due(record)["plan"] == datetime(2026, 11, 25, 17, 0, tzinfo=UTC)
    for asked, answered in ((5, 29), (30, 30)):
        question = {**QUESTION, "asks_customer": False, "question_due_at": AT + 90 * HOUR}
        actions.take_step(record, Move.ASK, by=sven, given=question, at=AT + asked * HOUR)
        assert due(record)["plan"] is None
        actions.take_step(record, Move.RESUME, by=sven, given={}, at=AT + answered * HOUR)
    assert due(record)["plan"] == datetime(2026, 11, 26, 17, 0, tzinfo=UTC)
    actions.edit(record, problem(severity=1), by=sven, at=AT + 31 * HOUR)
    assert due(record)["plan"] == AT + 48 * HOUR, "a day around the clock, six hours of which have passed"


def test_what_was_overdue_before_the_question_was_due_when_it_was(record: Escalation, sven: User) -> None:
    brought_to(record, Move.CONFIRM, by=sven, at=AT - 2 * MINUTE)
    was_due = due(record)["plan"]
    asked = AT + timedelta(days=4)
    question = {"question": "Which?", "question_due_at": asked + HOUR, "asks_customer": False}
    actions.take_step(record, Move.ASK, by=sven, given=question, at=asked)
    actions.take_step(record, Move.RESUME, by=sven, given={}, at=asked + HOUR)
    assert due(record)["plan"] == was_due


def test_after_a_failed_fix_the_time_for_a_plan_begins_anew(record: Escalation, sven: User) -> None:
    brought_to(record, Move.CONFIRM, by=sven, at=AT - 2 * MINUTE)
    question = {"question": "Which?", "question_due_at": AT + 9 * HOUR, "asks_customer": False}
    actions.take_step(record, Move.ASK, by=sven, given=question, at=AT + 4 * HOUR)
    actions.take_step(record, Move.RESUME, by=sven, given={}, at=AT + 4 * HOUR)
    later = AT + timedelta(days=1)
    for what, given in ((Move.PLAN, {"plan": "Keep it"}), (Move.TEST, {"evidence": "Ran", "comes_with": "9.12"})):
        actions.take_step(record, what, by=sven, given=given, at=later)
        actions.send_update(record, by=sven, at=later)
    actions.take_step(record, Move.FAIL, by=sven, given={"reason": "It leaks"}, at=later)
    assert due(record)["plan"] == later + timedelta(days=2, hours=8)
