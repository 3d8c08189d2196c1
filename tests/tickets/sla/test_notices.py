"""Warnings and breaches: who is told, once each, and how many of them go into a mail."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.core.mail import EmailMessage
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization, Role, Team, User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.desk.page import text
from tickets import actions, notifications, tasks
from tickets.mail import send
from tickets.models import (
    OutgoingMail,
    Priority,
    SlaClock,
    SlaNotice,
    SlaNoticeChoice,
    Ticket,
    TicketEvent,
)
from tickets.notifications import promises
from tickets.sla import retarget, sweep
from tickets.states import Status

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday, 10:00 in Berlin; Europe is on shift: bo and lea
URGENT = {("first_reply", 1): (60, "clock")}  # Premier's own: warned at 9:45, broken at 10:00
WARNED, BROKEN = AT + timedelta(minutes=46), AT + timedelta(minutes=61)
Names = set[tuple[str, str]]


def minutes(number: float) -> datetime:
    return AT + timedelta(minutes=number)


def urgent(requester: User, *, at: datetime = AT, to: User | None = None) -> Ticket:
    ticket = factories.open_ticket(requester, at=at, priority=Priority.URGENT)
    if to is not None:
        actions.assign(ticket, by=to, to=to, at=at)
    return ticket


def watch(now: datetime) -> int:
    """What the workers do every few seconds; the number of mails about promises."""
    sweep.act(now=now)
    notifications.notify(now=now)
    return notifications.mail_notices(now=now)


def told() -> Names:
    """Who is to be told of what: pairs of a name and a kind."""
    rows = SlaNotice.objects.values_list("user__name", "event__kind")
    return {(name.lower(), kind.removeprefix("sla_")) for name, kind in rows}


def mails(to: User | None = None) -> list[OutgoingMail]:
    found = OutgoingMail.objects.filter(kind="staff_promises").order_by("pk")
    return list(found.filter(to_user=to) if to else found)


def choose(user: User, **choices: str) -> None:
    SlaNoticeChoice.objects.update_or_create(user=user, defaults=choices)


def leads(user: User | None) -> None:
    Team.objects.filter(gets_new_tickets=True).update(lead=user)


# --- Once, and in time ---------------------------------------------------------------------------------------------


def test_the_warning_arrives_once_and_so_does_the_breach(rita: User, bo: User) -> None:
    urgent(rita, to=bo)
    assert watch(minutes(45)) == 0
    assert watch(minutes(45.25)) == 1  # the sweep comes every 15 seconds
    for again in range(10):
        assert watch(minutes(46 + again)) == 0
    assert watch(minutes(60.25)) == 1
    assert watch(minutes(90)) == 0
    assert [mail.subject.partition(":")[0].partition("] ")[2] for mail in mails(bo)] == [
        "First reply is about to break",
        "First reply broke",
    ]
    assert all(mail.ticket is not None and mail.event is not None for mail in mails())


def test_workers_woken_by_the_sweep_mail_it(
    rita: User, bo: User, move_clock: Callable[[timedelta], object], mailoutbox: list[EmailMessage]
) -> None:
    urgent(rita, at=clock.now(), to=bo)
    move_clock(timedelta(minutes=46))
    tasks.watch_promises()
    tasks.notify()
    tasks.deliver_mail()
    (mail,) = [mail for mail in mailoutbox if "about to break" in mail.subject]
    assert mail.to == [bo.email]


def test_after_an_outage_only_the_breach_is_told(rita: User, bo: User) -> None:
    urgent(rita, to=bo)
    assert watch(minutes(600)) == 1
    assert told() == {("bo", "breached")}
    assert "First reply was due Mon 23 Nov 2026, 11:00 CET (around the clock): still owed" in mails(bo)[0].text


# --- Who -----------------------------------------------------------------------------------------------------------


def test_an_assigned_ticket_is_its_assignees_and_its_leads(
    rita: User, ann: User, bo: User, lea: User, ada: User
) -> None:
    urgent(rita, to=ann)
    watch(WARNED)
    assert told() == {("ann", "warned"), ("lea", "warned")}
    watch(BROKEN)
    assert told() == {(name, kind) for name in ("ann", "lea") for kind in ("warned", "breached")}


def test_an_unassigned_ticket_is_the_teams_on_shift(
    rita: User, ann: User, bo: User, chi: User, sven: User, pat: User, ada: User
) -> None:
    Team.objects.get(gets_new_tickets=True).members.add(ada, pat)
    User.objects.filter(pk__in=[ada.pk, pat.pk]).update(region=bo.region)
    urgent(rita)
    watch(WARNED)
    assert told() == {("bo", "warned")}


@pytest.mark.parametrize("gone", [{"is_active": False}, {"role": ""}])
def test_where_the_assignee_has_left_the_team_takes_their_place(
    rita: User, ann: User, bo: User, gone: dict[str, object]
) -> None:
    urgent(rita, to=ann)
    User.objects.filter(pk=ann.pk).update(**gone)
    watch(WARNED)
    assert told() == {("bo", "warned")}


def test_the_teams_own_lead_goes_before_the_support_leads(rita: User, ann: User, bo: User, lea: User) -> None:
    leads(bo)
    urgent(rita, to=ann)
    watch(WARNED)
    assert told() == {("ann", "warned"), ("bo", "warned")}


def test_a_lead_who_has_left_is_none(rita: User, ann: User, bo: User, lea: User) -> None:
    leads(bo)
    User.objects.filter(pk=bo.pk).update(is_active=False)
    urgent(rita, to=ann)
    watch(WARNED)
    assert told() == {("ann", "warned"), ("lea", "warned")}


def test_an_admin_is_told_as_assignee_or_lead_alone(rita: User, ada: User, bo: User) -> None:
    leads(ada)
    urgent(rita)
    watch(WARNED)
    assert told() == {("bo", "warned"), ("ada", "warned")}


def test_assignee_and_lead_in_one_get_one_notice(rita: User, lea: User) -> None:
    leads(lea)
    urgent(rita, to=lea)
    assert watch(WARNED) == 1
    assert SlaNotice.objects.count() == 1


CHOICES = {
    "all": {"warned", "breached"},
    "breaches": {"breached"},
    "none": set(),
}


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("circle", ["own", "team", "led"])
def test_everybody_is_told_as_they_chose(rita: User, bo: User, circle: str, choice: str) -> None:
    ticket = urgent(rita, to=bo if circle == "own" else None)
    if circle == "led":
        leads(bo)
        assignee = factories.staff("Cid", Role.AGENT)
        actions.assign(ticket, by=assignee, to=assignee, at=AT)
    choose(bo, **{**dict.fromkeys(("own", "team", "led"), "none"), circle: choice})
    watch(WARNED)
    watch(BROKEN)
    assert {kind for name, kind in told() if name == "bo"} == CHOICES[choice]


# --- How many mails ------------------------------------------------------------------------------------------------


def test_the_first_comes_at_once_and_the_next_are_gathered(rita: User, bo: User) -> None:
    for late in range(5):  # one a minute: they are due for a warning at 9:45 … 9:49
        urgent(rita, at=minutes(late), to=bo)
    assert [watch(minutes(45.2 + at / 4)) for at in range(20)] == [1] + [0] * 19
    assert watch(minutes(50.2)) == 1
    first, second = mails(bo)
    assert first.text.count("is due") == 1
    assert second.text.count("is due") == 4
    assert second.subject == "4 promises are about to break"
    assert (second.ticket, second.event) == (None, None)
    assert "http://testserver/desk/\n" in second.text


def test_the_time_of_gathering_is_a_setting(rita: User, bo: User, settings: object) -> None:
    settings.SLA_BUNDLE_SECONDS = 60  # type: ignore[attr-defined]
    for late in range(2):
        urgent(rita, at=minutes(late), to=bo)
    assert [watch(minutes(45 + at / 2)) for at in range(1, 5)] == [1, 0, 1, 0]


def copied(row: Ticket | SlaClock, **changes: object) -> dict[str, object]:
    names = [field.attname for field in row._meta.concrete_fields if not field.primary_key]
    return {**{name: getattr(row, name) for name in names}, **changes}


def open_more(ticket: Ticket, number: int) -> None:
    """So many more tickets like `ticket`, each with a clock of its own."""
    first = SlaClock.objects.get(ticket=ticket)
    tickets = Ticket.objects.bulk_create(Ticket(**copied(ticket)) for _ in range(number))
    SlaClock.objects.bulk_create(SlaClock(**copied(first, ticket_id=one.pk)) for one in tickets)


def test_five_hundred_warnings_are_one_mail_for_each(rita: User, bo: User, lea: User) -> None:
    open_more(urgent(rita, to=bo), 499)
    assert watch(WARNED) == 2
    for mail in mails():
        assert mail.subject == "500 promises are about to break"
        assert mail.text.count("#") == mail.html.count("<li ") == 50
        assert "and 450 more" in mail.text
        assert "http://testserver/desk/\n" in mail.text
    assert SlaNotice.objects.exclude(mail=None).count() == 1000
    assert watch(minutes(59)) == 0


def test_half_of_the_lines_are_kept_for_what_can_be_saved(rita: User, bo: User) -> None:
    open_more(urgent(rita, to=bo), 59)
    open_more(urgent(rita, at=minutes(10), to=bo), 39)
    assert watch(BROKEN) == 1
    (mail,) = mails(bo)
    assert mail.subject == "40 promises are about to break, 60 broke"
    broken, near = mail.text.partition("Broken")[2].split("About to break")
    assert (broken.count("was due"), near.count("is due")) == (25, 25)
    assert "and 35 more" in broken
    assert "and 15 more" in near


def test_mailing_asks_no_more_for_many_than_for_one(
    rita: User, bo: User, count_queries: Callable[[], CaptureQueriesContext]
) -> None:
    asked = []
    for number in (1, 100):
        ticket = urgent(rita, to=bo)
        open_more(ticket, number)
        sweep.act(now=WARNED)
        notifications.notify(now=WARNED)
        with count_queries() as queries:
            assert notifications.mail_notices(now=WARNED) == 1
        asked.append(len(queries))
        SlaNotice.objects.all().delete()
        OutgoingMail.objects.all().delete()
    assert asked[0] == asked[1] <= 12


# --- What became of it meanwhile -----------------------------------------------------------------------------------


def later(rita: User, bo: User) -> Ticket:
    """A ticket whose warning waits for the next mail, due at 9:51."""
    urgent(rita, to=bo)
    ticket = urgent(rita, at=minutes(1), to=bo)
    assert watch(minutes(45.2)) == 1
    assert watch(minutes(46.2)) == 0
    return ticket


def test_a_warning_of_what_was_answered_meanwhile_is_dropped(rita: User, bo: User) -> None:
    ticket = later(rita, bo)
    actions.answer(ticket, by=bo, body="Which version?", submit_as=Status.PENDING, at=minutes(47))
    assert watch(minutes(52)) == 0
    assert not SlaNotice.objects.filter(settled_at=None).exists()
    assert SlaNotice.objects.get(event__ticket=ticket, event__kind="sla_warned").mail is None


def test_a_breach_goes_before_the_warning_of_the_same_promise(rita: User, bo: User) -> None:
    factories.promise("premier", {("first_reply", 1): (4, "clock")})
    urgent(rita, to=bo)
    urgent(rita, at=minutes(0.2), to=bo)
    assert watch(minutes(3.1)) == 1
    assert watch(minutes(3.3)) == 0
    assert watch(minutes(4.3)) == 0
    assert watch(minutes(8.2)) == 1
    assert mails(bo)[1].subject == "2 promises broke"


def test_a_breach_that_was_answered_late_says_when(rita: User, bo: User, lea: User) -> None:
    ticket = urgent(rita, to=bo)
    actions.answer(ticket, by=bo, body="Sorry.", submit_as=Status.PENDING, at=minutes(75))
    watch(minutes(76))
    for mail in mails():
        assert "was due Mon 23 Nov 2026, 11:00 CET (around the clock): met Mon 23 Nov 2026, 11:15 CET" in mail.text
    assert len(mails()) == 2


def test_who_has_left_the_desk_meanwhile_gets_no_mail(rita: User, bo: User, mailoutbox: list[EmailMessage]) -> None:
    urgent(rita, to=bo)
    sweep.act(now=WARNED)
    notifications.notify(now=WARNED)
    User.objects.filter(pk=bo.pk).update(role="")
    assert notifications.mail_notices(now=WARNED) == 0
    assert not SlaNotice.objects.filter(settled_at=None).exists()


def test_a_mail_of_several_tickets_is_cancelled_for_who_leaves(
    rita: User, bo: User, lea: User, mailoutbox: list[EmailMessage]
) -> None:
    for _ in range(2):
        urgent(rita, to=bo)
    OutgoingMail.objects.all().delete()
    watch(WARNED)
    OutgoingMail.objects.exclude(kind="staff_promises").delete()
    User.objects.filter(pk=bo.pk).update(role="")
    assert send.deliver_due() == 1
    assert [mail.to for mail in mailoutbox] == [[lea.email]]
    assert dict(OutgoingMail.objects.values_list("to_email", "state")) == {bo.email: "cancelled", lea.email: "sent"}


# --- Faults --------------------------------------------------------------------------------------------------------


class Killed(BaseException):
    """What no `except Exception` catches."""


def test_a_worker_that_dies_before_or_while_mailing_loses_nothing(
    rita: User, bo: User, lea: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    urgent(rita, to=bo)
    sweep.act(now=WARNED)
    notifications.notify(now=WARNED)  # and here the worker dies
    assert mails() == []
    write, written = promises._mail, []

    def die_after(*given: object, **more: object) -> OutgoingMail:
        written.append(write(*given, **more))  # type: ignore[arg-type]
        raise Killed

    with monkeypatch.context() as dying, pytest.raises(Killed):
        dying.setattr(promises, "_mail", die_after)
        notifications.mail_notices(now=WARNED)
    assert len(written) == 1
    assert mails() == []
    assert notifications.mail_notices(now=WARNED) == 2
    assert {mail.to_email for mail in mails()} == {bo.email, lea.email}


def test_one_persons_fault_is_not_the_next_ones(
    rita: User, bo: User, lea: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    urgent(rita, to=bo)
    write = promises._mail

    def fail_for_bo(reader: User, *given: object, **more: object) -> OutgoingMail:
        if reader == bo:
            raise ValueError("broken")
        return write(reader, *given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(promises, "_mail", fail_for_bo)
    assert watch(WARNED) == 1
    assert f"person {bo.pk}" in caplog.text
    monkeypatch.undo()
    assert notifications.mail_notices(now=WARNED) == 1


def test_a_bad_event_keeps_back_no_other(
    rita: User, bo: User, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = urgent(rita, to=bo), urgent(rita, to=bo)
    sweep.act(now=WARNED)
    take_down = promises.take_down

    def fail_for_bad(events: list[TicketEvent], *, now: datetime) -> None:
        if any(event.ticket_id == bad.pk for event in events):
            raise ValueError("broken")
        take_down(events, now=now)

    monkeypatch.setattr(promises, "take_down", fail_for_bad)
    assert watch(WARNED) == 1
    assert [mail.ticket for mail in mails()] == [good]
    assert "a batch of warnings" in caplog.text
    monkeypatch.undo()
    assert watch(minutes(52)) == 1
    assert [mail.ticket for mail in mails()] == [good, bad]


def test_an_event_that_names_no_clock_keeps_back_no_mail(rita: User, bo: User) -> None:
    bad, good = urgent(rita, to=bo), urgent(rita, to=bo)
    sweep.act(now=WARNED)
    TicketEvent.objects.filter(kind="sla_warned", ticket=bad).update(data=["no", "object"])
    assert watch(WARNED) == 1
    assert [mail.ticket for mail in mails()] == [good]
    assert not SlaNotice.objects.filter(settled_at=None).exists()


def test_an_event_that_is_told_twice_is_noted_once(rita: User, bo: User) -> None:
    urgent(rita, to=bo)
    watch(WARNED)
    TicketEvent.objects.update(notified_at=None)  # as if the worker had died before its commit was seen
    assert watch(minutes(58)) == 0
    assert SlaNotice.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_write_one_mail(rita: User, bo: User, lea: User) -> None:
    for _ in range(15):
        urgent(rita, to=bo)
    sweep.act(now=WARNED)
    starting, faults = threading.Barrier(3), []

    def work() -> None:
        try:
            starting.wait()
            notifications.notify(now=WARNED)
            starting.wait()
            notifications.mail_notices(now=WARNED)
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
    assert SlaNotice.objects.count() == 30
    notifications.mail_notices(now=WARNED)
    assert sorted((mail.to_email, mail.subject) for mail in mails()) == [
        (who.email, "15 promises are about to break") for who in (bo, lea)
    ]


# --- Words ---------------------------------------------------------------------------------------------------------


def test_a_line_says_what_by_when_and_on_which_clock(rita: User, sam: User, bo: User) -> None:
    urgent(rita, to=bo)
    other = factories.open_ticket(sam, at=AT - timedelta(hours=19), priority=Priority.NORMAL)
    actions.assign(other, by=bo, to=bo, at=AT)
    # Opened on Sunday, it is due on Monday at 17:00 in New York, and warned of at 15:00.
    assert watch(BROKEN) == 1
    assert watch(AT + timedelta(hours=11, minutes=30)) == 1
    (mail,) = mails(bo)[1:]
    line = "First reply is due Mon 23 Nov 2026, 23:00 CET: 1 h 30 m left, business hours New York"
    assert f"- #{other.number} Users are logged out (Contoso, Enterprise)\n  {line}\n" in mail.text
    assert f"  http://testserver/desk/tickets/{other.number}/" in mail.text
    assert "Choose what you are told of: http://testserver/desk/notifications/" in mail.text
    assert (
        f'<a href="http://testserver/desk/tickets/{other.number}/" style="color: #3b4fd8;">#{other.number} Users'
        in mail.html
    )


def test_a_mail_tells_hours_and_lengths_in_the_words_of_the_pages(sam: User, bo: User) -> None:
    urgent(sam, to=bo)
    assert watch(minutes(91)) == 1
    (mail,) = mails(bo)
    assert (
        "First reply is due Mon 23 Nov 2026, 12:00 CET: 29 m left, day and night on weekdays, New York\n" in mail.text
    )


def test_a_single_notice_names_its_ticket_and_is_one_line(rita: User, bo: User) -> None:
    ticket = urgent(rita, to=bo)
    Ticket.objects.filter(pk=ticket.pk).update(subject="<b>Hi</b>\u2028Bcc: x@evil.example {{ 7 }}")
    watch(WARNED)
    (mail,) = mails(bo)
    assert (
        mail.subject == f"[#{ticket.number}] First reply is about to break: <b>Hi</b> Bcc: x@evil.example {{{{ 7 }}}}"
    )
    assert "<b>Hi" not in mail.html
    assert f"Open the ticket: http://testserver/desk/tickets/{ticket.number}/" in mail.text


# --- The timeline --------------------------------------------------------------------------------------------------


def test_the_staffs_timeline_tells_of_promises_in_the_viewers_zone(
    rita: User, bo: User, ada: User, client_of: Callable[[User], Client]
) -> None:
    ticket = urgent(rita, to=bo)
    User.objects.filter(pk=bo.pk).update(time_zone="Asia/Kolkata")
    watch(WARNED)
    watch(BROKEN)
    page = text(client_of(User.objects.get(pk=bo.pk)).get(ticket.desk_url))
    assert "First reply is due Mon 23 Nov 2026, 15:30 IST: 75 % used up" in page
    assert "First reply broke: it was due Mon 23 Nov 2026, 15:30 IST" in page


def test_the_staffs_timeline_tells_of_moved_promises_and_why(
    rita: User, bo: User, ada: User, northwind: Organization, client_of: Callable[[User], Client]
) -> None:
    ticket = urgent(rita, to=bo)
    version = factories.promise("premier", {("first_reply", 1): (30, "clock")})
    retarget.ask("policy", version.policy_id, by=ada, at=AT)
    retarget.work(now=AT)
    Organization.objects.filter(pk=northwind.pk).update(time_zone="Asia/Tokyo")
    User.objects.filter(pk=rita.pk).update(time_zone="")
    retarget.ask("organization", northwind.pk, by=None, at=AT)
    retarget.work(now=AT)
    page = text(client_of(bo).get(ticket.desk_url))
    assert f"Ada moved the promises to Premier policy, version {version.number}: the policy was edited" in page
    assert "The deadlines were set anew: the organisation's plan or place changed" in page


def test_points_in_minutes_are_told_as_such(rita: User, bo: User, client_of: Callable[[User], Client]) -> None:
    factories.promise("premier", {("first_reply", 1): (60, "clock")}, warn_percent=[50], warn_before=[30, 10])
    ticket = urgent(rita, to=bo)
    watch(minutes(31))
    assert "50 % used up, less than 30 minutes left" in text(client_of(bo).get(ticket.desk_url))
    watch(minutes(51))
    assert "10:00 UTC: less than 10 minutes left" in text(client_of(bo).get(ticket.desk_url))
    assert [mail.text.count("is due") for mail in mails(bo)] == [1, 1]


def test_customers_read_nothing_of_it(rita: User, bo: User, client_of: Callable[[User], Client]) -> None:
    ticket = urgent(rita, to=bo)
    watch(WARNED)
    watch(BROKEN)
    page = text(client_of(rita).get(ticket.get_absolute_url()))
    assert "used up" not in page
    assert "broke" not in page


# --- The page ------------------------------------------------------------------------------------------------------


def test_what_somebody_chooses_is_kept_and_said(bo: User, client_of: Callable[[User], Client]) -> None:
    client = client_of(bo)
    page = client.get("/desk/notifications/").content.decode()
    assert page.count('checked id="id_') + page.count('" checked>') == 3
    assert page.count('value="all"') == 3
    answer = client.post("/desk/notifications/", {"own": "breaches", "team": "none", "led": "all"}, follow=True)
    assert "Saved." in text(answer)
    choice = SlaNoticeChoice.objects.get(user=bo)
    assert (choice.own, choice.team, choice.led) == ("breaches", "none", "all")
    client.post("/desk/notifications/", {"own": "all", "team": "none", "led": "all"})
    assert SlaNoticeChoice.objects.get(user=bo).own == "all"


@pytest.mark.parametrize("wrong", ["", "everything", "x" * 5000, "\x00"])
def test_what_cant_be_chosen_is_refused_beside_the_field(
    bo: User, client_of: Callable[[User], Client], wrong: str
) -> None:
    answer = client_of(bo).post("/desk/notifications/", {"own": wrong, "team": "none", "led": "all"})
    assert answer.status_code == 400
    assert "Choose warnings and breaches" in text(answer) or "Please choose one of the three." in text(answer)
    assert not SlaNoticeChoice.objects.exists()


def test_the_page_is_the_desks_alone(
    rita: User, pat: User, bo: User, sven: User, client_of: Callable[[User], Client]
) -> None:
    for who in (rita, pat):
        assert client_of(who).get("/desk/notifications/").status_code == 404
        assert client_of(who).post("/desk/notifications/", {"own": "all"}).status_code == 404
        assert "/desk/notifications/" not in client_of(who).get("/profile/").content.decode()
    for who in (bo, sven):
        assert client_of(who).get("/desk/notifications/").status_code == 200
        assert "/desk/notifications/" in client_of(who).get("/profile/").content.decode()
    assert Client().get("/desk/notifications/").status_code == 302
