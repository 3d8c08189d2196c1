"""Each invariant holds on a healthy desk, and is found broken by what breaks it: mostly an engine that does nothing."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from accounts import health
from accounts.models import Role, User
from escalations import actions
from escalations.models import ContactMethod, EscalationPolicy, Leave, Override, Page, PageDelivery, Schedule
from escalations.paging import shifts
from escalations.paging.advance import advance
from escalations.paging.deliver import claim_next
from escalations.paging.derive import derive
from escalations.paging.engine import run_pass
from escalations.paging.findings import Offence
from escalations.paging.invariants import INVARIANTS, Finding, check, check_all
from supportdesk.lib import clock
from supportdesk.lib.signed_addresses import return_path
from tests import factories
from tests.escalations.test_crashes import KILLED, environment, pager  # noqa: F401 - a fixture among them
from tests.tickets.mail.letters import letter, put
from tickets.mail.bounces import note_report
from tickets.mail.parsed import Report
from tickets.mail.receive import receive_due
from tickets.models import Priority, Ticket
from tickets.sla import sweep

pytestmark = pytest.mark.django_db

BY_KEY = {invariant.key: invariant for invariant in INVARIANTS}


@pytest.fixture(autouse=True)
def _no_canary(settings: Any) -> None:
    """test_canary.py is about that."""
    settings.PAGING_CANARY_MINUTES = 0


def find(key: str) -> list[Offence]:
    return found(key).offences


def found(key: str, **limits: int) -> Finding:
    return check(BY_KEY[key], now=clock.now(), **limits)


def broken() -> dict[str, list[str]]:
    findings = [finding for finding in check_all(now=clock.now()) if not finding.holds]
    return {finding.invariant.key: [offence.text for offence in finding.offences] for finding in findings}


def test_on_a_desk_that_works_everything_holds(page: Page, bo: User, pass_time: Callable[[float], None]) -> None:
    shifts.materialise(now=clock.now())
    assert broken() == {}
    pass_time(7)
    actions.acknowledge(page, by=bo, at=clock.now())
    run_pass("test")
    assert broken() == {}


def test_each_has_a_key_and_a_sentence_of_its_own() -> None:
    assert len({invariant.key for invariant in INVARIANTS}) == len({i.sentence for i in INVARIANTS}) == len(INVARIANTS)
    assert all(invariant.sentence.endswith(".") for invariant in INVARIANTS)


# --- An engine that does not run -----------------------------------------------------------------------------------


def test_an_engine_that_never_ran(policy: EscalationPolicy) -> None:
    assert find("engine") == [Offence("no engine finished a full pass within 15 s")]
    run_pass("test")
    assert find("engine") == []


def test_a_ticket_that_waits_for_its_page(ticket: Ticket) -> None:
    clock.move(timedelta(seconds=25))
    assert find("ticket_without_page") == []
    clock.move(timedelta(seconds=10))
    assert find("ticket_without_page") == [Offence(f"#{ticket.pk} qualifies and has no page", ticket.desk_url)]
    run_pass("test")
    assert find("ticket_without_page") == []


def test_a_ticket_that_nobody_gave_a_priority(policy: EscalationPolicy, rita: User) -> None:
    factories.open_ticket(rita, priority=None)
    clock.move(timedelta(minutes=15, seconds=20))
    assert find("ticket_without_page") == []
    clock.move(timedelta(seconds=20))
    assert len(find("ticket_without_page")) == 1


def test_a_broken_promise_that_waits_for_its_page(policy: EscalationPolicy, rita: User) -> None:
    ticket = factories.open_ticket(rita, priority=Priority.URGENT, at=clock.now() - timedelta(minutes=65))
    sweep.act(now=clock.now())
    texts = [offence.text for offence in find("ticket_without_page")]
    assert f"#{ticket.pk} has a broken promise and has no page" in texts
    run_pass("test")
    assert find("ticket_without_page") == []


def test_a_step_that_is_due(page: Page) -> None:
    clock.move(timedelta(minutes=5, seconds=25))
    assert find("step_overdue") == []
    clock.move(timedelta(seconds=10))
    text = f"page {page.pk} for #{page.ticket_id} has a step overdue"
    assert find("step_overdue") == [Offence(text, f"/desk/pages/{page.pk}/")]


def test_an_acknowledgement_beyond_its_end(page: Page, bo: User) -> None:
    actions.acknowledge(page, by=bo, at=clock.now())
    clock.move(timedelta(minutes=30, seconds=55))
    assert find("hold_over") == []
    clock.move(timedelta(seconds=10))
    assert find("hold_over") == [
        Offence(f"page {page.pk} for #{page.ticket_id} is held beyond its end", f"/desk/pages/{page.pk}/")
    ]


def test_a_snooze_beyond_its_end(page: Page, bo: User) -> None:
    actions.snooze(page, lasting=timedelta(minutes=20), reason="in a tunnel", by=bo, at=clock.now())
    clock.move(timedelta(minutes=21, seconds=5))
    assert len(find("hold_over")) == 1


# --- An engine that stops half way ---------------------------------------------------------------------------------


def test_a_delivery_that_nobody_sends(ticket: Ticket) -> None:
    """The engine wrote it down, and went no further."""
    now = clock.now()
    assert (derive(now=now), advance(now=now)) == (1, 1)
    clock.move(timedelta(seconds=50))
    assert find("delivery_overdue") == []
    clock.move(timedelta(seconds=15))
    texts = {offence.text.partition(": ")[2] for offence in find("delivery_overdue")}
    assert texts == {"what goes to Bo was due a minute ago and has not gone out"}
    run_pass("test")
    assert find("delivery_overdue") == []


def test_what_is_gathered_for_a_contact_is_not_late(page: Page, rita: User) -> None:
    """bo was paged just now: the next page goes with what follows, up to a minute later."""
    clock.move(timedelta(seconds=55))
    for _ in range(2):
        factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    clock.move(timedelta(seconds=4))
    assert find("delivery_overdue") == []


def test_a_lease_that_nobody_took_over(ticket: Ticket, settings: Any) -> None:
    now = clock.now()
    derive(now=now)
    advance(now=now)
    claim_next(now)
    assert find("lease_over") == []
    settings.PAGING_LEASE_SECONDS = -61  # as a minute later: the database's clock can't be moved
    claim_next(now)
    assert [offence.text.partition(": ")[2] for offence in find("lease_over")] == [
        "what goes to Bo was claimed by an engine that is gone"
    ]


@pytest.mark.django_db(transaction=True)
def test_what_a_killed_engine_leaves_behind(
    ticket: Ticket,
    environment: dict[str, str],  # noqa: F811
) -> None:
    """As by kill -9 between the claim and the call; a minute later by the database's clock."""
    assert pager(environment, "--once", crash="after_claim").wait(150) == KILLED
    assert find("lease_over") == []
    PageDelivery.objects.filter(state="sending").update(lease_until=Now() - timedelta(seconds=61))
    assert len(find("lease_over")) >= 1
    assert pager(environment, "--once").wait(150) == 0
    assert find("lease_over") == []


def test_a_page_that_rings_nobody_at_all(phones: object, rita: User) -> None:
    """No policy, no lead, no admin, no agent: not even the last resort has somebody."""
    factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    assert find("page_without_delivery") == []
    clock.move(timedelta(seconds=65))
    assert len(find("page_without_delivery")) == 1


def test_a_page_of_which_nothing_arrives(policy: EscalationPolicy, rita: User, settings: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.PAGES_FILE = tmp_path / "file" / "pages.jsonl"  # its folder can't be made
    ContactMethod.objects.filter(kind="email").delete()
    factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    assert find("nothing_arrived") == []
    clock.move(timedelta(minutes=3, seconds=5))
    assert len(find("nothing_arrived")) == 1


def test_one_contact_that_arrives_is_enough(page: Page) -> None:
    clock.move(timedelta(minutes=4))
    assert find("nothing_arrived") == []


def test_a_call_after_the_acknowledgement(page: Page, bo: User) -> None:
    """What an engine would leave behind that does not look at the page before it calls."""
    actions.acknowledge(page, by=bo, at=clock.now())
    run_pass("test")
    assert find("called_too_late") == []
    page.deliveries.filter(purpose="page").update(looked_at=Now() + timedelta(seconds=3))
    assert len(find("called_too_late")) == page.deliveries.filter(purpose="page").count()
    clock.move(timedelta(minutes=1))
    assert find("called_too_late") == [], "two clocks that are apart can't be compared"


# --- Nobody to ring ------------------------------------------------------------------------------------------------


def test_nobody_on_call_within_three_days(policy: EscalationPolicy, bo: User) -> None:
    schedule, now = Schedule.objects.get(), clock.now()
    assert find("coverage") == []
    leave = Leave.objects.create(user=bo, starts_at=now + timedelta(hours=80), ends_at=now + timedelta(hours=90))
    assert find("coverage") == [], "that is further off"
    clock.move(timedelta(hours=10))
    gap = find("coverage")
    assert [(offence.about, offence.path) for offence in gap] == [(str(schedule.pk), "/desk/on-call/")]
    assert gap[0].text.startswith(f"{schedule.name}: nobody from {leave.starts_at:%a %d %b %H:%M} to ")
    assert "is away" in gap[0].text


def test_hours_that_the_layers_leave_to_nobody_and_somebody_confirmed(policy: EscalationPolicy, lea: User) -> None:
    empty = Schedule.objects.create(name="Nights")
    assert [offence.about for offence in find("coverage")] == [str(empty.pk)]
    Schedule.objects.filter(pk=empty.pk).update(gaps_accepted_at=clock.now(), gaps_accepted_by=lea)
    assert find("coverage") == []


def test_somebody_with_one_contact_is_a_gap_and_is_named(policy: EscalationPolicy, bo: User) -> None:
    bo.contact_methods.filter(kind="sms").update(disabled_at=clock.now())
    assert find("unreachable") == [Offence("Bo has fewer than two verified contacts", about=str(bo.pk))]
    assert "Bo from" in find("coverage")[0].text


def test_who_takes_no_turns_needs_no_contacts(policy: EscalationPolicy, chi: User) -> None:
    assert find("unreachable") == []
    now = clock.now()
    Override.objects.create(schedule=Schedule.objects.get(), user=chi, starts_at=now, ends_at=now + timedelta(hours=8))
    assert [offence.about for offence in find("unreachable")] == [str(chi.pk)]


def test_a_policy_that_ends_in_nobody(policy: EscalationPolicy, lea: User, bo: User) -> None:
    assert find("policy_ends_in_nobody") == []
    lea.contact_methods.all().delete()
    assert {offence.text for offence in find("policy_ends_in_nobody")} == {
        "the last step of Premier 24x7 reaches nobody",
        "the last step of SLA breach reaches nobody",
    }


def test_a_policy_whose_lead_has_left(policy: EscalationPolicy, lea: User) -> None:
    User.objects.filter(pk=lea.pk).update(role=Role.PRODUCT)
    assert len(find("policy_ends_in_nobody")) == 2


def test_no_policy_in_use(policy: EscalationPolicy) -> None:
    EscalationPolicy.objects.update(is_default=False)
    assert [offence.about for offence in find("policy_ends_in_nobody")] == ["none"]


def test_calendars_that_say_something_else(policy: EscalationPolicy, ann: User) -> None:
    now = clock.now()
    assert find("stale_shifts") == []
    clock.move(timedelta(hours=5))
    assert find("stale_shifts") == [], "time alone makes nothing wrong"
    Override.objects.create(
        schedule=Schedule.objects.get(), user=ann, starts_at=now + timedelta(days=2), ends_at=now + timedelta(days=3)
    )
    assert len(find("stale_shifts")) == 1
    shifts.materialise(now=clock.now())
    assert find("stale_shifts") == []


# --- Limits --------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_check_that_takes_too_long_says_so(policy: EscalationPolicy) -> None:
    locked, done = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("LOCK TABLE escalations_pagedelivery IN ACCESS EXCLUSIVE MODE")
                locked.set()
                done.wait(30)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    assert locked.wait(10)
    try:
        finding = found("delivery_overdue", limit_ms=100)
        assert (finding.state, finding.holds, finding.offences) == ("timed_out", False, [])
        assert found("step_overdue", limit_ms=1000).state == "ok", "the next one is looked at all the same"
    finally:
        done.set()
        holder.join()
    assert found("delivery_overdue").state == "ok"


def test_no_more_than_twenty_are_named(policy: EscalationPolicy, rita: User) -> None:
    for _ in range(22):
        factories.open_ticket(rita, priority=Priority.URGENT)
    clock.move(timedelta(seconds=40))
    assert len(find("ticket_without_page")) == 20


def test_looking_costs_the_same_however_many_pages_there_are(
    page: Page, rita: User, count_queries: Callable[[], Any]
) -> None:
    with count_queries() as before:
        check_all(now=clock.now())
    for _ in range(5):
        factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    clock.move(timedelta(minutes=10))
    with count_queries() as after:
        check_all(now=clock.now())
    assert PageDelivery.objects.count() > 2
    assert len(after) <= len(before) + 1


def test_s011_an_address_that_people_are_paged_at_and_mail_comes_back_from(policy: EscalationPolicy, ann: User) -> None:
    contact = ann.contact_methods.filter(kind=ContactMethod.Kind.EMAIL).first()
    contact = contact or ContactMethod.objects.create(
        user=ann, kind=ContactMethod.Kind.EMAIL, value="Ann@phone.example", verified_at=clock.now()
    )
    assert find("dead_addresses") == []
    health.note_bounce(contact.value, is_permanent=True, why="550 no such user", at=clock.now())
    (offence,) = find("dead_addresses")
    assert offence == Offence(f"mails to Ann's {contact.value} come back", about=str(contact.pk))
    health.note_heard_from(contact.value)
    assert find("dead_addresses") == []


def test_mail_that_nobody_reads_is_told_of(
    policy: EscalationPolicy, rita: User, move_clock: Callable[[timedelta], object]
) -> None:
    put(letter(rita.email).as_bytes(), sender=rita.email)
    move_clock(timedelta(minutes=4))
    assert find("unread_mail") == []
    move_clock(timedelta(minutes=2))
    (offence,) = find("unread_mail")
    assert offence.about == "mail"
    receive_due()
    assert find("unread_mail") == []


def test_s011_a_page_that_comes_back_counts_for_its_address(policy: EscalationPolicy, rita: User, ann: User) -> None:
    factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    delivery = PageDelivery.objects.select_related("contact", "person").first()
    assert delivery is not None
    contact = ContactMethod.objects.create(
        user=ann, kind=ContactMethod.Kind.EMAIL, value="Ann@phone.example", verified_at=clock.now()
    )
    PageDelivery.objects.filter(pk=delivery.pk).update(contact=contact)
    gone = Report("bounce", is_permanent=True, diagnosis="550 no such user")
    said = note_report(gone, return_paths=[return_path("page", delivery.pk)], at=clock.now())
    assert said == f"About the mail to ann@phone.example about page {delivery.page_id}: 550 no such user"
    assert len(find("dead_addresses")) == 1
