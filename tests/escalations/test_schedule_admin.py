"""Schedules in Django admin: every edit works out the shifts anew, and what contradicts itself is refused."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations import actions
from escalations.models import CoverageGap, Layer, LayerWindow, Leave, Override, Schedule, Shift
from supportdesk.lib import clock
from tests.escalations import schedule_drafts as drafts
from tests.escalations.schedule_drafts import layer

pytestmark = pytest.mark.django_db
BASE = "/admin/escalations"


@pytest.fixture
def admin(ada: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(ada)


@pytest.fixture
def schedule(ada: User, bo: User) -> Schedule:
    draft = drafts.schedule(layer("All", bo))
    return actions.save_schedule(None, draft=draft, version=0, gaps_why="", by=ada, at=clock.now())


def people(schedule: Schedule) -> set[User]:
    """Whose shifts begin from now on, or go on."""
    return {shift.person for shift in Shift.objects.filter(schedule=schedule, ends_at__gt=clock.now())}


def layer_form(row: Layer, *members: User, windows: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    data: dict[str, Any] = {name: getattr(row, name) for name in ("name", "priority", "days", "anchor", "zone")}
    data |= {"schedule": row.schedule_id, "hand_over": "09:00"}
    kept = list(row.members.all())
    data |= {"members-TOTAL_FORMS": len(members), "members-INITIAL_FORMS": len(kept)}
    for place, user in enumerate(members):
        data |= {f"members-{place}-user": user.pk, f"members-{place}-position": place}
    for place, member in enumerate(kept):
        data |= {f"members-{place}-id": member.pk, f"members-{place}-layer": row.pk}
    data |= {"windows-TOTAL_FORMS": len(windows), "windows-INITIAL_FORMS": 0}
    for place, hours in enumerate(windows):
        data |= {f"windows-{place}-{name}": value for name, value in hours.items()}
    return data


def test_members_and_hours(admin: Client, schedule: Schedule, bo: User, ann: User) -> None:
    row = schedule.layers.get()
    path = f"{BASE}/layer/{row.pk}/change/"
    assert admin.post(path, layer_form(row, ann)).status_code == 302
    schedule.refresh_from_db()
    assert schedule.version == 2
    assert ann in people(schedule)
    assert not Shift.objects.filter(schedule=schedule, person=bo, starts_at__gt=clock.now()).exists()
    days = {"weekdays": "54321", "starts": "08:00", "ends": "20:00", "ends_after_days": 0}
    answer = admin.post(path, layer_form(row, ann, windows=(days,)))
    assert answer.status_code == 302, answer.context["errors"]
    assert row.windows.get().weekdays == "12345"
    assert CoverageGap.objects.filter(schedule=schedule, why="planned").exists()


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"ends": "08:00"}, "This is before it starts."),
        ({"weekdays": "089"}, "Digits from 1 (Monday) to 7"),
        ({"ends_after_days": 7}, "At most 6 days later."),
    ],
)
def test_hours_that_contradict_themselves_are_refused(
    admin: Client, schedule: Schedule, bo: User, wrong: dict[str, Any], words: str
) -> None:
    row = schedule.layers.get()
    hours = {"weekdays": "12345", "starts": "08:00", "ends": "20:00", "ends_after_days": 0} | wrong
    answer = admin.post(f"{BASE}/layer/{row.pk}/change/", layer_form(row, bo, windows=(hours,)))
    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert not LayerWindow.objects.exists()


def test_overrides_and_leave(admin: Client, schedule: Schedule, bo: User, ann: User) -> None:
    tomorrow = (clock.now() + timedelta(days=1)).date()
    span = {"starts_at_0": tomorrow, "starts_at_1": "08:00", "ends_at_0": tomorrow, "ends_at_1": "20:00"}
    answer = admin.post(f"{BASE}/override/add/", {"schedule": schedule.pk, "user": ann.pk, **span})
    assert answer.status_code == 302
    assert people(schedule) == {bo, ann}
    override = Override.objects.get()
    assert admin.post(f"{BASE}/override/{override.pk}/delete/", {"post": "yes"}).status_code == 302
    assert people(schedule) == {bo}
    assert admin.post(f"{BASE}/leave/add/", {"user": bo.pk, **span}).status_code == 302
    assert CoverageGap.objects.filter(schedule=schedule, why="absent").count() == 1
    chosen = {"action": "delete_selected", "_selected_action": Leave.objects.get().pk, "post": "yes"}
    assert admin.post(f"{BASE}/leave/", chosen).status_code == 302
    assert not CoverageGap.objects.filter(schedule=schedule, why="absent").exists()


def test_leave_that_ends_before_it_starts_is_refused(admin: Client, bo: User) -> None:
    span = {"starts_at_0": "2026-12-02", "starts_at_1": "08:00", "ends_at_0": "2026-12-01", "ends_at_1": "20:00"}
    answer = admin.post(f"{BASE}/leave/add/", {"user": bo.pk, **span})
    assert "This must come after its start." in answer.content.decode()


def test_deleting_a_layer_leaves_its_hours_to_those_below(
    admin: Client, ada: User, bo: User, ann: User, schedule: Schedule
) -> None:
    draft = drafts.schedule(layer("Top", ann), layer("All", bo))
    actions.save_schedule(schedule, draft=draft, version=1, gaps_why="", by=ada, at=clock.now())
    chosen = {"action": "delete_selected", "_selected_action": schedule.layers.get(name="Top").pk, "post": "yes"}
    assert admin.post(f"{BASE}/layer/", chosen).status_code == 302
    assert bo in people(schedule)
    assert not Shift.objects.filter(schedule=schedule, person=ann, starts_at__gt=clock.now()).exists()
    assert Schedule.objects.get().version == 3
