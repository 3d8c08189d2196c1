"""Mail that came in, as leads sort it."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tests.at_once import at_once
from tests.tickets.desk.page import hidden, link, text
from tests.tickets.mail import letters
from tickets import actions, notifications
from tickets.mail import receive
from tickets.models import BlockedSender, IncomingMail, OutgoingMail, Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
FORGED = {
    "state": "quarantined",
    "reason": "unverified",
    "is_verified": False,
    "explanation": "DMARC says fail",
    "verdict": "desk.example; dmarc=fail header.from=other.example",
}


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita)


def listed(browser: Client, **asked: str) -> str:
    answer = browser.get("/desk/mail/", asked)
    assert answer.status_code == 200
    return text(answer)


def mail_page(browser: Client, mail: IncomingMail) -> str:
    answer = browser.get(f"/desk/mail/{mail.pk}/")
    assert answer.status_code == 200
    return text(answer)


def fresh(mail: IncomingMail) -> IncomingMail:
    return IncomingMail.objects.get(pk=mail.pk)


# --- Looking -------------------------------------------------------------------------------------------------------


def test_the_list_shows_what_is_to_be_sorted_and_each_state(ticket: Ticket, lea: User, client_of: ClientOf) -> None:
    factories.incoming(subject="Held one", ticket=ticket)
    factories.incoming(subject="Forged one", **FORGED)
    factories.incoming(subject="Pointed elsewhere", state="redirected", reason="no_mail_plan")
    factories.incoming(subject="Kept out", state="quarantined", reason="blocked", settled_at=clock.now())
    browser = client_of(lea)
    page = listed(browser)
    for said in ("Held one", "Sue <stranger@other.example>", "verified", "Me too.", f"#{ticket.number}"):
        assert said in page
    assert "The sender could not be verified: DMARC says fail" in page
    assert "Pointed elsewhere" not in page
    assert "Kept out" not in page
    assert "Pointed elsewhere" in listed(browser, show="redirected")
    assert "Kept out" in listed(browser, show="all")
    assert "Forged one" in listed(browser, show="no such state")


def test_s005_nobody_is_asked_to_vouch_for_a_colleague(lea: User, client_of: ClientOf) -> None:
    told = mail_page(client_of(lea), factories.incoming(**FORGED))
    assert "Take it as sent" in told
    told = mail_page(client_of(lea), factories.incoming(**{**FORGED, "reason": "forged_staff"}))
    assert "Take it as sent" not in told
    assert "Put it on a ticket" in told


def test_search_is_by_how_sender_name_or_subject_begin(lea: User, client_of: ClientOf) -> None:
    factories.incoming(subject="Broken emoji")
    factories.incoming(subject="Other", sender="zoe@zeta.example", sender_name="Zoe Z")
    browser = client_of(lea)
    for words, found, other in (
        ("broken", "Broken emoji", "zoe@"),
        ("ZOE@z", "zoe@", "Broken"),
        ("zoe z", "zoe@", "Br"),
    ):
        page = listed(browser, q=words)
        assert found in page
        assert other not in page
    assert "Nothing found" in listed(browser, q="100%\x00")


def test_long_lists_come_by_page(
    lea: User, client_of: ClientOf, count_queries: Callable[[], CaptureQueriesContext]
) -> None:
    for number in range(60):
        factories.incoming(subject=f"Mail <{number}>")
    browser = client_of(lea)
    first = browser.get("/desk/mail/")
    assert "Mail <59>" in text(first)
    assert "Mail <9>" not in text(first)
    second = browser.get("/desk/mail/" + link(first, "next"))
    assert "Mail <9>" in text(second)
    assert "Mail <59>" in text(browser.get("/desk/mail/" + link(second, "prev")))
    assert browser.get("/desk/mail/?page=nonsense").status_code == 200

    def cost() -> int:
        clock.forget()
        with count_queries() as queries:
            browser.get("/desk/mail/")
        return len(queries)

    many = cost()
    IncomingMail.objects.filter(pk__lt=IncomingMail.objects.latest("pk").pk).delete()
    assert cost() == many


def test_the_navigation_counts_for_who_sorts(lea: User, ann: User, client_of: ClientOf) -> None:
    factories.incoming()
    assert "Mail 1 to sort" in text(client_of(lea).get("/desk/"))
    assert "/desk/mail/" not in client_of(ann).get("/desk/").content.decode()


def test_one_mail_says_in_words_what_was_found(ticket: Ticket, lea: User, client_of: ClientOf) -> None:
    mail = factories.incoming(subject="<b>Bold</b>", remarks=["reply_to_differs"], **FORGED)
    answer = client_of(lea).get(f"/desk/mail/{mail.pk}/")
    assert "<b>Bold</b>" not in answer.content.decode()
    page = text(answer)
    for said in (
        "<b>Bold</b>",
        "Not verified DMARC says fail",
        "We answer the verified sender.",
        "support@desk.example",
    ):
        assert said in page


# --- The original --------------------------------------------------------------------------------------------------


def test_s029_the_original_is_saved_and_never_opened(
    ticket: Ticket, lea: User, client_of: ClientOf, caplog: pytest.LogCaptureFixture
) -> None:
    mail = factories.incoming(b"Subject: <script>\r\n\r\nx", ticket=ticket)
    with caplog.at_level(logging.INFO, logger="security"):
        answer = client_of(lea).get(f"/desk/mail/{mail.pk}/original/")
    assert b"".join(answer.streaming_content) == b"Subject: <script>\r\n\r\nx"
    assert answer["Content-Disposition"] == f'attachment; filename="mail-{mail.pk}.eml"'
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-store"
    assert f"mail.downloaded user={lea.pk} mail={mail.pk}" in caplog.text


def test_agents_get_the_originals_of_messages_and_no_others(
    ticket: Ticket, rita: User, ann: User, sven: User, pat: User, client_of: ClientOf
) -> None:
    held = factories.incoming(ticket=ticket)
    on_it = IncomingMail.objects.get(message=factories.by_mail(ticket, rita))
    for user in (ann, sven):
        assert client_of(user).get(f"/desk/mail/{on_it.pk}/original/").status_code == 200
        assert client_of(user).get(f"/desk/mail/{held.pk}/original/").status_code == 404
    for user in (rita, pat):
        assert client_of(user).get(f"/desk/mail/{on_it.pk}/original/").status_code == 404


# --- Nothing to do -------------------------------------------------------------------------------------------------


def test_nothing_to_do_can_be_undone(lea: User, client_of: ClientOf) -> None:
    mail = factories.incoming()
    browser = client_of(lea)
    assert browser.post(f"/desk/mail/{mail.pk}/dismiss/").status_code == 303
    assert fresh(mail).settled_by == lea
    assert "sorted by Lea" in mail_page(browser, mail)
    assert "Nothing to sort" in listed(browser)
    again = browser.post(f"/desk/mail/{mail.pk}/dismiss/")
    assert again.status_code == 409
    assert "Somebody has sorted this mail already." in text(again)
    for _ in range(2):
        assert browser.post(f"/desk/mail/{mail.pk}/dismiss/undo/").status_code == 303
    assert fresh(mail).is_unsettled


def test_what_became_a_message_is_not_put_back(ticket: Ticket, rita: User, lea: User, client_of: ClientOf) -> None:
    mail = IncomingMail.objects.get(message=factories.by_mail(ticket, rita))
    assert client_of(lea).post(f"/desk/mail/{mail.pk}/dismiss/undo/").status_code == 409
    assert client_of(lea).post(f"/desk/mail/{mail.pk}/dismiss/").status_code == 409


@pytest.mark.django_db(transaction=True)
def test_of_two_who_sort_the_same_mail_the_second_is_told(lea: User, ada: User) -> None:
    mail = factories.incoming()
    results = at_once(*[lambda by=by: actions.dismiss(mail, by=by, at=clock.now()) for by in (lea, ada)])
    refusals = [result for result in results if result is not None]
    assert [getattr(refusal, "code", refusal) for refusal in refusals] == ["sorted_already"]


# --- Putting it somewhere ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ["", "abc", "0", "-1", "9" * 30, "#"])
def test_a_number_that_is_none_is_said_beside_the_field(lea: User, client_of: ClientOf, number: str) -> None:
    mail = factories.incoming()
    answer = client_of(lea).post(f"/desk/mail/{mail.pk}/assign/", {"number": number})
    assert answer.status_code == 400
    assert "Write a request's number, such as 4821." in text(answer)
    assert fresh(mail).is_unsettled


def test_a_request_that_is_not_there_is_said_beside_the_field(lea: User, client_of: ClientOf) -> None:
    mail = factories.incoming()
    answer = client_of(lea).post(f"/desk/mail/{mail.pk}/assign/", {"number": "#999999"})
    assert answer.status_code == 400
    assert "There is no request #999999." in text(answer)
    assert 'value="#999999"' in answer.content.decode()


def test_s003_a_held_reply_is_approved_and_its_sender_gets_what_comes(
    ticket: Ticket, rita: User, tom: User, lea: User, bo: User, client_of: ClientOf
) -> None:
    mail = letters.arrive(letters.answer(ticket, tom, "I have the logs.", as_=rita.email))
    assert (mail.state, mail.reason, mail.ticket) == ("held", "not_participant", ticket)
    assert "I have the logs." not in text(client_of(bo).get(f"/desk/tickets/{ticket.number}/"))
    page = client_of(lea).get(f"/desk/mail/{mail.pk}/")
    assert "Approve and add the sender" in text(page)
    assert "Take it as sent" not in text(page)
    approved = client_of(lea).post(f"/desk/mail/{mail.pk}/assign/", hidden(page, "/assign/"))
    assert approved.status_code == 303
    message = fresh(mail).message
    assert message is not None
    assert (message.author, message.ticket, message.is_public) == (tom, ticket, True)
    assert fresh(mail).settled_by == lea
    assert [copy.email for copy in ticket.participants.current()] == [tom.email]
    assert ticket.events.filter(kind="cc_added", actor=lea).count() == 1
    notifications.notify(now=clock.now())
    assert not OutgoingMail.objects.filter(to_email=tom.email, event__kind="created").exists()


def test_a_forged_looking_mail_is_taken_as_sent(ticket: Ticket, rita: User, lea: User, client_of: ClientOf) -> None:
    mail = letters.arrive(letters.answer(ticket, rita, "Still broken."), verdict=letters.FORGED)
    assert (mail.state, mail.message) == ("quarantined", None)
    browser = client_of(lea)
    assert browser.post(f"/desk/mail/{mail.pk}/recover/").status_code == 303
    assert fresh(mail).message in ticket.messages.filter(author=rita)
    assert f"on #{ticket.number}" in mail_page(browser, mail)
    again = browser.post(f"/desk/mail/{mail.pk}/recover/")
    assert again.status_code == 409
    assert "Somebody has sorted this mail already." in text(again)
    assert ticket.messages.count() == 2


def test_what_could_not_be_read_is_read_again(rita: User, lea: User, client_of: ClientOf) -> None:
    mail = letters.put(letters.letter(rita.email).as_bytes(), verdict=letters.FORGED)
    unreadable = {"state": "quarantined", "reason": "unreadable", "next_attempt_at": None}
    IncomingMail.objects.filter(pk=mail.pk).update(**unreadable)
    browser = client_of(lea)
    shown = mail_page(browser, mail)
    assert "Read it again" in shown
    assert "You vouch" not in shown
    assert "It was read." in text(browser.post(f"/desk/mail/{mail.pk}/recover/", follow=True))
    assert (fresh(mail).reason, fresh(mail).sender) == ("unverified", rita.email)
    assert "You vouch for its sender" in mail_page(browser, mail)


def test_a_strangers_mail_put_on_a_ticket_is_a_note(ticket: Ticket, lea: User, rita: User, client_of: ClientOf) -> None:
    mail = letters.arrive(letters.letter("stranger@other.example", "I know them."), verdict=letters.FORGED)
    browser = client_of(lea)
    answer = browser.post(f"/desk/mail/{mail.pk}/assign/", {"number": f"#{ticket.number}"}, follow=True)
    assert f"It is on #{ticket.number} now, as an internal note." in text(answer)
    assert "I know them." in text(browser.get(f"/desk/tickets/{ticket.number}/"))
    assert "I know them." not in text(client_of(rita).get(f"/requests/{ticket.number}/"))


@pytest.mark.django_db(transaction=True)
def test_one_takes_it_while_another_dismisses_it(ticket: Ticket, rita: User, lea: User, ada: User) -> None:
    mail = letters.arrive(letters.answer(ticket, rita, "Still broken."), verdict=letters.FORGED)
    results = at_once(
        lambda: receive.recover(mail, by=lea, at=clock.now()), lambda: actions.dismiss(mail, by=ada, at=clock.now())
    )
    assert [getattr(result, "code", "") for result in results].count("sorted_already") == 1
    assert ticket.messages.count() == (2 if fresh(mail).settled_by == lea else 1)


# --- Senders -------------------------------------------------------------------------------------------------------


def test_a_sender_or_a_whole_domain_is_blocked_and_unblocked(lea: User, client_of: ClientOf) -> None:
    mail = factories.incoming()
    browser = client_of(lea)
    browser.post(f"/desk/mail/{mail.pk}/block/", {"whole": "", "why": "Advertises"})
    browser.post("/desk/mail/blocked/", {"pattern": "@Evil.example"})
    browser.post("/desk/mail/blocked/", {"pattern": "@evil.example", "why": "again"})
    assert BlockedSender.objects.blocks("stranger@other.example")
    assert BlockedSender.objects.blocks("anybody@evil.example")
    assert not BlockedSender.objects.blocks("tim@other.example")
    assert BlockedSender.objects.count() == 2
    assert "stranger@other.example is blocked “Advertises”" in mail_page(browser, mail)
    for blocked in BlockedSender.objects.all():
        assert browser.post(f"/desk/mail/blocked/{blocked.pk}/lift/").status_code == 303
    assert not BlockedSender.objects.current().exists()
    assert "Nobody is blocked" in text(browser.get("/desk/mail/blocked/"))
    browser.post(f"/desk/mail/{mail.pk}/block/", {"whole": "domain"})
    assert BlockedSender.objects.blocks("tim@other.example")


@pytest.mark.parametrize(
    ("pattern", "sentence"),
    [
        ("", "Write an address or a domain."),
        ("nonsense", "Enter a valid e-mail address."),
        ("@nonsense", "Write a domain such as @evil.example."),
        ("@gmail.com", "Anybody gets an address there: block the one address instead."),
        ("@desk.example", "That is a domain of ours."),
        ("support+4@desk.example", "That is an address of ours."),
        ("lea@desk.example", "That is an address of ours."),
        ("colleague@home.example", "That is an address of ours."),
        ("@home.example", "That is a domain of ours."),
    ],
)
def test_who_may_not_be_blocked(lea: User, client_of: ClientOf, pattern: str, sentence: str) -> None:
    factories.person("colleague@home.example", "Colleague", role="agent")
    answer = client_of(lea).post("/desk/mail/blocked/", {"pattern": pattern})
    assert answer.status_code == 400
    assert sentence in text(answer)
    assert not BlockedSender.objects.exists()


def test_a_public_domain_is_refused_beside_the_choice(lea: User, client_of: ClientOf) -> None:
    mail = factories.incoming(sender="somebody@gmail.com")
    answer = client_of(lea).post(f"/desk/mail/{mail.pk}/block/", {"whole": "domain", "why": "x" * 300})
    assert answer.status_code == 400
    assert "at most 200 characters" in text(answer)
    answer = client_of(lea).post(f"/desk/mail/{mail.pk}/block/", {"whole": "domain"})
    assert "block the one address instead" in text(answer)


@pytest.mark.django_db(transaction=True)
def test_two_who_block_the_same_sender_block_it_once(lea: User, ada: User) -> None:
    works: list[Any] = [
        lambda by=by: actions.block_sender("x@evil.example", by=by, at=clock.now()).pk for by in (lea, ada)
    ]
    assert len(set(at_once(*works))) == 1
    assert BlockedSender.objects.count() == 1
