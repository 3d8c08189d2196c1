"""Saving and deleting a schedule: who may, what is refused, what becomes of its shifts."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from time import process_time

import pytest
from django.contrib.admin.models import LogEntry

from accounts.models import User
from escalations import actions, defaults
from escalations.models import CoverageGap, EscalationPolicy, Override, Schedule, Shift
from escalations.paging.shifts import materialise
from supportdesk.lib.errors import Conflict, DomainError, Invalid, NotAllowed
from tests.at_once import at_once
from tests.escalations import schedule_drafts as drafts
from tests.escalations.schedule_drafts import layer, window

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)

pytestmark = pytest.mark.django_db


def save(draft: drafts.ScheduleDraft, by: User, schedule: Schedule | None = None, **more: object) -> Schedule:
    fields = {"version": schedule.version if schedule else 0, "gaps_why": "", "at": AT} | more
    return actions.save_schedule(schedule, draft=draft, by=by, **fields)  # type: ignore[arg-type]


def test_a_schedule_is_written_with_its_layers_and_shifts(ada: User, bo: User, ann: User) -> None:
    night = layer("Night", ann, zone="Europe/Berlin", hours=window(20, 8, weekdays="12345"))
    schedule = save(drafts.schedule(night, layer("Everybody", bo, ann), purpose="First line."), ada)
    rows = list(schedule.layers.all())
    assert [(row.name, row.priority) for row in rows] == [("Night", 2), ("Everybody", 1)]
    assert [member.user for member in rows[1].members.all()] == [bo, ann]
    hours = rows[0].windows.get()
    assert (hours.weekdays, hours.starts, hours.ends, hours.ends_after_days) == ("12345", time(20), time(8), 1)
    shifts = list(Shift.objects.filter(schedule=schedule))
    assert [shift.person for shift in shifts[:3]] == [bo, ann, bo]
    assert shifts[0].starts_at == AT
    assert shifts[-1].ends_at == AT + timedelta(days=180)
    assert (schedule.version, schedule.purpose, schedule.gaps_accepted_at) == (1, "First line.", None)
    assert LogEntry.objects.get().user == ada


def test_saving_again_replaces_what_is_ahead_and_keeps_the_past(ada: User, bo: User, ann: User) -> None:
    schedule = save(drafts.schedule(layer("All", bo)), ada)
    later = AT + timedelta(days=3)
    schedule = save(drafts.schedule(layer("All", ann), name="Renamed"), ada, schedule, at=later)
    assert (schedule.name, schedule.version, schedule.layers.count()) == ("Renamed", 2, 1)
    shifts = list(Shift.objects.filter(schedule=schedule))
    assert [(shift.person, shift.starts_at) for shift in shifts] == [(bo, AT), (ann, later)]
    assert shifts[0].ends_at == later


@pytest.mark.parametrize("who", ["ann", "sven", "rita"])
def test_only_leads_and_admins_may(request: pytest.FixtureRequest, who: str, bo: User, ada: User) -> None:
    person = request.getfixturevalue(who)
    with pytest.raises(NotAllowed):
        save(drafts.schedule(layer("All", bo)), person)
    schedule = save(drafts.schedule(layer("All", bo)), ada)
    with pytest.raises(NotAllowed):
        actions.delete_schedule(schedule, by=person, at=AT)


def test_hours_of_nobody_are_taken_only_with_a_reason(ada: User, lea: User, bo: User) -> None:
    draft = drafts.schedule(layer("Days", bo, hours=window(8, 20)))
    with pytest.raises(Invalid) as refusal:
        save(draft, ada, gaps_why="  ")
    assert (refusal.value.code, refusal.value.field) == ("gaps", "gaps_why")
    assert not Schedule.objects.exists()
    schedule = save(draft, ada, gaps_why="  Nights are\nthe vendor's. ")
    assert (schedule.gaps_accepted_by, schedule.gaps_accepted_at) == (ada, AT)
    assert schedule.gaps_accepted_why == "Nights are the vendor's."
    planned = CoverageGap.objects.filter(schedule=schedule, why="planned")
    assert planned.count() == 180
    assert not planned.unaccepted().exists()  # type: ignore[attr-defined]
    schedule = save(drafts.schedule(layer("All", bo)), lea, schedule)
    assert (schedule.gaps_accepted_by, schedule.gaps_accepted_at, schedule.gaps_accepted_why) == (None, None, "")


def test_a_gap_beyond_half_a_year_needs_a_reason_too(ada: User, bo: User, ann: User, chi: User) -> None:
    """From 5 April to 2 October no clock of these three changes: the gap of the autumn has to be seen anyway."""
    spring = datetime(2027, 4, 5, 12, tzinfo=UTC)
    meeting = drafts.schedule(
        layer("Asia-Pacific", chi, zone="Australia/Sydney", hours=window(10, 18)),
        layer("Europe", bo, zone="Europe/Berlin", hours=window(10, 18)),
        layer("Americas", ann, zone="America/New_York", hours=window(12, 20)),
    )
    with pytest.raises(Invalid, match="nobody is on call"):
        save(meeting, ada, at=spring)


def test_an_override_may_fill_what_the_layers_leave_out(ada: User, bo: User, ann: User) -> None:
    schedule = save(drafts.schedule(layer("All", bo)), ada)
    Override.objects.create(schedule=schedule, user=ann, starts_at=AT, ends_at=AT + timedelta(days=400))
    save(drafts.schedule(layer("Days", bo, hours=window(8, 20))), ada, schedule)


def test_who_was_slower_is_told(ada: User, lea: User, bo: User, ann: User) -> None:
    seen = save(drafts.schedule(layer("All", bo)), ada)
    save(drafts.schedule(layer("All", ann)), ada, seen, version=1)
    with pytest.raises(Conflict) as refusal:
        save(drafts.schedule(layer("All", bo, ann)), lea, seen, version=1)
    assert (refusal.value.status, refusal.value.code) == (409, "changed")
    assert Schedule.objects.get().layers.get().members.get().user == ann


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_is_told(ada: User, lea: User, bo: User, ann: User) -> None:
    schedule = save(drafts.schedule(layer("All", bo)), ada)
    results = at_once(
        lambda: save(drafts.schedule(layer("All", ann)), ada, schedule),
        lambda: save(drafts.schedule(layer("All", bo, ann)), lea, schedule),
    )
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Schedule"]
    assert Schedule.objects.get().version == 2
    assert Schedule.objects.get().layers.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_new_ones_with_one_name_one_is_refused(ada: User, lea: User, bo: User) -> None:
    draft = drafts.schedule(layer("All", bo))
    results = at_once(lambda: save(draft, ada), lambda: save(draft, lea))
    assert sorted(type(result).__name__ for result in results) == ["Invalid", "Schedule"]
    assert next(result for result in results if isinstance(result, Invalid)).field == "name"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "l0-name"),
        ({"zone": "Europe/Atlantis"}, "l0-zone"),
        ({"zone": "../../etc/passwd"}, "l0-zone"),
        ({"days": 0}, "l0-days"),
        ({"days": 367}, "l0-days"),
        ({"members": ()}, "l0-m0-person"),
        ({"members": (10**9,)}, "l0-m0-person"),
        ({"windows": (window(9, 17, weekdays=""),)}, "l0-w0-weekdays"),
        ({"windows": (window(0, 8), replace(window(9, 17), ends=time(9)))}, "l0-w1-ends"),
        ({"windows": (replace(window(9, 17), ends_after_days=7),)}, "l0-w0-ends_after_days"),
        ({"anchor": drafts.date(1, 1, 1)}, "l0-anchor"),
    ],
)
def test_what_contradicts_itself_is_refused_at_its_field(
    ada: User, bo: User, change: dict[str, object], field: str
) -> None:
    wrong = replace(layer("All", bo), **change)  # type: ignore[arg-type]
    with pytest.raises(Invalid) as refusal:
        save(drafts.schedule(wrong), ada, gaps_why="Never mind.")
    assert refusal.value.field == field


def test_names_are_given_once(ada: User, bo: User, rita: User) -> None:
    save(drafts.schedule(layer("All", bo)), ada)
    for draft, field in (
        (drafts.schedule(layer("All", bo), name="SUPPORT"), "name"),
        (drafts.schedule(layer("All", bo), name=""), "name"),
        (drafts.schedule(name="Empty"), "layers"),
        (drafts.schedule(layer("All", bo), layer("all", bo), name="Twice"), "l1-name"),
        (drafts.schedule(layer("All", rita), name="A customer"), "l0-m0-person"),
    ):
        with pytest.raises(Invalid) as refusal:
            save(draft, ada)
        assert refusal.value.field == field
    assert Schedule.objects.count() == 1


def test_somebody_who_left_may_stay_in_the_turns_until_they_are_taken_out(ada: User, bo: User, ann: User) -> None:
    schedule = save(drafts.schedule(layer("All", bo, ann)), ada)
    bo.is_active = False
    bo.save(update_fields=["is_active"])
    save(drafts.schedule(layer("All", bo, ann), purpose="New words."), ada, schedule)
    assert set(CoverageGap.objects.filter(schedule=schedule).values_list("why", flat=True)) >= {"absent"}


def test_a_schedule_that_a_policy_pages_by_is_not_deleted(ada: User, bo: User) -> None:
    defaults.load(on_call=[bo], at=AT)
    schedule = Schedule.objects.get()
    with pytest.raises(Conflict, match="Premier 24x7 pages by it"):
        actions.delete_schedule(schedule, by=ada, at=AT)
    EscalationPolicy.objects.get(is_default=True).steps.filter(schedule=schedule).delete()
    actions.delete_schedule(schedule, by=ada, at=AT)
    assert not Schedule.objects.exists()
    assert not Shift.objects.exists()
    with pytest.raises(DomainError):
        save(drafts.schedule(layer("All", bo)), ada, Schedule(pk=schedule.pk, version=1))


def test_fifty_layers_are_kept_with_their_shifts_within_seconds(ada: User, bo: User, ann: User, chi: User) -> None:
    """The promise is 2 s for the shifts; the bound is for a machine that does much else."""
    zones = ("Europe/Berlin", "America/New_York", "Australia/Sydney", "UTC", "Asia/Kolkata")
    layers = (
        layer(f"Layer {hour}", bo, ann, chi, zone=zones[hour % 5], days=1, hours=window(hour % 24, (hour + 3) % 24))
        for hour in range(50)
    )
    schedule = save(drafts.schedule(*layers), ada)
    began = process_time()
    written = materialise([schedule.pk], now=AT)
    assert process_time() - began < 5
    assert written > 1000
