"""A broken promise of an Urgent ticket of Premier pages the lead, beside the ticket's own page for who is on call."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.models import Organization, SupportPlan, User
from escalations import actions, defaults
from escalations.models import ContactMethod, EscalationPolicy, Page, PageDelivery, PageEvent
from escalations.paging.channels import CHANNELS, DeliveryError
from escalations.paging.channels.demo_phone import DemoPhone
from escalations.paging.derive import to_begin
from escalations.paging.engine import run_pass
from supportdesk.lib import clock, slots
from tests import factories
from tickets import actions as ticket_actions
from tickets.models import Channel, Priority, SlaClock, Ticket
from tickets.sla import sweep
from tickets.states import Status

pytestmark = pytest.mark.django_db
Rung = Callable[[], list[dict[str, Any]]]
Later = Callable[[float], None]
BREACH = Page.Kind.SLA_BREACH


@pytest.fixture
def later() -> Later:
    """Move the clock on by so many minutes, let the sweep look at the promises, then the engine at everything."""

    def make(minutes: float) -> None:
        clock.move(timedelta(minutes=minutes))
        sweep.act(now=clock.now())
        run_pass("test")

    return make


@pytest.fixture
def told(phones: Rung) -> Callable[[], list[str]]:
    """Whose demo phones rang for a broken promise, in order."""
    return lambda: [line["person"].partition("@")[0] for line in phones() if line["kind"] == "sla_breach"]


@pytest.fixture
def breach(ticket: Ticket, later: Later) -> Page:
    """The page of the lead: the Urgent ticket has been unanswered for over an hour."""
    run_pass("test")
    later(60.1)
    return Page.objects.get(ticket=ticket, kind=BREACH)


def breaches() -> int:
    return Page.objects.open().filter(kind=BREACH).count()


def answer(ticket: Ticket, by: User, submit_as: Status = Status.OPEN) -> None:
    ticket_actions.answer(ticket, by=by, body="Restart it.", submit_as=submit_as, at=clock.now())


def set_priority(ticket: Ticket, by: User, priority: Priority) -> None:
    ticket_actions.change_fields(ticket, by=by, changes={"priority": priority}, at=clock.now())


# --- It begins -----------------------------------------------------------------------------------------------------


def test_an_hour_without_a_reply_pages_the_lead_while_the_ticket_rings_who_is_on_call(
    ticket: Ticket, later: Later, phones: Rung, told: Callable[[], list[str]]
) -> None:
    run_pass("test")
    assert [line["person"] for line in phones()] == ["bo@desk.example"]
    later(59.9)
    assert told() == []
    later(0.2)
    assert told() == ["lea"]
    own, breach = Page.objects.get(kind="ticket"), Page.objects.get(kind=BREACH)
    assert own.is_ringing
    assert breach.is_ringing
    assert (own.policy, breach.policy) == (
        EscalationPolicy.objects.get(is_default=True),
        EscalationPolicy.objects.get(is_for_breaches=True),
    )
    (began,) = PageEvent.objects.filter(page=breach, kind="began")
    assert began.data["promises"] == ["First reply"]


def test_the_message_says_which_promise_and_nothing_of_the_ticket(
    breach: Page, phones: Rung, mailoutbox: list[Any]
) -> None:
    line = phones()[-1]
    about = f"SLA breach, Urgent, Northwind: #{breach.ticket_id}, first reply overdue."
    assert line["text"].startswith(f"{about} Reply A ")
    assert line["tickets"] == [str(breach.ticket_id)]
    assert (line["priority"], line["kind"]) == ("Urgent", "sla_breach")
    mail = next(mail for mail in mailoutbox if mail.subject == about)
    assert mail.to == ["lea@desk.example"]
    assert f"/desk/pages/{breach.pk}/" in mail.body
    for text in (line["text"], mail.subject, mail.body, mail.alternatives[0][0]):
        assert "Secret" not in text


def test_other_plans_and_other_priorities_page_no_lead(
    policy: EscalationPolicy, rita: User, sam: User, later: Later
) -> None:
    enterprise = factories.open_ticket(sam, priority=Priority.URGENT)
    high = factories.open_ticket(rita, priority=Priority.HIGH)
    unset = factories.open_ticket(rita, priority=None)
    later(60 * 24 * 4)
    assert SlaClock.objects.broken().filter(ticket__in=[enterprise, high, unset]).count() == 3
    assert breaches() == 0


def test_the_next_reply_and_the_regular_update_ring_too(
    ticket: Ticket, bo: User, rita: User, later: Later, phones: Rung
) -> None:
    answer(ticket, bo)
    later(240.1)
    assert breaches() == 1
    assert "regular update overdue" in phones()[-1]["text"]
    answer(ticket, bo)
    later(0.1)
    assert breaches() == 0
    ticket_actions.reply(ticket, by=rita, body="No better.", at=clock.now())
    later(120.1)
    assert breaches() == 1
    assert "next reply overdue" in [line for line in phones() if line["kind"] == "sla_breach"][-1]["text"]


def test_what_was_answered_before_the_engine_looked_rings_nobody(
    ticket: Ticket, bo: User, later: Later, told: Callable[[], list[str]]
) -> None:
    clock.move(timedelta(minutes=61))
    sweep.act(now=clock.now())
    answer(ticket, bo)
    later(1)
    assert SlaClock.objects.get(promise="first_reply").breached_at is not None
    assert told() == []


def test_what_broke_before_the_desk_was_switched_on_rings_nobody(
    ticket: Ticket, later: Later, told: Callable[[], list[str]]
) -> None:
    in_use = EscalationPolicy.objects.filter(is_for_breaches=True)
    in_use.update(active_from=clock.now() + timedelta(minutes=61))
    later(62)
    assert told() == []


def test_what_was_imported_rings_nobody(ticket: Ticket, later: Later) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(channel=Channel.IMPORT)
    later(61)
    assert breaches() == 0


def test_without_a_policy_for_breaches_the_last_resort_rings(
    ticket: Ticket, later: Later, phones: Rung, client_of: Callable[[User], Client], ada: User
) -> None:
    EscalationPolicy.objects.filter(is_for_breaches=True).update(is_for_breaches=False)
    later(61)
    page = Page.objects.get(kind=BREACH)
    assert (page.policy, page.nobody_reached_at is None) == (None, False)
    people = [line["person"] for line in phones() if line["kind"] == "sla_breach"]
    assert sorted(people) == ["ada@desk.example", "lea@desk.example"]
    html = client_of(ada).get("/desk/on-call/").content.decode()
    assert "No escalation policy is used for SLA breaches" in html
    assert f"The SLA breach of #{page.ticket_id} reached nobody." in html


def test_a_lead_who_cannot_be_reached_gives_way_to_the_admins(
    ticket: Ticket, lea: User, later: Later, told: Callable[[], list[str]]
) -> None:
    ContactMethod.objects.filter(user=lea).update(verified_at=None)
    later(61)
    assert told() == ["ada"]


def test_it_repeats_with_the_admins_until_somebody_acknowledges(
    breach: Page, later: Later, told: Callable[[], list[str]]
) -> None:
    later(5.1)
    assert sorted(told()[1:]) == ["ada", "lea"]


def test_a_sweep_that_comes_again_begins_nothing_twice(breach: Page, later: Later, told: Any) -> None:
    for _ in range(3):
        later(0.1)
    assert told() == ["lea"]
    assert Page.objects.filter(kind=BREACH).count() == 1


def test_the_database_refuses_a_second_open_page_and_one_without_a_ticket(breach: Page) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Page.objects.filter(pk=breach.pk).update(ticket=None)
    breach.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        breach.save(force_insert=True)


# --- It ends -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (answer, "no promise is overdue any more"),
        (lambda ticket, bo: answer(ticket, bo, Status.PENDING), "no promise is overdue any more"),
        (lambda ticket, bo: ticket_actions.solve(ticket, by=bo, at=clock.now()), "the ticket is Solved"),
        (lambda ticket, bo: set_priority(ticket, bo, Priority.HIGH), "the priority is High"),
        (lambda ticket, bo: SupportPlan.objects.update(pages=False), "the plan comes without paging"),
    ],
    ids=["answered", "asked", "solved", "lowered", "plan changed"],
)
@pytest.mark.parametrize("acknowledged", [False, True])
def test_it_ends_with_its_cause(
    breach: Page, ticket: Ticket, bo: User, lea: User, later: Later, how: Any, why: str, acknowledged: bool
) -> None:
    if acknowledged:
        actions.acknowledge(breach, by=lea, at=clock.now())
    clock.move(timedelta(minutes=1))
    how(ticket, bo)
    run_pass("test")
    breach.refresh_from_db()
    assert breach.state == Page.State.ENDED
    assert PageEvent.objects.get(page=breach, kind="ended").data["why"] == why
    assert not PageDelivery.objects.filter(page=breach, state="pending").exists()


def test_a_note_a_hold_and_an_assignment_end_nothing(breach: Page, ticket: Ticket, bo: User, later: Later) -> None:
    ticket_actions.add_note(ticket, by=bo, body="Looking.", at=clock.now())
    ticket_actions.assign(ticket, by=bo, to=bo, at=clock.now())
    ticket_actions.hold(ticket, by=bo, reason="the vendor", at=clock.now())
    later(1)
    breach.refresh_from_db()
    assert breach.is_ringing
    assert not Page.objects.open().filter(kind="ticket").exists(), "the ticket's own rests while it is on hold"


def test_after_it_was_kept_the_next_promise_that_breaks_begins_another(
    breach: Page, ticket: Ticket, bo: User, rita: User, later: Later, told: Callable[[], list[str]]
) -> None:
    answer(ticket, bo)
    later(1)
    ticket_actions.reply(ticket, by=rita, body="No better.", at=clock.now())
    later(119)
    assert breaches() == 0
    later(1.1)
    assert Page.objects.filter(kind=BREACH).count() == 2
    assert told() == ["lea", "lea"]


def test_raised_again_it_rings_again_for_what_is_still_owed(
    breach: Page, ticket: Ticket, bo: User, later: Later, told: Callable[[], list[str]]
) -> None:
    set_priority(ticket, bo, Priority.HIGH)
    later(1)
    set_priority(ticket, bo, Priority.URGENT)
    later(1)
    assert breaches() == 1
    assert told() == ["lea", "lea"]


def test_a_promise_that_broke_at_a_lower_priority_rings_once_the_ticket_is_urgent(
    policy: EscalationPolicy, rita: User, bo: User, later: Later, told: Callable[[], list[str]]
) -> None:
    ticket = factories.open_ticket(rita, priority=Priority.HIGH)
    later(121)
    assert told() == []
    ticket_actions.raise_priority(ticket, by=rita, to=Priority.URGENT, reason="All are out.", at=clock.now())
    run_pass("test")
    assert told() == ["lea"]


def test_what_was_kept_between_claim_and_call_is_not_sent(
    ticket: Ticket, bo: User, phones: Rung, monkeypatch: Any
) -> None:
    """The last look before the provider's call asks for the cause once more."""
    clock.move(timedelta(minutes=61))
    now = clock.now()
    sweep.act(now=now)
    from escalations.paging.advance import advance
    from escalations.paging.deliver import deliver
    from escalations.paging.derive import derive

    derive(now=now)
    advance(now=now)
    Ticket.objects.filter(pk=ticket.pk).update(waiting_since=None)
    assert deliver(now=now, seconds=5)
    kinds = {line["kind"] for line in phones()}
    assert kinds == {"sla_breach"}, "the ticket's own is not wanted any more, the breach's is"
    PageDelivery.objects.filter(page__kind=BREACH).update(state="pending", accepted_at=None)
    answer(ticket, bo)
    deliver(now=now, seconds=5)
    assert len(phones()) == 1
    assert set(PageDelivery.objects.filter(page__kind=BREACH).values_list("state", flat=True)) == {"cancelled"}


# --- Acknowledged --------------------------------------------------------------------------------------------------


def test_acknowledging_silences_it_and_leaves_the_ticket_whose_it_was(
    breach: Page, ticket: Ticket, lea: User, later: Later, told: Callable[[], list[str]]
) -> None:
    actions.acknowledge(breach, by=lea, at=clock.now())
    later(29)
    ticket.refresh_from_db()
    assert (ticket.assignee, ticket.state) == (None, Status.NEW)
    assert told() == ["lea"]
    assert Page.objects.get(kind="ticket").is_ringing, "the ticket's own page is not acknowledged by this"
    assert PageEvent.objects.get(page=breach, kind="acknowledged").data["took"] is False


def test_it_expires_although_the_ticket_was_given_to_somebody_or_held(
    breach: Page, ticket: Ticket, lea: User, bo: User, later: Later, told: Callable[[], list[str]]
) -> None:
    actions.acknowledge(breach, by=lea, at=clock.now())
    clock.move(timedelta(minutes=1))
    ticket_actions.assign(ticket, by=lea, to=bo, at=clock.now())
    ticket_actions.hold(ticket, by=bo, reason="the vendor", at=clock.now())
    later(29.1)
    assert told() == ["lea", "lea"], "the customer has still been told nothing"
    breach.refresh_from_db()
    assert (breach.episode, breach.is_ringing) == (2, True)


def test_a_promise_that_breaks_after_the_acknowledgement_rings_anew(
    ticket: Ticket, lea: User, bo: User, rita: User, later: Later, told: Callable[[], list[str]]
) -> None:
    answer(ticket, bo)
    clock.move(timedelta(minutes=130))
    ticket_actions.reply(ticket, by=rita, body="No better.", at=clock.now())
    later(110.1)
    actions.acknowledge(Page.objects.get(kind=BREACH), by=lea, at=clock.now())
    later(9.5)
    assert told() == ["lea"]
    later(0.6)
    assert told() == ["lea", "lea"], "the next reply broke ten minutes after the regular update"
    assert breaches() == 1


@pytest.mark.parametrize("verb", ["solve", "lower"])
def test_what_finished_and_came_back_between_two_passes_rings_anew(
    breach: Page, ticket: Ticket, lea: User, bo: User, rita: User, later: Later, verb: str, told: Any
) -> None:
    actions.acknowledge(breach, by=lea, at=clock.now())
    clock.move(timedelta(minutes=1))
    if verb == "solve":
        ticket_actions.solve(ticket, by=bo, at=clock.now())
        ticket_actions.reply(ticket, by=rita, body="It is not.", at=clock.now())
    else:
        set_priority(ticket, bo, Priority.NORMAL)
        set_priority(ticket, bo, Priority.URGENT)
    later(1)
    breach.refresh_from_db()
    assert breach.state == Page.State.ENDED
    assert told() == ["lea", "lea"]


def test_a_broken_resolution_is_held_by_a_public_reply(
    policy: EscalationPolicy, rita: User, lea: User, bo: User, later: Later, told: Callable[[], list[str]]
) -> None:
    factories.promise("premier", {("resolution", 1): (60, "clock")})
    ticket = factories.open_ticket(rita, priority=Priority.URGENT)
    later(61)
    page = Page.objects.get(kind=BREACH)
    actions.acknowledge(page, by=lea, at=clock.now())
    clock.move(timedelta(minutes=1))
    answer(ticket, bo)
    for _ in range(3):
        later(60)
    page.refresh_from_db()
    assert (page.is_acknowledged, page.acknowledged_until) == (True, None)
    assert told() == ["lea"]


def test_the_others_are_told_by_mail_that_the_breach_is_taken(
    breach: Page, lea: User, later: Later, mailoutbox: list[Any]
) -> None:
    later(5.1)
    mailoutbox.clear()
    actions.acknowledge(breach, by=lea, at=clock.now())
    run_pass("test")
    assert [(mail.to, mail.subject) for mail in mailoutbox] == [
        (["ada@desk.example"], f"Taken by Lea: SLA breach, #{breach.ticket_id}, Northwind.")
    ]


# --- Sent ----------------------------------------------------------------------------------------------------------


def test_a_provider_that_fails_for_now_is_asked_again(
    ticket: Ticket, later: Later, monkeypatch: Any, told: Callable[[], list[str]]
) -> None:
    real, failures = CHANNELS["sms"], iter([DeliveryError("busy")])

    class Busy(DemoPhone):
        def deliver(self, message: Any) -> str:
            if message.kind == "sla_breach" and (failure := next(failures, None)):
                raise failure
            return real.deliver(message)

    monkeypatch.setitem(CHANNELS, "sms", Busy())
    later(61)
    assert told() == []
    PageDelivery.objects.filter(retry_at__isnull=False).update(retry_at=timezone.now() - timedelta(seconds=1))
    later(0)
    assert told() == ["lea"]


def test_many_breaches_are_one_message_of_their_own_kind(
    policy: EscalationPolicy, rita: User, lea: User, later: Later, phones: Rung
) -> None:
    ContactMethod.objects.exclude(user=lea).update(verified_at=None)  # both kinds of page reach lea at once
    tickets = [factories.open_ticket(rita, priority=Priority.URGENT) for _ in range(5)]
    later(61)
    own, broken = phones()
    assert (own["kind"], broken["kind"]) == ("ticket", "sla_breach")
    assert broken["text"].startswith("SLA breach, Urgent, 5 tickets: #")
    assert sorted(broken["tickets"]) == sorted(str(ticket.number) for ticket in tickets) == sorted(own["tickets"])


def test_deriving_looks_at_broken_clocks_only(breach: Page, rita: User) -> None:
    """The partial index of open, broken clocks leads to the tickets; no table is read through."""
    row, clock_row = Ticket.objects.get(pk=breach.ticket_id), SlaClock.objects.get(promise="first_reply")
    _copy(row, 3000)
    others = Ticket.objects.exclude(pk=row.pk).values_list("pk", flat=True)
    values = {f.attname: getattr(clock_row, f.attname) for f in clock_row._meta.concrete_fields if not f.primary_key}
    values |= {"breached_at": None}
    SlaClock.objects.bulk_create([SlaClock(**{**values, "ticket_id": pk}) for pk in others], batch_size=1000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE tickets_ticket, tickets_slaclock")
    plan = to_begin(None, BREACH, now=clock.now()).explain()
    assert "clock_open_and_broken" in plan
    assert "Seq Scan on tickets_ticket" not in plan
    assert "Seq Scan on tickets_slaclock" not in plan


def _copy(row: Ticket, times: int) -> None:
    values = {f.attname: getattr(row, f.attname) for f in row._meta.concrete_fields if not f.primary_key}
    Ticket.objects.bulk_create([Ticket(**values) for _ in range(times)], batch_size=1000)


# --- Seen ----------------------------------------------------------------------------------------------------------


def test_the_ticket_shows_both_alarms_and_tells_their_stories_apart(breach: Page, ticket: Ticket, lea: User) -> None:
    request = RequestFactory().get("/desk/")
    request.user = lea
    own = Page.objects.get(kind="ticket")
    banner = slots.fill_one("ticket.alarm", ticket, request)
    assert banner.count('class="alarm"') == 2
    assert "SLA breach: Ringing Lea, step 1 of 1" in banner
    for page in (own, breach):
        assert f'action="/desk/pages/{page.pk}/acknowledge/"' in banner
    row = slots.fill_one("queue.row", ticket, request)
    assert row.count("badge hot") == 2
    assert "SLA breach, ringing Lea" in row
    history = slots.fill_one("ticket.timeline", ticket, request)
    assert "SLA breach: Began to page: Urgent, first reply overdue" in history
    assert "SLA breach: Paging Lea (step 1 of 1)" in history
    assert ">Began to page: Urgent," in history


def test_its_view_names_the_promise_and_acknowledges(
    breach: Page, ticket: Ticket, lea: User, client_of: Callable[[User], Client]
) -> None:
    client, address = client_of(lea), f"/desk/pages/{breach.pk}/"
    html = client.get(address).content.decode()
    for words in ("SLA breach", "<b>First reply</b> is overdue since", "Ringing you"):
        assert words in html
    html = client.post(f"{address}acknowledge/", follow=True).content.decode()
    assert "unless the customer is answered" in html
    ticket.refresh_from_db()
    assert ticket.assignee is None
    assert "SLA breach" in client.get("/desk/on-call/").content.decode()
    assert "acknowledged the SLA breach" in client.get(f"/desk/tickets/{ticket.pk}/").content.decode()


# --- The set-up ----------------------------------------------------------------------------------------------------


def test_the_default_policy_rings_the_leads_and_then_the_admins(policy: EscalationPolicy, lea: User, ada: User) -> None:
    made = EscalationPolicy.objects.get(is_for_breaches=True)
    assert (made.name, made.is_default) == ("SLA breach", False)
    assert [list(step.people.all()) for step in made.steps.all()] == [[lea]]
    assert list(made.catch_all.all()) == [ada]
    made.steps.all().delete()
    defaults.load(on_call=[], at=clock.now())
    assert not made.steps.exists(), "loading again changes nothing that was edited"
    assert EscalationPolicy.objects.count() == 2


@pytest.mark.parametrize(("who", "everybody"), [("ada", False), ("ann", True)])
def test_where_there_is_no_lead_somebody_rings_all_the_same(
    northwind: Organization, request: Any, who: str, everybody: bool
) -> None:
    somebody = request.getfixturevalue(who)
    defaults.load(on_call=[], staff=[somebody], at=clock.now())
    (step,) = EscalationPolicy.objects.get(is_for_breaches=True).steps.all()
    assert (step.everybody, list(step.people.all())) == (everybody, [] if everybody else [somebody])
