"""Whatever people, customers and the clock do, in any order: what must hold of pages after each pass holds."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Count, Q
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from accounts.models import User
from escalations import actions, defaults
from escalations.models import NotificationRule, Page, PageDelivery
from escalations.paging.engine import run_pass
from escalations.querysets import UNSET_PAGES_AFTER, rings
from supportdesk.lib import clock
from supportdesk.lib.errors import DomainError
from tests import factories
from tickets import actions as ticket_actions
from tickets.models import Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db

PEOPLE = ("bo", "ann", "lea")
MINUTES = st.sampled_from([0.2, 1.1, 4, 5.1, 16, 31, 121])
PRIORITIES = st.sampled_from([Priority.URGENT, Priority.HIGH, Priority.NORMAL])


class Desk(RuleBasedStateMachine):
    """One Premier ticket, its pages, and everybody who may touch them; each run is rolled back."""

    cast: dict[str, User]
    phones: Callable[[], list[dict[str, Any]]]

    @initialize(priority=st.sampled_from([Priority.URGENT, Priority.HIGH, Priority.NORMAL, None]))
    def begin(self, priority: Priority | None) -> None:
        self.savepoint = transaction.savepoint()
        now = clock.now()
        self.policy = defaults.load(
            on_call=[self.cast["bo"]], staff=[self.cast["ann"], self.cast["lea"]], at=now, active_from=now
        )
        NotificationRule.objects.filter(contact__kind="email").update(delay=120)  # so that something waits to be sent
        self.ticket = factories.open_ticket(self.cast["rita"], priority=priority)
        self.rung, self.engine_runs = len(self.phones()), True
        self._pass()

    def teardown(self) -> None:
        if hasattr(self, "savepoint"):
            transaction.savepoint_rollback(self.savepoint)
            self.cast["bo"].refresh_from_db()
            clock.forget()

    def _try(self, verb: Callable[..., object], *subject: object, **given: object) -> None:
        """Do it where the desk permits it; a refusal changes nothing."""
        try:
            with transaction.atomic():
                verb(*subject, **given, at=clock.now())
        except DomainError:
            pass
        self.ticket.refresh_from_db()
        self._pass()

    def _page(self) -> Page | None:
        return Page.objects.filter(kind="ticket").order_by("pk").last()

    def _do(self, verb: Callable[..., object], **given: object) -> None:
        if (page := self._page()) is not None:
            self._try(verb, page, **given)

    # --- What people do to the page ---

    @rule(who=st.sampled_from(PEOPLE))
    def acknowledge(self, who: str) -> None:
        self._do(actions.acknowledge, by=self.cast[who])

    @rule(who=st.sampled_from(PEOPLE))
    def escalate(self, who: str) -> None:
        self._do(actions.escalate, by=self.cast[who])

    @rule(who=st.sampled_from(PEOPLE), minutes=st.sampled_from([5, 60, 200, 600]))
    def snooze(self, who: str, minutes: int) -> None:
        self._do(actions.snooze, lasting=timedelta(minutes=minutes), reason="Later", by=self.cast[who])

    @rule(who=st.sampled_from(PEOPLE), to=st.sampled_from((*PEOPLE, "sven")))
    def hand_over(self, who: str, to: str) -> None:
        self._do(actions.hand_over, to=self.cast[to], by=self.cast[who])

    @rule(who=st.sampled_from(PEOPLE))
    def finish(self, who: str) -> None:
        self._do(actions.finish, by=self.cast[who])

    # --- What happens to the ticket ---

    @rule()
    def customer_writes(self) -> None:
        self._try(ticket_actions.reply, self.ticket, by=self.cast["rita"], body="Still down.")

    @rule(submit_as=st.sampled_from([Status.OPEN, Status.PENDING, Status.SOLVED]))
    def agent_answers(self, submit_as: Status) -> None:
        self._try(ticket_actions.answer, self.ticket, by=self.cast["ann"], body="Try this.", submit_as=submit_as)

    @rule(priority=PRIORITIES)
    def priority_changes(self, priority: Priority) -> None:
        self._try(ticket_actions.change_fields, self.ticket, by=self.cast["ann"], changes={"priority": priority})

    @rule()
    def customer_raises(self) -> None:
        who, to = self.cast["rita"], Priority.URGENT
        self._try(ticket_actions.raise_priority, self.ticket, by=who, to=to, reason="All are locked out")

    @rule()
    def hold(self) -> None:
        self._try(ticket_actions.hold, self.ticket, by=self.cast["ann"], reason="vendor")

    @rule()
    def hand_back(self) -> None:
        self._try(ticket_actions.unassign, self.ticket, by=self.cast["ann"])

    @rule(active=st.booleans())
    def person_on_call_leaves_or_returns(self, active: bool) -> None:
        User.objects.filter(pk=self.cast["bo"].pk).update(is_active=active)
        self.cast["bo"].refresh_from_db()
        self._pass()

    # --- Time, and an engine that may stand still for a while ---

    @rule(minutes=MINUTES)
    def time_goes_by(self, minutes: float) -> None:
        clock.move(timedelta(minutes=minutes))
        self._pass()

    @rule(runs=st.booleans())
    def engine_stops_or_runs(self, runs: bool) -> None:
        self.engine_runs = runs
        self._pass()

    def _pass(self) -> None:
        if not self.engine_runs:
            return
        held = set(Page.objects.filter(state__in=Page.HELD).values_list("pk", flat=True))
        run_pass("test")
        self._unanswered_has_an_open_page()
        self._nobody_was_rung_for_what_is_still_held(held)

    def _unanswered_has_an_open_page(self) -> None:
        qualify = rings(self.policy.active_from, unset_since=clock.now() - UNSET_PAGES_AFTER)
        if Ticket.objects.filter(qualify, pk=self.ticket.pk).exists():
            assert Page.objects.open().filter(kind="ticket", ticket=self.ticket).exists()
        if not Ticket.objects.filter(rings(None), pk=self.ticket.pk).exists():
            assert not Page.objects.open().filter(kind="ticket", ticket=self.ticket).exists()

    def _nobody_was_rung_for_what_is_still_held(self, held: set[int]) -> None:
        lines = self.phones()
        new, self.rung = lines[self.rung :], len(lines)
        if Page.objects.filter(pk__in=held, state__in=Page.HELD, kind="ticket").exists():
            assert not [line for line in new if line["kind"] == "ticket"]

    # --- What holds at any moment ---

    @invariant()
    def what_rings_acts_and_nothing_else_does(self) -> None:
        acts = Q(state="ringing", next_action_at__isnull=False) | (~Q(state="ringing") & Q(next_action_at=None))
        assert not Page.objects.exclude(acts).exists()

    @invariant()
    def at_most_one_is_open(self) -> None:
        doubled = Page.objects.open().values("kind", "ticket").annotate(number=Count("pk")).filter(number__gt=1)
        assert not doubled.exists()

    @invariant()
    def what_is_held_is_somebodys_and_has_nothing_to_send(self) -> None:
        held = Page.objects.filter(state__in=Page.HELD)
        assert not held.filter(acknowledged_by=None).exists()
        waiting = PageDelivery.objects.filter(page__in=held, purpose="page")
        assert not waiting.filter(Q(state="pending") | Q(state="unknown", retry_at__isnull=False)).exists()

    @invariant()
    def what_is_over_stays_over(self) -> None:
        over = Page.objects.filter(state="ended")
        assert not over.filter(ended_at=None).exists()
        assert not PageDelivery.objects.filter(page__in=over, state__in=("pending", "sending")).exists()

    @invariant()
    def episodes_only_grow(self) -> None:
        for page in Page.objects.all():
            before = self.__dict__.setdefault("seen", {}).get(page.pk, 1)
            assert page.episode >= before
            self.seen[page.pk] = page.episode


def test_pages_are_what_the_tickets_and_the_people_make_them(
    phones: Any, bo: User, ann: User, lea: User, sven: User, rita: User, ada: User
) -> None:
    Desk.cast = {"bo": bo, "ann": ann, "lea": lea, "sven": sven, "rita": rita}
    Desk.phones = staticmethod(phones)
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=20,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
