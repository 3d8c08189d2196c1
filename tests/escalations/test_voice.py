"""Pages by phone call: read out in clear words, answered by a key (S097)."""

import uuid
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models.functions import Now

from accounts.models import User
from escalations import actions
from escalations.models import ContactMethod, EscalationPolicy, Page, PageDelivery, PageEvent
from escalations.paging.channels import CHANNELS, PageText
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories
from tests.provider import ACCEPT, BROKEN, NO_SUCH_NUMBER, RESET, Provider
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
OnlyBy = Callable[..., str]
PassTime = Callable[[float], None]
Presses = Callable[..., ET.Element]


@pytest.fixture
def number(policy: EscalationPolicy, only_by: OnlyBy, bo: User) -> str:
    """bo is paged by phone call and by nothing else."""
    return only_by(bo, "voice")


@pytest.fixture
def call(number: str, ticket: Ticket, twilio: Provider) -> PageDelivery:
    """The call that rings bo."""
    twilio.expect(number)
    run_pass("test")
    return PageDelivery.objects.get(contact__value=number)


@pytest.fixture
def presses(twilio: Provider, twilio_calls: Any) -> Presses:
    """What a call says after a key (or none, as "") was pressed."""

    def press(message: Any, key: str, *, turn: int = 1, sid: str = "CA1") -> ET.Element:
        url = f"http://testserver/hooks/twilio/voice/{message}/?turn={turn}"
        form = {"CallSid": sid, "From": "+15005550006", "To": "+4915112345000", **({"Digits": key} if key else {})}
        answer = twilio.post(url, form, twilio_calls)
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/xml")
        return ET.fromstring(answer.content)

    return press


def words(answer: ET.Element) -> str:
    return " ".join(say.text or "" for say in answer.iter("Say"))


def hangs_up(answer: ET.Element) -> bool:
    return answer.find("Hangup") is not None


def test_a_call_reads_out_what_it_is_about_twice_and_the_number_digit_by_digit(
    call: PageDelivery, number: str, ticket: Ticket, twilio: Provider
) -> None:
    (made,) = twilio.received
    assert made.path == "/2010-04-01/Accounts/ACtest/Calls.json"
    assert (made.form["To"], made.form["From"], call.state, call.provider_id) == (
        number,
        "+15005550006",
        "accepted",
        made.sid,
    )
    said = words(ET.fromstring(made.form["Twiml"]))
    spelled = " ".join(str(ticket.pk))
    assert said.count(f"SupportDesk. Urgent. Northwind. Ticket {spelled}.") == 2
    assert said.count("Press 4 to acknowledge, 6 to escalate.") == 2
    assert "Secret" not in made.form["Twiml"]
    gather = ET.fromstring(made.form["Twiml"]).find("Gather")
    assert gather is not None
    assert gather.get("action") == f"http://testserver/hooks/twilio/voice/{call.message}/?turn=1"
    assert (gather.get("method"), gather.get("numDigits"), gather.get("actionOnEmptyResult")) == ("POST", "1", "true")
    assert made.form["StatusCallback"] == f"http://testserver/hooks/twilio/status/{call.message}/"
    assert call.reply_code == "", "a call is answered by a key"


def test_four_acknowledges_and_says_so(call: PageDelivery, ticket: Ticket, presses: Presses, bo: User) -> None:
    answer = presses(call.message, "4")
    assert words(answer) == f"You have it: ticket {' '.join(str(ticket.pk))}. Goodbye."
    assert hangs_up(answer)
    assert Page.objects.get().acknowledged_by == bo
    assert PageEvent.objects.get(kind="acknowledged").data["via"] == "phone call"


def test_six_rings_the_next_step(
    call: PageDelivery, ticket: Ticket, presses: Presses, twilio: Provider, only_by: OnlyBy, ann: User, lea: User
) -> None:
    for person in (ann, lea):
        twilio.expect(only_by(person))
    answer = presses(call.message, "6")
    assert words(answer) == f"Escalated: ticket {' '.join(str(ticket.pk))}. The next step rings now. Goodbye."
    assert hangs_up(answer)
    run_pass("test")
    assert len(twilio.received) == 3


@pytest.mark.parametrize(
    ("key", "first"), [("7", "The key 7 means nothing here. "), ("*", "The key * means nothing here. "), ("", "")]
)
def test_a_wrong_key_or_none_hears_it_again_and_in_the_end_that_it_goes_on(
    call: PageDelivery, presses: Presses, key: str, first: str
) -> None:
    for turn in (1, 2):
        answer = presses(call.message, key, turn=turn)
        assert words(answer).startswith(f"{first}SupportDesk. Urgent.")
        gather = answer.find("Gather")
        assert gather is not None
        assert gather.get("action", "").endswith(f"?turn={turn + 1}")
    answer = presses(call.message, key, turn=3)
    assert words(answer) == "Nothing was acknowledged. It goes on ringing. Goodbye."
    assert hangs_up(answer)
    assert Page.objects.get().is_ringing


def test_a_key_after_the_second_read_out_counts(call: PageDelivery, presses: Presses) -> None:
    presses(call.message, "")
    assert "You have" in words(presses(call.message, "4", turn=2))
    assert Page.objects.get().is_acknowledged


def test_a_call_about_what_somebody_else_took_says_so_whatever_is_pressed(
    call: PageDelivery, presses: Presses, ann: User
) -> None:
    actions.acknowledge(Page.objects.get(), by=ann, at=clock.now())
    for key in ("4", "7", ""):
        answer = presses(call.message, key)
        assert words(answer) == "Already taken by Ann. Goodbye."
        assert hangs_up(answer)
    assert Page.objects.get().acknowledged_by == ann


def test_a_call_about_a_page_that_is_over_says_so(call: PageDelivery, presses: Presses, ticket: Ticket) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(priority=Priority.LOW)
    run_pass("test")
    for key in ("4", "6", ""):
        assert words(presses(call.message, key)) == "That page is over. Goodbye."
    assert Page.objects.get().state == "ended"


def test_who_no_longer_answers_pages_acknowledges_nothing(call: PageDelivery, presses: Presses, bo: User) -> None:
    User.objects.filter(pk=bo.pk).update(is_active=False)
    assert words(presses(call.message, "4")) == "You no longer answer pages. Goodbye."
    assert Page.objects.get().is_ringing


def test_a_call_that_is_not_ours_is_about_nothing(call: PageDelivery, presses: Presses) -> None:
    assert words(presses(uuid.uuid4(), "4")) == "There is nothing to answer any more. Goodbye."
    assert Page.objects.get().is_ringing


def test_a_key_that_is_replayed_after_the_page_rang_again_changes_nothing(
    call: PageDelivery, presses: Presses, bo: User
) -> None:
    presses(call.message, "4")
    actions.escalate(Page.objects.get(), by=bo, at=clock.now())
    assert Page.objects.get().is_ringing
    assert "You have" not in words(presses(call.message, "4"))
    assert Page.objects.get().is_ringing


def test_one_call_for_several_is_answered_for_all(
    call: PageDelivery, number: str, twilio: Provider, presses: Presses, rita: User, pass_time: PassTime
) -> None:
    twilio.expect(number)
    more = [factories.open_ticket(rita, priority=Priority.URGENT).pk for _ in range(2)]
    pass_time(1.1)
    spelled = [f"ticket {' '.join(str(number))}" for number in more]
    said = words(ET.fromstring(twilio.received[-1].form["Twiml"]))
    assert f"{spelled[0].capitalize()}. And 1 more." in said
    message = PageDelivery.objects.get(page__ticket=more[0]).message
    assert words(presses(message, "4")) == f"You have it: {spelled[0]}, {spelled[1]}. Goodbye."


@pytest.mark.parametrize("status", ["busy", "no-answer", "failed", "canceled"])
def test_a_call_that_nobody_took_makes_the_next_way_due(
    call: PageDelivery, twilio: Provider, twilio_calls: Any, only_by: OnlyBy, ann: User, lea: User, status: str
) -> None:
    for person in (ann, lea):
        twilio.expect(only_by(person))
    twilio.tell(twilio.received[0], status, twilio_calls)
    call.refresh_from_db()
    assert (call.state, call.error) == ("failed", f"Twilio says {status}")
    assert ContactMethod.objects.get(pk=call.contact_id).is_usable, "a phone that is engaged is nobody's fault"
    run_pass("test")
    assert len(twilio.received) == 3, "the next step, at once"


def test_a_call_that_was_taken_has_arrived(call: PageDelivery, twilio: Provider, twilio_calls: Any) -> None:
    for status in ("initiated", "ringing", "in-progress", "completed"):
        twilio.tell(twilio.received[0], status, twilio_calls)
    call.refresh_from_db()
    assert call.state == "delivered"
    assert PageEvent.objects.filter(kind="delivered").count() == 1
    assert Page.objects.get().is_ringing, "being heard is not an acknowledgement: it may be an answering machine"


def test_a_number_that_is_none_is_disabled(
    number: str, ticket: Ticket, twilio: Provider, only_by: OnlyBy, ann: User, lea: User
) -> None:
    for to, behaviour in {number: NO_SUCH_NUMBER, only_by(ann): ACCEPT, only_by(lea): ACCEPT}.items():
        twilio.expect(to, behaviour)
    run_pass("test")
    assert not ContactMethod.objects.get(value=number).is_usable


def test_refused_for_now_it_is_tried_again(number: str, ticket: Ticket, twilio: Provider) -> None:
    twilio.expect(number, BROKEN, ACCEPT)
    run_pass("test")
    PageDelivery.objects.filter(retry_at__isnull=False).update(retry_at=Now())
    run_pass("test")
    assert PageDelivery.objects.get(contact__value=number).state == "accepted"


def test_a_call_whose_answer_was_lost_rings_all_the_same_and_its_key_counts(
    number: str, ticket: Ticket, twilio: Provider, presses: Presses, bo: User
) -> None:
    twilio.expect(number, RESET)
    run_pass("test")
    call = PageDelivery.objects.get(contact__value=number)
    assert call.state == "unknown"
    presses(twilio.received[0].message, "4")
    assert Page.objects.get().acknowledged_by == bo
    PageDelivery.objects.filter(retry_at__isnull=False).update(retry_at=Now())
    run_pass("test")
    assert len(twilio.received) == 1, "what was answered is not repeated"


def test_without_twilio_the_demos_phones_ring(number: str, ticket: Ticket, phones: Callable[[], list[Any]]) -> None:
    run_pass("test")
    assert [line["method"] for line in phones()] == ["voice"]


def test_a_code_is_read_out_without_asking_for_a_key(number: str, twilio: Provider) -> None:
    twilio.expect(number)
    CHANNELS["voice"].deliver(plain_message(number, "Your code is 1 2 3 4."))
    (made,) = twilio.received
    root = ET.fromstring(made.form["Twiml"])
    assert words(root) == "Your code is 1 2 3 4. Again: Your code is 1 2 3 4."
    assert root.find("Gather") is None
    assert "StatusCallback" not in made.form


def plain_message(to: str, spoken: str) -> PageText:
    """One that is about no page."""
    said = {"headline": spoken, "text": spoken, "spoken": spoken, "priority": "", "kind": "code", "url": "", "key": "1"}
    return PageText(to=to, person="", method="voice", tickets=(), at=clock.now(), **said)
