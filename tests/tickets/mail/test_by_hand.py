"""Mail that people sort, that can't be read, or that is read twice."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from accounts.models import User
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, NotAllowed
from tests import factories
from tests.tickets.mail.letters import FORGED, answer, arrive, letter, put
from tickets import actions, notifications
from tickets.mail import receive
from tickets.models import (
    BlockedSender,
    IncomingMail,
    MailReason,
    MailState,
    OutgoingMail,
    Ticket,
)
from tickets.states import Status

pytestmark = pytest.mark.django_db


def test_a_blocked_sender_is_quarantined_unread(rita: User, lea: User) -> None:
    BlockedSender.objects.create(pattern="@northwind.example", blocked_by=lea, blocked_at=clock.now())
    mail = arrive(letter(rita.email))
    assert (mail.state, mail.reason) == (MailState.QUARANTINED, MailReason.BLOCKED)
    assert not Ticket.objects.exists()


def test_a_lead_recovers_what_was_quarantined(rita: User, lea: User) -> None:
    mail = receive.recover(arrive(letter(rita.email), verdict=FORGED), by=lea, at=clock.now())
    assert (mail.state, mail.settled_by) == (MailState.TICKET, lea)
    assert Ticket.objects.get().requester == rita
    with pytest.raises(Conflict):
        receive.recover(mail, by=lea, at=clock.now())


def test_an_agent_does_not_sort_mail(rita: User, bo: User) -> None:
    mail = arrive(letter(rita.email), verdict=FORGED)
    with pytest.raises(NotAllowed):
        receive.recover(mail, by=bo, at=clock.now())
    with pytest.raises(NotAllowed):
        receive.assign(mail, factories.open_ticket(rita), by=bo, at=clock.now())
    mail.refresh_from_db()
    assert mail.state == MailState.QUARANTINED


def test_a_mail_from_nobody_is_put_on_a_ticket_as_a_note(ticket: Ticket, lea: User) -> None:
    put(b"Subject: nobody\n\nhello", verdict="")
    receive.receive_due()
    note = receive.assign(IncomingMail.objects.get(), ticket, by=lea, at=clock.now())
    assert note.is_note
    assert "hello" in note.body


def test_what_cannot_be_read_is_tried_again_and_then_shown_to_a_person(rita: User, lea: User) -> None:
    mail = put(letter(rita.email).as_bytes(), sender=rita.email)
    mail.file.storage.delete(mail.file.name)
    for _ in range(6):
        IncomingMail.objects.filter(state="waiting").update(next_attempt_at=mail.received_at)
        receive.receive_due()
    mail.refresh_from_db()
    assert (mail.state, mail.reason) == (MailState.QUARANTINED, MailReason.UNREADABLE)
    assert "FileNotFoundError" in mail.explanation
    with pytest.raises(Conflict, match="can't be read"):
        receive.recover(mail, by=lea, at=clock.now())


def read_again_and_again(mail: IncomingMail) -> None:
    for _ in range(7):
        IncomingMail.objects.filter(state="waiting").update(next_attempt_at=mail.received_at)
        receive.receive_due()
    mail.refresh_from_db()


@contextmanager
def storage_away(mail: IncomingMail) -> Iterator[None]:
    """A folder stands where its file was: to open it is an error, but the file isn't missing."""
    path = Path(mail.file.path)
    kept = path.rename(path.with_suffix(".kept"))
    path.mkdir()
    yield
    path.rmdir()
    kept.rename(path)


def test_a_storage_that_is_away_for_a_while_quarantines_nothing(
    rita: User, move_clock: Callable[[timedelta], object]
) -> None:
    mail = put(letter(rita.email).as_bytes(), sender=rita.email)
    with storage_away(mail):
        read_again_and_again(mail)
        assert (mail.state, "IsADirectoryError" in mail.last_error) == (MailState.WAITING, True)
    read_again_and_again(mail)
    assert mail.state == MailState.TICKET


def test_what_could_not_be_read_for_a_day_is_read_again_by_hand(
    rita: User, lea: User, move_clock: Callable[[timedelta], object]
) -> None:
    mail = put(letter(rita.email).as_bytes(), sender=rita.email)
    forged = put(letter(rita.email, "Forged").as_bytes(), verdict=FORGED)
    move_clock(timedelta(hours=25))
    with storage_away(mail), storage_away(forged):
        read_again_and_again(mail)
    assert (mail.state, mail.reason, mail.sender) == (MailState.QUARANTINED, MailReason.UNREADABLE, "")
    assert receive.recover(mail, by=lea, at=clock.now()).state == MailState.TICKET
    again = receive.recover(forged, by=lea, at=clock.now())
    assert (again.state, again.reason, again.sender) == (MailState.QUARANTINED, MailReason.UNVERIFIED, rita.email)
    assert again.is_unsettled
    assert receive.recover(again, by=lea, at=clock.now()).state == MailState.TICKET


def test_one_that_cannot_be_read_stops_nobody_elses(rita: User, sam: User) -> None:
    poisoned = put(letter(rita.email).as_bytes(), sender=rita.email)
    poisoned.file.storage.delete(poisoned.file.name)
    put(letter(sam.email).as_bytes(), sender=sam.email)
    receive.receive_due()
    assert Ticket.objects.get().requester == sam


def test_reading_twice_is_reading_once(rita: User) -> None:
    mail = arrive(letter(rita.email))
    IncomingMail.objects.filter(pk=mail.pk).update(
        state="waiting", ticket=None, message=None, next_attempt_at=mail.received_at
    )
    receive.receive_due()
    assert Ticket.objects.count() == 1


def test_five_turns_between_two_people_and_a_cc_stay_one_request(rita: User, tom: User, bo: User) -> None:
    ticket = arrive(letter(rita.email, Cc=tom.email)).ticket
    assert ticket is not None
    for turn in range(5):
        actions.answer(ticket, by=bo, body=f"Answer {turn}", submit_as=Status.PENDING, at=clock.now())
        notifications.notify(now=clock.now())
        who = (rita, tom)[turn % 2]
        ours = OutgoingMail.objects.filter(to_email=who.email).latest("pk")
        arrive(answer(ticket, who, f"Turn {turn}", In_Reply_To=ours.message_id))
    assert Ticket.objects.count() == 1
    authors = [message.author for message in ticket.messages.order_by("pk")]
    assert authors == [rita, bo, rita, bo, tom, bo, rita, bo, tom, bo, rita]
