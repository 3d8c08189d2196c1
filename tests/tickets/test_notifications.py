"""Who is told of what, and in which words."""

import threading
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from email.message import Message as Mail
from io import BytesIO
from typing import Any

import pytest
from allauth.account.signals import email_confirmed, password_reset
from django.core.mail import EmailMessage
from django.db import connection
from django.dispatch import Signal

from accounts.models import Membership, User
from supportdesk.lib.errors import DomainError
from supportdesk.lib.signed_addresses import reply_address
from tests import factories
from tickets import actions, notifications
from tickets.mail import send
from tickets.models import OutgoingMail, Participant, Priority, Ticket, TicketEvent, WorkflowSettings
from tickets.notifications import audience, wording, writing
from tickets.states import Status

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday; Europe is on shift: bo and lea
LATER = AT + timedelta(hours=1)
PARTNER = "partner@consulting.example"

pytestmark = pytest.mark.django_db


class Desk:
    """rita's ticket with a partner in CC, and everybody who could be told of it."""

    def __init__(self, **people: User) -> None:
        self.people = people
        self.ticket = factories.open_ticket(people["rita"], at=AT, cc=[PARTNER, people["tom"].email])

    def __getattr__(self, name: str) -> User:
        return self.people[name]

    def quietly(self, *acts: Callable[["Desk"], object]) -> None:
        for act in acts:
            act(self)
        notifications.notify(now=LATER)
        OutgoingMail.objects.all().delete()


@pytest.fixture
def desk(rita: User, tom: User, mona: User, ann: User, bo: User, chi: User, lea: User, sven: User, ada: User) -> Desk:
    return Desk(rita=rita, tom=tom, mona=mona, ann=ann, bo=bo, chi=chi, lea=lea, sven=sven, ada=ada)


def told(mails: Iterable[OutgoingMail] | None = None) -> set[tuple[str, str]]:
    """Who was told of what: pairs of a name and a kind."""
    mails = OutgoingMail.objects.all() if mails is None else mails
    return {(mail.to_email.partition("@")[0], mail.kind) for mail in mails}


def answer(as_: Status, by: str = "bo") -> Callable[[Desk], object]:
    return lambda desk: actions.answer(
        desk.ticket, by=desk.people[by], body="Which database is it?", submit_as=as_, at=LATER
    )


def assign(to: str, by: str = "lea") -> Callable[[Desk], object]:
    return lambda desk: actions.assign(desk.ticket, by=desk.people[by], to=desk.people[to], at=LATER)


def reply(by: str) -> Callable[[Desk], object]:
    return lambda desk: actions.reply(desk.ticket, by=desk.people[by], body="PostgreSQL 16", at=LATER)


def note(by: str) -> Callable[[Desk], object]:
    return lambda desk: actions.add_note(desk.ticket, by=desk.people[by], body="Secret thought", at=LATER)


def nothing(desk: Desk) -> None:
    pass


CUSTOMERS = ("rita", "tom", "partner")

# what happened before, what happens, who is told of it and as what
TABLE: dict[str, tuple[list[Callable[[Desk], object]], Callable[[Desk], object], set[tuple[str, str]]]] = {
    "take": ([], lambda desk: actions.take(desk.ticket, by=desk.bo, at=LATER), set()),
    "assign to another": ([], assign("ann"), {("ann", "staff_assigned")}),
    "assign to oneself": ([], assign("lea"), set()),
    "unassign": ([assign("ann")], lambda desk: actions.unassign(desk.ticket, by=desk.lea, at=LATER), set()),
    "answer, keep open": ([], answer(Status.OPEN), {(name, "answered") for name in CUSTOMERS}),
    "answer as Pending": ([], answer(Status.PENDING), {(name, "asked") for name in CUSTOMERS}),
    "answer as Solved": ([], answer(Status.SOLVED), {(name, "solved") for name in CUSTOMERS}),
    "solve": (
        [],
        lambda desk: actions.solve(desk.ticket, by=desk.bo, at=LATER),
        {(name, "solved") for name in CUSTOMERS},
    ),
    "SET answers": ([assign("bo")], answer(Status.OPEN, by="sven"), {(name, "answered") for name in CUSTOMERS}),
    "first note": ([], note("bo"), set()),
    "note on an assigned ticket": ([assign("ann")], note("bo"), {("ann", "staff_noted")}),
    "note after notes": (
        [assign("ann"), note("sven"), note("bo")],
        note("lea"),
        {("ann", "staff_noted"), ("sven", "staff_noted"), ("bo", "staff_noted")},
    ),
    "requester replies, unassigned": (
        [],
        reply("rita"),
        {("bo", "staff_replied"), ("lea", "staff_replied"), ("tom", "replied"), ("partner", "replied")},
    ),
    "CC replies, assigned": (
        [assign("ann")],
        reply("tom"),
        {("ann", "staff_replied"), ("rita", "replied"), ("partner", "replied")},
    ),
    "reply reopens": (
        [answer(Status.SOLVED)],
        reply("rita"),
        {("bo", "staff_reopened"), ("tom", "replied"), ("partner", "replied")},
    ),
    "requester reopens": (
        [answer(Status.SOLVED)],
        lambda desk: actions.reopen(desk.ticket, by=desk.rita, at=LATER),
        {("bo", "staff_reopened")},
    ),
    "assignee reopens": (
        [answer(Status.SOLVED)],
        lambda desk: actions.reopen(desk.ticket, by=desk.bo, at=LATER),
        set(),
    ),
    "requester solves": (
        [assign("ann")],
        lambda desk: actions.mark_solved(desk.ticket, by=desk.rita, at=LATER),
        {("ann", "staff_solved"), ("tom", "solved"), ("partner", "solved")},
    ),
    "manager solves": (
        [assign("ann")],
        lambda desk: actions.mark_solved(desk.ticket, by=desk.mona, at=LATER),
        {("ann", "staff_solved"), *((name, "solved") for name in CUSTOMERS)},
    ),
    "hold": (
        [assign("bo")],
        lambda desk: actions.hold(desk.ticket, by=desk.bo, reason="Secret reason", at=LATER),
        set(),
    ),
    "unhold": (
        [assign("bo"), lambda desk: actions.hold(desk.ticket, by=desk.bo, reason="Secret reason", at=LATER)],
        lambda desk: actions.unhold(desk.ticket, by=desk.bo, at=LATER),
        set(),
    ),
    "fields": (
        [],
        lambda desk: actions.change_fields(desk.ticket, by=desk.bo, changes={"priority": Priority.LOW}, at=LATER),
        set(),
    ),
    "do not close": ([], lambda desk: actions.set_do_not_close(desk.ticket, by=desk.bo, to=True, at=LATER), set()),
    "CC added": (
        [],
        lambda desk: actions.add_cc(desk.ticket, by=desk.rita, addresses=["more@other.example"], at=LATER),
        set(),
    ),
    "closed": (
        [answer(Status.SOLVED)],
        lambda desk: actions.close_solved(desk.ticket.pk, now=LATER + timedelta(hours=48)),
        {(name, "closed") for name in CUSTOMERS},
    ),
    "reminded": (
        [answer(Status.PENDING)],
        lambda desk: actions.follow_up_pending(desk.ticket.pk, now=LATER + timedelta(days=3)),
        {(name, "reminded") for name in CUSTOMERS},
    ),
    "gave up waiting": (
        [
            answer(Status.PENDING),
            lambda desk: WorkflowSettings.objects.update(remind_after_days=[], solve_after_days=1),
            lambda desk: Ticket.objects.update(pending_due_at=LATER),
        ],
        lambda desk: actions.follow_up_pending(desk.ticket.pk, now=LATER + timedelta(days=1)),
        {(name, "gave_up_waiting") for name in CUSTOMERS},
    ),
}


@pytest.mark.parametrize("what", TABLE)
def test_who_is_told_of_what(desk: Desk, what: str) -> None:
    before, act, expected = TABLE[what]
    desk.quietly(*before)
    act(desk)
    notifications.notify(now=LATER)
    assert told() == expected
    assert not TicketEvent.objects.filter(notified_at=None).exists()


def test_a_new_request_is_confirmed_and_the_team_on_shift_is_told(desk: Desk) -> None:
    notifications.notify(now=AT)
    assert told() == {(name, "created") for name in CUSTOMERS} | {("bo", "staff_new"), ("lea", "staff_new")}


def test_where_nobody_of_the_region_is_in_the_team_all_of_it_is_told(rita: User, ann: User, chi: User) -> None:
    factories.open_ticket(rita, at=AT)
    notifications.notify(now=AT)
    assert told() == {("rita", "created"), ("ann", "staff_new"), ("chi", "staff_new")}


def test_a_request_opened_by_an_agent_is_told_to_its_requester_and_the_colleagues(
    rita: User, bo: User, lea: User
) -> None:
    actions.submit(
        rita,
        by=bo,
        organization=rita.memberships.get().organization,
        request=factories.request_of(body="She called us: SECRET"),
        channel="agent",
        at=AT,
        public=False,
    )
    notifications.notify(now=AT)
    assert told() == {("rita", "created"), ("lea", "staff_new")}
    mail = OutgoingMail.objects.get(kind="created")
    assert "Bo opened this request for you." in mail.text
    assert "SECRET" not in mail.text + mail.html


def test_the_follow_up_of_a_closed_request_is_confirmed(desk: Desk) -> None:
    closing = LATER + timedelta(hours=48)
    desk.quietly(answer(Status.SOLVED), lambda desk: actions.close_solved(desk.ticket.pk, now=closing))
    message = actions.reply(desk.ticket, by=desk.rita, body="It is back.", at=closing)
    notifications.notify(now=closing)
    mail = OutgoingMail.objects.get(to_email=desk.rita.email)
    assert (mail.kind, mail.ticket_id) == ("created", message.ticket_id)
    assert f"It continues #{desk.ticket.number}." in mail.text


def test_notes_reach_no_customer_whatever_else_they_get(desk: Desk) -> None:
    for act in (note("bo"), answer(Status.OPEN), note("lea"), answer(Status.SOLVED), reply("tom"), note("ann")):
        act(desk)
    notifications.notify(now=LATER)
    desk_people = {person.email for person in desk.people.values() if person.is_desk}
    for mail in OutgoingMail.objects.exclude(to_email__in=desk_people):
        assert "Secret" not in mail.subject + mail.text + mail.html


def test_an_assignee_who_has_left_is_replaced_by_the_team(desk: Desk) -> None:
    desk.quietly(assign("ann"))
    User.objects.filter(pk=desk.ann.pk).update(is_active=False)
    reply("rita")(desk)
    notifications.notify(now=LATER)
    assert ("bo", "staff_replied") in told()
    assert "ann" not in {name for name, _ in told()}


def test_who_has_left_the_organisation_is_told_nothing_more(desk: Desk) -> None:
    desk.quietly()
    Membership.objects.filter(user__in=[desk.rita, desk.tom]).update(ended_at=LATER)
    answer(Status.OPEN)(desk)
    notifications.notify(now=LATER)
    assert told() == {("partner", "answered")}


def test_who_was_taken_off_or_is_inactive_is_told_nothing_more(desk: Desk) -> None:
    desk.quietly()
    actions.remove_cc(Participant.objects.get(email=PARTNER), by=desk.rita, at=LATER)
    User.objects.filter(pk=desk.tom.pk).update(is_active=False)
    answer(Status.OPEN)(desk)
    notifications.notify(now=LATER)
    assert told() == {("rita", "answered")}


def test_who_was_shut_out_before_is_told_nothing(desk: Desk) -> None:
    desk.quietly()
    factories.person(PARTNER, "Kim", is_active=False)
    answer(Status.OPEN)(desk)
    notifications.notify(now=LATER)
    assert "partner" not in {name for name, _ in told()}


@pytest.mark.parametrize("proof", [email_confirmed, password_reset])
def test_a_cc_who_proves_their_address_sees_the_request_and_gets_its_link(desk: Desk, proof: Signal) -> None:
    desk.quietly()
    kim = factories.person(PARTNER, "Kim")
    assert not Ticket.objects.visible_to(kim).exists()
    address = kim.emailaddress_set.get()
    proof.send(User, request=None, email_address=address, user=kim)
    assert Ticket.objects.visible_to(kim).get() == desk.ticket
    answer(Status.OPEN)(desk)
    notifications.notify(now=LATER)
    assert f"http://testserver/requests/{desk.ticket.number}/" in OutgoingMail.objects.get(to_email=PARTNER).text


def test_a_mail_queued_for_somebody_who_loses_access_is_cancelled(desk: Desk, mailoutbox: list[EmailMessage]) -> None:
    desk.quietly()
    answer(Status.OPEN)(desk)
    notifications.notify(now=LATER)
    Membership.objects.filter(user=desk.tom).update(ended_at=LATER)
    actions.remove_cc(Participant.objects.get(email=PARTNER), by=desk.rita, at=LATER)
    send.deliver_due()
    assert [mail.to for mail in mailoutbox] == [[desk.rita.email]]
    states = dict(OutgoingMail.objects.values_list("to_email", "state"))
    assert states == {desk.rita.email: "sent", desk.tom.email: "cancelled", PARTNER: "cancelled"}


# --- Once ----------------------------------------------------------------------------------------------------------


def test_running_again_writes_nothing_more(desk: Desk) -> None:
    notifications.notify(now=AT)
    before = OutgoingMail.objects.count()
    TicketEvent.objects.update(notified_at=None)  # as if the worker had died before its commit was seen
    notifications.notify(now=AT)
    assert OutgoingMail.objects.count() == before


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_each_mail_once(desk: Desk) -> None:
    for at in range(15):
        actions.reply(desk.ticket, by=desk.rita, body=f"Reply {at}", at=LATER)
    starting, faults = threading.Barrier(3), []

    def work() -> None:
        try:
            starting.wait()
            notifications.notify(now=LATER)
        except Exception as fault:
            faults.append(fault)
        finally:
            connection.close()

    workers = [threading.Thread(target=work) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert faults == []
    assert OutgoingMail.objects.filter(kind="staff_replied").count() == 15 * 2
    assert OutgoingMail.objects.filter(kind="replied").count() == 15 * 2


def test_a_bad_event_is_stepped_over_and_rests(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    reply("rita")(desk)
    bad = TicketEvent.objects.get(kind="created")
    tried = []

    def recipients(event: TicketEvent) -> list[audience.Recipient]:
        tried.append(event.pk)
        if event.pk == bad.pk:
            raise ValueError("broken")
        return audience.recipients(event)

    monkeypatch.setattr(writing, "recipients", recipients)
    notifications.notify(now=LATER)
    assert ("bo", "staff_replied") in told()
    notifications.notify(now=LATER + timedelta(minutes=30))
    assert tried.count(bad.pk) == 1
    notifications.notify(now=LATER + timedelta(minutes=61))
    assert tried.count(bad.pk) == 2
    monkeypatch.setattr(writing, "recipients", audience.recipients)
    notifications.notify(now=LATER + timedelta(hours=4))
    assert ("rita", "created") in told()


# --- Words ---------------------------------------------------------------------------------------------------------


def delivered(mailoutbox: list[EmailMessage], to: str) -> EmailMessage:
    notifications.notify(now=LATER)
    send.deliver_due()
    return next(mail for mail in reversed(mailoutbox) if mail.to == [to])


def html_of(mail: EmailMessage) -> str:
    return str(mail.alternatives[0][0])  # type: ignore[attr-defined]


def test_subject_and_headers_hold_the_thread_together(desk: Desk, mailoutbox: list[EmailMessage]) -> None:
    first: Mail = delivered(mailoutbox, desk.rita.email).message()
    answer(Status.PENDING)(desk)
    second: Mail = delivered(mailoutbox, desk.rita.email).message()
    number = desk.ticket.number
    assert first["Subject"] == second["Subject"] == f"[#{number}] {desk.ticket.subject}"
    assert first["References"] == second["References"] == f"<ticket.{number}@desk.example>"
    assert second["In-Reply-To"] == f"<ticket.{number}@desk.example>"
    assert first["Message-ID"] != second["Message-ID"]
    assert first["Message-ID"].endswith("@desk.example>")
    assert second["Auto-Submitted"] == "auto-generated"
    assert second["X-Auto-Response-Suppress"] == "All"
    assert second["Reply-To"] == reply_address(number, reader=desk.rita.email)
    assert second["Bcc"] is None


def test_text_and_html_say_the_same(desk: Desk, mailoutbox: list[EmailMessage]) -> None:
    upload = actions.upload(desk.bo, file=BytesIO(b"one line"), name="steps.txt", at=LATER)
    actions.answer(
        desk.ticket, by=desk.bo, body="Try **this**.", submit_as=Status.SOLVED, at=LATER, uploads=[upload.pk]
    )
    mail = delivered(mailoutbox, desk.rita.email)
    link = f"http://testserver/attachments/{upload.pk}/"
    for part in (str(mail.body), html_of(mail)):
        assert "Bo replied and marked your request as solved." in part
        assert "Bo wrote on Mon 23 Nov 2026, 11:00 CET:" in part
        assert link in part
        assert "steps.txt" in part
        assert "before Wed 25 Nov 2026, 11:00 CET. Then it is closed." in part
        assert f"http://testserver/requests/{desk.ticket.number}/" in part
        assert "You get this mail because it is your request." in part
    assert "Try **this**." in mail.body
    assert "Try <strong>this</strong>." in html_of(mail)


def test_a_cc_without_an_account_gets_no_link_that_they_could_not_open(
    desk: Desk, mailoutbox: list[EmailMessage]
) -> None:
    upload = actions.upload(desk.rita, file=BytesIO(b"one line"), name="server.log", at=LATER)
    actions.reply(desk.ticket, by=desk.rita, body="Here it is.", at=LATER, uploads=[upload.pk])
    mail = delivered(mailoutbox, PARTNER)
    for part in (str(mail.body), html_of(mail)):
        assert "server.log" in part
        assert "http://testserver" not in part
        assert "You get this mail because Rita copied you in." in part


def test_staff_are_led_to_the_workspace_and_their_own_time(desk: Desk, mailoutbox: list[EmailMessage]) -> None:
    desk.quietly(assign("chi"))
    reply("rita")(desk)
    mail = delivered(mailoutbox, desk.chi.email)
    assert f"http://testserver/desk/tickets/{desk.ticket.number}/" in str(mail.body)
    assert "Rita wrote on Mon 23 Nov 2026, 21:00 AEDT:" in str(mail.body)


def test_the_last_reminder_says_from_when_it_counts_as_solved(desk: Desk, mailoutbox: list[EmailMessage]) -> None:
    desk.quietly(answer(Status.PENDING))
    for days in (3, 7):  # three and five business days later
        actions.follow_up_pending(desk.ticket.pk, now=LATER + timedelta(days=days))
        mail = delivered(mailoutbox, desk.rita.email)
        assert "We still wait for an answer on your request." in str(mail.body)
        assert "Which database is it?" in str(mail.body)
        assert ("it counts as solved from Wed 2 Dec 2026, 11:00 CET on" in str(mail.body)) == (days == 7)


def test_somebody_entered_by_an_agent_is_told_how_to_get_in(northwind: Any, bo: User) -> None:
    eva = factories.person("eva@northwind.example", "Eva", password=None)
    Membership.objects.create(user=eva, organization=northwind)
    actions.submit(eva, by=bo, organization=northwind, request=factories.request_of(), channel="agent", at=AT)
    notifications.notify(now=AT)
    mail = OutgoingMail.objects.get(to_email=eva.email)
    assert "Set a password first: http://testserver/accounts/password/reset/" in mail.text


@pytest.mark.parametrize(
    "typed", ["{{ settings.SECRET_KEY }}", "{% debug %}", "{0.__class__}", "%(x)s", "${7*7}", '"><svg onload=alert(1)>']
)
def test_what_people_type_is_never_a_template_nor_markup(rita: User, bo: User, typed: str) -> None:
    ticket = factories.open_ticket(rita, at=AT, subject=typed, body=f"`{typed}`")
    notifications.notify(now=AT)
    mail = OutgoingMail.objects.get(kind="created")
    assert mail.subject == f"[#{ticket.number}] {typed}"
    assert typed in mail.text
    assert "<svg" not in mail.html
    assert wording.subject_of(ticket) == mail.subject


@pytest.mark.parametrize("ending", ["\r\nBcc: x@evil.example", "\u2028x", "\u0085x", " 😀" * 5000])
def test_a_subject_is_one_line_whatever_the_row_holds(rita: User, mailoutbox: list[EmailMessage], ending: str) -> None:
    """The forms refuse such subjects; mails must hold should one ever be stored (S024)."""
    ticket = factories.open_ticket(rita, at=AT)
    ticket.subject = f"Hi{ending}"
    assert "\n" not in wording.subject_of(ticket)
    Ticket.objects.filter(pk=ticket.pk).update(subject=f"Hi{ending}"[:200])
    built = delivered(mailoutbox, rita.email).message()
    assert built["Bcc"] is None
    assert len(built.get_all("Subject")) == 1
    assert all(len(line) <= 78 for line in built.as_string().splitlines() if line.startswith(("Subject:", " =?")))


def test_names_are_plain_text(desk: Desk, mailoutbox: list[EmailMessage]) -> None:
    User.objects.filter(pk=desk.bo.pk).update(name="<b>Win</b> http://evil.example")
    answer(Status.OPEN)(Desk(**{**desk.people, "bo": User.objects.get(pk=desk.bo.pk)}))
    mail = delivered(mailoutbox, desk.rita.email)
    assert "<b>Win" not in html_of(mail)
    assert 'href="http://evil.example' not in html_of(mail)


def test_refusals_tell_nobody(desk: Desk) -> None:
    desk.quietly()
    with pytest.raises(DomainError):
        actions.reopen(desk.ticket, by=desk.rita, at=LATER)
    notifications.notify(now=LATER)
    assert told() == set()
