"""Reminders of shifts: when, to whom, once, in whose zone; the check of reachability a fortnight ahead."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from accounts.models import AccountMail, User
from escalations import actions
from escalations.models import (
    ContactMethod,
    Layer,
    LayerMember,
    LayerWindow,
    NotificationRule,
    Schedule,
    Shift,
    ShiftReminder,
)
from escalations.paging.reminders import remind
from escalations.paging.shifts import AHEAD, materialise
from escalations.tasks import materialise_shifts, shift_reminders
from supportdesk.celery import app
from supportdesk.lib import clock
from tests.at_once import at_once

pytestmark = pytest.mark.django_db
BEGINS = datetime(2026, 12, 21, 9, tzinfo=UTC)  # a Monday: ann, then bo, a week each
HOUR = timedelta(hours=1)
Sent = Callable[[timedelta], list[str]]


def reach(person: User) -> None:
    for kind, value in (("email", person.email), ("sms", f"+44770090{person.pk % 10000:04d}")):
        ContactMethod.objects.create(user=person, kind=kind, value=value, verified_at=BEGINS)


@pytest.fixture
def schedule(ann: User, bo: User, lea: User) -> Schedule:
    for person in (ann, bo, lea):
        reach(person)
    return weekly(ann, bo)


def weekly(*people: User) -> Schedule:
    schedule = Schedule.objects.create(name="Support")
    layer = Layer.objects.create(schedule=schedule, name="turns", anchor=BEGINS.date(), hand_over=time(9))
    LayerMember.objects.bulk_create(LayerMember(layer=layer, user=one, position=n) for n, one in enumerate(people))
    materialise(now=BEGINS - timedelta(days=30))
    return schedule


@pytest.fixture
def sent(schedule: Schedule) -> Sent:
    """What a run sends that long before ann's shift begins."""

    def run(ahead: timedelta) -> list[str]:
        before = set(AccountMail.objects.values_list("pk", flat=True))
        remind(BEGINS - ahead)
        rows = AccountMail.objects.exclude(pk__in=before)
        return sorted(f"{row.kind} to {row.to_email.partition('@')[0]}" for row in rows)

    return run


def test_a_day_and_a_quarter_of_an_hour_ahead_once_each(sent: Sent) -> None:
    assert sent(25 * HOUR) == []
    assert sent(24 * HOUR) == ["shift_day to ann"]
    assert sent(23.9 * HOUR) == []
    assert sent(0.3 * HOUR) == []
    assert sent(0.25 * HOUR) == ["shift_soon to ann"]
    assert sent(0.1 * HOUR) == []
    assert set(ShiftReminder.objects.values_list("kind", flat=True)) == {"day", "soon"}


def test_what_would_come_too_late_is_left_out_and_the_next_kind_follows(sent: Sent) -> None:
    assert sent(3 * HOUR) == []
    assert sent(0.2 * HOUR) == ["shift_soon to ann"]
    assert sent(0 * HOUR) == []
    assert sent(-1 * HOUR) == []


def test_it_says_when_in_the_persons_own_zone(sent: Sent, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(time_zone="America/New_York")
    sent(24 * HOUR)
    mail = AccountMail.objects.get(kind="shift_day")
    assert mail.subject == "You are on call for Support from Mon 21 Dec 2026, 04:00 EST"
    assert "Bo has it before you." in mail.text


def test_a_shift_that_moved_away_is_not_reminded_of(sent: Sent, schedule: Schedule, bo: User, lea: User) -> None:
    at = BEGINS - 30 * HOUR
    actions.override(schedule, person=bo, starts=BEGINS - HOUR, ends=BEGINS + 48 * HOUR, by=lea, at=at)
    assert [line for line in sent(24 * HOUR) if "ann" in line] == []
    assert sent(0.2 * HOUR) == []


def test_who_takes_over_is_reminded_instead(sent: Sent, schedule: Schedule, lea: User) -> None:
    actions.override(schedule, person=lea, starts=BEGINS, ends=BEGINS + 48 * HOUR, by=lea, at=BEGINS - 30 * HOUR)
    assert sent(24 * HOUR) == ["shift_day to lea"]


def test_who_goes_on_in_the_same_duty_is_not_reminded(sent: Sent, schedule: Schedule, bo: User, lea: User) -> None:
    """bo has the week before, and takes the first day of ann's."""
    actions.override(schedule, person=bo, starts=BEGINS, ends=BEGINS + 24 * HOUR, by=bo, at=BEGINS - 30 * HOUR)
    assert sent(24 * HOUR) == []
    assert sent(0.2 * HOUR) == []


def test_rewriting_the_shifts_repeats_nothing(sent: Sent, schedule: Schedule) -> None:
    assert sent(24 * HOUR) == ["shift_day to ann"]
    materialise(now=BEGINS - 23 * HOUR)
    assert sent(22 * HOUR) == []


def test_who_left_or_answers_no_pages_any_more_is_not_reminded(sent: Sent, ann: User) -> None:
    User.objects.filter(pk=ann.pk).update(role="product")
    assert sent(24 * HOUR) == []
    User.objects.filter(pk=ann.pk).update(role="agent", is_active=False)
    assert sent(23 * HOUR) == []


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_remind_once(schedule: Schedule, ann: User) -> None:
    ContactMethod.objects.filter(user=ann).delete()
    run = lambda: (remind(BEGINS - 24 * HOUR), remind(BEGINS - 14 * 24 * HOUR))  # noqa: E731
    done = at_once(run, run, run)
    assert not [one for one in done if isinstance(one, Exception)]
    kinds = list(AccountMail.objects.order_by("kind").values_list("kind", flat=True))
    assert kinds == ["shift_day", "shift_reachable", "shift_reachable_lead"]


def test_it_costs_what_is_due(schedule: Schedule, count_queries: Any) -> None:
    with count_queries() as queries:
        remind(BEGINS - 100 * HOUR)
    assert len(queries) <= 8
    assert Shift.objects.count() > 20


# --- Reachability --------------------------------------------------------------------------------------------------


def test_a_fortnight_ahead_the_reachable_hear_nothing(sent: Sent) -> None:
    assert sent(timedelta(days=14)) == []


def test_who_has_one_contact_is_told_what_to_add_and_so_is_their_lead(sent: Sent, ann: User) -> None:
    ContactMethod.objects.filter(user=ann, kind="sms").update(disabled_at=BEGINS)
    assert sent(timedelta(days=14, hours=1)) == []
    assert sent(timedelta(days=14)) == ["shift_reachable to ann", "shift_reachable_lead to lea"]
    assert "one verified contact; at least two are wanted" in AccountMail.objects.get(kind="shift_reachable").text
    assert "Ann, Support from Mon 21 Dec 2026, 10:00 CET" in AccountMail.objects.get(kind="shift_reachable_lead").text
    assert sent(timedelta(days=13)) == []


def test_who_loses_a_contact_later_is_told_then(sent: Sent, ann: User) -> None:
    assert sent(timedelta(days=14)) == []
    ContactMethod.objects.filter(user=ann).delete()
    assert sent(timedelta(days=5)) == ["shift_reachable to ann", "shift_reachable_lead to lea"]
    assert "no verified contact" in AccountMail.objects.get(kind="shift_reachable").text


def test_rules_that_use_nothing_at_once_for_urgent_are_told_of(sent: Sent, ann: User) -> None:
    contact = ContactMethod.objects.get(user=ann, kind="sms")
    NotificationRule.objects.create(user=ann, priority=1, contact=contact, delay=300)
    assert sent(timedelta(days=14)) == ["shift_reachable to ann", "shift_reachable_lead to lea"]
    assert "no contact that is used at once for Urgent" in AccountMail.objects.get(kind="shift_reachable").text


def test_many_shifts_and_people_make_one_mail_each(ann: User, bo: User, lea: User) -> None:
    schedule = Schedule.objects.create(name="Days")
    layer = Layer.objects.create(schedule=schedule, name="turns", days=1, anchor=date(2026, 12, 21), hand_over=time(9))
    LayerWindow.objects.create(layer=layer, starts=time(9), ends=time(17))
    LayerMember.objects.bulk_create(LayerMember(layer=layer, user=one, position=n) for n, one in enumerate((ann, bo)))
    materialise(now=BEGINS)
    remind(BEGINS)
    assert AccountMail.objects.filter(kind="shift_reachable").count() == 2
    text = AccountMail.objects.get(kind="shift_reachable_lead").text
    assert "Ann, Days" in text
    assert "Bo, Days" in text


# --- The tasks -----------------------------------------------------------------------------------------------------


def test_beat_wakes_both_off_the_pagers_queue(schedule: Schedule) -> None:
    entries = {row["task"]: row for row in app.conf.beat_schedule.values()}
    assert entries["escalations.shift_reminders"]["schedule"] == 60
    for name in ("escalations.shift_reminders", "escalations.materialise_shifts"):
        assert entries[name]["options"]["queue"] == "default"


def test_the_tasks_follow_the_moved_clock(schedule: Schedule, ann: User) -> None:
    clock.move(BEGINS - 24 * HOUR - clock.now())
    shift_reminders()
    assert AccountMail.objects.filter(kind="shift_day", to_email=ann.email).count() == 1
    clock.move(timedelta(days=30))
    materialise_shifts()
    last = Shift.objects.latest("starts_at")
    assert last.ends_at == clock.now() + AHEAD or abs(last.ends_at - clock.now() - AHEAD) < timedelta(minutes=1)
