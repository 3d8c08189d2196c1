"""What people chose to be mailed of: through the page, and what is written of it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests import factories
from tickets import actions, notifications
from tickets.models import DigestEntry, MailChoice, OutgoingMail, Ticket, TicketEvent
from tickets.notifications import topics, unsubscribe_link
from tickets.states import Status

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # a Monday; Europe is on shift: bo
LATER = AT + timedelta(hours=1)
ClientOf = Callable[[User], Client]


def choose(user: User, **chosen: str) -> None:
    for topic, how in chosen.items():
        MailChoice.objects.update_or_create(user=user, topic=topic, defaults={"how": how})


def told(now: datetime = LATER) -> set[tuple[str, str, str]]:
    """Who is told of what, and how: by a mail or in a digest."""
    notifications.notify(now=now)
    mails = {(mail.to_email.partition("@")[0], mail.kind, "mail") for mail in OutgoingMail.objects.all()}
    entries = DigestEntry.objects.select_related("user")
    return mails | {(entry.user.email.partition("@")[0], entry.kind, "digest") for entry in entries}


def quiet() -> None:
    notifications.notify(now=LATER)
    OutgoingMail.objects.all().delete()
    DigestEntry.objects.all().delete()


@pytest.fixture
def ticket(rita: User, tom: User, bo: User) -> Ticket:
    ticket = factories.open_ticket(rita, at=AT, cc=[tom.email])
    actions.assign(ticket, by=bo, to=bo, at=AT)
    quiet()
    return ticket


# --- The page ------------------------------------------------------------------------------------------------------


def test_a_customer_chooses_on_the_page(rita: User, client_of: ClientOf) -> None:
    client = client_of(rita)
    page = client.get("/account/mail/").content.decode()
    assert "Answers and questions on my requests" in page
    assert "Internal notes" not in page
    chosen = {"answers": "digest", "outcomes": "never", "receipts": "never", "surveys": "never", "copied": "each"}
    assert client.post("/account/mail/", chosen).status_code == 302
    # What is the default needs no row.
    rows = dict(MailChoice.objects.filter(user=rita).values_list("topic", "how"))
    assert rows == {"answers": "digest", "outcomes": "never", "receipts": "never", "surveys": "never"}
    page = client.get("/account/mail/").content.decode()
    assert "Saved." in page
    client.post("/account/mail/", {**chosen, "answers": "each"})
    assert not MailChoice.objects.filter(user=rita, topic="answers").exists()


def test_answers_to_own_requests_cannot_be_switched_off(rita: User, client_of: ClientOf) -> None:
    wanted = {"answers": "never", "outcomes": "digest", "receipts": "each", "surveys": "each", "copied": "each"}
    answer = client_of(rita).post("/account/mail/", wanted)
    assert answer.status_code == 400
    assert "Choose one of what is offered here." in answer.content.decode()
    assert not MailChoice.objects.exists()


def test_the_staff_has_topics_of_its_own(bo: User, pat: User, client_of: ClientOf) -> None:
    client = client_of(bo)
    page = client.get("/account/mail/").content.decode()
    assert "Internal notes" in page
    assert "My notices" in page
    assert "Confirmation of a request" not in page
    assert "/account/mail/" in client.get("/desk/notifications/").content.decode()
    stakeholder = client_of(pat).get("/account/mail/").content.decode()
    assert "Escalations that I follow" in stakeholder
    assert "Internal notes" not in stakeholder
    assert "My notices" not in stakeholder


def test_a_form_without_a_choice_says_so(rita: User, client_of: ClientOf) -> None:
    answer = client_of(rita).post("/account/mail/", {"answers": "digest"})
    assert answer.status_code == 400
    assert answer.content.decode().count("Please choose one.") >= 3


# --- What is written -----------------------------------------------------------------------------------------------


def test_an_answer_goes_as_each_chose(ticket: Ticket, rita: User, tom: User, bo: User) -> None:
    choose(rita, answers="digest")
    choose(tom, copied="never")
    actions.answer(ticket, by=bo, body="Try this.", submit_as=Status.OPEN, at=AT)
    assert told() == {("rita", "answered", "digest")}


def test_who_wants_no_surveys_is_mailed_none_and_may_rate_all_the_same(ticket: Ticket, rita: User, bo: User) -> None:
    choose(rita, surveys="never")
    actions.solve(ticket, by=bo, at=AT)
    closed = AT + timedelta(hours=48)
    assert actions.close_solved(ticket.pk, now=closed)
    quiet()
    assert actions.ask_survey(ticket.survey.pk, now=closed + timedelta(hours=24))
    assert told(closed + timedelta(hours=24)) == set()
    actions.rate(ticket, by=rita, rating="good", comment="", at=closed + timedelta(hours=25))
    assert Ticket.objects.get(pk=ticket.pk).survey.rating == "good"


def test_words_with_the_solution_are_an_answer_and_not_an_outcome(ticket: Ticket, rita: User, bo: User) -> None:
    choose(rita, outcomes="never")
    actions.answer(ticket, by=bo, body="It is fixed.", submit_as=Status.SOLVED, at=AT)
    assert ("rita", "solved", "mail") in told()


def test_an_outcome_without_words_may_be_switched_off(ticket: Ticket, rita: User, tom: User, bo: User) -> None:
    choose(rita, outcomes="never")
    actions.solve(ticket, by=bo, at=AT)
    assert {name for name, _, _ in told()} == {"tom"}


def test_a_row_that_is_not_allowed_any_more_counts_as_the_default(ticket: Ticket, rita: User, bo: User) -> None:
    choose(rita, answers="never")
    actions.answer(ticket, by=bo, body="Try this.", submit_as=Status.OPEN, at=AT)
    assert ("rita", "answered", "mail") in told()


def test_a_confirmation_may_be_switched_off_but_for_one_that_asks(rita: User, bo: User) -> None:
    choose(rita, receipts="never")
    factories.open_ticket(rita, at=AT)
    assert "rita" not in {name for name, _, _ in told()}
    asks = factories.open_ticket(rita, at=AT)
    Ticket.objects.filter(pk=asks.pk).update(priority=None)
    assert ("rita", "created", "mail") in told()


def test_what_an_agent_opens_for_somebody_is_no_confirmation(rita: User, bo: User) -> None:
    choose(rita, receipts="never")
    actions.submit(
        rita,
        by=bo,
        organization=rita.memberships.get().organization,
        request=factories.request_of(),
        channel="agent",  # type: ignore[arg-type]
        at=AT,
    )
    assert ("rita", "created", "mail") in told()


def test_the_assignee_always_gets_what_is_assigned(rita: User, bo: User, lea: User) -> None:
    choose(bo, **{topic.key: "never" for topic in topics.STAFF_TOPICS}, assigned="never")
    ticket = factories.open_ticket(rita, at=AT)
    actions.assign(ticket, by=lea, to=bo, at=AT)
    actions.reply(ticket, by=rita, body="And another thing.", at=AT)
    actions.add_note(ticket, by=lea, body="Hm.", at=AT)
    assert {kind for name, kind, _ in told() if name == "bo"} == {"staff_assigned"}


@pytest.mark.parametrize("how", ["digest", "never"])
def test_staff_chooses_by_topic(ticket: Ticket, rita: User, bo: User, lea: User, how: str) -> None:
    choose(bo, notes=how)
    actions.add_note(ticket, by=lea, body="Hm.", at=AT)
    actions.reply(ticket, by=rita, body="Any news?", at=AT)
    mine = {(kind, way) for name, kind, way in told() if name == "bo"}
    assert mine == {("staff_replied", "mail")} | ({("staff_noted", "digest")} if how == "digest" else set())


def test_an_event_told_again_is_put_down_once(ticket: Ticket, rita: User, bo: User) -> None:
    choose(rita, answers="digest")
    actions.answer(ticket, by=bo, body="Try this.", submit_as=Status.OPEN, at=AT)
    first = told()
    TicketEvent.objects.update(notified_at=None)  # as if the worker had died before its commit was seen
    assert {one for one in told() if one[0] == "rita" and one[1] == "answered"} == {("rita", "answered", "digest")}
    assert DigestEntry.objects.filter(kind="answered").count() == 1
    assert first


def test_choices_are_one_query_for_all(
    ticket: Ticket, rita: User, bo: User, count_queries: Callable[[], CaptureQueriesContext]
) -> None:
    asked = []
    for number in (1, 8):
        for at in range(number):
            actions.add_cc(ticket, by=rita, addresses=[f"c{number}{at}@x.example"], at=AT)
        quiet()
        actions.answer(ticket, by=bo, body="Try this.", submit_as=Status.OPEN, at=AT)
        with count_queries() as queries:
            notifications.notify(now=LATER)
        asked.append(sum("mailchoice" in query["sql"] for query in queries.captured_queries))
    assert asked == [1, 1]


def test_links_lead_the_requester_to_their_choices_and_a_copy_off_the_request(
    ticket: Ticket, rita: User, tom: User, bo: User
) -> None:
    actions.answer(ticket, by=bo, body="Try this.", submit_as=Status.OPEN, at=AT)
    notifications.notify(now=LATER)
    links = {mail.to_user: unsubscribe_link(mail) for mail in OutgoingMail.objects.all()}
    assert links[rita] == "http://testserver/account/mail/"
    assert links[tom].startswith("http://testserver/unsubscribe/")
