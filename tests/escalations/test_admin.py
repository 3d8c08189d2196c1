"""On-call in Django admin: what contradicts itself is refused, and what happened can't be edited (S099)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from escalations.models import ContactMethod, EscalationPolicy, Layer, Override, Page, PolicyStep, Schedule
from supportdesk.lib import clock

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(ada: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(ada)


def step(number: int, **fields: Any) -> dict[str, Any]:
    return {f"steps-{number}-{name}": value for name, value in fields.items()}


def form(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    data = {"name": "New policy", "active_from_0": "2026-01-01", "active_from_1": "00:00", "repeat_after_minutes": 5}
    data |= {"steps-TOTAL_FORMS": len(steps), "steps-INITIAL_FORMS": 0, **fields}
    for row in steps:
        data |= row
    return data


def test_a_policy_that_ends_in_somebody_is_saved_and_takes_over(admin: Client, policy: EscalationPolicy) -> None:
    team = Team.objects.get(gets_new_tickets=True)
    answer = admin.post(
        "/admin/escalations/escalationpolicy/add/",
        form(step(0, position=1, delay_minutes=0, team=team.pk), is_default="on"),
    )
    assert answer.status_code == 302, answer.context["errors"]
    assert EscalationPolicy.objects.get(is_default=True).name == "New policy"


@pytest.mark.parametrize("how", ["no steps", "no target", "empty team", "empty schedule", "no contact"])
def test_a_policy_that_ends_in_nobody_is_refused(admin: Client, policy: EscalationPolicy, bo: User, how: str) -> None:
    last: dict[str, Any] = {"position": 2, "delay_minutes": 5}
    if how == "empty team":
        last["team"] = Team.objects.create(name="Nobody", slug="nobody").pk
    elif how == "empty schedule":
        last["schedule"] = Schedule.objects.create(name="Nobody's").pk
    elif how == "no contact":
        ContactMethod.objects.filter(user=bo).update(verified_at=None)
        last["people"] = [bo.pk]
    first = step(0, position=1, delay_minutes=0, everybody="on")
    rows = [] if how == "no steps" else [first, step(1, **last)]
    before = EscalationPolicy.objects.count()
    answer = admin.post("/admin/escalations/escalationpolicy/add/", form(*rows))
    assert answer.status_code == 200
    assert EscalationPolicy.objects.count() == before


@pytest.mark.parametrize("flag", ["is_default", "is_for_breaches"])
def test_a_policy_in_use_can_be_neither_deleted_nor_switched_off(
    admin: Client, policy: EscalationPolicy, flag: str
) -> None:
    policy = EscalationPolicy.objects.get(**{flag: True})
    steps = policy.steps.count()
    address = f"/admin/escalations/escalationpolicy/{policy.pk}/"
    assert admin.post(f"{address}delete/", {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": policy.pk, "post": "yes"}
    admin.post("/admin/escalations/escalationpolicy/", chosen)
    answer = admin.post(f"{address}change/", form(step(0, position=1, delay_minutes=0, everybody="on")))
    assert b"Tick another policy instead" in answer.content
    assert EscalationPolicy.objects.filter(pk=policy.pk, **{flag: True}).exists()
    assert PolicyStep.objects.filter(policy=policy).count() == steps


def test_another_policy_takes_the_breaches_over_and_one_may_be_for_both(
    admin: Client, policy: EscalationPolicy
) -> None:
    former = EscalationPolicy.objects.get(is_for_breaches=True)
    rows = step(0, position=1, delay_minutes=0, everybody="on")
    data = form(rows, is_default="on", is_for_breaches="on")
    assert admin.post("/admin/escalations/escalationpolicy/add/", data).status_code == 302
    assert EscalationPolicy.objects.get(is_default=True) == EscalationPolicy.objects.get(is_for_breaches=True)
    former.refresh_from_db()
    assert not former.is_for_breaches


def override(admin: Client, person: User, start: float, hours: float) -> Any:
    starts = clock.now() + timedelta(hours=start)
    ends = starts + timedelta(hours=hours)
    data = {"schedule": Schedule.objects.get().pk, "user": person.pk, "why": ""}
    data |= {"starts_at_0": f"{starts:%Y-%m-%d}", "starts_at_1": f"{starts:%H:%M:%S}"}
    data |= {"ends_at_0": f"{ends:%Y-%m-%d}", "ends_at_1": f"{ends:%H:%M:%S}"}
    return admin.post("/admin/escalations/override/add/", data)


def test_overrides_may_follow_each_other_but_not_overlap_or_end_before_they_start(
    admin: Client, policy: EscalationPolicy, ann: User, rita: User
) -> None:
    assert override(admin, ann, 1, 2).status_code == 302
    assert override(admin, ann, 3, 2).status_code == 302
    assert b"This overlaps" in override(admin, ann, 2, 5).content
    assert b"after its start" in override(admin, ann, 9, -1).content
    assert override(admin, rita, 20, 1).status_code == 200, "a customer is no choice"
    assert Override.objects.count() == 2


def test_a_layer_wants_a_known_zone_and_members(admin: Client, policy: EscalationPolicy, bo: User) -> None:
    data = {"schedule": Schedule.objects.get().pk, "name": "Weekend", "priority": 5, "days": 7, "anchor": "2026-01-02"}
    data |= {"hand_over": "17:00", "zone": "Europe/Atlantis", "members-INITIAL_FORMS": 0, "members-TOTAL_FORMS": 1}
    data |= {"members-0-user": bo.pk, "members-0-position": 0, "windows-INITIAL_FORMS": 0, "windows-TOTAL_FORMS": 0}
    answer = admin.post("/admin/escalations/layer/add/", data)
    assert b"Choose a time zone" in answer.content
    data["zone"] = "America/Los_Angeles"
    empty = admin.post("/admin/escalations/layer/add/", {**data, "members-TOTAL_FORMS": 0})
    assert b"at least one person" in empty.content
    assert admin.post("/admin/escalations/layer/add/", data).status_code == 302
    assert Layer.objects.filter(name="Weekend").exists()


def test_a_rule_uses_the_persons_own_contact(admin: Client, policy: EscalationPolicy, bo: User, ann: User) -> None:
    hers = ContactMethod.objects.filter(user=ann)[0]
    data = {"user": bo.pk, "priority": 1, "contact": hers.pk, "delay": 60}
    answer = admin.post("/admin/escalations/notificationrule/add/", data)
    assert b"This is Ann&#x27;s contact" in answer.content


@pytest.mark.parametrize(
    "model",
    [
        *("schedule", "layer", "override", "escalationpolicy", "contactmethod", "notificationrule"),
        *("page", "pagedelivery", "pageevent", "engineheartbeat", "pagingalarm"),
    ],
)
def test_every_list_opens_and_is_searchable(admin: Client, page: Page, model: str) -> None:
    assert admin.get(f"/admin/escalations/{model}/", {"q": "1"}).status_code == 200
    first = admin.get(f"/admin/escalations/{model}/add/")
    assert first.status_code == (403 if model.startswith(("page", "paging", "engine", "contact")) else 200)


def test_nobody_verifies_a_contact_for_somebody_else(admin: Client, policy: EscalationPolicy, bo: User) -> None:
    contact = ContactMethod.objects.get(user=bo, kind="sms")
    ContactMethod.objects.filter(pk=contact.pk).update(verified_at=None)
    data = {"value": "+447700900555", "verified_at_0": "2026-01-01", "verified_at_1": "00:00", "disabled_why": "lost"}
    answer = admin.post(f"/admin/escalations/contactmethod/{contact.pk}/change/", data)
    assert answer.status_code == 302
    after = ContactMethod.objects.get(pk=contact.pk)
    assert (after.value, after.verified_at, after.disabled_why) == (contact.value, None, "lost")


def test_what_happened_can_be_read_and_nothing_else(admin: Client, page: Page) -> None:
    address = f"/admin/escalations/page/{page.pk}/"
    assert admin.get(f"{address}change/").status_code == 200
    assert admin.post(f"{address}change/", {"state": "ended"}).status_code == 403
    assert admin.post(f"{address}delete/", {"post": "yes"}).status_code == 403
