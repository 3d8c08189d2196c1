"""Twice at once, with real transactions: acknowledging, engines side by side, a send against an acknowledgement."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import User
from escalations import actions
from escalations.models import EscalationPolicy, Page, PageDelivery, PageEvent
from escalations.paging import deliver, moves
from escalations.paging.advance import advance
from escalations.paging.channels import CHANNELS
from escalations.paging.channels.demo_phone import DemoPhone
from escalations.paging.derive import derive
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict
from tests import factories
from tests.at_once import at_once
from tickets import actions as ticket_actions
from tickets.models import EventKind, Priority, Ticket
from tickets.sla import sweep
from tickets.states import Status

pytestmark = pytest.mark.django_db(transaction=True)
Rung = Callable[[], list[str]]


def test_two_acknowledge_in_the_same_instant(page: Page, bo: User, ann: User) -> None:
    now = clock.now()
    results = at_once(*[lambda who=who: actions.acknowledge(page, by=who, at=now) for who in (bo, ann)])
    assert sorted(result.already for result in results) == [False, True]
    assert results[0].by == results[1].by
    assert PageEvent.objects.filter(kind="acknowledged").count() == 1
    assert page.ticket is not None
    assert page.ticket.events.filter(kind=EventKind.ASSIGNED).count() == 1


def test_acknowledging_against_handing_over_ends_in_one_of_the_two(page: Page, bo: User, ann: User) -> None:
    now = clock.now()
    at_once(
        lambda: actions.acknowledge(page, by=bo, at=now),
        lambda: actions.escalate(page, by=ann, at=now),
        lambda: run_pass("test"),
    )
    page.refresh_from_db()
    assert page.is_ringing or page.acknowledged_by == bo


def test_acknowledging_against_the_climb_leaves_nothing_to_send(page: Page, bo: User, rung: Rung) -> None:
    clock.move(timedelta(minutes=6))
    at_once(lambda: actions.acknowledge(page, by=bo, at=clock.now()), lambda: run_pass("test"))
    run_pass("test")
    page.refresh_from_db()
    assert page.is_acknowledged
    assert not PageDelivery.objects.filter(purpose="page", state__in=["pending", "sending"]).exists()


def test_acknowledging_against_an_answer_does_not_lock_up(page: Page, bo: User, ann: User) -> None:
    ticket = page.ticket
    assert ticket is not None
    results = at_once(
        lambda: actions.acknowledge(page, by=bo, at=clock.now()),
        lambda: ticket_actions.answer(ticket, by=ann, body="Restart it.", submit_as=Status.PENDING, at=clock.now()),
        lambda: run_pass("test"),
    )
    failures = [result for result in results if isinstance(result, Exception)]
    assert all(isinstance(failure, Conflict) for failure in failures), "over by the time it was asked, at worst"
    run_pass("test")
    page.refresh_from_db()
    assert page.state == Page.State.ENDED


@pytest.mark.parametrize("senders", [1, 3])
def test_two_engines_at_once_deliver_exactly_once(
    policy: EscalationPolicy, rita: User, phones: Any, mailoutbox: list[Any], settings: Any, senders: int
) -> None:
    settings.PAGING_QUIET_SECONDS = 0
    settings.PAGING_SENDERS = senders
    tickets = [factories.open_ticket(rita, priority=Priority.URGENT) for _ in range(12)]
    at_once(*[lambda: run_pass("test")] * 4)
    run_pass("test")
    assert Page.objects.count() == len(tickets)
    assert sorted(line["tickets"][0] for line in phones()) == sorted(str(ticket.pk) for ticket in tickets)
    assert len(mailoutbox) == len(tickets)
    assert PageEvent.objects.filter(kind="paged").count() == len(tickets)


def test_engines_and_sweeps_at_once_page_a_broken_promise_once(
    policy: EscalationPolicy, rita: User, phones: Any, settings: Any
) -> None:
    settings.PAGING_QUIET_SECONDS = 0
    tickets = [factories.open_ticket(rita, priority=Priority.URGENT) for _ in range(6)]
    clock.move(timedelta(minutes=61))
    now = clock.now()
    at_once(*[lambda: sweep.act(now=now)] * 2, *[lambda: run_pass("test")] * 3)
    sweep.act(now=now)  # what an engine had locked is the next sweep's, as what a sweep had is the next pass's
    run_pass("test")
    assert Page.objects.filter(kind="sla_breach").count() == len(tickets)
    rung = [line["tickets"][0] for line in phones() if line["kind"] == "sla_breach"]
    assert sorted(rung) == sorted(str(ticket.pk) for ticket in tickets)


def test_acknowledging_a_breach_against_the_answer_that_keeps_the_promise(ticket: Ticket, lea: User, bo: User) -> None:
    clock.move(timedelta(minutes=61))
    now = clock.now()
    sweep.act(now=now)
    run_pass("test")
    page = Page.objects.get(kind="sla_breach")
    results = at_once(
        lambda: actions.acknowledge(page, by=lea, at=now),
        lambda: ticket_actions.answer(ticket, by=bo, body="Restart it.", submit_as=Status.OPEN, at=now),
        lambda: run_pass("test"),
    )
    failures = [result for result in results if isinstance(result, Exception)]
    assert all(isinstance(failure, Conflict) for failure in failures), "over by the time it was asked, at worst"
    run_pass("test")
    page.refresh_from_db()
    assert page.state == Page.State.ENDED


def test_a_lost_acknowledgement_expires_once_for_two_engines(page: Page, bo: User, rung: Rung) -> None:
    actions.acknowledge(page, by=bo, at=clock.now())
    clock.move(timedelta(minutes=31))
    at_once(*[lambda: run_pass("test")] * 3)
    run_pass("test")
    assert PageEvent.objects.filter(kind="expired").count() == 1
    assert rung() == ["bo", "bo"]


def test_what_was_claimed_is_not_sent_once_somebody_has_acknowledged(ticket: Ticket, bo: User, rung: Rung) -> None:
    now = clock.now()
    derive(now=now)
    advance(now=now)
    claim = deliver.claim_next(now)
    assert claim is not None
    actions.acknowledge(Page.objects.get(), by=bo, at=now)
    deliver.send(claim, now=now)
    assert rung() == []
    assert set(PageDelivery.objects.values_list("state", flat=True)) == {"cancelled"}


def test_what_was_claimed_is_not_sent_once_the_ticket_was_answered(ticket: Ticket, bo: User, rung: Rung) -> None:
    now = clock.now()
    derive(now=now)
    advance(now=now)
    claim = deliver.claim_next(now)
    assert claim is not None
    ticket_actions.answer(ticket, by=bo, body="Restart it.", submit_as=Status.OPEN, at=now)
    deliver.send(claim, now=now)
    assert rung() == []


def test_nothing_is_locked_while_a_provider_is_called(ticket: Ticket, bo: User, monkeypatch: Any) -> None:
    class Slow(DemoPhone):
        def deliver(self, message: Any) -> str:
            assert not connection.in_atomic_block
            (result,) = at_once(lambda: actions.acknowledge(Page.objects.get(), by=bo, at=clock.now()))
            assert result.already is False
            return "taken"

    monkeypatch.setitem(CHANNELS, "sms", Slow())
    run_pass("test")
    assert PageDelivery.objects.get(contact__kind="sms").state == "accepted"
    assert Page.objects.get().is_acknowledged


def test_an_engine_that_slept_past_its_lease_sends_nothing(ticket: Ticket, rung: Rung, settings: Any) -> None:
    now = clock.now()
    derive(now=now)
    advance(now=now)
    claim = deliver.claim_next(now)
    assert claim is not None
    PageDelivery.objects.filter(state="sending").update(lease_until=now - timedelta(seconds=1))
    run_pass("test")
    assert rung() == ["bo"], "another has sent it"
    deliver.send(claim, now=now)
    assert rung() == ["bo"]
    assert not PageDelivery.objects.filter(is_repeat=True).exists(), "it died before the call, so nothing is repeated"


def test_a_ticket_that_somebody_acts_on_is_the_next_passs(ticket: Ticket) -> None:
    with transaction.atomic():
        Ticket.objects.select_for_update().get(pk=ticket.pk)
        at_once(lambda: derive(now=clock.now()))
        assert not Page.objects.exists()
    derive(now=clock.now())
    assert Page.objects.count() == 1


def test_a_page_that_another_engine_has_is_stepped_over(page: Page) -> None:
    with transaction.atomic():
        Page.objects.select_for_update().get(pk=page.pk)
        (found,) = at_once(transaction.atomic(lambda: moves.locked(Page.objects.all(), page.pk)))
        assert found is None


def test_the_same_submission_twice_pages_once(policy: EscalationPolicy, rita: User, rung: Rung, northwind: Any) -> None:
    from tickets.models import Channel

    request = factories.request_of(priority=Priority.URGENT)
    common = {"by": rita, "organization": northwind, "request": request, "channel": Channel.PORTAL}

    def submit() -> Ticket:
        return ticket_actions.submit(rita, **common, at=clock.now(), key="one-form")

    first, second = at_once(submit, submit)
    assert first == second
    run_pass("test")
    assert Page.objects.count() == 1
    assert rung() == ["bo"]
