"""The customer replies."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Membership, User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.forms import PNG, file
from tickets import actions
from tickets.models import Attachment, EventKind, Message, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita)


def send(browser: Client, ticket: Ticket, **form: object) -> object:
    return browser.post(f"/requests/{ticket.number}/reply/", {"key": "", **form})


def test_a_reply_stands_in_the_conversation_with_its_files(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    browser = client_of(rita)
    answer = send(browser, ticket, body="It is **worse** now", files=[file(), file("shot.png", PNG)])
    assert (answer.status_code, answer["Location"]) == (303, f"/requests/{ticket.number}/")
    page = browser.get(answer["Location"]).content.decode()
    assert "It is <strong>worse</strong> now" in page
    assert "Your reply was sent." in page
    message = ticket.messages.last()
    assert message is not None
    shown, saved = message.attachments.get(is_image=True), message.attachments.get(is_image=False)
    assert f'src="/attachments/{shown.pk}/preview/"' in page
    assert f'href="/attachments/{saved.pk}/"' in page


def test_htmx_gets_the_request_in_place(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    answer = client_of(rita).post(
        f"/requests/{ticket.number}/reply/", {"key": "", "body": "In place"}, headers={"HX-Request": "true"}
    )
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "HX-Request" in answer["Vary"]
    assert "<html" not in page
    assert "In place" in page
    assert 'hx-swap-oob="beforeend:#toasts"' in page


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Status.NEW, Status.NEW),
        (Status.OPEN, Status.OPEN),
        (Status.PENDING, Status.OPEN),
        (Status.SOLVED, Status.OPEN),
    ],
)
def test_a_reply_moves_the_request_as_the_table_says(
    rita: User, bo: User, ticket: Ticket, client_of: ClientOf, before: Status, after: Status
) -> None:
    if before is not Status.NEW:
        actions.answer(ticket, by=bo, body="Look", submit_as=before, at=clock.now())
    send(client_of(rita), ticket, body="I looked")
    ticket.refresh_from_db()
    assert ticket.status == after
    kind = EventKind.REOPENED if before is Status.SOLVED else EventKind.CUSTOMER_REPLIED
    assert ticket.events.latest("pk").kind == kind


def test_a_reply_to_a_closed_request_opens_a_linked_follow_up(
    rita: User, bo: User, ticket: Ticket, client_of: ClientOf
) -> None:
    browser = client_of(rita)
    actions.solve(ticket, by=bo, at=clock.now())
    actions.close_solved(ticket.pk, now=clock.now() + timedelta(hours=49))
    assert "your reply opens a follow-up request" in browser.get(f"/requests/{ticket.number}/").content.decode()
    answer = send(browser, ticket, body="It is back")
    follow_up = Ticket.objects.get(follow_up_of=ticket)
    assert answer["Location"] == f"/requests/{follow_up.number}/"
    assert follow_up.messages.get().body == "It is back"
    assert f'href="/requests/{ticket.number}/"' in browser.get(answer["Location"]).content.decode()
    assert f'href="/requests/{follow_up.number}/"' in browser.get(f"/requests/{ticket.number}/").content.decode()


def test_a_follow_up_is_linked_only_for_who_sees_it(
    rita: User, tom: User, bo: User, ticket: Ticket, client_of: ClientOf
) -> None:
    actions.add_cc(ticket, by=rita, addresses=[tom.email], at=clock.now())
    actions.solve(ticket, by=bo, at=clock.now())
    actions.close_solved(ticket.pk, now=clock.now() + timedelta(hours=49))
    send(client_of(rita), ticket, body="It is back")
    follow_up = Ticket.objects.get(follow_up_of=ticket)
    copy = follow_up.participants.get()
    actions.remove_cc(copy, by=rita, at=clock.now())
    page = client_of(tom).get(f"/requests/{ticket.number}/").content.decode()
    assert f"/requests/{follow_up.number}/" not in page
    assert f"#{follow_up.number}" not in page


def test_who_is_copied_in_and_the_manager_may_reply(
    rita: User, tom: User, mona: User, ticket: Ticket, client_of: ClientOf
) -> None:
    actions.add_cc(ticket, by=rita, addresses=[tom.email], at=clock.now())
    for person in (tom, mona):
        assert send(client_of(person), ticket, body=f"From {person.name}").status_code == 303
    assert set(ticket.messages.values_list("author", flat=True)) == {rita.pk, tom.pk, mona.pk}


@pytest.mark.parametrize("name", ["tom", "sam", "fred", "pat"])
def test_nobody_else_finds_the_request(
    ticket: Ticket, client_of: ClientOf, request: pytest.FixtureRequest, name: str
) -> None:
    answer = send(client_of(request.getfixturevalue(name)), ticket, body="Mine?")
    unknown = client_of(request.getfixturevalue(name)).post("/requests/999999/reply/", {"body": "Mine?"})
    assert answer.status_code == 404
    assert ticket.messages.count() == 1
    assert unknown.status_code == 404


def test_the_staff_does_not_reply_as_a_customer(ann: User, ticket: Ticket, client_of: ClientOf) -> None:
    assert send(client_of(ann), ticket, body="As a customer").status_code == 404
    assert ticket.messages.count() == 1


def test_who_left_the_organisation_can_no_longer_reply(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    browser = client_of(rita)
    Membership.objects.filter(user=rita).update(ended_at=clock.now())
    assert send(browser, ticket, body="Still me").status_code == 404


def test_an_empty_reply_keeps_its_files(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    answer = send(client_of(rita), ticket, body="  ", files=[file("kept.log")])
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Please write something." in page
    assert f'name="uploads" value="{Attachment.objects.get().pk}"' in page


def test_whose_session_has_ended_comes_back_to_the_request(ticket: Ticket) -> None:
    answer = Client().post(f"/requests/{ticket.number}/reply/", {"body": "Late"})
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next=/requests/{ticket.number}/")


@pytest.mark.parametrize("text", ["a\x00b", "x" * (64 * 1024 + 1), "é" * 40_000])
def test_s019_s105_nul_and_too_long_a_text_are_form_errors_that_keep_it(
    rita: User, ticket: Ticket, client_of: ClientOf, text: str
) -> None:
    answer = send(client_of(rita), ticket, body=text)
    assert answer.status_code == 400
    assert text[:3].replace("\x00", "") in answer.content.decode().replace("\x00", "")
    assert ticket.messages.count() == 1


def test_sent_twice_is_sent_once_and_other_words_are_a_conflict(
    rita: User, ticket: Ticket, client_of: ClientOf
) -> None:
    browser = client_of(rita)
    assert [send(browser, ticket, body="Once", key="n1").status_code for _ in range(2)] == [303, 303]
    assert ticket.messages.count() == 2
    answer = send(browser, ticket, body="Other words", key="n1")
    assert answer.status_code == 409
    assert "Other words" in answer.content.decode()
    assert ticket.messages.count() == 2


@pytest.mark.django_db(transaction=True)
def test_s089_a_reply_sent_twice_at_once_stands_once(rita: User, client_of: ClientOf) -> None:
    ticket = factories.open_ticket(rita)
    codes = []
    browsers = [client_of(rita) for _ in range(4)]

    def post(browser: Client) -> None:
        try:
            codes.append(send(browser, ticket, body="Once", key="n2").status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=post, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [303] * 4
    assert Message.objects.filter(ticket=ticket).count() == 2
    assert ticket.events.filter(kind=EventKind.CUSTOMER_REPLIED).count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_replies_at_once_to_a_closed_request_open_a_follow_up_each(
    rita: User, mona: User, bo: User, client_of: ClientOf
) -> None:
    ticket = factories.open_ticket(rita)
    actions.solve(ticket, by=bo, at=clock.now())
    actions.close_solved(ticket.pk, now=clock.now() + timedelta(hours=49))
    browsers = {person: client_of(person) for person in (rita, mona)}

    def post(person: User) -> None:
        try:
            send(browsers[person], ticket, body=f"From {person.name}", key="n3")
        finally:
            connection.close()

    threads = [threading.Thread(target=post, args=(person,)) for person in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Ticket.objects.filter(follow_up_of=ticket).count() == 2
    assert ticket.events.filter(kind=EventKind.FOLLOWED_UP).count() == 2
