"""Answers by text: from a verified number, by its person, and by the code of the message that is meant (S092)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from accounts.models import AccountMail, Role, User
from escalations import actions
from escalations.actions.replies import WRONG_AT_MOST
from escalations.models import ContactMethod, EscalationPolicy, Page, PageDelivery, PageEvent
from escalations.paging.answers import HELP
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories
from tests.at_once import at_once
from tests.provider import ACCEPT, RESET, Provider
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
OnlyBy = Callable[..., str]
PassTime = Callable[[float], None]
Says = Callable[..., str]


@pytest.fixture
def number(policy: EscalationPolicy, only_by: OnlyBy, bo: User) -> str:
    return only_by(bo)


@pytest.fixture
def code(number: str, ticket: Ticket) -> str:
    """Of the text that bo was sent about the ticket."""
    run_pass("test")
    return last_code(number)


def last_code(number: str) -> str:
    return PageDelivery.objects.filter(contact__value=number).exclude(reply_code="").latest("pk").reply_code


@pytest.fixture
def says() -> Says:
    return lambda number, words: actions.answer_text(number, words, at=clock.now())


@pytest.mark.parametrize("words", ["A {}", "a{}", "  A   {} ", "a {}.", "Ack {}", "ACKNOWLEDGE #{}", "A\n{}"])
def test_a_and_the_code_acknowledges_whatever_case_and_spaces(
    number: str, code: str, ticket: Ticket, says: Says, bo: User, words: str
) -> None:
    assert says(number, words.format(code)) == f"You have #{ticket.pk}."
    page = Page.objects.get()
    assert (page.state, page.acknowledged_by) == ("acknowledged", bo)
    ticket.refresh_from_db()
    assert ticket.assignee == bo
    assert PageEvent.objects.get(kind="acknowledged").data["via"] == "text message"


def test_e_and_the_code_rings_the_next_step(
    number: str, code: str, ticket: Ticket, says: Says, rung: Callable[[], list[str]]
) -> None:
    assert says(number, f"e {code}") == f"Escalated: #{ticket.pk}. The next step rings now."
    run_pass("test")
    assert rung() == ["bo", "ann", "lea"]
    assert PageEvent.objects.get(kind="escalated").data["via"] == "text message"


def test_a_alone_is_enough_while_one_message_carries_all_that_rings(
    number: str, code: str, ticket: Ticket, says: Says
) -> None:
    assert says(number, "a") == f"You have #{ticket.pk}."


def test_a_alone_is_not_enough_while_several_ring(
    number: str, code: str, says: Says, rita: User, pass_time: PassTime
) -> None:
    second = factories.open_ticket(rita, priority=Priority.URGENT)
    pass_time(1.1)
    codes = ", ".join(sorted([code, last_code(number)]))
    assert says(number, "A") == f"Several pages are open: add the code ({codes})."
    assert not Page.objects.exclude(state="ringing").exists()
    assert says(number, f"A {last_code(number)}") == f"You have #{second.pk}."
    assert says(number, "A") != "", "one is left"
    assert not Page.objects.filter(state="ringing").exists()


def test_a_message_that_carries_several_is_answered_for_all_of_them(
    number: str, code: str, ticket: Ticket, says: Says, rita: User, ann: User, pass_time: PassTime
) -> None:
    more = [factories.open_ticket(rita, priority=Priority.URGENT) for _ in range(3)]
    pass_time(1.1)
    actions.acknowledge(more[1].pages.get(), by=ann, at=clock.now())
    assert says(number, f"A {last_code(number)}") == (
        f"You have #{more[0].pk}, #{more[2].pk}. Already taken by Ann: #{more[1].pk}."
    )
    assert ticket.pages.get().is_ringing, "another message's"


def test_a_long_list_is_cut_short(number: str, code: str, says: Says, rita: User, pass_time: PassTime) -> None:
    many = [factories.open_ticket(rita, priority=Priority.URGENT).pk for _ in range(22)]
    pass_time(1.1)
    listed = ", ".join(f"#{pk}" for pk in many[:20])
    assert says(number, f"A {last_code(number)}") == f"You have {listed} and 2 more."
    assert Page.objects.filter(state="acknowledged").count() == 22


def test_what_somebody_else_has_or_is_over_is_said_in_words(
    number: str, code: str, ticket: Ticket, says: Says, ann: User
) -> None:
    page = Page.objects.get()
    actions.acknowledge(page, by=ann, at=clock.now())
    assert says(number, f"A {code}") == "Already taken by Ann."
    Ticket.objects.filter(pk=ticket.pk).update(priority=Priority.LOW)
    run_pass("test")
    assert says(number, f"A {code}") == "That page is over."
    assert says(number, f"E {code}") == "That page is over."
    assert PageEvent.objects.filter(kind__in=["acknowledged", "escalated"]).count() == 1


def test_answered_twice_it_is_still_theirs_and_happened_once(
    number: str, code: str, ticket: Ticket, says: Says
) -> None:
    for _ in range(2):
        assert says(number, f"A {code}") == f"You have #{ticket.pk}."
    assert PageEvent.objects.filter(kind="acknowledged").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_answer_in_the_same_moment_learn_who_has_it(
    number: str, ticket: Ticket, only_by: OnlyBy, ann: User, pass_time: PassTime, says: Says
) -> None:
    other = only_by(ann)
    run_pass("test")
    pass_time(5.1)
    codes = {number: last_code(number), other: last_code(other)}
    said = at_once(*[lambda to=to, code=code: says(to, f"A {code}") for to, code in codes.items()])
    winner = Page.objects.get().acknowledged_by
    assert winner is not None
    assert sorted(said) == sorted([f"You have #{ticket.pk}.", f"Already taken by {winner.display_name}."])
    assert PageEvent.objects.filter(kind="acknowledged").count() == 1


def test_the_first_message_can_still_be_answered_after_its_repeat(
    number: str, ticket: Ticket, twilio: Provider, says: Says
) -> None:
    twilio.expect(number, RESET, ACCEPT)
    run_pass("test")
    first = last_code(number)
    PageDelivery.objects.update(retry_at=Now())
    run_pass("test")
    assert len(twilio.received) == 2
    assert says(number, f"A {first}") == f"You have #{ticket.pk}."


def test_a_test_of_ones_own_number_is_answered_by_its_code(number: str, bo: User, says: Says) -> None:
    actions.page_me(ContactMethod.objects.get(value=number), by=bo, at=clock.now())
    run_pass("test")
    assert says(number, f"A {last_code(number)}") == "It was only a test. Thank you: it arrived."
    assert Page.objects.get().state == "ended"


@pytest.mark.parametrize("words", ["", "hello?", "B 41", "A 41 please", "A 12345", "A four", "solve"])
def test_anything_else_is_answered_by_what_can_be_said(number: str, code: str, says: Says, words: str) -> None:
    assert says(number, words) == HELP
    assert Page.objects.get().is_ringing


def test_a_wrong_code_acknowledges_nothing_and_five_are_too_many(
    number: str, code: str, says: Says, ticket: Ticket, caplog: Any, move_clock: Any
) -> None:
    caplog.set_level("WARNING", "security")
    wrong = next(str(guess) for guess in range(10, 99) if str(guess) != code)
    for _ in range(WRONG_AT_MOST):
        assert says(number, f"A {wrong}") == f"No page of yours has the code {wrong}. {HELP}"
    assert says(number, f"A {code}") == "", "even the right one: a guess is no answer"
    assert "sms.too_many_wrong" in caplog.text
    assert Page.objects.get().is_ringing
    move_clock(timedelta(minutes=10, seconds=1))
    assert says(number, f"A {code}") == f"You have #{ticket.pk}."


def test_a_code_is_only_its_own_numbers(number: str, code: str, only_by: OnlyBy, ann: User, says: Says) -> None:
    assert says(only_by(ann), f"A {code}").startswith("No page of yours")
    assert Page.objects.get().is_ringing


@pytest.mark.parametrize("change", [{"verified_at": None}, {"kind": "voice"}])
def test_a_number_that_nobody_verified_for_texts_gets_no_answer(
    number: str, code: str, says: Says, caplog: Any, change: dict[str, Any]
) -> None:
    caplog.set_level("WARNING", "security")
    ContactMethod.objects.filter(value=number).update(**change)
    assert says(number, f"A {code}") == ""
    assert says("+15550001111", f"A {code}") == ""
    assert caplog.text.count("sms.stranger") == 2
    assert number not in caplog.text
    assert Page.objects.get().is_ringing


@pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.PRODUCT}, {"role": ""}])
def test_who_no_longer_answers_pages_acknowledges_nothing(
    number: str, code: str, says: Says, bo: User, change: dict[str, Any]
) -> None:
    User.objects.filter(pk=bo.pk).update(**change)
    assert says(number, f"A {code}") == ""
    assert Page.objects.get().is_ringing


@pytest.mark.parametrize("word", ["STOP", "stop", "Stopall", "UNSUBSCRIBE", "cancel", " Quit. "])
def test_stop_disables_the_number_and_the_person_learns_by_mail(
    number: str, code: str, says: Says, bo: User, word: str
) -> None:
    for _ in range(2):
        assert says(number, word) == ""
    contact = ContactMethod.objects.get(value=number)
    assert (contact.is_usable, contact.disabled_why) == (False, "STOP was answered")
    mail = AccountMail.objects.get(kind="texts_stopped")
    assert (mail.to_email, number[-4:] in mail.text, number in mail.text) == (bo.email, True, False)


def test_after_stop_the_next_page_gives_way_to_the_next_step_at_once(
    number: str, says: Says, ticket: Ticket, rung: Callable[[], list[str]]
) -> None:
    says(number, "STOP")
    run_pass("test")
    assert sorted(rung()) == ["ann", "lea"]


def test_start_takes_back_a_stop_and_nothing_else(number: str, code: str, says: Says) -> None:
    says(number, "STOP")
    assert says(number, "START") == "Pages come by text message again."
    contacts = ContactMethod.objects.filter(value=number)
    assert contacts.get().is_usable
    assert says(number, "start") == HELP, "it is in use already"
    contacts.update(disabled_at=clock.now(), disabled_why="not a phone number (Twilio 21211)")
    assert says(number, "UNSTOP") == HELP
    assert not contacts.get().is_usable


def test_a_page_can_be_answered_by_who_stopped_its_texts(number: str, code: str, ticket: Ticket, says: Says) -> None:
    says(number, "STOP")
    assert says(number, f"A {code}") == f"You have #{ticket.pk}."


def test_the_demo_answers_by_command(number: str, code: str, ticket: Ticket, capsys: Any) -> None:
    call_command("demo_reply", "bo@desk.example", f"A {code}")
    assert capsys.readouterr().out == f"You have #{ticket.pk}.\n"
    assert Page.objects.get().is_acknowledged


def test_the_command_is_refused_where_the_desk_serves_others(number: str, code: str, settings: Any) -> None:
    settings.DESK_ENV = "production"
    with pytest.raises(CommandError, match="demo and in tests only"):
        call_command("demo_reply", "bo@desk.example", f"A {code}")
    assert Page.objects.get().is_ringing


def test_the_command_says_who_has_no_number(policy: EscalationPolicy, ada: User) -> None:
    ContactMethod.objects.filter(user=ada).delete()
    with pytest.raises(CommandError, match="no verified number"):
        call_command("demo_reply", "ada@desk.example", "A 41")
