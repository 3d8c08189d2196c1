"""The demo's data: who lives there, and what their requests look like."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import Count
from django.test import Client

from accounts.models import Organization, Team, User
from escalations.demo import people, plot, records, stories
from escalations.demo.faults import FAULTS
from escalations.engineering import queues
from escalations.engineering.steps import Step
from escalations.models import (
    CustomerNotice,
    Escalation,
    EscalationEvent,
    EscalationPolicy,
    KnownIssue,
    Page,
    PullRequest,
    TeamInvolved,
)
from escalations.paging import roster
from escalations.paging.derive import derive
from supportdesk import demo
from supportdesk.lib import clock
from tickets.models import Attachment, Category, Message, OutgoingMail, SlaClock, Ticket, TicketEvent
from tickets.sla import sweep

pytestmark = pytest.mark.django_db
ANY_TIME = pytest.mark.parametrize(
    "at", [datetime(2026, 11, day, hour, tzinfo=UTC) for day in (21, 23, 25) for hour in (1, 12)]
)


@pytest.fixture(scope="module", autouse=True)
def _seeded(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Loaded once for this module, and gone after it; each test's own changes go with the test."""
    with django_db_blocker.unblock(), transaction.atomic():
        call_command("seed_demo")
        yield
        transaction.set_rollback(True)


def test_there_are_150_requests_of_every_status_and_priority() -> None:
    assert Ticket.objects.count() == 150
    statuses = Counter(Ticket.objects.values_list("status", flat=True))
    assert statuses.keys() == {"new", "open", "pending", "on_hold", "solved", "closed"}
    assert min(statuses.values()) >= 8
    priorities = Counter(Ticket.objects.values_list("priority", flat=True))
    assert priorities.keys() == {1, 2, 3, 4, None}
    assert min(priorities.values()) >= 4


def test_they_span_sixty_days_and_are_numbered_in_the_order_of_time() -> None:
    opened = list(Ticket.objects.order_by("pk").values_list("pk", "created_at"))
    assert opened[0][0] == 4600
    assert [at for _, at in opened] == sorted(at for _, at in opened)
    now = clock.now()
    assert timedelta(days=50) < now - opened[0][1] < timedelta(days=63)
    assert now - opened[-1][1] < timedelta(minutes=5)
    assert not TicketEvent.objects.filter(at__gt=now).exists()


def test_conversations_are_varied() -> None:
    assert Message.objects.count() > 450
    assert len(set(Ticket.objects.values_list("subject", flat=True))) > 110
    assert Ticket.objects.values("category").distinct().count() == Category.objects.count()
    assert Attachment.objects.filter(is_image=True).count() > 20
    assert Attachment.objects.filter(is_image=False).count() > 20
    assert not Attachment.objects.filter(message=None).exists()
    kinds = set(TicketEvent.objects.values_list("kind", flat=True))
    assert kinds >= {"noted", "held", "reopened", "followed_up", "customer_solved", "reminded", "gave_up_waiting"}
    assert kinds >= {"assigned", "cc_added", "priority_changed", "field_changed", "do_not_close_changed", "closed"}
    assert not Message.objects.filter(body__regex="@[a-z_]+@").exists()


def test_engineering_has_records_at_every_step_and_of_several_organisations() -> None:
    steps = Counter(Escalation.objects.values_list("step", flat=True))
    assert sum(steps.values()) == len(FAULTS) == 12
    assert set(steps) == {step.value for step in Step}
    linked = Escalation.objects.annotate(customers=Count("links__ticket__organization", distinct=True))
    assert linked.filter(customers__gte=2).count() >= 2
    waiting = queues.count_all(now=clock.now())
    assert waiting["updates-owed"] >= 2
    assert waiting["fixed-untold"] >= 3
    assert waiting["needs-information"] == 2
    assert KnownIssue.objects.filter(published_at__isnull=False).count() == 2
    assert PullRequest.objects.filter(state="merged").count() == 3
    assert set(TeamInvolved.objects.values_list("team", flat=True)) >= {"product", "customer_success", "executives"}
    kinds = set(EscalationEvent.objects.values_list("kind", flat=True))
    assert kinds >= {"commented", "held_back", "told", "customer_replied", "pull_request", "published"}
    assert not EscalationEvent.objects.filter(at__gt=clock.now()).exists()
    assert not EscalationEvent.objects.filter(notified_at=None).exists()
    assert not CustomerNotice.objects.filter(next_attempt_at__isnull=False).exists()


def test_the_people_of_the_contract_are_there() -> None:
    assert Organization.objects.count() == 6
    assert Organization.objects.filter(domains__verified_at__isnull=False).count() == 6
    assert Organization.objects.filter(plan__pages=True).count() == 2
    team = Team.objects.get(gets_new_tickets=True)
    assert team.members.count() == 8
    assert team.members.values("region").distinct().count() == 3
    assert {email for email, _ in demo.PEOPLE} <= set(User.objects.values_list("email", flat=True))


@pytest.mark.parametrize("email", [email for email, _ in demo.PEOPLE])
def test_each_of_them_can_log_in(email: str) -> None:
    client = Client()
    answer = client.post("/accounts/login/", {"login": email, "password": demo.PASSWORD})
    assert answer.status_code == 302
    assert "confirm" not in answer["Location"]
    assert client.session["_auth_user_id"] == str(User.objects.get(email=email).pk)


def test_one_request_rings_and_somebody_is_on_call() -> None:
    now = clock.now()
    derive(now=now)
    page = Page.objects.get()
    assert page.is_ringing
    assert page.ticket is not None
    assert page.ticket.requester.email == "rita@northwind.example"
    schedule = EscalationPolicy.objects.get(is_default=True).steps.get(position=1).schedule_id
    assert schedule is not None
    person = roster.load(now)[schedule].on_call(now)
    assert person is not None
    assert person.email in people.ON_CALL


def test_promises_that_broke_in_the_past_page_nobody_and_few_can_break_within_the_day() -> None:
    sweep.act(now=clock.now())
    derive(now=clock.now())
    assert set(Page.objects.values_list("kind", flat=True)) == {"ticket"}
    pressing = SlaClock.objects.running().filter(priority=1, breached_at=None, ticket__organization__plan__pages=True)
    assert pressing.values("ticket").distinct().count() <= 5


def test_nobody_is_mailed_about_the_past() -> None:
    assert not OutgoingMail.objects.exists()
    assert TicketEvent.objects.filter(notified_at=None).count() == 1


def test_loading_again_changes_nothing() -> None:
    before = [model.objects.count() for model in (User, Ticket, Message, TicketEvent, Attachment, Organization)]
    call_command("seed_demo")
    after = [model.objects.count() for model in (User, Ticket, Message, TicketEvent, Attachment, Organization)]
    assert before == after


def test_it_is_refused_where_the_desk_serves_others(settings: Any) -> None:
    settings.DESK_ENV = "production"
    with pytest.raises(CommandError):
        call_command("seed_demo")


@ANY_TIME
def test_the_plot_fits_whatever_day_and_hour_it_is(at: datetime) -> None:
    cases = plot.cases(at)
    assert len(cases) == 146
    assert all(case.steps[0].at < at for case in cases)
    assert sum(step.verb == "follow_up" for case in cases for step in case.steps) == 3
    assert [case.subject for case in cases] == [case.subject for case in plot.cases(at + timedelta(hours=5))]


@ANY_TIME
def test_records_get_their_requests_from_different_companies_at_any_time(at: datetime) -> None:
    cases = plot.cases(at)
    records.plan(cases, at)
    companies = defaultdict(list)
    for case in cases:
        for step in case.steps:
            if step.verb == "escalate":
                companies[step.value].append(case.company.slug)
    assert [len(companies[number]) for number in range(len(FAULTS))] == [fault.tickets for fault in FAULTS]
    assert sum(len(set(slugs)) > 1 for slugs in companies.values()) == sum(fault.tickets > 1 for fault in FAULTS)


def test_every_story_can_be_told_to_any_point() -> None:
    for story in stories.stories():
        verbs = [turn.verb for turn in story.turns]
        assert {"ask", "reply", "solve"} <= set(verbs), story.subjects[0]
        assert set(verbs) <= {"ask", "say", "solve", "note", "reply", "reopen", "thanks"}, story.subjects[0]


def test_the_clocks_of_the_demos_tickets_follow_from_its_events_alone() -> None:
    call_command("rebuild_clocks", "--check")
