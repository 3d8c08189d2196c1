"""The mail a day: when, once, by ticket, and nothing in it that its reader may not read."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Membership, User
from tests import factories
from tickets import actions, notifications, tasks
from tickets.mail import send
from tickets.models import DigestEntry, MailChoice, OutgoingMail, Ticket
from tickets.notifications import digests
from tickets.states import Status

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday, 10:00 in Berlin
MORNING = datetime(2026, 11, 24, 7, 0, tzinfo=UTC)  # Tuesday, eight o'clock there


def wants(user: User, *topics: str) -> None:
    for topic in topics:
        MailChoice.objects.create(user=user, topic=topic, how="digest")


def answer(ticket: Ticket, by: User, words: str = "Try this.", at: datetime = AT) -> None:
    actions.answer(ticket, by=by, body=words, submit_as=Status.OPEN, at=at)


def digest(now: datetime = MORNING) -> list[OutgoingMail]:
    notifications.notify(now=AT + timedelta(hours=1))
    notifications.mail_digests(now=now)
    return list(OutgoingMail.objects.filter(kind__endswith="digest").order_by("pk"))


@pytest.fixture
def ticket(rita: User, bo: User) -> Ticket:
    wants(rita, "answers", "outcomes")
    return factories.open_ticket(rita, at=AT)


# --- When ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "now", "due"),
    [
        ("Europe/Berlin", datetime(2026, 11, 23, 9, 0, tzinfo=UTC), datetime(2026, 11, 24, 7, 0, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 11, 23, 6, 59, tzinfo=UTC), datetime(2026, 11, 23, 7, 0, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 11, 23, 7, 0, tzinfo=UTC), datetime(2026, 11, 24, 7, 0, tzinfo=UTC)),
        ("America/Los_Angeles", datetime(2026, 11, 23, 9, 0, tzinfo=UTC), datetime(2026, 11, 23, 16, 0, tzinfo=UTC)),
        ("Europe/Berlin", datetime(2026, 3, 28, 12, 0, tzinfo=UTC), datetime(2026, 3, 29, 6, 0, tzinfo=UTC)),  # summer
    ],
)
def test_it_is_due_at_eight_where_the_reader_is(rita: User, zone: str, now: datetime, due: datetime) -> None:
    rita.time_zone = zone
    assert digests.next_morning(rita, None, now=now) == due


def test_it_comes_at_its_time_and_once(ticket: Ticket, rita: User, bo: User, ann: User) -> None:
    answer(ticket, bo)
    assert digest(MORNING - timedelta(minutes=1)) == []
    assert DigestEntry.objects.get().due_at == MORNING
    (mail,) = digest()
    assert mail.to_email == rita.email
    assert digest(MORNING + timedelta(days=1)) == [mail]
    assert DigestEntry.objects.get().mail == mail


def test_workers_woken_by_beat_write_and_send_it(
    rita: User, bo: User, move_clock: Callable[[timedelta], object], mailoutbox: list[EmailMessage]
) -> None:
    wants(rita, "answers")
    answer(factories.open_ticket(rita, at=timezone.now()), bo, at=timezone.now())
    tasks.notify()
    move_clock(timedelta(days=1, minutes=1))
    tasks.mail_digests()
    tasks.deliver_mail()
    assert [mail.subject.partition("] ")[2][:5] for mail in mailoutbox if mail.to == [rita.email]].count("News:") == 1


# --- What ----------------------------------------------------------------------------------------------------------


def test_it_is_grouped_by_ticket_with_the_newest_words(ticket: Ticket, rita: User, bo: User) -> None:
    other = factories.open_ticket(rita, at=AT, subject="Search is slow")
    answer(ticket, bo, "First words.")
    answer(ticket, bo, "Newest words.", at=AT + timedelta(minutes=5))
    answer(other, bo, "About search.", at=AT + timedelta(minutes=6))
    (mail,) = digest()
    assert mail.subject == "News on 2 requests"
    assert mail.ticket is None
    assert mail.text.index("Search is slow") < mail.text.index(f"#{ticket.number}")
    assert mail.text.count("Bo replied to your request") == 3
    assert "Mon 23 Nov 2026, 10:05 CET: “Newest words.”" in mail.text
    assert "First words." not in mail.text
    assert f"http://testserver/requests/{ticket.number}/" in mail.text
    assert "/account/mail/" in mail.text
    assert mail.html.count("<h2") == 2


def test_a_single_ticket_is_named(ticket: Ticket, bo: User) -> None:
    answer(ticket, bo)
    (mail,) = digest()
    assert mail.subject == f"[#{ticket.number}] News: {ticket.subject}"
    assert mail.ticket == ticket


def test_s050_no_note_is_ever_told_to_a_customer(ticket: Ticket, rita: User, bo: User, lea: User) -> None:
    answer(ticket, bo, "Public words.")
    actions.add_note(ticket, by=lea, body="Secret words.", at=AT)
    # As if a note had been put down for her by a fault elsewhere.
    notifications.notify(now=AT)
    note = ticket.events.get(kind="noted")
    DigestEntry.objects.create(event=note, user=rita, kind="answered", due_at=MORNING)
    DigestEntry.objects.create(event=ticket.events.get(kind="created"), user=rita, kind="staff_noted", due_at=MORNING)
    (mail,) = digest()
    assert "Public words." in mail.text
    assert "Secret words." not in mail.text + mail.html
    assert "internal note" not in mail.text


def test_the_staff_reads_notes_in_theirs(ticket: Ticket, bo: User, lea: User) -> None:
    wants(bo, "notes")
    actions.assign(ticket, by=bo, to=bo, at=AT)
    actions.add_note(ticket, by=lea, body="Look at the proxy.", at=AT)
    mail = next(mail for mail in digest() if mail.to_user == bo)
    assert mail.kind == "staff_digest"
    assert "Look at the proxy." in mail.text
    assert f"http://testserver/desk/tickets/{ticket.number}/" in mail.text


def test_s054_what_the_reader_may_no_longer_see_is_dropped(ticket: Ticket, rita: User, bo: User) -> None:
    answer(ticket, bo)
    notifications.notify(now=AT)
    Membership.objects.filter(user=rita).update(ended_at=AT)
    assert digest() == []
    entry = DigestEntry.objects.get()
    assert entry.settled_at is not None
    assert entry.mail is None


def test_s054_access_that_ends_before_it_is_sent_leaves_the_rest(
    ticket: Ticket, rita: User, sam: User, bo: User, mailoutbox: list[EmailMessage]
) -> None:
    theirs = factories.open_ticket(sam, at=AT, subject="Their own matter", cc=[rita.email])
    wants(rita, "copied")
    answer(ticket, bo)
    answer(theirs, bo)
    (mail,) = digest()
    theirs.participants.update(removed_at=AT)
    tasks.deliver_mail()
    mail.refresh_from_db()
    assert mail.state == OutgoingMail.State.CANCELLED
    notifications.mail_digests(now=MORNING)
    tasks.deliver_mail()
    (sent,) = [mail for mail in mailoutbox if mail.to == [rita.email] and "News" in mail.subject]
    assert "Their own matter" not in sent.subject + str(sent.body)
    assert f"#{ticket.number}" in sent.subject


def test_fifty_tickets_are_named(ticket: Ticket, rita: User, bo: User) -> None:
    answer(ticket, bo)
    notifications.notify(now=AT)
    event = ticket.events.get(kind="answered")
    for _ in range(51):
        more = factories.open_ticket(rita, at=AT)
        event.pk, event.ticket, event.notified_at = None, more, AT
        event.save(force_insert=True)
        DigestEntry.objects.create(event=event, user=rita, kind="answered", due_at=MORNING)
    (mail,) = digest()
    assert mail.subject == "News on 52 requests"
    assert mail.html.count("<h2") == 50
    assert "And on 2 more" in mail.text


# --- Faults and cost -----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What no `except Exception` catches."""


def test_killed_at_any_point_there_is_one_mail(ticket: Ticket, bo: User, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(ticket, bo)
    write = digests._mail
    for die_before in (True, False):

        def die(*given: object, die_before: bool = die_before, **more: object) -> OutgoingMail:
            if not die_before:
                write(*given, **more)  # type: ignore[arg-type]
            raise Killed

        with monkeypatch.context() as dying, pytest.raises(Killed):
            dying.setattr(digests, "_mail", die)
            digest()
        assert DigestEntry.objects.filter(settled_at=None).count() == 1
    assert len(digest()) == 1
    assert len(digest()) == 1


def test_one_persons_fault_is_not_the_next_ones(
    ticket: Ticket, rita: User, tom: User, bo: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wants(tom, "answers")
    answer(ticket, bo)
    answer(factories.open_ticket(tom, at=AT), bo)
    write = digests._mail

    def fail_for_rita(reader: User, *given: object, **more: object) -> OutgoingMail:
        if reader == rita:
            raise ValueError("broken")
        return write(reader, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(digests, "_mail", fail_for_rita)
    assert [mail.to_user for mail in digest()] == [tom]
    assert f"person {rita.pk}" in caplog.text
    monkeypatch.undo()
    assert {mail.to_user for mail in digest()} == {rita, tom}


@pytest.mark.django_db(transaction=True)
def test_two_workers_write_one_mail(ticket: Ticket, bo: User) -> None:
    for words in ("One.", "Two.", "Three."):
        answer(ticket, bo, words)
    notifications.notify(now=AT)
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        notifications.mail_digests(now=MORNING)
        connection.close()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    (mail,) = OutgoingMail.objects.filter(kind="digest")
    assert DigestEntry.objects.filter(mail=mail).count() == 3


def test_it_asks_no_more_for_many_than_for_one(
    ticket: Ticket, rita: User, bo: User, count_queries: Callable[[], CaptureQueriesContext]
) -> None:
    asked = []
    for number in (1, 12):
        for _ in range(number):
            answer(factories.open_ticket(rita, at=AT), bo)
        notifications.notify(now=AT)
        with count_queries() as queries:
            assert notifications.mail_digests(now=MORNING) == 1
        asked.append(len(queries))
    assert asked[0] == asked[1] <= 12


def test_a_sweep_with_nothing_due_asks_once(
    ticket: Ticket, bo: User, count_queries: Callable[[], CaptureQueriesContext]
) -> None:
    answer(ticket, bo)
    notifications.notify(now=AT)
    with count_queries() as queries:
        assert notifications.mail_digests(now=MORNING - timedelta(minutes=1)) == 0
    assert len(queries) == 1


def test_a_digest_to_a_closed_account_is_cancelled(ticket: Ticket, rita: User, bo: User) -> None:
    answer(ticket, bo)
    (mail,) = digest()
    User.objects.filter(pk=rita.pk).update(is_active=False)
    OutgoingMail.objects.exclude(pk=mail.pk).delete()
    assert send.deliver_due() == 0
    mail.refresh_from_db()
    assert mail.state == OutgoingMail.State.CANCELLED
    assert digest(MORNING + timedelta(hours=1)) == [mail]
