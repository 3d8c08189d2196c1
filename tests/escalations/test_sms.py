"""Pages by text message through Twilio: what it answers, or doesn't, decides what happens next (S097)."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db.models.functions import Now

from accounts.models import User
from escalations import actions
from escalations.models import ContactMethod, EscalationPolicy, NotificationRule, Page, PageDelivery, PageEvent
from escalations.paging.advance import advance
from escalations.paging.deliver import deliver
from escalations.paging.derive import derive
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories
from tests.provider import ACCEPT, BROKEN, GARBLED, HANG, NO_SUCH_NUMBER, RESET, TOO_MANY, UNSUBSCRIBED, Provider
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
OnlyBy = Callable[..., str]
PassTime = Callable[[float], None]


@pytest.fixture
def number(policy: EscalationPolicy, only_by: OnlyBy, bo: User) -> str:
    """bo is paged by text and by nothing else."""
    return only_by(bo)


def sent() -> PageDelivery:
    return PageDelivery.objects.get(contact__kind="sms", person__email="bo@desk.example")


def retry_now() -> None:
    """As if the seconds that a retry waits by the database's clock had passed."""
    PageDelivery.objects.filter(retry_at__isnull=False).update(retry_at=Now())


def test_a_page_goes_out_as_a_text_in_plain_words(number: str, ticket: Ticket, twilio: Provider) -> None:
    twilio.expect(number)
    run_pass("test")
    (text,) = twilio.received
    row = sent()
    assert (row.state, row.provider_id) == ("accepted", text.sid)
    assert text.path == "/2010-04-01/Accounts/ACtest/Messages.json"
    assert (text.form["To"], text.form["From"]) == (number, "+15005550006")
    code = row.reply_code
    assert text.body == (
        f"Urgent, Northwind: #{ticket.pk}. Reply A {code} to acknowledge, E {code} to escalate."
        f" http://testserver/desk/pages/{row.page_id}/"
    )
    assert "Secret" not in text.body
    assert text.form["StatusCallback"] == f"http://testserver/hooks/twilio/status/{row.message}/"
    assert text.headers["Authorization"].startswith("Basic "), "by the newest token"


@pytest.mark.parametrize(
    ("refusal", "why"), [(NO_SUCH_NUMBER, "not a phone number (Twilio 21211)"), (UNSUBSCRIBED, "STOP was answered")]
)
def test_a_refusal_for_good_disables_the_number_and_the_next_step_rings_at_once(
    number: str,
    ticket: Ticket,
    twilio: Provider,
    rung: Callable[[], list[str]],
    only_by: OnlyBy,
    refusal: Any,
    why: str,
    ann: User,
    lea: User,
) -> None:
    others = [only_by(ann), only_by(lea)]
    twilio.expect(number, refusal)
    for other in others:
        twilio.expect(other)
    run_pass("test")
    contact = ContactMethod.objects.get(value=number)
    assert (contact.disabled_why, sent().state) == (why, "failed")
    assert [one.to for one in twilio.received] == [number, *others]


@pytest.mark.parametrize("refusal", [TOO_MANY, BROKEN])
def test_a_refusal_for_now_is_tried_again_and_each_attempt_shows(
    number: str, ticket: Ticket, twilio: Provider, refusal: Any
) -> None:
    twilio.expect(number, refusal, refusal, ACCEPT)
    run_pass("test")
    assert sent().state == "pending"
    retry_now()
    run_pass("test")
    retry_now()
    run_pass("test")
    assert (sent().state, sent().attempt, sent().is_repeat) == ("accepted", 3, False)
    assert ContactMethod.objects.get(value=number).is_usable
    assert PageEvent.objects.filter(kind="failed").count() == 2


def test_refused_four_times_the_persons_next_rule_is_due(
    number: str, ticket: Ticket, twilio: Provider, bo: User, mailoutbox: list[Any]
) -> None:
    mail = ContactMethod.objects.create(user=bo, kind="email", value=bo.email, verified_at=clock.now())
    NotificationRule.objects.create(user=bo, priority=Priority.URGENT, contact=mail, delay=240)
    twilio.expect(number, *[BROKEN] * 4)
    for _ in range(4):
        run_pass("test")
        retry_now()
    assert sent().state == "failed"
    assert [one.to for one in mailoutbox] == [["bo@desk.example"]]


def test_who_does_not_answer_at_all_is_tried_again_since_nothing_was_said(
    number: str, ticket: Ticket, twilio: Provider, settings: Any
) -> None:
    settings.TWILIO_API_URL = "http://127.0.0.1:1"
    run_pass("test")
    assert (sent().state, sent().error) == ("pending", "Twilio can't be reached: NewConnectionError")


def test_one_that_hangs_is_left_after_five_seconds_and_its_outcome_is_unknown(
    number: str, ticket: Ticket, twilio: Provider
) -> None:
    twilio.expect(number, HANG)
    began = time.monotonic()
    run_pass("test")
    assert 4.9 < time.monotonic() - began < 6.5
    assert (sent().state, sent().error) == ("unknown", "no answer from Twilio: ReadTimeout")


@pytest.mark.parametrize("fault", [RESET, GARBLED])
def test_accepted_and_then_no_answer_is_sent_once_more_marked_as_a_repeat(
    number: str, ticket: Ticket, twilio: Provider, fault: Any
) -> None:
    twilio.expect(number, fault, ACCEPT)
    run_pass("test")
    assert sent().state == "unknown"
    run_pass("test")
    assert len(twilio.received) == 1, "not before its time"
    retry_now()
    run_pass("test")
    first, repeat = twilio.received
    assert repeat.body.startswith("Repeat: Urgent, Northwind")
    assert (sent().state, sent().is_repeat) == ("accepted", True)
    assert first.message == repeat.message, "the first one may be answered, too"
    assert first.body.partition("Reply ")[2] == repeat.body.partition("Reply ")[2]


def test_one_whose_repeat_is_lost_as_well_is_not_sent_a_third_time(
    number: str, ticket: Ticket, twilio: Provider, only_by: OnlyBy, ann: User, lea: User
) -> None:
    others = [only_by(ann), only_by(lea)]
    twilio.expect(number, RESET, RESET)
    for other in others:
        twilio.expect(other)
    run_pass("test")
    retry_now()
    run_pass("test")
    retry_now()
    run_pass("test")
    assert [one.to for one in twilio.received] == [number, number, *others], "the next step rings instead"


def test_a_lost_answer_is_made_good_by_the_callback_that_carries_our_id(
    number: str, ticket: Ticket, twilio: Provider, twilio_calls: Any
) -> None:
    twilio.expect(number, RESET.then("delivered"))
    run_pass("test")
    assert [answer.status_code for answer in twilio.call_back(twilio_calls)] == [204]
    assert (sent().state, sent().retry_at) == ("delivered", None)
    retry_now()
    run_pass("test")
    assert len(twilio.received) == 1, "nothing is repeated"


def test_a_bundle_that_may_have_arrived_is_repeated_as_it_was(
    number: str, ticket: Ticket, twilio: Provider, rita: User, pass_time: PassTime
) -> None:
    twilio.expect(number, ACCEPT, RESET, ACCEPT)
    run_pass("test")
    more = [factories.open_ticket(rita, priority=Priority.URGENT).pk for _ in range(2)]
    run_pass("test")
    pass_time(1.1)
    retry_now()
    run_pass("test")
    bundle, repeat = twilio.received[1:]
    assert f"2 tickets: #{more[0]}, #{more[1]}" in bundle.body
    assert repeat.body == f"Repeat: {bundle.body}"
    assert repeat.message == bundle.message


def test_nothing_goes_to_twilio_after_an_acknowledgement(
    number: str, ticket: Ticket, twilio: Provider, bo: User
) -> None:
    twilio.expect(number, BROKEN)
    run_pass("test")
    actions.acknowledge(Page.objects.get(), by=bo, at=clock.now())
    retry_now()
    run_pass("test")
    assert len(twilio.received) == 1


def test_when_nothing_is_ever_heard_of_it_the_next_step_rings_in_its_time(
    number: str, ticket: Ticket, twilio: Provider, only_by: OnlyBy, ann: User, lea: User, pass_time: PassTime
) -> None:
    twilio.expect(number)
    run_pass("test")
    for person in (ann, lea):
        twilio.expect(only_by(person))
    pass_time(4.9)
    assert len(twilio.received) == 1
    pass_time(0.2)
    assert len(twilio.received) == 3


def test_somebody_who_left_before_their_text_was_due_gets_none(
    number: str, ticket: Ticket, twilio: Provider, bo: User, only_by: OnlyBy, ann: User, lea: User
) -> None:
    for person in (ann, lea):
        twilio.expect(only_by(person))
    derive(now=clock.now())
    advance(now=clock.now())
    User.objects.filter(pk=bo.pk).update(is_active=False)
    deliver(now=clock.now(), seconds=1)
    assert sent().state == "cancelled"
    run_pass("test")
    assert len(twilio.received) == 2, "the next step, at once"


def test_without_twilio_the_demos_phones_ring(number: str, ticket: Ticket, phones: Callable[[], list[Any]]) -> None:
    run_pass("test")
    assert [line["method"] for line in phones()] == ["sms"]


def test_without_twilio_a_desk_that_serves_others_says_so(
    number: str, ticket: Ticket, phones: Callable[[], list[Any]], settings: Any
) -> None:
    settings.DESK_ENV = "production"
    run_pass("test")
    assert phones() == []
    assert (sent().state, sent().error[:24]) == ("pending", "Twilio is not configured")
    assert ContactMethod.objects.get(value=number).is_usable


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"TWILIO_AUTH_TOKENS": []}, "set TWILIO_AUTH_TOKENS"),
        ({"TWILIO_FROM": "", "TWILIO_ACCOUNT_SID": ""}, "set TWILIO_ACCOUNT_SID and TWILIO_FROM"),
        ({"TWILIO_FROM": "Desk"}, "must be a number"),
    ],
)
def test_half_a_configuration_stops_the_desk_at_boot(
    twilio: Provider, settings: Any, change: dict[str, Any], sentence: str
) -> None:
    for name, value in change.items():
        setattr(settings, name, value)
    with pytest.raises(SystemCheckError, match=sentence):
        call_command("check")


def test_a_burst_of_pages_is_one_text_a_minute(
    number: str, twilio: Provider, rita: User, pass_time: PassTime, policy: EscalationPolicy
) -> None:
    twilio.expect(number, ACCEPT, ACCEPT)
    for _ in range(2):
        for _ in range(6):
            factories.open_ticket(rita, priority=Priority.URGENT)
        run_pass("test")
    assert len(twilio.received) == 1
    pass_time(1.1)
    assert len(twilio.received) == 2
    assert PageDelivery.objects.filter(contact__value=number, state="accepted").count() == 12
