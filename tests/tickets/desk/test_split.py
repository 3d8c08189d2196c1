"""Mails on a ticket as the staff reads them, and taking one that is about something else out of the conversation."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tests.at_once import at_once
from tests.tickets.desk.page import text
from tests.tickets.forms import PNG, file
from tickets import actions, notifications
from tickets.models import Attachment, IncomingMail, Message, OutgoingMail, Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita, subject="All are logged out")


def stray(ticket: Ticket, author: User, **fields: object) -> Message:
    """A mail on `ticket` under another subject, with a picture in its text and a file."""
    message = factories.by_mail(ticket, author, **{"remarks": ["subject_changed"], **fields})
    for name, content in (("shot.png", PNG), ("app.log", b"a line\n")):
        upload = actions.upload(author, file=file(name, content), name=name, at=clock.now())
        Attachment.objects.filter(pk=upload.pk).update(message=message, is_inline=name == "shot.png")
    picture = message.attachments.get(is_inline=True)
    message.format, message.quoted_html = "html", "<blockquote>As I wrote</blockquote>"
    message.body_html = f'<p>Emoji <em>missing</em></p><img src="/attachments/{picture.pk}/preview/">'
    message.save(update_fields=["format", "body_html", "quoted_html"])
    return message


def split(browser: Client, message: Message) -> object:
    return browser.post(f"/desk/tickets/{message.ticket_id}/messages/{message.pk}/split/")


def test_a_mail_says_so_and_folds_what_it_quotes(ticket: Ticket, rita: User, ann: User, client_of: ClientOf) -> None:
    stray(ticket, rita, remarks=["subject_changed", "cc_pending"])
    page = client_of(ann).get(f"/desk/tickets/{ticket.number}/")
    body, words = page.content.decode(), text(page)
    assert "from rita@northwind.example, verified" in words
    assert "It was copied to people who get nothing before somebody confirms them." in words
    assert "Show quoted text As I wrote" in words
    assert body.count("app.log") >= 1
    assert "shot.png" not in body, "it stands in the text already"
    customers = client_of(rita).get(f"/requests/{ticket.number}/")
    assert "Show quoted text As I wrote" in text(customers)
    assert "It was copied to people" not in text(customers)
    assert "/original/" not in customers.content.decode()


def test_an_inline_picture_that_the_text_does_not_show_is_listed(
    ticket: Ticket, rita: User, client_of: ClientOf
) -> None:
    message = stray(ticket, rita)
    Message.objects.filter(pk=message.pk).update(body_html="<p>Emoji</p>")
    assert "shot.png" in client_of(rita).get(f"/requests/{ticket.number}/").content.decode()


def test_a_machines_mail_is_marked_and_only_markdown_is_rendered_anew(
    ticket: Ticket, rita: User, ann: User, client_of: ClientOf
) -> None:
    message = stray(ticket, rita)
    Message.objects.filter(pk=message.pk).update(is_automatic=True, rendered_with=0)
    page = client_of(ann).get(f"/desk/tickets/{ticket.number}/")
    assert "sent by a machine" in text(page)
    assert "<em>missing</em>" in page.content.decode()


def test_mails_cost_no_query_each(
    ticket: Ticket, rita: User, ann: User, client_of: ClientOf, count_queries: Callable[[], CaptureQueriesContext]
) -> None:
    browser = client_of(ann)

    def cost() -> int:
        clock.forget()
        with count_queries() as queries:
            browser.get(f"/desk/tickets/{ticket.number}/")
        return len(queries)

    stray(ticket, rita)
    few = cost()
    for _ in range(5):
        stray(ticket, rita)
    assert cost() == few
    assert few <= 19


def test_a_mail_about_something_else_becomes_a_ticket_of_its_own(
    ticket: Ticket, rita: User, ann: User, client_of: ClientOf
) -> None:
    message = stray(ticket, rita)
    browser = client_of(ann)
    here = f"/desk/tickets/{ticket.number}/"
    assert "Split into a new ticket" in text(browser.get(here))
    answer = split(browser, message)
    opened = Ticket.objects.latest("pk")
    assert (answer.status_code, answer["Location"]) == (303, f"/desk/tickets/{opened.number}/")
    assert (opened.subject, opened.requester, opened.organization) == ("Emoji", rita, ticket.organization)
    assert (opened.channel, opened.priority, opened.status) == ("email", None, "new")
    assert opened.next_due_at is not None
    copy = opened.messages.get()
    assert (copy.body, copy.format, copy.author) == (message.body, "html", rita)
    assert copy.quoted_html == message.quoted_html
    picture = copy.attachments.get(is_inline=True)
    assert f"/attachments/{picture.pk}/preview/" in copy.body_html
    assert client_of(rita).get(f"/attachments/{picture.pk}/preview/").status_code == 200
    files = client_of(rita).get(f"/attachments/{copy.attachments.get(is_inline=False).pk}/")
    assert b"".join(files.streaming_content) == b"a line\n"
    assert Message.objects.get(pk=message.pk).ticket == ticket
    old, new = text(browser.get(here)), text(browser.get(f"/desk/tickets/{opened.number}/"))
    assert f"Split off to #{opened.number}" in old
    assert f"Ann split a message off to #{opened.number}" in old
    assert "Split into a new ticket" not in old
    assert "Continued in" not in old
    assert f"Ann split this off from #{ticket.number}" in new
    told = text(client_of(rita).get(f"/requests/{ticket.number}/"))
    assert f"Ann moved another matter to #{opened.number}" in told


def test_its_requester_and_the_team_are_mailed_as_of_any_new_ticket(
    ticket: Ticket, rita: User, ann: User, client_of: ClientOf
) -> None:
    split(client_of(ann), stray(ticket, rita))
    opened = Ticket.objects.latest("pk")
    notifications.notify(now=clock.now())
    assert set(OutgoingMail.objects.filter(ticket=opened).values_list("kind", flat=True)) >= {"created", "staff_new"}


def test_splitting_twice_gives_the_same_ticket(ticket: Ticket, rita: User, ann: User, client_of: ClientOf) -> None:
    message = stray(ticket, rita)
    first, second = split(client_of(ann), message), split(client_of(ann), message)
    assert first["Location"] == second["Location"]
    assert Ticket.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_two_who_split_at_once_get_the_same_ticket(ticket: Ticket, rita: User, ann: User, bo: User) -> None:
    message = stray(ticket, rita)
    works = [lambda by=by: actions.split(message, by=by, at=clock.now()).pk for by in (ann, bo)]
    results = at_once(*works)
    assert results[0] == results[1] == Ticket.objects.latest("pk").pk
    assert Ticket.objects.count() == 2


def test_a_mail_of_somebody_copied_in_from_outside_goes_to_their_own_place(
    ticket: Ticket, rita: User, sam: User, ann: User, client_of: ClientOf
) -> None:
    actions.add_cc(ticket, by=rita, addresses=[sam.email], at=clock.now())
    message = stray(ticket, sam)
    file = message.attachments.get(is_inline=False)
    Message.objects.filter(pk=message.pk).update(quoted_html=f"What rita wrote to us, with {file.pk}")
    split(client_of(ann), message)
    opened = Ticket.objects.latest("pk")
    copy = opened.messages.get()
    assert (copy.quoted_html, copy.attachments.count()) == ("", 1), "it is another organisation's conversation"
    assert (opened.requester, opened.organization) == (sam, sam.memberships.get().organization)
    assert client_of(rita).get(f"/requests/{opened.number}/").status_code == 404
    assert f"#{opened.number}" not in text(client_of(rita).get(f"/requests/{ticket.number}/"))


def test_who_may_not_split(ticket: Ticket, rita: User, sven: User, client_of: ClientOf) -> None:
    message = stray(ticket, rita)
    assert split(client_of(rita), message).status_code == 404
    assert split(client_of(sven), message).status_code == 403
    assert "Split into a new ticket" not in text(client_of(sven).get(f"/desk/tickets/{ticket.number}/"))
    assert Ticket.objects.count() == 1


def test_what_is_no_mail_of_a_customer_stays(
    ticket: Ticket, rita: User, sam: User, ann: User, client_of: ClientOf
) -> None:
    answer = split(client_of(ann), ticket.messages.get())
    assert answer.status_code == 400
    assert "Only what a customer wrote by mail can be split off." in text(answer)
    other = stray(factories.open_ticket(sam), sam)
    foreign = client_of(ann).post(f"/desk/tickets/{ticket.number}/messages/{other.pk}/split/")
    assert foreign.status_code == 404


def test_a_closed_ticket_may_be_split(ticket: Ticket, rita: User, ann: User, client_of: ClientOf) -> None:
    message = stray(ticket, rita)
    Ticket.objects.filter(pk=ticket.pk).update(status="closed")
    assert split(client_of(ann), message).status_code == 303
    assert IncomingMail.objects.get(message=message).ticket == ticket
