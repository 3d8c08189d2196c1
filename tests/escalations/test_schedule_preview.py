"""What a draft would come to: its gaps with their cause, who can't be reached, and how to mend it."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest

from accounts.models import User
from escalations.models import ContactMethod, Leave, Override, Schedule
from escalations.paging.drafts import ScheduleDraft, WindowDraft, widened
from escalations.paging.gap_runs import Run, changes
from escalations.paging.preview import Preview, draft_of, in_reference_zone, preview
from tests.escalations import schedule_drafts as drafts
from tests.escalations.schedule_drafts import layer, window

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.django_db


@pytest.fixture
def reachable(ann: User, bo: User, chi: User) -> None:
    for person in (ann, bo, chi):
        for kind, value in (("email", person.email), ("sms", f"+4477009000{person.pk % 90 + 10}")):
            ContactMethod.objects.create(user=person, kind=kind, value=value, verified_at=AT)


@pytest.fixture
def bare(ann: User, bo: User, chi: User, reachable: None) -> ScheduleDraft:
    return drafts.bare_local_hours(chi, bo, ann)


def seen(draft: ScheduleDraft, at: datetime = AT, schedule: Schedule | None = None) -> Preview:
    return preview(draft, schedule=schedule, at=at)


def cause(run: Run) -> str:
    return run.after.words if run.after else ""


def test_bare_local_hours_leave_hundreds_of_hours_a_year_and_it_says_whose_clocks_did_it(bare: ScheduleDraft) -> None:
    found = seen(bare)
    assert found.uncovered == 420 * HOUR
    assert [(cause(run), run.first.starts, run.first.length, len(run.gaps)) for run in found.runs] == [
        ("New York's clocks change on 14 March", datetime(2027, 3, 14, 23, tzinfo=UTC), HOUR, 20),
        ("Sydney's clocks change on 4 April", datetime(2027, 4, 3, 23, tzinfo=UTC), 2 * HOUR, 182),
        ("", datetime(2027, 10, 2, 23, tzinfo=UTC), HOUR, 36),
    ]
    assert sum(run.hours for run in found.runs) == 420


def test_one_reference_zone_leaves_none_and_keeps_the_hours(bare: ScheduleDraft) -> None:
    mended = in_reference_zone(bare, "UTC", schedule=None, at=AT)
    assert not seen(mended).gaps
    hours = [one.windows[0] for one in mended.layers]
    assert [(one.starts, one.ends, one.ends_after_days) for one in hours] == [
        (time(0), time(8), 0),
        (time(8), time(16), 0),
        (time(16), time(0), 1),
    ]


def test_local_hours_with_an_hour_at_both_ends_leave_none(bare: ScheduleDraft) -> None:
    mended = widened(bare)
    assert not seen(mended).planned
    assert mended.layers[0].windows[0] == WindowDraft("1234567", time(10), time(20))


@pytest.mark.parametrize("at", [datetime(2027, month, 20, tzinfo=UTC) for month in range(1, 13)])
def test_a_year_holds_the_gap_whenever_one_looks(bare: ScheduleDraft, at: datetime) -> None:
    assert seen(bare, at).uncovered >= 380 * HOUR
    assert not seen(widened(bare), at).planned
    assert not seen(in_reference_zone(bare, "UTC", schedule=None, at=at), at).planned


def test_windows_move_over_midnight_with_their_days() -> None:
    monday = WindowDraft("1", time(0, 30), time(8))
    assert monday.moved(start=-60, end=60) == WindowDraft("7", time(23, 30), time(9), 1)
    sunday = WindowDraft("7", time(23, 30), time(7), 1)
    assert sunday.moved(start=60, end=60) == WindowDraft("1", time(0, 30), time(8), 0)
    weekend = WindowDraft("5", time(17), time(9), 3)
    assert weekend.moved(start=-60, end=60) == WindowDraft("5", time(16), time(10), 3)


def test_a_turn_that_begins_with_its_hours_still_does_once_they_are_wider(bo: User) -> None:
    early = layer("Early", bo, hours=window(0, 8), hand_over=time(0))
    mended = widened(drafts.schedule(early)).layers[0]
    assert (mended.hand_over, mended.anchor) == (time(23), date(2026, 11, 22))
    other = widened(drafts.schedule(replace(early, hand_over=time(9)))).layers[0]
    assert (other.hand_over, other.anchor) == (time(9), early.anchor)


def test_who_has_fewer_than_two_verified_contacts_is_a_gap(reachable: None, bo: User, ann: User, sven: User) -> None:
    found = seen(drafts.schedule(layer("All", bo, sven)))
    assert found.unreachable == {sven.pk}
    assert {(gap.why, gap.person) for gap in found.gaps} == {("unreachable", sven.pk)}
    assert not found.runs
    assert not found.planned
    assert dict(found.shares())[sven.pk] == sum((gap.length for gap in found.gaps), timedelta())


def test_leave_and_overrides_of_the_schedule_are_seen(reachable: None, bo: User, ann: User) -> None:
    schedule = Schedule.objects.create(name="Support")
    day = datetime(2026, 12, 1, tzinfo=UTC)
    Leave.objects.create(user=bo, starts_at=day, ends_at=day + timedelta(days=3))
    Override.objects.create(schedule=schedule, user=ann, starts_at=day, ends_at=day + timedelta(days=1))
    found = seen(drafts.schedule(layer("All", bo)), schedule=schedule)
    assert [(gap.why, gap.starts, gap.length) for gap in found.gaps] == [
        ("absent", day + timedelta(days=1), timedelta(days=2))
    ]
    assert not found.planned
    assert not seen(drafts.schedule(layer("All", ann)), schedule=None).gaps


def test_a_gap_that_was_always_there_is_blamed_on_no_clock(reachable: None, bo: User) -> None:
    found = seen(drafts.schedule(layer("Days", bo, zone="Europe/Berlin", hours=window(8, 20))))
    assert [run.after for run in found.runs if run.first.starts < datetime(2027, 1, 1, tzinfo=UTC)] == [None]


def test_a_saved_schedule_comes_back_as_it_was_drafted(bare: ScheduleDraft, ada: User) -> None:
    from escalations import actions

    saved = actions.save_schedule(None, draft=bare, version=0, gaps_why="A trial.", by=ada, at=AT)
    assert draft_of(saved) == bare


def test_changes_of_clocks_are_found_to_the_minute() -> None:
    zones = ("Europe/Berlin", "America/Santiago", "Australia/Lord_Howe", "Asia/Kolkata")
    found = [(one.zone, one.at) for one in changes(zones, AT, AT + timedelta(days=366))]
    assert found == [
        ("Europe/Berlin", datetime(2027, 3, 28, 1, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2027, 4, 3, 15, tzinfo=UTC)),
        ("America/Santiago", datetime(2027, 4, 4, 3, tzinfo=UTC)),
        ("America/Santiago", datetime(2027, 9, 5, 4, tzinfo=UTC)),
        ("Australia/Lord_Howe", datetime(2027, 10, 2, 15, 30, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2027, 10, 31, 1, tzinfo=UTC)),
    ]
