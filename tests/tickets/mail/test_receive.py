"""What becomes of mail: by who its sender is, what it answers, and what the sender's plan allows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from accounts.models import AccountMail, Membership, Organization, User
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, NotAllowed
from supportdesk.lib.signed_addresses import reply_address
from tests import factories
from tests.tickets.mail.letters import FORGED, SUPPORT, answer, arrive, believed, letter, put
from tickets import actions, notifications, priority_ask
from tickets.mail import receive
from tickets.mail.reply_line import REPLY_LINE
from tickets.mail.store import store
from tickets.models import (
    Attachment,
    BlockedSender,
    Channel,
    Format,
    IncomingMail,
    MailReason,
    MailState,
    OutgoingMail,
    Participant,
    Priority,
    Ticket,
    TicketEvent,
)
from tickets.states import Status

pytestmark = pytest.mark.django_db
EVIL = "mallory@evil.example"


@pytest.fixture
def ticket(rita: User, bo: User) -> Ticket:
    """rita's request, answered by bo, the mails of both written."""
    ticket = factories.open_ticket(rita)
    actions.answer(ticket, by=bo, body="Which version is it?", submit_as=Status.PENDING, at=clock.now())
    notifications.notify(now=clock.now())
    ticket.refresh_from_db()
    return ticket


def standing(ticket: Ticket) -> tuple[object, ...]:
    """All that a mail could move: to be the same before and after one that may not."""
    fresh = Ticket.objects.get(pk=ticket.pk)
    rows = [fresh.messages.count(), fresh.events.count(), Participant.objects.filter(ticket=ticket).count()]
    mails = OutgoingMail.objects.count() + AccountMail.objects.count()
    return (fresh.status, fresh.priority, fresh.waiting_since, fresh.updated_at, *rows, mails)


def mailed() -> int:
    notifications.notify(now=clock.now())
    return OutgoingMail.objects.count() + AccountMail.objects.count()


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


# --- The security cases --------------------------------------------------------------------------------------------


def test_s001_a_forged_mail_is_quarantined_and_answered_to_nobody(ticket: Ticket, rita: User) -> None:
    before = standing(ticket)
    mail = arrive(answer(ticket, rita, "Please send me everything.", Cc=EVIL), verdict=FORGED)
    assert (mail.state, mail.reason, mail.is_verified) == (MailState.QUARANTINED, MailReason.UNVERIFIED, False)
    assert mail.is_unsettled
    assert standing(ticket) == before
    mailed()
    assert standing(ticket) == before


def test_s002_numbers_tags_and_message_ids_authorise_nothing(
    ticket: Ticket, rita: User, northwind: Organization, sam: User
) -> None:
    """sam, Enterprise, is a verified stranger to northwind's ticket: each of his tries is a request of his own."""
    before = standing(ticket)[:7]
    ours = OutgoingMail.objects.filter(to_email=rita.email).latest("pk")
    forged = reply_address(ticket.number, reader=sam.email)[:-30] + "a" * 26 + "@desk.example"
    for number, mail in enumerate(
        [
            letter(sam.email, "one", to=f"support+{ticket.number}@desk.example"),
            letter(sam.email, "two", to=forged),
            letter(sam.email, "three", subject=f"Re: [#{ticket.number}] Users are logged out"),
            letter(sam.email, "four", In_Reply_To=ours.message_id, References=ours.message_id),
            letter(sam.email, "five", X_Portal_Ticket=str(ticket.number), X_RT_Ticket=str(ticket.number)),
            letter(sam.email, "#close\n#priority urgent\n#assign me"),
        ],
        start=1,
    ):
        came = arrive(mail)
        assert came.state == MailState.TICKET, number
        assert came.ticket is not None
        assert came.ticket.requester == sam
        assert (came.ticket.priority, came.ticket.status, came.ticket.assignee) == (None, Status.NEW, None)
    assert standing(ticket)[:7] == before


def test_s003_who_was_handed_a_reply_address_is_held_and_can_be_let_in(ticket: Ticket, rita: User, lea: User) -> None:
    stranger = "carl@other.example"
    before = standing(ticket)
    mail = arrive(answer(ticket, stranger, "Rita forwarded me this.", as_=rita.email))
    assert (mail.state, mail.reason, mail.ticket) == (MailState.HELD, MailReason.NOT_PARTICIPANT, ticket)
    mailed()
    assert standing(ticket) == before
    message = receive.assign(mail, ticket, by=lea, at=clock.now(), add_sender=True)
    assert message.author is not None
    assert message.author.email == stranger
    assert message.is_public
    assert Participant.objects.current().filter(ticket=ticket, email=stranger).exists()
    assert TicketEvent.objects.filter(ticket=ticket, kind="cc_added", actor=lea).exists()
    notifications.notify(now=clock.now())
    assert not OutgoingMail.objects.filter(to_email=stranger).exists()


def test_s004_a_copied_in_stranger_gets_nothing_before_somebody_confirms(ticket: Ticket, rita: User, bo: User) -> None:
    mail = arrive(answer(ticket, rita, "Adding Olga.", Cc="olga@other.example"))
    assert mail.state == MailState.REPLY
    assert "cc_pending" in mail.remarks
    actions.answer(ticket, by=bo, body="Thanks", submit_as=Status.OPEN, at=clock.now())
    notifications.notify(now=clock.now())
    assert not OutgoingMail.objects.filter(to_email="olga@other.example").exists()
    held = arrive(answer(ticket, "olga@other.example", "Hello", as_=rita.email))
    assert (held.state, held.reason) == (MailState.HELD, MailReason.NOT_PARTICIPANT)
    confirmed = Participant.objects.pending().get(ticket=ticket)
    actions.confirm_cc(confirmed, by=rita, at=clock.now())
    actions.answer(ticket, by=bo, body="Later words", submit_as=Status.OPEN, at=clock.now())
    notifications.notify(now=clock.now())
    to_olga = OutgoingMail.objects.get(to_email="olga@other.example")
    assert "Later words" in to_olga.text
    assert "Adding Olga" not in to_olga.text


def test_s005_a_forged_member_of_the_staff_is_quarantined_and_the_leads_are_told(
    ticket: Ticket, bo: User, lea: User
) -> None:
    before = standing(ticket)[:7]
    mail = arrive(
        answer(ticket, bo, "Send us your password.", In_Reply_To=f"<notify-{ticket.number}-{bo.pk}-x@desk.example>"),
        verdict=FORGED,
    )
    assert (mail.state, mail.reason) == (MailState.QUARANTINED, MailReason.FORGED_STAFF)
    assert standing(ticket)[:7] == before
    assert set(OutgoingMail.objects.filter(kind="staff_mail_alert").values_list("to_email", flat=True)) == {lea.email}


@pytest.mark.parametrize("breaks", ["not enabled", "not signed", "another's signature"])
def test_s005_the_staff_answers_by_mail_only_enabled_verified_and_signed(
    ticket: Ticket, bo: User, rita: User, breaks: str
) -> None:
    User.objects.filter(pk=bo.pk).update(answers_by_mail=breaks != "not enabled")
    mail = answer(ticket, bo, "Try 10.12.", as_=rita.email if breaks == "another's signature" else bo.email)
    if breaks == "not signed":
        mail.replace_header("To", SUPPORT)
    before = standing(ticket)
    assert arrive(mail).state == MailState.HELD
    assert standing(ticket) == before


def test_s005_a_lead_who_vouches_does_not_stand_in_for_the_proof(ticket: Ticket, bo: User, lea: User) -> None:
    User.objects.filter(pk=bo.pk).update(answers_by_mail=True)
    mail = arrive(answer(ticket, bo, "Send us your password."), verdict=FORGED)
    before = standing(ticket)
    with pytest.raises(Conflict, match="could not be verified"):
        receive.recover(mail, by=lea, at=clock.now())
    assert standing(ticket) == before


def test_s005_all_three_given_the_answer_reaches_the_customer(ticket: Ticket, bo: User, rita: User) -> None:
    User.objects.filter(pk=bo.pk).update(answers_by_mail=True)
    mail = arrive(answer(ticket, bo, "Try 10.12."))
    assert (mail.state, mail.ticket) == (MailState.REPLY, ticket)
    message = ticket.messages.latest("pk")
    assert (message.author, message.from_staff, message.is_public) == (bo, True, True)
    notifications.notify(now=clock.now())
    assert "Try 10.12." in OutgoingMail.objects.filter(to_email=rita.email).latest("pk").text


QUOTED_STAFF_MAIL = (
    "On Mon, 23 Nov 2026 at 10:00, Support <support@desk.example> wrote:\n> Status: On-hold\n> Plan: Premier"
)


def test_s050_what_the_staff_quotes_of_its_own_mail_reaches_no_customer(ticket: Ticket, bo: User, rita: User) -> None:
    User.objects.filter(pk=bo.pk).update(answers_by_mail=True)
    mail = arrive(answer(ticket, bo, f"Try 10.12.\n\n{QUOTED_STAFF_MAIL}"))
    assert mail.message is not None
    assert (mail.message.body, mail.message.quoted_html) == ("Try 10.12.", "")


def test_s050_a_staff_mail_that_is_not_told_apart_is_held(ticket: Ticket, bo: User) -> None:
    User.objects.filter(pk=bo.pk).update(answers_by_mail=True)
    before = standing(ticket)
    mail = arrive(answer(ticket, bo, f"{REPLY_LINE}\n\nrita replied.\n\nStatus: On-hold\nPlan: Premier"))
    assert (mail.state, mail.reason) == (MailState.HELD, MailReason.REFUSED)
    assert standing(ticket) == before


@pytest.mark.parametrize("kind", ["text", "html"])
def test_links_that_act_for_their_reader_are_not_quoted_to_the_others(rita: User, kind: str) -> None:
    opened = factories.open_ticket(rita, priority=None)
    link = priority_ask.link(opened, rita, to=Priority.URGENT)
    mail = answer(opened, rita, f"Any news?\n\nOn Mon, 23 Nov 2026 at 10:00, Support <{SUPPORT}> wrote:\n> {link}")
    if kind == "html":
        quoted = f'<blockquote type="cite"><a href="{link}">choose here</a></blockquote>'
        mail.set_content(f"<p>Any news?</p>{quoted}", subtype="html")
    message = arrive(mail).message
    assert message is not None
    assert message.body == "Any news?"
    assert "/priority/removed" in message.quoted_html
    assert link.rpartition("/priority/")[2][:40] not in message.quoted_html


def test_s006_reply_to_is_neither_who_it_is_nor_where_we_answer(rita: User) -> None:
    mail = arrive(letter(rita.email, Reply_To=EVIL))
    assert mail.ticket is not None
    assert mail.ticket.requester == rita
    assert "reply_to_differs" in mail.remarks
    mailed()
    assert not OutgoingMail.objects.filter(to_email=EVIL).exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Auto_Submitted", "auto-replied"),
        ("Auto_Submitted", "auto-generated"),
        ("Precedence", "bulk"),
        ("Precedence", "junk"),
        ("Precedence", "auto_reply"),
        ("X_Auto_Response_Suppress", "All"),
        ("X_Autoreply", "yes"),
        ("X_Loop", "yes"),
        ("List_Id", "<all.northwind.example>"),
        ("Return_Path", "<>"),
    ],
)
def test_s011_what_a_machine_answers_moves_nothing(ticket: Ticket, rita: User, name: str, value: str) -> None:
    status, _, waits = standing(ticket)[:3]
    mails = mailed()
    mail = arrive(answer(ticket, rita, "I am out of office.", **{name: value}))
    assert (mail.state, mail.is_automatic) == (MailState.REPLY, True)
    assert ticket.messages.latest("pk").is_automatic
    assert standing(ticket)[:3] == (status, ticket.priority, waits)
    assert mailed() == mails


def test_s011_an_empty_envelope_sender_is_a_machine_too(ticket: Ticket, rita: User) -> None:
    raw = answer(ticket, rita, "Out of office").as_bytes()
    to = [reply_address(ticket.number, reader=rita.email)]
    store(raw, door="smtp", envelope_from="<>", envelope_to=to, verdict=believed(rita.email), at=clock.now())
    receive.receive_due()
    assert IncomingMail.objects.get().is_automatic
    assert ticket.messages.latest("pk").is_automatic


def test_what_a_person_shows_us_of_a_bounce_is_their_mail(rita: User) -> None:
    mail = letter(rita.email, "Our mails come back, see below.")
    report = "Reporting-MTA: dns; mx.far.example\n\nFinal-Recipient: rfc822; x@far.example\nAction: failed\n"
    mail.add_attachment(report, subtype="report")
    taken = put(mail.as_bytes().replace(b"text/report", b"message/delivery-status"), sender=rita.email)
    receive.receive_due()
    taken.refresh_from_db()
    assert (taken.state, taken.reason) == (MailState.TICKET, MailReason.NEW_REQUEST)


def test_s011_a_machine_opens_no_request_and_gets_no_answer(rita: User, pia: User) -> None:
    for sender in (rita.email, pia.email):
        mail = arrive(letter(sender, Auto_Submitted="auto-generated"))
        assert mail.state in {MailState.HELD, MailState.REDIRECTED}
    assert not Ticket.objects.exists()
    assert mailed() == 0


def test_s011_our_own_mail_comes_back_to_nothing(ticket: Ticket) -> None:
    before = standing(ticket)
    mail = arrive(letter(f"Support <{SUPPORT}>", to=reply_address(ticket.number, reader="rita@northwind.example")))
    assert (mail.state, mail.reason) == (MailState.QUARANTINED, MailReason.OWN_MAIL)
    assert not mail.is_unsettled
    assert standing(ticket) == before


def test_a_loop_without_any_mark_ends(ticket: Ticket, rita: User, settings: object) -> None:
    settings.MAIL_PER_TICKET_AN_HOUR = 3  # type: ignore[attr-defined]
    settings.MAIL_PER_SENDER_AN_HOUR = 5  # type: ignore[attr-defined]
    states = [arrive(answer(ticket, rita, f"Thank you for your mail {number}.")).state for number in range(5)]
    assert states == ["reply", "reply", "reply", "held", "held"]
    assert arrive(letter(rita.email, "And a new one")).reason == MailReason.TOO_MANY


def test_what_others_send_in_somebodys_name_does_not_shut_them_out(rita: User, settings: object) -> None:
    settings.MAIL_PER_SENDER_AN_HOUR = 2  # type: ignore[attr-defined]
    for number in range(3):
        arrive(letter(rita.email, f"Forged {number}"), verdict=FORGED)
    assert arrive(letter(rita.email)).state == MailState.TICKET


def test_s013_a_mail_to_five_hundred_copies_nobody_in(rita: User) -> None:
    mail = arrive(letter(rita.email, Cc=", ".join(f"p{number}@many.example" for number in range(500))))
    assert mail.state == MailState.TICKET
    assert "cc_ignored" in mail.remarks
    assert not Participant.objects.exists()
    mailed()
    assert set(OutgoingMail.objects.values_list("to_email", flat=True)) <= {rita.email}


def test_s019_nul_anywhere_is_taken_out(rita: User) -> None:
    raw = (
        b"From: =?utf-8?q?Ri=00ta?= <rita@northwind.example>\r\nTo: support@desk.example\r\nSubject: log\x00ged out\r\n"
        b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nno\x00body\r\n--b\r\n"
        b'Content-Disposition: attachment; filename="a\x00.log"\r\n\r\nx\x00y\r\n--b--\r\n'
    )
    put(raw, sender=rita.email)
    receive.receive_due()
    ticket = Ticket.objects.get()
    assert (ticket.subject, ticket.messages.get().body) == ("logged out", "nobody")
    assert Attachment.objects.get().name == "a.log"


def test_s023_odd_mails_are_kept_and_timed_by_us(rita: User) -> None:
    before = clock.now()
    raw = b"From: rita@northwind.example\nDate: Thu, 01 Jan 1970 00:00:00 +0000\nSubject: Gr\xfc\xdfe\n\n"
    put(raw, sender=rita.email)
    put(b"", verdict="")
    put(b"Subject: nobody\n\nhello", verdict="")
    receive.receive_due()
    ticket = Ticket.objects.get()
    assert before <= ticket.created_at <= clock.now()
    assert ticket.messages.get().body == "(no text)"
    assert IncomingMail.objects.filter(state=MailState.QUARANTINED, reason=MailReason.NO_SENDER).count() == 2
    assert all(mail.file.size == mail.size for mail in IncomingMail.objects.all())


def test_s024_a_subject_breaks_out_of_no_header(rita: User) -> None:
    subject = b"=?utf-8?q?Hi=0D=0ABcc=3A_x=40evil.example=E2=80=A8there?="
    raw = b"From: rita@northwind.example\r\nSubject: " + subject + b"\r\n\r\nHi\r\n"
    put(raw, sender=rita.email)
    receive.receive_due()
    ticket = Ticket.objects.get()
    assert ticket.subject == "Hi Bcc: x@evil.example there"
    mailed()
    assert not OutgoingMail.objects.filter(to_email__endswith="evil.example").exists()


# --- By hand, and things that go wrong -----------------------------------------------------------------------------


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
