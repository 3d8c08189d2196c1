"""Which tickets ring: the table of the domain description, whatever door or bulk change made them so."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Organization, SupportPlan, User
from escalations import defaults
from escalations.models import EscalationPolicy, Page
from escalations.paging.derive import derive, to_begin
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories
from tickets import actions
from tickets.models import Channel, Message, Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db


def rings(ticket: Ticket) -> bool:
    run_pass("test")
    return Page.objects.ringing().filter(ticket=ticket).exists()


@pytest.mark.parametrize(
    ("priority", "expected"),
    [(Priority.URGENT, True), (Priority.HIGH, True), (Priority.NORMAL, False), (Priority.LOW, False), (None, False)],
)
def test_urgent_and_high_of_premier_ring(
    policy: EscalationPolicy, rita: User, priority: Priority | None, expected: bool
) -> None:
    assert rings(factories.open_ticket(rita, priority=priority)) is expected


def test_other_plans_and_people_without_organisation_do_not(policy: EscalationPolicy, sam: User) -> None:
    assert not rings(factories.open_ticket(sam, priority=Priority.URGENT))


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"status": Status.NEW}, True),
        ({"status": Status.OPEN}, True),
        ({"status": Status.PENDING}, False),
        ({"status": Status.ON_HOLD}, False),
        ({"status": Status.SOLVED}, False),
        ({"status": Status.CLOSED}, False),
        ({"waiting_since": None}, False),
        ({"waiting_since": None, "raised_at": "now"}, True),
        ({"priority": None}, False),
        ({"channel": Channel.IMPORT}, False),
        ({"channel": Channel.EMAIL}, True),
        ({"channel": Channel.API}, True),
        ({"waiting_since": "long ago"}, False),
        ({"waiting_since": "long ago", "raised_at": "now"}, True),
        ({"waiting_since": "long ago", "raised_at": "long ago"}, False),
    ],
)
def test_bulk_changes_count_like_any_other(ticket: Ticket, columns: dict[str, Any], expected: bool) -> None:
    instants = {"now": clock.now(), "long ago": clock.now() - timedelta(days=30)}
    values = {name: instants.get(value, value) for name, value in columns.items()}  # type: ignore[call-overload]
    Ticket.objects.filter(pk=ticket.pk).update(**values)
    assert rings(ticket) is expected


def test_a_plan_that_gets_paging_rings_and_one_that_loses_it_stops(
    policy: EscalationPolicy, sam: User, contoso: Organization
) -> None:
    ticket = factories.open_ticket(sam, priority=Priority.URGENT)
    SupportPlan.objects.filter(pk=contoso.plan_id).update(pages=True)
    assert rings(ticket)
    SupportPlan.objects.filter(pk=contoso.plan_id).update(pages=False)
    assert not rings(ticket)


def test_a_ticket_that_waited_before_the_desk_was_switched_on_rings_for_what_comes_after(
    ticket: Ticket, rita: User
) -> None:
    long_ago = clock.now() - timedelta(days=30)
    for channel in (Channel.PORTAL, Channel.IMPORT):
        Ticket.objects.filter(pk=ticket.pk).update(waiting_since=long_ago, created_at=long_ago, channel=channel)
        assert not rings(ticket)
        actions.reply(ticket, by=rita, body="It is worse now.", at=clock.now())
        assert rings(ticket)
        ticket.events.all().delete()
        Message.objects.filter(ticket=ticket).delete()
        assert channel == Channel.IMPORT or not _page_is_made_again(ticket)


def _page_is_made_again(ticket: Ticket) -> bool:
    Page.objects.update(state="ended", next_action_at=None, ended_at=clock.now())  # as if it had never begun
    return rings(ticket)


def test_what_an_agent_opened_for_a_caller_rings_unless_the_caller_was_answered(
    policy: EscalationPolicy, rita: User, bo: User, northwind: Organization
) -> None:
    request = factories.request_of(priority=Priority.URGENT)
    common = {"by": bo, "organization": northwind, "request": request, "channel": Channel.AGENT, "at": clock.now()}
    assert not rings(actions.submit(rita, **common, public=True))
    assert rings(actions.submit(rita, **common, public=False))


@pytest.mark.parametrize("submit_as", [Status.OPEN, Status.PENDING, Status.SOLVED])
def test_a_public_reply_ends_it_and_the_next_message_begins_another(
    page: Page, rita: User, bo: User, submit_as: Status
) -> None:
    ticket = page.ticket
    assert ticket is not None
    actions.answer(ticket, by=bo, body="Please restart it.", submit_as=submit_as, at=clock.now())
    assert not rings(ticket)
    page.refresh_from_db()
    assert page.state == Page.State.ENDED
    actions.reply(ticket, by=rita, body="No better.", at=clock.now())
    assert rings(ticket)
    assert Page.objects.filter(ticket=ticket).count() == 2


def test_a_note_ends_nothing(page: Page, bo: User) -> None:
    assert page.ticket is not None
    actions.add_note(page.ticket, by=bo, body="Looking.", at=clock.now())
    assert rings(page.ticket)


def test_a_lower_priority_ends_it_and_flapping_keeps_one_page_at_a_time(
    page: Page, bo: User, rung: Callable[[], list[str]]
) -> None:
    assert page.ticket is not None
    for priority in (Priority.HIGH, Priority.URGENT, Priority.HIGH, Priority.URGENT):
        actions.change_fields(page.ticket, by=bo, changes={"priority": priority}, at=clock.now())
        assert rings(page.ticket)
    assert Page.objects.filter(ticket=page.ticket).count() == 1
    assert rung() == ["bo"]
    actions.change_fields(page.ticket, by=bo, changes={"priority": Priority.NORMAL}, at=clock.now())
    assert not rings(page.ticket)
    actions.change_fields(page.ticket, by=bo, changes={"priority": Priority.URGENT}, at=clock.now())
    assert rings(page.ticket)


def test_raising_rings_even_where_every_message_was_answered(policy: EscalationPolicy, rita: User, bo: User) -> None:
    ticket = factories.open_ticket(rita, priority=Priority.NORMAL)
    actions.answer(ticket, by=bo, body="Restart it.", submit_as=Status.OPEN, at=clock.now())
    assert not rings(ticket)
    actions.raise_priority(ticket, by=rita, to=Priority.URGENT, reason="All are locked out.", at=clock.now())
    assert rings(ticket)


def test_without_a_policy_the_last_resort_rings(rita: User, lea: User, phones: object, mailoutbox: list[Any]) -> None:
    ticket = factories.open_ticket(rita, priority=Priority.URGENT)
    assert rings(ticket)
    assert [mail.to for mail in mailoutbox] == [["lea@desk.example"]]
    assert Page.objects.get().nobody_reached_at is not None


def test_deriving_looks_at_candidates_only(policy: EscalationPolicy, rita: User) -> None:
    """The partial index of tickets that may ring is what the sweep reads, not the table."""
    from django.db import connection

    ticket = factories.open_ticket(rita, priority=Priority.NORMAL)
    ticket.events.all().delete()
    row = Ticket.objects.get(pk=ticket.pk)
    copies = [Ticket(**{f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields if not f.primary_key})]
    copies = [
        Ticket(**{f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields if not f.primary_key})
        for _ in range(5000)
    ]
    Ticket.objects.bulk_create(copies, batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tickets_ticket")
    assert "ticket_may_page" in to_begin(policy, now=clock.now()).explain()


def test_one_bad_row_does_not_stop_the_others(policy: EscalationPolicy, rita: User, monkeypatch: Any) -> None:
    bad, good = (factories.open_ticket(rita, priority=Priority.URGENT) for _ in range(2))
    from escalations.paging import derive as module

    begin = module.begin

    def stumble(number: int, *args: Any, **options: Any) -> bool:
        if number == bad.pk:
            raise ValueError("bad row")
        return begin(number, *args, **options)

    monkeypatch.setattr(module, "begin", stumble)
    derive(now=clock.now())
    assert list(Page.objects.values_list("ticket_id", flat=True)) == [good.pk]


def test_a_reply_at_three_in_the_morning_on_an_answered_ticket_rings_again(
    policy: EscalationPolicy, ticket: Ticket, rita: User, bo: User, client_of: Any, rung: Callable[[], list[str]]
) -> None:
    run_pass("test")
    actions.answer(ticket, by=bo, body="Restart it.", submit_as=Status.OPEN, at=clock.now())
    run_pass("test")
    assert not Page.objects.open().exists()
    night = (clock.now() + timedelta(days=1)).replace(hour=2, minute=0)  # 03:00 in Berlin
    clock.move(night - clock.now())
    client_of(rita).post(f"/requests/{ticket.number}/reply/", {"body": "It is down again."})
    run_pass("test")
    assert rung().count("bo") == 2
    assert Page.objects.open().get(kind=Page.Kind.TICKET).is_ringing


def test_when_the_desk_is_switched_on_nothing_old_rings(
    rita: User, bo: User, ann: User, phones: Callable[[], list[dict[str, Any]]]
) -> None:
    """Answered, Pending, On-hold, imported, and waiting since before: none of them rings the first night."""
    tickets = [factories.open_ticket(rita, priority=Priority.URGENT) for _ in range(5)]
    answered, pending, held, imported, _ = tickets
    actions.answer(answered, by=bo, body="Done.", submit_as=Status.OPEN, at=clock.now())
    actions.answer(pending, by=bo, body="Which version?", submit_as=Status.PENDING, at=clock.now())
    actions.answer(held, by=bo, body="Vendor.", submit_as=Status.OPEN, at=clock.now())
    actions.hold(held, by=bo, reason="vendor", at=clock.now())
    clock.move(timedelta(hours=1))
    defaults.load(at=clock.now(), on_call=[bo], staff=[bo, ann], active_from=clock.now())
    Ticket.objects.filter(pk=imported.pk).update(channel=Channel.IMPORT, waiting_since=clock.now())
    run_pass("test")
    assert phones() == []
    assert not Page.objects.filter(kind=Page.Kind.TICKET).exists()
