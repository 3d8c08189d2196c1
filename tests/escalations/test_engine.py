"""The engine: it climbs until somebody acknowledges, and what is empty or unreachable makes it louder (S097, S099)."""

import smtplib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from accounts.models import User
from escalations import actions
from escalations.models import (
    ContactMethod,
    EscalationPolicy,
    Layer,
    NotificationRule,
    Override,
    Page,
    PageDelivery,
    PageEvent,
    PolicyStep,
    Schedule,
)
from escalations.paging.channels import CHANNELS, DeliveryError
from escalations.paging.channels.demo_phone import DemoPhone
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories
from tickets import actions as ticket_actions
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
Rung = Callable[[], list[str]]
PassTime = Callable[[float], None]


def test_an_urgent_request_rings_who_is_on_call_by_phone_and_mail(
    page: Page, phones: Callable[[], list[dict[str, Any]]], mailoutbox: list[Any]
) -> None:
    (line,) = phones()
    assert line["person"] == "bo@desk.example"
    assert line["tickets"] == [str(page.ticket_id)]
    assert (line["method"], line["priority"], line["kind"]) == ("sms", "Urgent", "ticket")
    assert line["text"].startswith(f"Urgent, Northwind: #{page.ticket_id}. Reply A ")
    assert set(line) == {"at", "person", "method", "tickets", "priority", "kind", "text"}
    assert line["at"].endswith("Z")
    (mail,) = mailoutbox
    assert mail.to == ["bo@desk.example"]
    assert f"/desk/pages/{page.pk}/" in mail.body
    for text in (line["text"], mail.subject, mail.body, mail.alternatives[0][0]):
        assert "Secret" not in text


def test_unacknowledged_it_climbs_and_then_rings_everybody_for_good(
    page: Page, rung: Rung, pass_time: PassTime
) -> None:
    assert rung() == ["bo"]
    pass_time(4.9)
    assert rung() == ["bo"]
    pass_time(0.2)
    assert rung() == ["bo", "ann", "lea"], "the team, which lea belongs to; bo rings already"
    pass_time(5)  # the leads ring already: round two at once, with the catch-all list
    assert sorted(rung()[3:]) == ["ada", "bo", "lea"]
    before = len(rung())
    for _ in range(8):
        pass_time(15)
    assert len(rung()) == before + 1 + 7 * 4, "the rest of round two, then all four each time"
    assert sorted(rung()[-4:]) == ["ada", "ann", "bo", "lea"]
    assert Page.objects.get().is_ringing


def test_an_acknowledged_page_climbs_no_more(page: Page, bo: User, rung: Rung, pass_time: PassTime) -> None:
    actions.acknowledge(page, by=bo, at=clock.now())
    pass_time(20)
    assert rung() == ["bo"]


@pytest.mark.parametrize(("priority", "minutes"), [(Priority.URGENT, 30), (Priority.HIGH, 120)])
def test_an_acknowledgement_expires_when_nothing_follows(
    policy: EscalationPolicy, rita: User, bo: User, rung: Rung, pass_time: PassTime, priority: Priority, minutes: int
) -> None:
    factories.open_ticket(rita, priority=priority)
    run_pass("test")
    page = Page.objects.get()
    actions.acknowledge(page, by=bo, at=clock.now())
    pass_time(minutes - 1)
    assert rung() == ["bo"]
    pass_time(1.1)
    assert rung() == ["bo", "bo"]
    page.refresh_from_db()
    assert (page.episode, page.is_ringing) == (2, True)


def test_an_agents_move_keeps_it_acknowledged_and_the_own_taking_does_not_count(
    page: Page, bo: User, ann: User, rung: Rung, pass_time: PassTime
) -> None:
    actions.acknowledge(page, by=bo, at=clock.now())
    clock.move(timedelta(minutes=10))
    assert page.ticket is not None
    ticket_actions.assign(page.ticket, by=bo, to=ann, at=clock.now())
    for _ in range(4):
        pass_time(30)
    assert rung() == ["bo"]
    assert Page.objects.get().is_acknowledged


def test_a_note_does_not_keep_it_acknowledged(page: Page, bo: User, rung: Rung, pass_time: PassTime) -> None:
    actions.acknowledge(page, by=bo, at=clock.now())
    clock.move(timedelta(minutes=10))
    assert page.ticket is not None
    ticket_actions.add_note(page.ticket, by=bo, body="Looking.", at=clock.now())
    pass_time(21)
    assert rung() == ["bo", "bo"]


def test_solved_tickets_are_never_paged_again(page: Page, bo: User, rung: Rung, pass_time: PassTime) -> None:
    actions.acknowledge(page, by=bo, at=clock.now())
    assert page.ticket is not None
    ticket_actions.solve(page.ticket, by=bo, at=clock.now())
    pass_time(300)
    assert rung() == ["bo"]
    assert Page.objects.get().state == Page.State.ENDED


def test_an_override_is_paged_instead(policy: EscalationPolicy, ticket: Ticket, ann: User, rung: Rung) -> None:
    now = clock.now()
    hour = timedelta(hours=1)
    Override.objects.create(schedule=Schedule.objects.get(), user=ann, starts_at=now - hour, ends_at=now + hour)
    run_pass("test")
    assert rung() == ["ann"]


def test_an_empty_schedule_gives_way_to_the_next_step_at_once(
    policy: EscalationPolicy, ticket: Ticket, rung: Rung
) -> None:
    Layer.objects.all().delete()
    run_pass("test")
    assert sorted(rung()) == ["ann", "bo", "lea"]
    assert PageEvent.objects.filter(kind="step_empty").exists()


def test_a_person_on_call_who_was_deactivated_gives_way_at_once(
    policy: EscalationPolicy, ticket: Ticket, bo: User, rung: Rung
) -> None:
    User.objects.filter(pk=bo.pk).update(is_active=False)
    run_pass("test")
    assert sorted(rung()) == ["ann", "lea"]


@pytest.mark.parametrize("change", [{"verified_at": None}, {"disabled_at": "now"}])
def test_a_person_without_a_usable_contact_gives_way_at_once(
    policy: EscalationPolicy, ticket: Ticket, bo: User, rung: Rung, change: dict[str, Any]
) -> None:
    values = {name: clock.now() if value else None for name, value in change.items()}
    ContactMethod.objects.filter(user=bo).update(**values)
    run_pass("test")
    assert sorted(rung()) == ["ann", "lea"]


def test_when_nobody_can_be_reached_the_last_resort_gets_mail_and_it_shows_in_red(
    policy: EscalationPolicy, ticket: Ticket, mailoutbox: list[Any], client_of: Any, ada: User, pass_time: PassTime
) -> None:
    ContactMethod.objects.update(verified_at=None)
    run_pass("test")
    assert sorted(mail.to[0] for mail in mailoutbox) == ["ada@desk.example", "lea@desk.example"]
    html = client_of(ada).get("/desk/on-call/").content.decode()
    assert "reached nobody" in html
    pass_time(16)
    assert len(mailoutbox) == 4, "and again every quarter of an hour"


def test_a_policy_without_targets_rings_its_catch_all_list(
    policy: EscalationPolicy, ticket: Ticket, rung: Rung
) -> None:
    PolicyStep.objects.all().delete()
    run_pass("test")
    assert sorted(rung()) == ["ada", "lea"]


def test_rules_run_from_when_the_person_was_first_paged(
    policy: EscalationPolicy, ticket: Ticket, bo: User, phones: Any, mailoutbox: list[Any], pass_time: PassTime
) -> None:
    NotificationRule.objects.filter(user=bo, contact__kind="sms").update(delay=120)
    run_pass("test")
    assert (len(mailoutbox), len(phones())) == (1, 0)
    pass_time(1.9)
    assert len(phones()) == 0
    pass_time(0.2)
    assert len(phones()) == 1


def test_an_acknowledgement_stops_what_was_still_to_come(
    policy: EscalationPolicy, ticket: Ticket, bo: User, phones: Any, pass_time: PassTime
) -> None:
    NotificationRule.objects.filter(user=bo, contact__kind="sms").update(delay=120)
    run_pass("test")
    actions.acknowledge(Page.objects.get(), by=bo, at=clock.now())
    pass_time(3)
    assert phones() == []


def test_the_policys_shape_is_that_of_the_trigger_the_people_are_those_of_the_step(
    page: Page, policy: EscalationPolicy, chi: User, rung: Rung, pass_time: PassTime
) -> None:
    from accounts.models import Team
    from escalations import defaults

    policy.steps.filter(position__gt=1).delete()
    Team.objects.get(gets_new_tickets=True).members.set([chi])
    defaults.make_reachable(chi, at=clock.now())
    pass_time(5.1)
    assert rung() == ["bo", "chi"]


# --- What providers do ---------------------------------------------------------------------------------------------


class Provider(DemoPhone):
    """A channel that does what the story says, message by message, and then accepts."""

    def __init__(self, *outcomes: Exception) -> None:
        self.outcomes = list(outcomes)
        self.calls: list[Any] = []

    def deliver(self, message: Any) -> str:
        self.calls.append(message)
        if self.outcomes:
            raise self.outcomes.pop(0)
        return "taken"


@pytest.fixture
def only_phone(policy: EscalationPolicy) -> None:
    ContactMethod.objects.filter(kind="email").update(disabled_at=clock.now())


def phone(monkeypatch: Any, *outcomes: Exception) -> Provider:
    provider = Provider(*outcomes)
    monkeypatch.setitem(CHANNELS, "sms", provider)
    return provider


def wait_is_over() -> None:
    """The retries are the database's time, which no test moves: say that they are due."""
    PageDelivery.objects.filter(retry_at__isnull=False).update(retry_at=Now())


def test_a_passing_failure_is_tried_again_three_times_then_the_next_step_rings(
    ticket: Ticket, only_phone: None, monkeypatch: Any, pass_time: PassTime
) -> None:
    provider = phone(monkeypatch, *[DeliveryError("busy")] * 4)
    run_pass("test")
    assert len(provider.calls) == 1, "not again before 5 s are over"
    for _ in range(3):
        wait_is_over()
        run_pass("test")
    people = [message.person for message in provider.calls]
    assert people[:4] == ["bo@desk.example"] * 4
    assert set(people[4:]) == {"ann@desk.example", "lea@desk.example"}


def test_a_refusal_for_good_disables_the_contact_and_the_next_rule_is_due_now(
    ticket: Ticket, bo: User, monkeypatch: Any, mailoutbox: list[Any]
) -> None:
    NotificationRule.objects.filter(user=bo, contact__kind="email").update(delay=240)
    provider = phone(monkeypatch, DeliveryError("no such number", permanent=True))
    run_pass("test")
    assert len(provider.calls) == 1
    assert [mail.to for mail in mailoutbox] == [["bo@desk.example"]]
    contact = ContactMethod.objects.get(user=bo, kind="sms")
    assert contact.disabled_at is not None
    assert contact.disabled_why == "no such number"


def test_what_may_have_arrived_is_sent_once_more_marked_as_a_repeat(
    ticket: Ticket, only_phone: None, monkeypatch: Any
) -> None:
    provider = phone(monkeypatch, *[DeliveryError("no answer", unknown=True)] * 2)
    run_pass("test")
    wait_is_over()
    run_pass("test")
    wait_is_over()
    run_pass("test")
    to_bo = [message for message in provider.calls if message.person == "bo@desk.example"]
    assert len(to_bo) == 2
    assert to_bo[1].headline.startswith("Repeat: ")
    assert {message.person for message in provider.calls[2:]} == {"ann@desk.example", "lea@desk.example"}


def test_a_channel_that_breaks_is_an_unknown_outcome(ticket: Ticket, only_phone: None, monkeypatch: Any) -> None:
    phone(monkeypatch, ZeroDivisionError("bug"))
    run_pass("test")
    assert PageDelivery.objects.get().state == "unknown"


@pytest.mark.parametrize(
    ("failure", "permanent", "unknown"),
    [
        (smtplib.SMTPRecipientsRefused({"bo@desk.example": (550, b"no such user")}), True, False),
        (smtplib.SMTPRecipientsRefused({"bo@desk.example": (451, b"later")}), False, False),
        (smtplib.SMTPServerDisconnected("gone"), False, True),
        (smtplib.SMTPDataError(554, b"no"), False, False),
        (TimeoutError("timed out"), False, True),
    ],
)
def test_the_mail_servers_answers(
    monkeypatch: Any, page: Page, failure: Exception, permanent: bool, unknown: bool
) -> None:
    from django.core.mail.backends.locmem import EmailBackend

    from escalations.paging.wording import text_of

    def fail(self: object, messages: object) -> int:
        raise failure

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    row = PageDelivery.objects.filter(contact__kind="email")[0]
    with pytest.raises(DeliveryError) as refusal:
        CHANNELS["email"].deliver(text_of([row], at=clock.now()))
    assert (refusal.value.permanent, refusal.value.unknown) == (permanent, unknown)


def test_many_pages_for_one_contact_are_one_message_that_lists_them_all(
    policy: EscalationPolicy, rita: User, phones: Any
) -> None:
    tickets = [factories.open_ticket(rita, priority=Priority.URGENT) for _ in range(12)]
    run_pass("test")
    (line,) = phones()
    assert sorted(line["tickets"]) == sorted(str(ticket.number) for ticket in tickets)
    assert "12 tickets" in line["text"]
    assert line["text"].endswith("/desk/pages/")
    assert PageEvent.objects.filter(kind="sent", data__method="text message").count() == 12


def test_the_engine_does_nothing_twice(page: Page, rung: Rung, mailoutbox: list[Any]) -> None:
    for _ in range(3):
        run_pass("test")
    assert (len(rung()), len(mailoutbox)) == (1, 1)


# --- What must never be --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "columns",
    [
        {"next_action_at": None},
        {"state": "acknowledged", "next_action_at": None},
        {"state": "ended", "next_action_at": None},
        {"ticket": None},
    ],
)
def test_the_database_refuses_pages_that_contradict_themselves(page: Page, columns: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Page.objects.filter(pk=page.pk).update(**columns)


@pytest.mark.parametrize("with_policy", [True, False])
def test_the_database_refuses_a_second_open_page(page: Page, with_policy: bool) -> None:
    if not with_policy:
        Page.objects.update(policy=None)
    page.refresh_from_db()
    page.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        page.save(force_insert=True)


def test_writing_a_delivery_twice_changes_nothing(page: Page) -> None:
    rows = list(PageDelivery.objects.all())
    for row in rows:
        row.pk = None
    PageDelivery.objects.bulk_create(rows, ignore_conflicts=True)
    assert PageDelivery.objects.count() == len(rows) == 2
