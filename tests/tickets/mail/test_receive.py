"""What becomes of mail: by what it answers, and what its sender's plan allows."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from accounts.models import AccountMail, Membership, Organization, User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.mail.letters import answer, arrive, letter, standing
from tickets import actions
from tickets.models import (
    Channel,
    Format,
    MailReason,
    MailState,
    OutgoingMail,
    Participant,
    Priority,
    Ticket,
)
from tickets.states import Status

pytestmark = pytest.mark.django_db


# --- New requests --------------------------------------------------------------------------------------------------


def test_a_premier_customer_opens_a_request_by_mail(rita: User, northwind: Organization) -> None:
    mail = arrive(letter("Rita <rita@northwind.example>"))
    assert (mail.state, mail.reason) == (MailState.TICKET, MailReason.NEW_REQUEST)
    ticket = Ticket.objects.get()
    assert mail.ticket == ticket
    assert (ticket.requester, ticket.organization, ticket.channel) == (rita, northwind, Channel.EMAIL)
    assert (ticket.subject, ticket.priority, ticket.status) == ("Users are logged out", None, Status.NEW)
    message = ticket.messages.get()
    assert message.body == "Since the upgrade everybody is logged out after a minute."
    assert message.format == Format.TEXT
    assert ticket.created_at == mail.received_at


def test_an_enterprise_customer_does_too(sam: User) -> None:
    assert arrive(letter(sam.email)).state == MailState.TICKET


@pytest.mark.parametrize(("who", "words"), [("pia", "portal"), ("fred", "docs")])
def test_other_plans_are_pointed_elsewhere_once_a_day(
    who: str, words: str, request: pytest.FixtureRequest, move_clock: Callable[[timedelta], object]
) -> None:
    person = request.getfixturevalue(who)
    first = arrive(letter(person.email))
    assert (first.state, first.reason) == (MailState.REDIRECTED, MailReason.NO_MAIL_PLAN)
    assert not Ticket.objects.exists()
    told = AccountMail.objects.get()
    assert told.to_email == person.email
    assert words in told.text
    assert "logged out" not in told.subject + told.text
    arrive(letter(person.email, "Hello?"))
    assert AccountMail.objects.count() == 1
    move_clock(timedelta(hours=25))
    arrive(letter(person.email, "Anybody?"))
    assert AccountMail.objects.count() == 2


def test_an_unknown_address_at_a_verified_domain_becomes_a_member(northwind: Organization) -> None:
    arrive(letter("Nora Novak <nora@northwind.example>"))
    nora = User.objects.get(email="nora@northwind.example")
    assert nora.name == "Nora Novak"
    assert not nora.has_usable_password()
    assert Membership.objects.active().filter(user=nora, organization=northwind).exists()
    assert Ticket.objects.get().organization == northwind


def test_who_was_removed_is_not_taken_back_by_a_mail(rita: User, northwind: Organization) -> None:
    Membership.objects.filter(user=rita).update(ended_at=clock.now())
    assert arrive(letter(rita.email)).state == MailState.REDIRECTED
    assert not Membership.objects.active().filter(user=rita).exists()


def test_a_mail_verifies_no_account_that_somebody_else_registered(northwind: Organization) -> None:
    squatter = User.objects.create_user("nora@northwind.example", factories.PASSWORD)
    arrive(letter("nora@northwind.example"))
    assert not squatter.emailaddress_set.filter(verified=True).exists()


def test_a_mail_without_a_subject_or_text_is_still_a_request(rita: User) -> None:
    ticket = arrive(letter(rita.email, "", subject="")).ticket
    assert ticket is not None
    assert (ticket.subject, ticket.messages.get().body) == ("(no subject)", "(no text)")


def test_its_files_and_pictures_come_along(rita: User) -> None:
    mail = letter(rita.email)
    mail.add_alternative('<p>See <img src="cid:shot"></p><img src="https://evil.example/pixel.png">', subtype="html")
    mail.get_payload()[1].add_related(PIXEL, "image", "png", cid="<shot>", filename="shot.png")  # type: ignore[union-attr]
    mail.add_attachment(b"line one\n", maintype="text", subtype="plain", filename="..\\..\\server.log")
    ticket = arrive(mail).ticket
    assert ticket is not None
    message = ticket.messages.get()
    shot, log = message.attachments.order_by("-is_inline")
    assert (shot.name, shot.is_inline, shot.is_image) == ("shot.png", True, True)
    assert (log.name, log.is_inline, log.file.read()) == ("server.log", False, b"line one\n")
    assert f"/{shot.pk}/" in message.body_html
    assert message.body_html.count(" src=") == 1
    assert message.format == Format.HTML


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63f8cfc0000003010100c9fe92ef"
    "0000000049454e44ae426082"
)


# --- Replies -------------------------------------------------------------------------------------------------------


def test_a_reply_opens_what_is_pending(ticket: Ticket, rita: User) -> None:
    mail = arrive(answer(ticket, rita, "It is 10.11.2.\n\n> Which version is it?\n"))
    assert (mail.state, mail.reason, mail.ticket) == (MailState.REPLY, MailReason.REPLY_ADDRESS, ticket)
    ticket.refresh_from_db()
    assert ticket.status == Status.OPEN
    message = ticket.messages.order_by("pk").last()
    assert message is not None
    assert (message.author, message.body, message.channel) == (rita, "It is 10.11.2.", Channel.EMAIL)
    assert "Which version is it?" in message.quoted_html


def test_a_reply_reopens_what_was_solved_and_follows_up_what_is_closed(
    ticket: Ticket, rita: User, bo: User, move_clock: Callable[[timedelta], object]
) -> None:
    actions.solve(ticket, by=bo, at=clock.now())
    arrive(answer(ticket, rita, "Not yet, sorry."))
    ticket.refresh_from_db()
    assert ticket.status == Status.OPEN
    actions.solve(ticket, by=bo, at=clock.now())
    move_clock(timedelta(hours=49))
    assert actions.close_solved(ticket.pk, now=clock.now())
    mail = arrive(answer(ticket, rita, "It is back."))
    assert (mail.state, mail.reason) == (MailState.TICKET, MailReason.FOLLOW_UP)
    assert mail.ticket is not None
    assert mail.ticket.follow_up_of == ticket


def test_a_reply_is_threaded_by_the_id_of_our_mail(ticket: Ticket, rita: User) -> None:
    ours = OutgoingMail.objects.filter(to_email=rita.email).latest("pk")
    mail = arrive(letter(rita.email, "10.11.2", In_Reply_To=ours.message_id))
    assert (mail.state, mail.reason, mail.ticket) == (MailState.REPLY, MailReason.THREAD, ticket)


def test_a_reply_is_threaded_by_the_id_of_the_senders_own_mail(rita: User) -> None:
    first = letter(rita.email)
    opened = arrive(first)
    mail = arrive(letter(rita.email, "One more thing", References=str(first["Message-ID"])))
    assert (mail.state, mail.ticket) == (MailState.REPLY, opened.ticket)


def test_somebody_copied_in_without_an_account_answers(rita: User) -> None:
    ticket = factories.open_ticket(rita, cc=["paul@partner.example"])
    mail = arrive(answer(ticket, "Paul <paul@partner.example>", "We see it, too.", as_="paul@partner.example"))
    assert mail.state == MailState.REPLY
    message = ticket.messages.latest("pk")
    assert message.author is not None
    assert (message.author.email, message.author.has_usable_password()) == ("paul@partner.example", False)


def test_the_first_word_of_an_answer_sets_a_priority_that_was_not_given(rita: User) -> None:
    ticket = arrive(letter(rita.email)).ticket
    assert ticket is not None
    arrive(answer(ticket, rita, "Urgent\n\nNobody can work."))
    ticket.refresh_from_db()
    assert ticket.priority == Priority.URGENT
    arrive(answer(ticket, rita, "Low, thinking of it."))
    ticket.refresh_from_db()
    assert ticket.priority == Priority.URGENT


def test_colleagues_are_copied_in_at_once(ticket: Ticket, rita: User, tom: User) -> None:
    arrive(answer(ticket, rita, "Tom knows more.", Cc=tom.email))
    assert Participant.objects.current().filter(ticket=ticket, user=tom).exists()


def test_another_subject_and_another_tag_are_remarked(ticket: Ticket, rita: User) -> None:
    mail = arrive(answer(ticket, rita, "By the way", subject="Licence renewal [#99999]"))
    assert mail.state == MailState.REPLY
    assert {"subject_changed", "subject_tag"} <= set(mail.remarks)


@pytest.mark.parametrize(
    "subject", ["RE: [#{n}] Users are logged out", "AW: WG: users  are LOGGED out", "Re[2]: Users are logged out"]
)
def test_an_answers_marks_are_no_other_subject(ticket: Ticket, rita: User, subject: str) -> None:
    mail = arrive(answer(ticket, rita, "10.11", subject=subject.format(n=ticket.number)))
    assert "subject_changed" not in mail.remarks


def test_a_shut_account_is_held(ticket: Ticket, rita: User) -> None:
    User.objects.filter(pk=rita.pk).update(is_active=False)
    before = standing(ticket)
    assert arrive(answer(ticket, rita, "Let me in")).state == MailState.HELD
    assert standing(ticket) == before


def test_who_left_the_organisation_writes_there_no_more(ticket: Ticket, rita: User) -> None:
    Membership.objects.filter(user=rita).update(ended_at=clock.now())
    before = standing(ticket)
    mail = arrive(answer(ticket, rita, "One last word"))
    assert (mail.state, mail.reason) == (MailState.HELD, MailReason.NOT_PARTICIPANT)
    assert standing(ticket) == before
