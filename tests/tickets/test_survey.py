"""How was our support? Asked once after a request was Closed, answered by link, in the portal or by the API."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.signing import Signer
from django.db import transaction
from django.test import Client

from accounts.models import Role, User
from supportdesk.lib import clock
from tests import factories
from tests.at_once import at_once
from tickets import actions, notifications, tasks
from tickets.models import Channel, EventKind, OutgoingMail, Survey, Ticket, TicketEvent, WorkflowSettings
from tickets.survey_link import link

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
MoveClock = Callable[[timedelta], object]


@pytest.fixture
def ticket(rita: User, bo: User) -> Ticket:
    """rita's request, which bo solved and which is Closed now."""
    return closed(rita, bo)


def closed(requester: User, agent: User, **fields: Any) -> Ticket:
    ticket = factories.open_ticket(requester, **fields)
    actions.solve(ticket, by=agent, at=clock.now())
    Ticket.objects.filter(pk=ticket.pk).update(close_due_at=clock.now())
    assert actions.close_solved(ticket.pk, now=clock.now())
    ticket.refresh_from_db()
    return ticket


@pytest.fixture
def asked(ticket: Ticket, move_clock: MoveClock) -> Survey:
    """A day later its survey was asked."""
    move_clock(timedelta(hours=24, minutes=1))
    tasks.send_surveys()
    return Survey.objects.get(ticket=ticket)


def mails(kind: str = "survey") -> list[OutgoingMail]:
    notifications.notify(now=clock.now())
    return list(OutgoingMail.objects.filter(kind=kind).order_by("pk"))


def path_of(survey: Survey, rating: str = "") -> str:
    return link(survey, rating=rating).removeprefix("http://testserver")


def answer_of(ticket: Ticket) -> tuple[str, str]:
    survey = Survey.objects.get(ticket=ticket)
    return survey.rating, survey.comment


# --- Asking --------------------------------------------------------------------------------------------------------


def test_a_day_after_closed_the_requester_is_mailed_once(
    ticket: Ticket, rita: User, tom: User, move_clock: MoveClock
) -> None:
    ticket.participants.create(email=tom.email, user=tom, added_by=rita, added_at=clock.now())
    move_clock(timedelta(hours=23, minutes=58))
    tasks.send_surveys()
    assert mails() == []
    move_clock(timedelta(minutes=3))
    for _ in range(3):
        tasks.send_surveys()
        found = mails()
    assert [mail.to_email for mail in found] == [rita.email]
    survey = Survey.objects.get(ticket=ticket)
    for rating in ("good", "bad"):
        assert link(survey, rating=rating) in found[0].text
    assert "How was our support?" in found[0].text
    assert ticket.events.filter(kind=EventKind.SURVEYED).count() == 1
    assert (survey.due_at, survey.asked_at is not None) == (None, True)


def test_zero_hours_switch_it_off(rita: User, bo: User) -> None:
    WorkflowSettings.objects.update_or_create(pk=1, defaults={"survey_after_hours": 0, "remind_after_days": [3, 5]})
    closed(rita, bo)
    assert not Survey.objects.exists()


def test_of_imported_ones_and_of_who_is_gone_nobody_is_asked(rita: User, tom: User, bo: User) -> None:
    ticket = factories.open_ticket(rita)
    Ticket.objects.filter(pk=ticket.pk).update(channel=Channel.IMPORT)
    actions.solve(ticket, by=bo, at=clock.now())
    actions.close_solved(ticket.pk, now=clock.now() + timedelta(hours=49))
    gone = factories.open_ticket(tom)
    actions.solve(gone, by=bo, at=clock.now())
    User.objects.filter(pk=tom.pk).update(is_active=False)
    actions.close_solved(gone.pk, now=clock.now() + timedelta(hours=49))
    assert not Survey.objects.exists()


@pytest.mark.parametrize("how", ["deactivated", "left"])
def test_who_goes_meanwhile_is_not_asked(ticket: Ticket, rita: User, move_clock: MoveClock, how: str) -> None:
    if how == "left":
        rita.memberships.update(ended_at=clock.now())
    else:
        User.objects.filter(pk=rita.pk).update(is_active=False)
    move_clock(timedelta(hours=25))
    tasks.send_surveys()
    assert mails() == []
    assert not ticket.events.filter(kind=EventKind.SURVEYED).exists()
    assert not Survey.objects.due(clock.now()).exists()


def test_nobody_is_mailed_twice_within_a_week_and_may_rate_all_the_same(
    rita: User, tom: User, bo: User, move_clock: MoveClock, client_of: ClientOf
) -> None:
    first, second, of_tom = closed(rita, bo), closed(rita, bo), closed(tom, bo)
    move_clock(timedelta(hours=25))
    tasks.send_surveys()
    assert [mail.ticket_id for mail in mails()] == [first.pk, of_tom.pk]
    page = client_of(rita).get(f"/requests/{second.number}/").content.decode()
    assert "How was our support?" in page
    third = closed(rita, bo)
    move_clock(timedelta(days=7))
    tasks.send_surveys()
    assert [mail.ticket_id for mail in mails()] == [first.pk, of_tom.pk, third.pk]


def test_a_worker_that_dies_while_asking_leaves_it_to_be_asked(ticket: Ticket, move_clock: MoveClock) -> None:
    move_clock(timedelta(hours=25))
    survey = Survey.objects.get()
    with pytest.raises(RuntimeError), transaction.atomic():
        assert actions.ask_survey(survey.pk, now=clock.now())
        raise RuntimeError("killed before the commit")
    survey.refresh_from_db()
    assert (survey.asked_at, survey.due_at is not None) == (None, True)
    tasks.send_surveys()
    assert len(mails()) == 1


@pytest.mark.django_db(transaction=True)
def test_many_workers_ask_once(rita: User, bo: User) -> None:
    closed(rita, bo)
    clock.move(timedelta(hours=25))
    at_once(*[tasks.send_surveys] * 4)
    assert times_asked() == 1
    at_once(*[lambda: notifications.notify(now=clock.now())] * 3)
    assert OutgoingMail.objects.filter(kind="survey").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_requests_of_one_person_at_once_bring_one_mail(rita: User, bo: User) -> None:
    surveys = [Survey.objects.get(ticket=closed(rita, bo)).pk for _ in range(3)]
    later = clock.now() + timedelta(hours=25)
    at_once(*(lambda pk=pk: actions.ask_survey(pk, now=later) for pk in surveys))
    assert times_asked() == 1
    assert Survey.objects.filter(due_at=None).count() == 3


def times_asked() -> int:
    return TicketEvent.objects.filter(kind=EventKind.SURVEYED).count()


def test_a_follow_up_does_not_cancel_it(ticket: Ticket, rita: User, move_clock: MoveClock) -> None:
    actions.reply(ticket, by=rita, body="It is back", at=clock.now())
    move_clock(timedelta(hours=25))
    tasks.send_surveys()
    assert [mail.ticket_id for mail in mails()] == [ticket.pk]


def test_who_has_rated_before_the_question_is_not_asked(
    ticket: Ticket, rita: User, client_of: ClientOf, move_clock: MoveClock
) -> None:
    assert client_of(rita).post(f"/requests/{ticket.number}/survey/", {"rating": "good"}).status_code == 303
    move_clock(timedelta(hours=25))
    tasks.send_surveys()
    assert mails() == []
    assert answer_of(ticket) == ("good", "")


# --- Answering by link ---------------------------------------------------------------------------------------------


def test_opening_the_link_chooses_and_stores_nothing(asked: Survey) -> None:
    for _ in range(2):
        page = Client().get(path_of(asked, "bad"))
        assert page.status_code == 200
        assert 'name="rating" value="bad" checked' in page.content.decode()
    assert Client().head(path_of(asked, "bad")).status_code == 200
    assert b" checked" not in Client().get(path_of(asked) + "?rating=superb").content
    assert answer_of(asked.ticket) == ("", "")
    assert not asked.ticket.events.filter(kind=EventKind.RATED).exists()


def test_the_button_stores_it_from_a_fresh_browser(asked: Survey, rita: User) -> None:
    fresh = Client(enforce_csrf_checks=True, headers={"Origin": "null"})
    answer = fresh.post(path_of(asked, "bad"), {"rating": "good", "comment": " Quick & <b>kind</b> \r\n"})
    assert answer.status_code == 200
    assert "Thank you" in answer.content.decode()
    assert "Quick &amp; &lt;b&gt;kind&lt;/b&gt;" in answer.content.decode()
    assert answer_of(asked.ticket) == ("good", "Quick & <b>kind</b>")
    event = asked.ticket.events.get(kind=EventKind.RATED)
    assert (event.actor, event.data) == (rita, {"rating": "good", "former": "", "commented": True})
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"comment": "Typed words"}, "Please choose good or bad."),
        ({"rating": "superb", "comment": "Typed words"}, "Please choose good or bad."),
        ({"rating": "good", "comment": "Typed words" + "x" * 2000}, "Please say it in 2000 characters."),
        ({"rating": "good", "comment": "Typed words\U0001f600" * 5000}, "This is too long: at most 7 kB."),
        ({"rating": "good", "comment": "Typed words \x00"}, "Null characters are not allowed."),
    ],
)
@pytest.mark.parametrize("door", ["link", "portal"])
def test_what_is_wrong_stands_beside_the_field_and_nothing_is_lost(
    asked: Survey, rita: User, client_of: ClientOf, door: str, form: dict[str, str], sentence: str
) -> None:
    number = asked.ticket.number
    answer = (
        Client().post(path_of(asked), form)
        if door == "link"
        else client_of(rita).post(f"/requests/{number}/survey/", form)
    )
    page = answer.content.decode()
    assert answer.status_code == 400
    assert sentence in page
    assert "Typed words" in page
    assert answer_of(asked.ticket) == ("", "")


def test_two_thousand_characters_fit(asked: Survey) -> None:
    words = "ß" * 2000
    assert Client().post(path_of(asked), {"rating": "bad", "comment": words}).status_code == 200
    assert answer_of(asked.ticket) == ("bad", words)


def test_it_may_be_changed_for_seven_days_and_is_shown_afterwards(
    asked: Survey, rita: User, client_of: ClientOf, move_clock: MoveClock
) -> None:
    Client().post(path_of(asked), {"rating": "bad", "comment": "Slow"})
    move_clock(timedelta(days=6, hours=23))
    page = Client().get(path_of(asked)).content.decode()
    assert 'value="bad" checked' in page
    assert "Slow" in page
    assert client_of(rita).post(f"/requests/{asked.ticket.number}/survey/", {"rating": "good"}).status_code == 303
    changed = Survey.objects.get()
    assert (changed.rating, changed.comment, changed.changed_at > changed.rated_at) == ("good", "", True)
    move_clock(timedelta(hours=2))
    late = Client().post(path_of(asked), {"rating": "bad"})
    assert (late.status_code, "This can no longer be answered or changed." in late.content.decode()) == (409, True)
    page = client_of(rita).get(f"/requests/{asked.ticket.number}/").content.decode()
    assert "Your rating" in page
    assert 'name="rating"' not in page
    late = client_of(rita).post(f"/requests/{asked.ticket.number}/survey/", {"rating": "bad"})
    assert late.status_code == 409
    assert answer_of(asked.ticket) == ("good", "")
    assert asked.ticket.events.filter(kind=EventKind.RATED).count() == 2


def test_the_link_is_good_for_sixty_days(asked: Survey, move_clock: MoveClock) -> None:
    move_clock(timedelta(days=59, hours=23))
    assert Client().get(path_of(asked)).status_code == 200
    move_clock(timedelta(hours=2))
    assert Client().get(path_of(asked)).status_code == 404
    assert Client().post(path_of(asked), {"rating": "good"}).status_code == 404
    assert answer_of(asked.ticket) == ("", "")


def test_s002_forged_and_foreign_links_are_nobodys(asked: Survey, rita: User, sam: User, bo: User) -> None:
    other = Survey.objects.get(ticket=closed(sam, bo, subject="Sam's own"))
    Survey.objects.filter(pk=other.pk).update(due_at=None, asked_at=clock.now())
    mine, foreign = (path_of(one).rstrip("/").rsplit("/", 1)[1].rsplit(":", 1) for one in (asked, other))
    tokens = [
        f"{mine[0]}:{foreign[1]}",
        f"{foreign[0]}:{mine[1]}",
        mine[0],
        Signer(salt="tickets.survey_link").sign_object([asked.pk, sam.pk]),
        Signer(salt="tickets.priority_ask").sign_object([asked.pk, rita.pk]),
        "%00",
    ]
    for token in tokens:
        for answer in (Client().get(f"/survey/{token}/"), Client().post(f"/survey/{token}/", {"rating": "bad"})):
            assert answer.status_code == 404, token
            assert "Users are logged out" not in answer.content.decode()
    assert Client().post("/survey/" + ":".join(foreign) + "/", {"rating": "bad"}).status_code == 200
    assert answer_of(asked.ticket) == ("", "")


def test_s054_who_was_shut_out_has_no_link_any_more(asked: Survey, rita: User) -> None:
    rita.memberships.update(ended_at=clock.now())
    assert Client().post(path_of(asked), {"rating": "bad"}).status_code == 404
    assert answer_of(asked.ticket) == ("", "")


@pytest.mark.django_db(transaction=True)
def test_the_same_twice_at_once_is_one_answer(rita: User, bo: User) -> None:
    ticket = closed(rita, bo)
    clock.move(timedelta(hours=25))
    tasks.send_surveys()
    path = path_of(Survey.objects.get())
    answers = at_once(*[lambda: Client().post(path, {"rating": "bad", "comment": "Slow"})] * 3)
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert ticket.events.filter(kind=EventKind.RATED).count() == 1
    assert len(mails("staff_rated")) == 1


# --- Who sees and hears of it --------------------------------------------------------------------------------------


def test_only_the_requester_is_asked_on_the_page(asked: Survey, rita: User, mona: User, client_of: ClientOf) -> None:
    path = f"/requests/{asked.ticket.number}/"
    assert "How was our support?" in client_of(rita).get(path).content.decode()
    assert "How was our support?" not in client_of(mona).get(path).content.decode()
    assert client_of(mona).post(f"{path}survey/", {"rating": "bad"}).status_code == 403
    assert answer_of(asked.ticket) == ("", "")


def test_the_staff_sees_it_beside_the_ticket(asked: Survey, bo: User, client_of: ClientOf) -> None:
    path = f"/desk/tickets/{asked.ticket.number}/"
    assert "No answer so far." in client_of(bo).get(path).content.decode()
    Client().post(path_of(asked), {"rating": "bad", "comment": "Too <slow>"})
    page = client_of(bo).get(path).content.decode()
    assert "Too &lt;slow&gt;" in page
    assert "Rita rated our support: bad" in page
    assert "The system asked the customer how it went" in page


def test_a_ticket_that_is_not_closed_has_no_card(rita: User, bo: User, client_of: ClientOf) -> None:
    ticket = factories.open_ticket(rita)
    assert "Satisfaction" not in client_of(bo).get(f"/desk/tickets/{ticket.number}/").content.decode()
    assert "How was our support?" not in client_of(rita).get(f"/requests/{ticket.number}/").content.decode()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([("bad", "")], 1),
        ([("good", "Quick")], 1),
        ([("good", "")], 0),
        ([("bad", "Slow"), ("good", "")], 2),
        ([("bad", "Slow"), ("bad", "Slow")], 1),
    ],
)
def test_the_assignee_is_told_of_what_is_bad_or_in_words(
    asked: Survey, bo: User, lea: User, said: list[tuple[str, str]], told: int
) -> None:
    assert asked.ticket.assignee == bo, "who solved it took it"
    for rating, comment in said:
        Client().post(path_of(asked), {"rating": rating, "comment": comment})
    found = mails("staff_rated")
    assert [mail.to_email for mail in found] == [bo.email] * told
    if told:
        assert said[-1][1] in found[-1].text


def test_without_an_assignee_the_lead_is_told(asked: Survey, bo: User, lea: User) -> None:
    User.objects.filter(pk=bo.pk).update(role=Role.PRODUCT)
    Client().post(path_of(asked), {"rating": "bad"})
    assert [mail.to_email for mail in mails("staff_rated")] == [lea.email]


def test_by_the_api_the_requester_reads_and_answers(
    asked: Survey, rita: User, mona: User, sam: User, bo: User, client_of: ClientOf
) -> None:
    path = f"/api/v1/tickets/{asked.ticket.number}/survey/"

    def put(user: User, **body: str) -> tuple[int, dict[str, Any]]:
        answer = client_of(user).put(path, body, content_type="application/json")
        return answer.status_code, answer.json()

    assert client_of(rita).get(path).json()["rating"] == ""
    assert put(rita, rating="superb")[1]["fields"].keys() == {"rating"}
    assert put(rita, rating="good", comment="x" * 2001)[1]["fields"].keys() == {"comment"}
    assert put(rita, rating="good", stars="5")[0] == 400
    status, body = put(rita, rating="good", comment="Quick")
    assert (status, body["rating"], body["comment"]) == (200, "good", "Quick")
    assert put(mona, rating="bad")[0] == put(sam, rating="bad")[0] == 404
    assert put(bo, rating="bad")[0] == 403
    assert client_of(bo).get(path).json()["comment"] == "Quick"
    assert client_of(sam).get(path).status_code == 404
    assert answer_of(asked.ticket) == ("good", "Quick")


# --- Figures -------------------------------------------------------------------------------------------------------


def test_csat_is_the_share_of_good_among_those_who_said(rita: User, sam: User, bo: User, ann: User, mona: User) -> None:
    assert Survey.objects.csat() is None
    at = clock.now()
    told = [(rita, bo, "good"), (rita, bo, "bad"), (sam, bo, "good"), (sam, ann, "good"), (sam, ann, "")]
    for number, (requester, agent, rating) in enumerate(told):
        ticket = closed(requester, agent)
        if rating:
            actions.rate(ticket, by=requester, rating=rating, comment="", at=at + timedelta(days=number))
    surveys = Survey.objects.all()
    assert (surveys.count(), surveys.rated().count(), surveys.csat()) == (5, 4, 0.75)
    assert surveys.of_plan(rita.memberships.get().organization.plan).csat() == 0.5
    assert surveys.of_assignee(ann).csat() == 1.0
    assert surveys.between(at + timedelta(days=1), at + timedelta(days=2)).csat() == 0.0
    assert surveys.between(at + timedelta(days=9), at + timedelta(days=10)).csat() is None
    assert {user.name: surveys.visible_to(user).count() for user in (rita, sam, mona, bo)} == {
        **{"Rita": 2, "Sam": 3},
        **{"Mona": 0, "Bo": 5},
    }
    assert [one.satisfaction for one in Ticket.objects.order_by("pk")] == ["good", "bad", "good", "good", ""]


def test_the_admins_list_says_how_satisfied_those_in_it_are(
    rita: User, bo: User, ada: User, client_of: ClientOf
) -> None:
    path = "/admin/tickets/survey/"
    assert "Nobody has rated any of these." in client_of(ada).get(path).content.decode()
    for rating in ("good", "good", "bad"):
        actions.rate(closed(rita, bo), by=rita, rating=rating, comment="Words", at=clock.now())
    page = client_of(ada).get(path).content.decode()
    assert "CSAT 67% of 3 answers" in page
    assert "CSAT 0% of 1 answer" in client_of(ada).get(f"{path}?rating__exact=bad").content.decode()
    assert client_of(ada).get(f"{path}add/").status_code == 403
