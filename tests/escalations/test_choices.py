"""Which policy a ticket pages by: the first choice that fits its plan, priority and team, else the one in use."""

from collections.abc import Callable

import pytest

from accounts.models import Team, User
from escalations import actions
from escalations.models import EscalationPolicy, Page, PolicyChoice, PolicyStep
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
Rung = Callable[[], list[str]]


@pytest.fixture
def leads(policy: EscalationPolicy, lea: User) -> EscalationPolicy:
    """A policy of its own, which rings lea."""
    made = EscalationPolicy.objects.create(name="Leads", active_from=policy.active_from)
    PolicyStep.objects.create(policy=made, position=1, delay_minutes=0).people.add(lea)
    return made


def policy_of(ticket: Ticket) -> EscalationPolicy | None:
    run_pass("test")
    return Page.objects.get(ticket=ticket).policy


def test_without_choices_it_is_the_one_in_use(policy: EscalationPolicy, leads: EscalationPolicy, rita: User) -> None:
    assert policy_of(factories.open_ticket(rita, priority=Priority.URGENT)) == policy


def test_by_priority(policy: EscalationPolicy, leads: EscalationPolicy, rita: User, rung: Rung) -> None:
    PolicyChoice.objects.create(position=1, policy=leads, priority=Priority.URGENT)
    assert policy_of(factories.open_ticket(rita, priority=Priority.URGENT)) == leads
    assert rung() == ["lea"]
    assert policy_of(factories.open_ticket(rita, priority=Priority.HIGH)) == policy


def test_by_plan(policy: EscalationPolicy, leads: EscalationPolicy, rita: User, sam: User) -> None:
    enterprise = sam.memberships.get().organization.plan
    PolicyChoice.objects.create(position=1, policy=leads, plan=enterprise)
    assert policy_of(factories.open_ticket(rita, priority=Priority.URGENT)) == policy
    enterprise.pages = True
    enterprise.save()
    assert policy_of(factories.open_ticket(sam, priority=Priority.URGENT)) == leads


def test_by_team(policy: EscalationPolicy, leads: EscalationPolicy, rita: User) -> None:
    team = Team.objects.create(name="Mobile")
    PolicyChoice.objects.create(position=1, policy=leads, team=team)
    ticket = factories.open_ticket(rita, priority=Priority.URGENT)
    Ticket.objects.filter(pk=ticket.pk).update(team=team)
    assert policy_of(ticket) == leads
    assert policy_of(factories.open_ticket(rita, priority=Priority.URGENT)) == policy


def test_all_that_a_choice_names_has_to_fit(policy: EscalationPolicy, leads: EscalationPolicy, rita: User) -> None:
    premier = rita.memberships.get().organization.plan
    PolicyChoice.objects.create(position=1, policy=leads, plan=premier, priority=Priority.HIGH)
    assert policy_of(factories.open_ticket(rita, priority=Priority.URGENT)) == policy
    assert policy_of(factories.open_ticket(rita, priority=Priority.HIGH)) == leads


def test_the_first_that_fits_goes_before_the_others(
    policy: EscalationPolicy, leads: EscalationPolicy, rita: User
) -> None:
    PolicyChoice.objects.create(position=2, policy=policy)
    PolicyChoice.objects.create(position=1, policy=leads)
    assert policy_of(factories.open_ticket(rita, priority=Priority.URGENT)) == leads


def test_a_ticket_without_a_priority_is_chosen_for_as_high(
    policy: EscalationPolicy, leads: EscalationPolicy, rita: User
) -> None:
    PolicyChoice.objects.create(position=1, policy=leads, priority=Priority.HIGH)
    ticket = factories.open_ticket(rita, priority=None)
    clock.move(factories.minutes(15.1))
    assert policy_of(ticket) == leads


def test_a_new_episode_takes_the_policys_new_shape_but_no_other_policy(
    policy: EscalationPolicy, leads: EscalationPolicy, page: Page, bo: User, ann: User, rung: Rung
) -> None:
    PolicyChoice.objects.create(position=1, policy=leads)
    policy.steps.filter(position=1).update(schedule=None)
    policy.steps.get(position=1).people.add(ann)
    actions.acknowledge(page, by=bo, at=clock.now())
    clock.move(factories.minutes(30.1))
    run_pass("test")
    page.refresh_from_db()
    assert page.policy == policy
    assert rung() == ["bo", "ann"]
