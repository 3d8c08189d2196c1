"""What Twilio calls: unsigned nothing is believed; what comes late, twice, disordered or replayed changes nothing."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse
from twilio.request_validator import RequestValidator

from accounts.models import User
from escalations import actions
from escalations.models import ContactMethod, EscalationPolicy, Page, PageDelivery, PageEvent
from escalations.paging import deliver
from escalations.paging.advance import advance
from escalations.paging.derive import derive
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests.provider import ACCEPT, BROKEN, HANG, RESET, Provider
from tickets.models import Ticket

pytestmark = pytest.mark.django_db
OnlyBy = Callable[..., str]


@pytest.fixture
def number(policy: EscalationPolicy, only_by: OnlyBy, bo: User) -> str:
    return only_by(bo)


@pytest.fixture
def text(number: str, ticket: Ticket, twilio: Provider) -> PageDelivery:
    """The text that bo was sent."""
    twilio.expect(number)
    run_pass("test")
    return PageDelivery.objects.get(contact__value=number)


@pytest.fixture
def texts(twilio: Provider, twilio_calls: Any, number: str) -> Callable[..., str]:
    """Somebody's text message by way of Twilio: what it is answered."""

    def send(words: str, *, sid: str = "SM1", sender: str = "", **more: str) -> str:
        form = {"MessageSid": sid, "From": sender or number, "To": "+15005550006", "Body": words, **more}
        answer = twilio.post("http://testserver/hooks/twilio/sms/", form, twilio_calls)
        assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml; charset=utf-8")
        return str(answer.content.decode())

    return send


def tell(twilio: Provider, post: Any, *statuses: str, **more: str) -> PageDelivery:
    for status in statuses:
        assert twilio.tell(twilio.received[0], status, post, **more).status_code == 204
    return PageDelivery.objects.exclude(contact=None).earliest("pk")


# --- What became of messages -----------------------------------------------------------------------------------------
def test_a_text_that_arrived_is_delivered(text: PageDelivery, twilio: Provider, twilio_calls: Any) -> None:
    row = tell(twilio, twilio_calls, "queued", "sent", "delivered")
    assert row.state == "delivered"
    assert row.delivered_at is not None
    assert PageEvent.objects.filter(kind="delivered").count() == 1


def test_accepted_then_undelivered_makes_the_next_step_due(
    text: PageDelivery, twilio: Provider, twilio_calls: Any, only_by: OnlyBy, ann: User, lea: User
) -> None:
    for person in (ann, lea):
        twilio.expect(only_by(person))
    row = tell(twilio, twilio_calls, "undelivered", ErrorCode="30003")
    assert (row.state, row.error) == ("failed", "Twilio says undelivered (30003)")
    assert ContactMethod.objects.get(pk=row.contact_id).is_usable, "a phone that is off will be on again"
    run_pass("test")
    assert len(twilio.received) == 3


def test_one_that_says_the_number_unsubscribed_disables_it(
    text: PageDelivery, twilio: Provider, twilio_calls: Any
) -> None:
    row = tell(twilio, twilio_calls, "failed", ErrorCode="21610")
    assert ContactMethod.objects.get(pk=row.contact_id).disabled_why == "STOP was answered"


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        (["delivered", "delivered"], "delivered"),
        (["delivered", "sent", "queued"], "delivered"),
        (["delivered", "undelivered"], "delivered"),
        (["undelivered", "delivered"], "failed"),
        (["failed", "failed"], "failed"),
        (["something new"], "accepted"),
        ([], "accepted"),
    ],
)
def test_twice_or_out_of_order_or_never_the_first_that_is_final_stands(
    text: PageDelivery, twilio: Provider, twilio_calls: Any, statuses: list[str], state: str
) -> None:
    row = tell(twilio, twilio_calls, *statuses)
    assert row.state == state
    assert PageEvent.objects.filter(kind__in=["delivered", "undelivered"]).count() == (state != "accepted")


def test_one_that_comes_late_for_a_page_that_somebody_has_rings_nobody(
    text: PageDelivery, twilio: Provider, twilio_calls: Any, bo: User
) -> None:
    actions.acknowledge(Page.objects.get(), by=bo, at=clock.now())
    tell(twilio, twilio_calls, "undelivered")
    run_pass("test")
    assert len(twilio.received) == 1
    assert Page.objects.get().is_acknowledged


def test_the_providers_callbacks_in_reverse_and_twice(
    number: str, ticket: Ticket, twilio: Provider, twilio_calls: Any
) -> None:
    twilio.expect(number, ACCEPT.then("sent", "delivered"))
    run_pass("test")
    assert len(twilio.call_back(twilio_calls, times=2, reverse=True)) == 4
    assert PageDelivery.objects.get(contact__value=number).state == "delivered"
    assert PageEvent.objects.filter(kind="delivered").count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("status", "state"), [("delivered", "delivered"), ("undelivered", "failed")])
def test_one_that_comes_before_the_answer_to_the_call_counts_and_nothing_is_repeated(
    number: str, ticket: Ticket, twilio: Provider, twilio_calls: Any, settings: Any, status: str, state: str
) -> None:
    settings.PROVIDER_SECONDS = 2
    twilio.expect(number, HANG)
    now = clock.now()
    derive(now=now)
    advance(now=now)
    claim = deliver.claim_next(now)
    assert claim is not None
    sender = threading.Thread(target=_send, args=(claim,))
    sender.start()
    twilio.wait_for(1)
    tell(twilio, twilio_calls, status)
    sender.join()
    row = PageDelivery.objects.get(contact__value=number)
    assert (row.state, row.lease_token, row.retry_at) == (state, None, None)
    assert not PageEvent.objects.filter(kind="unknown").exists()


def _send(claim: deliver.Claim) -> None:
    deliver.send(claim, now=clock.now())
    connection.close()


def test_one_that_was_refused_in_words_and_yet_sent_is_not_sent_again(
    number: str, ticket: Ticket, twilio: Provider, twilio_calls: Any
) -> None:
    twilio.expect(number, BROKEN.then("sent"))
    run_pass("test")
    twilio.call_back(twilio_calls)
    PageDelivery.objects.filter(retry_at__isnull=False).update(retry_at=Now())
    run_pass("test")
    assert PageDelivery.objects.get(contact__value=number).state == "accepted"
    assert len(twilio.received) == 1


def test_one_of_an_earlier_attempt_changes_nothing(
    number: str, ticket: Ticket, twilio: Provider, twilio_calls: Any
) -> None:
    twilio.expect(number, RESET)
    run_pass("test")
    lost = twilio.received[0]
    PageDelivery.objects.update(message="7a3c1c2e-1c8e-4b0a-9d57-000000000001")
    assert twilio.tell(lost, "delivered", twilio_calls).status_code == 204
    assert PageDelivery.objects.get(contact__value=number).state == "unknown"


# --- Answers ---------------------------------------------------------------------------------------------------------
def test_an_answer_by_text_acknowledges_and_is_answered_in_words(
    text: PageDelivery, texts: Callable[..., str], ticket: Ticket, bo: User
) -> None:
    assert f"<Message>You have #{ticket.pk}.</Message>" in texts(f"A {text.reply_code}")
    assert Page.objects.get().acknowledged_by == bo


def test_a_stranger_gets_no_answer(text: PageDelivery, texts: Callable[..., str]) -> None:
    assert "<Message>" not in texts(f"A {text.reply_code}", sender="+15550001111")
    assert Page.objects.get().is_ringing


def test_a_text_that_is_replayed_changes_nothing(
    text: PageDelivery, texts: Callable[..., str], bo: User, ticket: Ticket
) -> None:
    texts(f"A {text.reply_code}", sid="SM1")
    actions.escalate(Page.objects.get(), by=bo, at=clock.now())
    assert "<Message>" not in texts(f"A {text.reply_code}", sid="SM1")
    assert Page.objects.get().is_ringing
    assert "You have" in texts(f"A {text.reply_code}", sid="SM2"), "but somebody may mean it again"


def test_a_text_that_came_to_nothing_by_our_fault_is_heard_when_it_comes_again(
    text: PageDelivery, texts: Callable[..., str], settings: Any
) -> None:
    topics, settings.WAKES = settings.WAKES, {}
    with pytest.raises(KeyError):
        texts(f"A {text.reply_code}", sid="SM1")
    assert Page.objects.get().is_ringing
    settings.WAKES = topics
    assert "You have" in texts(f"A {text.reply_code}", sid="SM1")


def test_stop_is_understood_in_the_words_that_twilio_gives_it(text: PageDelivery, texts: Callable[..., str]) -> None:
    assert "<Message>" not in texts("Arrêt", OptOutType="STOP")
    assert ContactMethod.objects.get(pk=text.contact_id).disabled_why == "STOP was answered"


# --- Signatures ------------------------------------------------------------------------------------------------------
def hooks(text: PageDelivery, number: str) -> list[tuple[str, dict[str, str]]]:
    """Each of the addresses with what would acknowledge, escalate, or settle the page there."""
    message = [str(text.message)]
    return [
        (reverse("twilio_sms"), {"MessageSid": "SM9", "From": number, "Body": f"A {text.reply_code}"}),
        (reverse("twilio_sms"), {"MessageSid": "SM8", "From": number, "Body": "STOP"}),
        (f"{reverse('twilio_voice', args=message)}?turn=1", {"CallSid": "CA9", "Digits": "4"}),
        (reverse("twilio_status", args=message), {"MessageSid": "SM9", "MessageStatus": "undelivered"}),
    ]


def nothing_changed(text: PageDelivery) -> bool:
    before = (text.state, text.error)
    text.refresh_from_db()
    contact = ContactMethod.objects.get(pk=text.contact_id)
    return Page.objects.get().is_ringing and before == (text.state, text.error) and contact.is_usable


def sign(
    twilio: Provider, path: str, form: dict[str, str], token: str = "token", site: str = "http://testserver"
) -> str:
    return str(RequestValidator(token).compute_signature(site + path, form))


@pytest.mark.parametrize("forged", ["no header", "nonsense", "another token", "another address", "another body"])
def test_what_is_not_signed_by_twilio_is_refused_logged_and_changes_nothing(
    text: PageDelivery, number: str, twilio: Provider, caplog: Any, forged: str
) -> None:
    caplog.set_level("WARNING", "security")
    for path, form in hooks(text, number):
        signature = {
            "no header": None,
            "nonsense": "bm9uc2Vuc2U=",
            "another token": sign(twilio, path, form, token="guessed"),
            "another address": sign(twilio, path, form, site="http://elsewhere.example"),
            "another body": sign(twilio, path, {**form, "Body": "A 1"}),
        }[forged]
        headers = {"X-Twilio-Signature": signature} if signature is not None else {}
        answer = Client(headers=headers, enforce_csrf_checks=True).post(path, form)
        assert answer.status_code == 403
    assert caplog.text.count("twilio.forged") == 4
    assert nothing_changed(text)


def test_without_a_token_nothing_is_believed_not_even_what_an_empty_one_signs(
    text: PageDelivery, number: str, twilio: Provider, settings: Any
) -> None:
    settings.TWILIO_AUTH_TOKENS = []
    for path, form in hooks(text, number):
        answer = Client(headers={"X-Twilio-Signature": sign(twilio, path, form, token="")}).post(path, form)
        assert answer.status_code == 403
    assert nothing_changed(text)


def test_while_tokens_are_rotated_both_are_believed_and_then_only_the_new_one(
    text: PageDelivery, number: str, twilio: Provider, settings: Any
) -> None:
    path, form = hooks(text, number)[-1]

    def answered(token: str) -> int:
        headers = {"X-Twilio-Signature": sign(twilio, path, form, token=token)}
        return Client(headers=headers).post(path, form).status_code

    settings.TWILIO_AUTH_TOKENS = ["new", "token"]
    assert (answered("new"), answered("token")) == (204, 204)
    settings.TWILIO_AUTH_TOKENS = ["new"]
    assert (answered("new"), answered("token")) == (204, 403)


def test_it_is_signed_over_the_public_address_whatever_the_proxy_calls_us(
    text: PageDelivery, number: str, twilio: Provider, settings: Any
) -> None:
    settings.SITE_URL = "https://support.example.com"
    path, form = hooks(text, number)[0]
    signature = sign(twilio, path, form, site="https://support.example.com")
    assert (
        Client(headers={"X-Twilio-Signature": signature}, enforce_csrf_checks=True).post(path, form).status_code == 200
    )
    assert Page.objects.get().is_acknowledged


def test_a_get_never_acknowledges_however_it_is_signed(text: PageDelivery, number: str, twilio: Provider) -> None:
    for path, form in hooks(text, number):
        for method in ("get", "head", "put", "delete"):
            headers = {"X-Twilio-Signature": sign(twilio, path, {})}
            assert getattr(Client(headers=headers), method)(path, query_params=form).status_code == 405
    assert nothing_changed(text)


def test_a_body_that_no_callback_has_is_refused_unread(text: PageDelivery, number: str, twilio: Provider) -> None:
    path, form = hooks(text, number)[0]
    form["Padding"] = "x" * 20_000
    headers = {"X-Twilio-Signature": sign(twilio, path, form)}
    answer = Client(headers=headers).post(path, form)
    assert answer.status_code == 413
    assert nothing_changed(text)
