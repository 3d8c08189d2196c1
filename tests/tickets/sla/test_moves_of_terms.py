"""Whatever changes a clock's terms keeps the time it has used: priority, plan, organisation, place, weekends."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import transaction
from django.test import Client

from accounts.models import Organization, SupportPlan, User
from supportdesk.lib import clock
from tests import factories
from tickets import actions
from tickets.models import EventKind, Priority, Retargeting, SlaClock, SlaPolicy, Ticket
from tickets.sla import retarget
from tickets.states import Status
from tickets.tasks import retarget_clocks

pytestmark = pytest.mark.django_db


def _first(ticket: Ticket) -> SlaClock:
    return ticket.clocks.get(promise="first_reply")


def _hour_ago(by: User, priority: Priority) -> Ticket:
    return factories.open_ticket(by, at=clock.now() - timedelta(hours=1), priority=priority)


def test_a_changed_priority_keeps_the_time_used(rita: User, ann: User, no_difference: Callable[[], None]) -> None:
    ticket = _hour_ago(rita, Priority.HIGH)
    factories.promise("premier", {("first_reply", 1): (90, "clock"), ("first_reply", 2): (120, "clock")})
    now = clock.now()
    actions.change_fields(ticket, by=ann, changes={"priority": Priority.URGENT}, at=now)
    first = _first(ticket)
    assert first.used == now - ticket.created_at
    assert first.due_at == now  # Urgent's hour, of the version that it runs on, is over
    no_difference()


def test_another_plan_keeps_the_time_used(
    rita: User, northwind: Organization, admin: Client, no_difference: Callable[[], None]
) -> None:
    ticket = _hour_ago(rita, Priority.HIGH)
    former = _first(ticket)
    northwind.plan = SupportPlan.objects.get(slug="free")
    northwind.save(update_fields=["plan"])
    job = Retargeting.objects.get()
    assert (job.scope, job.subject, job.total) == (Retargeting.Scope.ORGANIZATION, northwind.pk, 1)
    retarget_clocks()
    first = _first(ticket)
    assert first.due_at is None
    assert first.used >= timedelta(hours=1)
    assert first.terms.plan == northwind.plan
    northwind.plan = former.terms.plan
    northwind.save()
    retarget_clocks()
    again = _first(ticket)
    assert again.due_at is not None
    assert again.running_since is not None
    assert again.due_at == again.running_since + timedelta(hours=2) - again.used
    assert timedelta(hours=1) <= again.used < timedelta(hours=1, seconds=30)
    no_difference()


def test_another_zone_of_the_organisation_moves_business_hours(
    fred: User, contoso: Organization, no_difference: Callable[[], None]
) -> None:
    """Somebody without a zone of their own is where the organisation is."""
    fred.memberships.create(organization=contoso)
    with time_machine.travel(datetime(2026, 6, 3, 15, 0, tzinfo=UTC), tick=False):  # Wednesday 11:00 in New York
        ticket = factories.open_ticket(fred, priority=Priority.NORMAL, organization=contoso)
        assert _first(ticket).due_at == datetime(2026, 6, 4, 15, 0, tzinfo=UTC)
    with time_machine.travel(datetime(2026, 6, 3, 16, 0, tzinfo=UTC), tick=False):
        contoso.time_zone = "Europe/Berlin"  # where it is 18:00
        contoso.save(update_fields=["time_zone"])
        retarget_clocks()
        first = _first(ticket)
        assert first.used == timedelta(hours=1)
        assert first.due_at == datetime(2026, 6, 4, 14, 0, tzinfo=UTC)  # seven hours from Thursday 9:00
        no_difference()


def test_another_place_of_the_person_goes_before(
    sam: User, client_of: Callable[[User], Client], no_difference: Callable[[], None]
) -> None:
    """By the profile's form; only that person's requests."""
    with time_machine.travel(datetime(2026, 7, 2, 15, 0, tzinfo=UTC), tick=False):  # Thursday 11:00 in New York
        ticket = factories.open_ticket(sam, priority=Priority.LOW)
        assert _first(ticket).due_at == datetime(2026, 7, 3, 15, 0, tzinfo=UTC)
        form = {"name": "Sam", "time_zone": "America/New_York", "country": "US", "subdivision": ""}
        assert client_of(sam).post("/profile/", form).status_code == 302
        job = Retargeting.objects.get()
        assert (job.scope, job.subject) == (Retargeting.Scope.PERSON, sam.pk)
        retarget_clocks()
        # Friday 3 July 2026 is Independence Day, observed; Monday is the next business day.
        assert _first(ticket).due_at == datetime(2026, 7, 6, 15, 0, tzinfo=UTC)
        no_difference()


def test_weekend_coverage_of_a_plan(sam: User, no_difference: Callable[[], None]) -> None:
    with time_machine.travel(datetime(2026, 6, 6, 14, 0, tzinfo=UTC), tick=False):  # Saturday 10:00 in New York
        ticket = factories.open_ticket(sam, priority=Priority.URGENT)
        assert _first(ticket).due_at == datetime(2026, 6, 8, 6, 0, tzinfo=UTC)  # Monday 02:00
        plan = SupportPlan.objects.get(slug="enterprise")
        plan.covers_weekends = True
        plan.save()
        assert Retargeting.objects.get().scope == Retargeting.Scope.PLAN
        retarget_clocks()
        assert _first(ticket).due_at == datetime(2026, 6, 6, 16, 0, tzinfo=UTC)
        no_difference()


def test_the_version_stays_when_only_the_place_changes(
    sam: User, contoso: Organization, no_difference: Callable[[], None]
) -> None:
    ticket = factories.open_ticket(sam, priority=Priority.URGENT)
    former = _first(ticket).terms.policy_version
    factories.promise("enterprise", {("first_reply", 1): (30, "clock")})
    sam.time_zone = "Asia/Tokyo"
    sam.save(update_fields=["time_zone"])
    retarget_clocks()
    moved = _first(ticket).terms
    assert (moved.policy_version, moved.time_zone) == (former, "Asia/Tokyo")
    no_difference()


def test_what_changes_nothing_asks_for_nothing(rita: User, northwind: Organization) -> None:
    factories.open_ticket(rita)
    northwind.notes = "A good customer"
    northwind.save()
    rita.name = "Rita R."
    rita.save()
    rita.time_zone = "Asia/Tokyo"
    rita.save(update_fields=["name"])
    plan = northwind.plan
    plan.summary = "All of it"
    plan.save()
    assert not Retargeting.objects.exists()


def test_without_open_clocks_nothing_is_asked(rita: User, pia: User, fabrikam: Organization) -> None:
    factories.open_ticket(rita)
    fabrikam.time_zone = "Asia/Tokyo"
    fabrikam.save()
    pia.country = "JP"
    pia.save()
    assert not Retargeting.objects.exists()


def test_a_change_that_is_rolled_back_moves_nothing(rita: User, northwind: Organization) -> None:
    factories.open_ticket(rita)
    with transaction.atomic():
        northwind.country = "DE"
        northwind.save()
        assert Retargeting.objects.exists()
        transaction.set_rollback(True)
    assert not Retargeting.objects.exists()


def test_two_workers_move_each_clock_once(
    rita: User, northwind: Organization, no_difference: Callable[[], None]
) -> None:
    for _ in range(3):
        factories.open_ticket(rita, priority=Priority.HIGH)
    northwind.covers = None
    plan = northwind.plan
    plan.covers_weekends = False
    plan.save()
    now = clock.now()
    assert retarget.work(now=now) == 3
    assert retarget.work(now=now) == 0
    assert Ticket.objects.filter(events__kind="retargeted").count() == 3
    no_difference()


# --- What can't be moved -------------------------------------------------------------------------------------------


def _break(ticket: Ticket) -> None:
    """Spans that nothing of ours writes."""
    SlaClock.objects.filter(ticket=ticket).update(spans=[{}])


def _moved(tickets: list[Ticket]) -> list[bool]:
    return [ticket.events.filter(kind=EventKind.RETARGETED).exists() for ticket in tickets]


def test_a_bad_ticket_is_stepped_over(
    rita: User, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    tickets = [_hour_ago(rita, Priority.HIGH) for _ in range(5)]
    _break(tickets[1])
    rita.time_zone = "Asia/Tokyo"
    rita.save()
    monkeypatch.setattr(retarget, "BATCH", 3)
    retarget_clocks()
    assert _moved(tickets) == [True, False, True, True, True]
    job = Retargeting.objects.get()
    assert job.finished_at and job.done == job.total == 5
    assert f"request #{tickets[1].number} stays" in caplog.text
    assert retarget.work(now=clock.now()) == 0


def test_what_slips_by_a_job_is_taken_along_and_a_bad_ticket_begins_nothing_anew(
    rita: User, no_difference: Callable[[], None]
) -> None:
    at = clock.now() - timedelta(minutes=5)
    tickets = [factories.open_ticket(rita, at=at, priority=Priority.HIGH) for _ in range(2)]
    factories.promise("premier", {("first_reply", 2): (90, "clock")})
    policy = SlaPolicy.objects.get(plan__slug="premier")
    job = retarget.ask(Retargeting.Scope.POLICY, policy.pk, by=None, at=clock.now())
    Retargeting.objects.update(finished_at=clock.now())  # both began in transactions that it could not see
    spans = _first(tickets[0]).spans
    _break(tickets[0])
    for _ in range(2):
        retarget.work(now=clock.now())
        assert _moved(tickets) == [False, True]
    SlaClock.objects.filter(ticket=tickets[0]).update(spans=spans)  # mended
    retarget.work(now=clock.now())
    assert _moved(tickets) == [True, True]
    finished = clock.now()
    job.refresh_from_db()
    assert job.moved == SlaClock.objects.count()
    assert job.finished_at and job.finished_at < finished
    no_difference()


@pytest.mark.parametrize("is_finished", [False, True])
def test_a_job_of_a_policy_that_is_gone_is_over(rita: User, northwind: Organization, *, is_finished: bool) -> None:
    """Neither it nor what slipped by it keeps the others waiting."""
    ticket = factories.open_ticket(rita, priority=Priority.HIGH)
    own = SlaPolicy.objects.create(organization=northwind)
    gone = retarget.ask(Retargeting.Scope.POLICY, own.pk, by=None, at=clock.now())
    Retargeting.objects.update(finished_at=clock.now() if is_finished else None)
    own.delete()
    rita.time_zone = "Asia/Tokyo"
    rita.save()
    retarget_clocks()
    gone.refresh_from_db()
    assert gone.finished_at
    assert _first(ticket).terms.time_zone == "Asia/Tokyo"


def test_what_is_promised_for_the_first_time_begins_on_tickets_without_any_clock_too(
    sam: User, ann: User, no_difference: Callable[[], None]
) -> None:
    opened = clock.now()
    ticket = factories.open_ticket(sam, at=opened, priority=Priority.NORMAL)
    actions.answer(ticket, by=ann, body="We look into it.", submit_as=Status.OPEN, at=opened)
    assert not SlaClock.objects.open().exists()
    factories.promise("enterprise", {("first_reply", 3): (480, "business"), ("resolution", 3): (2880, "clock")})
    policy = SlaPolicy.objects.get(plan__slug="enterprise")
    retarget.ask(Retargeting.Scope.POLICY, policy.pk, by=None, at=clock.now())
    retarget.work(now=clock.now())
    begun = SlaClock.objects.open().get()
    assert (begun.promise, begun.started_at) == ("resolution", opened)
    assert Ticket.objects.get().next_due_at == begun.due_at
    retarget.ask(Retargeting.Scope.POLICY, policy.pk, by=None, at=clock.now())
    retarget.work(now=clock.now())
    assert SlaClock.objects.open().count() == 1
    no_difference()


def test_an_upgrade_owes_regular_updates_at_once(
    sam: User, contoso: Organization, ann: User, no_difference: Callable[[], None]
) -> None:
    ticket = factories.open_ticket(sam, priority=Priority.URGENT)
    actions.answer(ticket, by=ann, body="We look into it.", submit_as=Status.OPEN, at=clock.now())
    contoso.plan = SupportPlan.objects.get(slug="premier")
    contoso.save(update_fields=["plan"])
    retarget.work(now=clock.now())
    assert SlaClock.objects.open().get().promise == "regular_update"
    no_difference()
