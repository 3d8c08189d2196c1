"""Mail that is meant to deceive, to flood or to loop: the security cases, and what must stay as it was."""

import pytest

from accounts.models import Organization, User
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict
from supportdesk.lib.signed_addresses import reply_address
from tests import factories
from tests.tickets.mail.letters import FORGED, SUPPORT, answer, arrive, believed, letter, mailed, put, standing
from tickets import actions, notifications, priority_ask
from tickets.mail import receive
from tickets.mail.reply_line import REPLY_LINE
from tickets.mail.store import store
from tickets.models import (
    Attachment,
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
