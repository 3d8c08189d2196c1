"""A contact is verified by a code that only its owner gets: guessing, age, reuse, limits, and two at once."""

import logging
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client

from accounts.models import User
from escalations import actions
from escalations.actions.asked import TooMany
from escalations.actions.contacts import NotSent
from escalations.models import ContactMethod
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests.at_once import at_once

pytestmark = pytest.mark.django_db

NUMBER = "+447700900777"
Rung = Callable[[], list[dict[str, Any]]]


def add(person: User, kind: str = "sms", value: str = NUMBER) -> ContactMethod:
    return actions.add_contact(person, kind=kind, value=value, by=person, at=clock.now())


def send(contact: ContactMethod, after: float = 0) -> None:
    actions.send_code(contact, by=contact.user, at=clock.now() + timedelta(minutes=after))


def verify(contact: ContactMethod, code: str, after: float = 0, by: User | None = None) -> None:
    actions.verify(contact, code=code, by=by or contact.user, at=clock.now() + timedelta(minutes=after))


def codes(phones: Rung) -> list[str]:
    """What the phones were sent, oldest first."""
    found = [re.search(r"\b\d{6}\b", line["text"]) for line in phones() if line["kind"] == "code"]
    return [match[0] for match in found if match]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


@pytest.fixture
def contact(bo: User, phones: Rung) -> ContactMethod:
    return add(bo)


def test_the_code_that_was_sent_verifies(contact: ContactMethod, phones: Rung) -> None:
    send(contact)
    [code] = codes(phones)
    verify(contact, f" {code[:3]} {code[3:]} ")
    contact.refresh_from_db()
    assert contact.is_usable and not contact.code_digest


def test_the_code_is_kept_as_a_digest_of_its_own(contact: ContactMethod, phones: Rung, bo: User) -> None:
    """Neither the code nor what another contact's row could use."""
    send(contact)
    [code] = codes(phones)
    contact.refresh_from_db()
    kept = f"{contact.code_digest} {contact.details}"
    assert code not in kept and len(contact.code_digest) == 64
    other = add(bo, "voice")
    ContactMethod.objects.filter(pk=other.pk).update(
        code_digest=contact.code_digest, code_expires_at=contact.code_expires_at
    )
    with pytest.raises(Invalid, match="isn't the code"):
        verify(other, code)


@pytest.mark.parametrize("kind", ["sms", "voice", "email"])
def test_the_code_goes_by_the_contacts_own_channel(bo: User, phones: Rung, kind: str) -> None:
    contact = add(bo, kind, "bo@home.example" if kind == "email" else NUMBER)
    send(contact)
    if kind == "email":
        [letter] = mail.outbox
        assert letter.to == ["bo@home.example"] and "Your SupportDesk code is" in letter.subject
        [code] = set(re.findall(r"\b\d{6}\b", f"{letter.subject} {letter.body}"))
        html = letter.alternatives[0][0]
        assert code in html and "acknowledge" not in html
        verify(contact, code)
    else:
        assert [line["method"] for line in phones()] == [kind]
        verify(contact, *codes(phones))
    contact.refresh_from_db()
    assert contact.is_usable


def test_five_wrong_guesses_end_the_code(contact: ContactMethod, phones: Rung) -> None:
    """A code can't be guessed. The right one is too late then; a new one is right again."""
    send(contact)
    [code] = codes(phones)
    for left in ("4 more tries", "3 more tries", "2 more tries", "1 more try", "0 more tries"):
        with pytest.raises(Invalid, match=left):
            verify(contact, wrong(code))
    with pytest.raises(Invalid, match="ask for a new one"):
        verify(contact, code)
    send(contact)
    verify(contact, codes(phones)[-1])
    contact.refresh_from_db()
    assert contact.is_usable


def test_what_has_no_six_digits_is_no_guess(contact: ContactMethod, phones: Rung) -> None:
    send(contact)
    for typed in ("", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "²²²²²²"):
        with pytest.raises(Invalid):
            verify(contact, typed)
    contact.refresh_from_db()
    assert contact.code_tries == 0


def test_a_code_lasts_ten_minutes_of_the_desks_clock(contact: ContactMethod, phones: Rung) -> None:
    send(contact)
    [code] = codes(phones)
    with pytest.raises(Invalid, match="too old"):
        verify(contact, code, after=10)
    verify(contact, code, after=9.9)


def test_a_code_is_used_once(contact: ContactMethod, phones: Rung) -> None:
    send(contact)
    [code] = codes(phones)
    verify(contact, code)
    ContactMethod.objects.filter(pk=contact.pk).update(disabled_at=clock.now())
    with pytest.raises(Invalid, match="Ask for a code"):
        verify(contact, code)


def test_a_fresh_code_ends_the_one_before(contact: ContactMethod, phones: Rung) -> None:
    send(contact)
    send(contact)
    first, second = codes(phones)
    if first != second:
        with pytest.raises(Invalid, match="isn't the code"):
            verify(contact, first)
    verify(contact, second)


def test_without_a_code_nothing_verifies(contact: ContactMethod) -> None:
    with pytest.raises(Invalid, match="Ask for a code first"):
        verify(contact, "000000")


def test_three_codes_an_hour_to_a_contact_also_if_it_is_removed_in_between(contact: ContactMethod, bo: User) -> None:
    for _ in range(3):
        send(contact)
    with pytest.raises(TooMany, match="3 codes went to this contact"):
        send(contact)
    actions.remove_contact(contact, by=bo, at=clock.now())
    with pytest.raises(TooMany):
        send(add(bo))
    send(add(bo, "voice"))
    send(contact, after=61)


def test_ten_codes_an_hour_to_a_person(bo: User, phones: Rung) -> None:
    for number in range(10):
        send(add(bo, "email", f"bo{number}@home.example"))
    with pytest.raises(TooMany, match="10 codes went to your contacts"):
        send(add(bo))


def test_six_codes_an_hour_to_a_number_whoever_asks(bo: User, ann: User, lea: User, phones: Rung) -> None:
    """Nobody's phone is flooded by several people, or by texts and calls in turn."""
    for person, kind in ((bo, "sms"), (ann, "voice")):
        contact = add(person, kind)
        for _ in range(3):
            send(contact)
    with pytest.raises(TooMany, match="6 codes went to this address"):
        send(add(lea))


def test_a_number_that_is_somebodys_gets_no_code_for_another(bo: User, ann: User, phones: Rung) -> None:
    """Also not as a call, where it was verified for texts."""
    mine = add(bo)
    send(mine)
    verify(mine, *codes(phones))
    for kind in ("sms", "voice"):
        with pytest.raises(Conflict, match="somebody else's already"):
            send(add(ann, kind))
    assert len(codes(phones)) == 1


def test_a_number_that_became_somebodys_meanwhile_is_refused(bo: User, ann: User, phones: Rung) -> None:
    mine, theirs = add(bo), add(ann)
    send(mine)
    send(theirs)
    first, second = codes(phones)
    verify(mine, first)
    with pytest.raises(Conflict, match="somebody else's already"):
        verify(theirs, second)
    actions.remove_contact(mine, by=bo, at=clock.now())
    send(theirs)
    verify(theirs, codes(phones)[-1])


def test_the_phone_of_somebody_who_left_becomes_a_colleagues(bo: User, ann: User, phones: Rung) -> None:
    mine = add(bo)
    send(mine)
    verify(mine, *codes(phones))
    bo.is_active = False
    bo.save()
    theirs = add(ann)
    send(theirs)
    verify(theirs, codes(phones)[-1])
    assert ContactMethod.objects.usable().get() == theirs


def test_an_address_may_be_several_peoples(bo: User, ann: User) -> None:
    """A team's mailbox, say: each proves that they read it."""
    for person in (bo, ann):
        contact = add(person, "email", "night@desk.example")
        send(contact)
        verify(contact, *re.findall(r"\b\d{6}\b", mail.outbox[-1].subject))
    assert ContactMethod.objects.usable().count() == 2


def test_somebody_elses_contact_is_not_mine_even_with_its_code(contact: ContactMethod, ann: User, phones: Rung) -> None:
    send(contact)
    with pytest.raises(NotAllowed):
        verify(contact, *codes(phones), by=ann)
    with pytest.raises(NotAllowed):
        actions.send_code(contact, by=ann, at=clock.now())


def test_a_disabled_contact_comes_back_by_a_code(contact: ContactMethod, phones: Rung) -> None:
    ContactMethod.objects.filter(pk=contact.pk).update(
        verified_at=clock.now(), disabled_at=clock.now(), disabled_why="refused"
    )
    send(contact)
    verify(contact, *codes(phones))
    contact.refresh_from_db()
    assert contact.is_usable and contact.disabled_why == ""


def test_what_is_verified_needs_no_code(contact: ContactMethod, phones: Rung) -> None:
    send(contact)
    verify(contact, *codes(phones))
    with pytest.raises(Conflict, match="verified already"):
        send(contact)
    with pytest.raises(Conflict, match="verified already"):
        verify(contact, "123456")


def test_a_code_that_could_not_be_sent_is_told(bo: User, settings: Any, client_of: Callable[[User], Client]) -> None:
    """The contact stays, to try again."""
    settings.PAGES_FILE = settings.PAGES_FILE.parent / "a file" / "pages.jsonl"
    (settings.PAGES_FILE.parent).write_text("in the way")
    answer = client_of(bo).post("/desk/on-call/contacts/", {"kind": "sms", "value": NUMBER})
    assert answer.status_code == 409 and "could not be sent" in answer.content.decode()
    with pytest.raises(NotSent):
        send(ContactMethod.objects.get())


def test_who_verified_and_guessed_what_is_in_the_security_log(
    contact: ContactMethod, phones: Rung, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the code, and without the number."""
    caplog.set_level(logging.INFO, logger="security")
    send(contact)
    [code] = codes(phones)
    with pytest.raises(Invalid):
        verify(contact, wrong(code))
    verify(contact, code)
    said = [record.getMessage() for record in caplog.records if record.name == "security"]
    assert [line.split()[0] for line in said] == ["contact.code_sent", "contact.wrong_code", "contact.verified"]
    assert code not in " ".join(said) and NUMBER not in " ".join(said)


@pytest.mark.django_db(transaction=True)
def test_guesses_at_the_same_moment_are_all_counted(contact: ContactMethod, phones: Rung) -> None:
    send(contact)
    [code] = codes(phones)
    bad = wrong(code)
    results = at_once(*[lambda: verify(contact, bad)] * 8)
    contact.refresh_from_db()
    assert contact.code_tries == 5
    assert sum("isn't the code" in str(result) for result in results) == 5
    assert sum("ask for a new one" in str(result) for result in results) == 3


@pytest.mark.django_db(transaction=True)
def test_two_people_with_one_number_at_the_same_moment(bo: User, ann: User, phones: Rung) -> None:
    mine, theirs = add(bo), add(ann)
    send(mine)
    send(theirs)
    first, second = codes(phones)
    results = at_once(lambda: verify(mine, first), lambda: verify(theirs, second))
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "NoneType"]
    assert ContactMethod.objects.usable().count() == 1


@pytest.mark.django_db(transaction=True)
def test_codes_asked_for_at_the_same_moment_keep_the_limit(contact: ContactMethod, phones: Rung) -> None:
    results = at_once(*[lambda: send(contact)] * 6)
    assert sum(result is None for result in results) == 3
    assert len(codes(phones)) == 3
