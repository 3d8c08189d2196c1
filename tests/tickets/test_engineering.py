"""What an engineering escalation does to a ticket: its moves, its timelines, its mails."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction
from django.test import Client

from accounts.models import User
from supportdesk.lib.errors import Conflict
from tests import factories
from tests.tickets.desk.page import text
from tickets import actions, notifications
from tickets.models import DigestEntry, MailChoice, OutgoingMail, Ticket
from tickets.states import Status, Verb

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REFERENCE = "SET-12"
NEW, OPEN, PENDING, HOLD, SOLVED, CLOSED = Status
REFUSED = None

# verb: {from: to} while an escalation of the ticket is active; typed from the domain's table of moves.
WHILE_ESCALATED: dict[str, dict[Status, Status | None]] = {
    "answer_open": {NEW: OPEN, OPEN: OPEN, PENDING: PENDING, HOLD: HOLD, SOLVED: OPEN, CLOSED: REFUSED},
    "answer_pending": {NEW: PENDING, OPEN: PENDING, PENDING: PENDING, HOLD: REFUSED, SOLVED: PENDING, CLOSED: REFUSED},
    "answer_solved": {NEW: SOLVED, OPEN: SOLVED, PENDING: SOLVED, HOLD: REFUSED, SOLVED: SOLVED, CLOSED: REFUSED},
    "solve": {NEW: SOLVED, OPEN: SOLVED, PENDING: SOLVED, HOLD: REFUSED, SOLVED: REFUSED, CLOSED: REFUSED},
    "hold": {NEW: REFUSED, OPEN: HOLD, PENDING: HOLD, HOLD: REFUSED, SOLVED: REFUSED, CLOSED: REFUSED},
    "unhold": dict.fromkeys(Status, REFUSED),
    "reply": {NEW: NEW, OPEN: OPEN, PENDING: HOLD, HOLD: HOLD, SOLVED: OPEN, CLOSED: CLOSED},
    "mark_solved": {NEW: SOLVED, OPEN: SOLVED, PENDING: SOLVED, HOLD: SOLVED, SOLVED: REFUSED, CLOSED: REFUSED},
    "reopen": {NEW: REFUSED, OPEN: REFUSED, PENDING: REFUSED, HOLD: REFUSED, SOLVED: OPEN, CLOSED: REFUSED},
    "escalate": dict.fromkeys(Status, REFUSED),
    "come_back": {NEW: NEW, OPEN: OPEN, PENDING: OPEN, HOLD: OPEN, SOLVED: SOLVED, CLOSED: CLOSED},
    "tell": {NEW: OPEN, OPEN: OPEN, PENDING: PENDING, HOLD: HOLD, SOLVED: SOLVED, CLOSED: CLOSED},
    "ask": {NEW: PENDING, OPEN: PENDING, PENDING: PENDING, HOLD: PENDING, SOLVED: SOLVED, CLOSED: CLOSED},
    "back_solved": {NEW: SOLVED, OPEN: SOLVED, PENDING: SOLVED, HOLD: SOLVED, SOLVED: SOLVED, CLOSED: CLOSED},
}


def tell(ticket: Ticket, by: User, *, verb: Verb = Verb.TELL, stage: str = "confirmed", at: datetime = AT) -> None:
    key = f"{stage} {verb}"
    actions.tell(ticket, by=by, body="We know.", reference=REFERENCE, stage=stage, key=key, at=at, verb=verb)


VERBS: dict[str, Callable[[Ticket, User, User], object]] = {
    "answer_open": lambda ticket, bo, rita: actions.answer(ticket, by=bo, body="x", submit_as=OPEN, at=AT),
    "answer_pending": lambda ticket, bo, rita: actions.answer(ticket, by=bo, body="x", submit_as=PENDING, at=AT),
    "answer_solved": lambda ticket, bo, rita: actions.answer(ticket, by=bo, body="x", submit_as=SOLVED, at=AT),
    "solve": lambda ticket, bo, rita: actions.solve(ticket, by=bo, at=AT),
    "hold": lambda ticket, bo, rita: actions.hold(ticket, by=bo, reason="waits", at=AT),
    "unhold": lambda ticket, bo, rita: actions.unhold(ticket, by=bo, at=AT),
    "reply": lambda ticket, bo, rita: actions.reply(ticket, by=rita, body="x", at=AT),
    "mark_solved": lambda ticket, bo, rita: actions.mark_solved(ticket, by=rita, at=AT),
    "reopen": lambda ticket, bo, rita: actions.reopen(ticket, by=bo, at=AT),
    "escalate": lambda ticket, bo, rita: escalate(ticket, bo),
    "come_back": lambda ticket, bo, rita: actions.come_back(ticket, by=bo, reference=REFERENCE, why="held", at=AT),
    "tell": lambda ticket, bo, rita: tell(ticket, bo),
    "ask": lambda ticket, bo, rita: tell(ticket, bo, verb=Verb.ASK_FOR_ENGINEERING),
    "back_solved": lambda ticket, bo, rita: tell(ticket, bo, verb=Verb.COME_BACK_SOLVED),
}


def escalate(ticket: Ticket, by: User, at: datetime = AT) -> None:
    actions.escalate(ticket, by=by, body="Our engineers look into it.", reference=REFERENCE, at=at)


def escalated_in(status: Status, *, rita: User, bo: User) -> Ticket:
    """rita's ticket in a record, at `status`, brought there by the verbs themselves."""
    ticket = factories.open_ticket(rita, at=AT - 9 * MINUTE)
    if status in {NEW, OPEN}:  # as when its customer said that a known issue is theirs, too
        actions.join_escalation(ticket, by=rita, reference=REFERENCE, at=AT - 8 * MINUTE)
        if status is OPEN:
            actions.take(ticket, by=bo, at=AT - 7 * MINUTE)
    else:
        escalate(ticket, bo, AT - 8 * MINUTE)
    if status is PENDING:
        tell(ticket, bo, verb=Verb.ASK_FOR_ENGINEERING, stage="needs_information", at=AT - 7 * MINUTE)
    if status in {SOLVED, CLOSED}:
        actions.mark_solved(ticket, by=rita, at=AT - 7 * MINUTE)
    if status is CLOSED:
        actions.close_solved(ticket.pk, now=AT + timedelta(hours=49))
    ticket.refresh_from_db()
    assert (ticket.state, ticket.is_escalated) == (status, True)
    return ticket


def outcome(verb: str, ticket: Ticket, bo: User, rita: User) -> Status | None:
    with transaction.atomic():
        try:
            with transaction.atomic():
                VERBS[verb](ticket, bo, rita)
            return Ticket.objects.get(pk=ticket.pk).state
        except Conflict:
            return REFUSED
        finally:
            transaction.set_rollback(True)


def test_every_move_while_an_escalation_is_active(rita: User, bo: User) -> None:
    wrong = []
    for status in Status:
        ticket = escalated_in(status, rita=rita, bo=bo)
        for verb, row in WHILE_ESCALATED.items():
            if (found := outcome(verb, ticket, bo, rita)) is not row[status]:
                wrong.append(f"{verb} from {status}: {found}, not {row[status]}")
    assert not wrong, "\n".join(wrong)


def test_a_reply_from_on_hold_says_why_it_was_refused(rita: User, bo: User) -> None:
    ticket = escalated_in(HOLD, rita=rita, bo=bo)
    with pytest.raises(Conflict, match="waits for engineering"):
        actions.unhold(ticket, by=bo, at=AT)


# --- The timelines -------------------------------------------------------------------------------------------------


def test_what_the_staffs_timeline_says(rita: User, ann: User, sven: User, client_of: ClientOf) -> None:
    ticket = factories.open_ticket(rita, at=AT - 9 * MINUTE)
    escalate(ticket, ann)
    tell(ticket, sven, stage="confirmed", at=AT + MINUTE)
    tell(ticket, sven, verb=Verb.ASK_FOR_ENGINEERING, stage="needs_information", at=AT + 2 * MINUTE)
    actions.reply(ticket, by=rita, body="nginx", at=AT + 3 * MINUTE)
    tell(ticket, sven, verb=Verb.COME_BACK, stage="released", at=AT + 4 * MINUTE)
    page = text(client_of(ann).get(ticket.desk_url))
    lines = [
        "Ann took it, escalated it to SET (SET-12) and set it to On-hold",
        "Sven told the customer that engineering has confirmed it (SET-12)",
        "Sven told the customer what engineering needs to know (SET-12) and set it to Pending",
        "Rita answered, now On-hold",
        "Sven told the customer that the fix is released (SET-12) and set it to Open",
        "Sven gave it back from SET-12: the fix is released",
    ]
    places = [page.index(line) for line in lines]
    assert places == sorted(places)


def test_s050_what_the_customers_timeline_says_is_nothing_internal(
    rita: User, tom: User, ann: User, sven: User, client_of: ClientOf
) -> None:
    ticket = factories.open_ticket(rita, at=AT - 9 * MINUTE)
    escalate(ticket, ann)
    tell(ticket, sven, at=AT + MINUTE)
    actions.come_back(ticket, by=sven, reference=REFERENCE, why="held", at=AT + 2 * MINUTE)
    joined = factories.open_ticket(rita, at=AT)
    actions.join_escalation(joined, by=rita, reference=REFERENCE, at=AT)
    page = text(client_of(rita).get(f"/requests/{ticket.number}/"))
    assert "Ann handed this to our engineers" in page
    for number in (ticket.number, joined.number):
        answers = [client_of(rita).get(path) for path in (f"/requests/{number}/", f"/api/v1/tickets/{number}/")]
        for answer in answers:
            shown = answer.content.decode()
            assert not [word for word in ("SET", "On-hold", "on_hold", "escalat", "gave it back") if word in shown]


# --- The mails -----------------------------------------------------------------------------------------------------


def told() -> set[tuple[str, str]]:
    return {(mail.to_email.partition("@")[0], mail.kind) for mail in OutgoingMail.objects.all()}


def quiet() -> None:
    notifications.notify(now=AT + 99 * MINUTE)
    OutgoingMail.objects.all().delete()


def notified() -> set[tuple[str, str]]:
    notifications.notify(now=AT + 99 * MINUTE)
    return told()


@pytest.fixture
def ticket(rita: User, ann: User, sven: User) -> Ticket:
    """rita's, with a partner in CC, escalated by ann; who was to be told of that was told."""
    ticket = factories.open_ticket(rita, at=AT - 9 * MINUTE, cc=["partner@consulting.example"])
    quiet()
    escalate(ticket, ann)
    return ticket


def test_the_customers_side_is_mailed_that_engineers_have_it(ticket: Ticket) -> None:
    assert notified() == {("rita", "escalated"), ("partner", "escalated")}
    mail = OutgoingMail.objects.get(to_email="rita@northwind.example")
    assert "Ann handed your request to our engineers." in mail.text
    assert "Our engineers look into it." in mail.text
    for mail in OutgoingMail.objects.all():
        for internal in ("SET", "On-hold", "escalat"):
            assert internal not in mail.text + mail.html + mail.subject


@pytest.mark.parametrize(
    ("verb", "status", "kind"),
    [
        (Verb.TELL, HOLD, "answered"),
        (Verb.ASK_FOR_ENGINEERING, HOLD, "asked"),
        (Verb.ASK_FOR_ENGINEERING, SOLVED, "answered"),
        (Verb.TELL, SOLVED, "answered"),
        (Verb.TELL, CLOSED, "answered"),
        (Verb.COME_BACK, HOLD, "answered"),
        (Verb.COME_BACK, SOLVED, "answered"),
        (Verb.COME_BACK_SOLVED, HOLD, "solved"),
        (Verb.COME_BACK_SOLVED, SOLVED, "answered"),
        (Verb.COME_BACK_SOLVED, CLOSED, "answered"),
    ],
)
def test_what_engineering_says_is_mailed_once_as_what_it_is(
    rita: User, ann: User, sven: User, verb: Verb, status: Status, kind: str
) -> None:
    ticket = escalated_in(status, rita=rita, bo=ann)
    quiet()
    tell(ticket, sven, verb=verb, at=AT + MINUTE)
    back = {("ann", "staff_came_back")} if verb in {Verb.COME_BACK, Verb.COME_BACK_SOLVED} else set()
    assert notified() == {("rita", kind), *back}
    mail = OutgoingMail.objects.get(kind=kind)
    assert "We know." in mail.text
    assert ("marked your request as solved" in mail.text) == (kind == "solved")
    assert REFERENCE not in mail.text + mail.html + mail.subject


def test_the_agent_is_mailed_that_it_is_back(ticket: Ticket, sven: User, ann: User) -> None:
    quiet()
    actions.come_back(ticket, by=sven, reference=REFERENCE, why="held", at=AT + MINUTE)
    assert notified() == {("ann", "staff_came_back")}
    mail = OutgoingMail.objects.get()
    assert "This ticket is back from engineering (SET-12). Its customer was not told: that is yours now." in mail.text
    assert "It is Open." in mail.text


def test_who_took_it_out_is_not_mailed_of_it(ticket: Ticket, ann: User) -> None:
    quiet()
    actions.come_back(ticket, by=ann, reference=REFERENCE, why="unlinked", at=AT + MINUTE)
    assert notified() == set()


def test_without_an_assignee_the_team_on_shift_is_mailed(rita: User, ann: User, bo: User, sven: User) -> None:
    ticket = factories.open_ticket(rita, at=AT)
    actions.join_escalation(ticket, by=rita, reference=REFERENCE, at=AT)
    quiet()
    actions.come_back(ticket, by=sven, reference=REFERENCE, why="withdrawn", at=AT + MINUTE)
    assert notified() == {("bo", "staff_came_back")}


def test_both_may_be_lines_of_a_digest(ticket: Ticket, rita: User, ann: User, sven: User) -> None:
    for person, topic in ((rita, "answers"), (ann, "came_back")):
        MailChoice.objects.create(user=person, topic=topic, how=MailChoice.How.DIGEST)
    tell(ticket, sven, verb=Verb.COME_BACK, stage="released", at=AT + MINUTE)
    assert notified() == {("partner", "escalated"), ("partner", "answered")}
    assert set(DigestEntry.objects.values_list("user__name", "kind")) == {
        ("Rita", "escalated"),
        ("Rita", "answered"),
        ("Ann", "staff_came_back"),
    }
    notifications.mail_digests(now=AT + timedelta(days=2))
    assert "Ann handed your request to our engineers" in OutgoingMail.objects.get(kind="digest").text
    assert "This ticket is back from engineering (SET-12)" in OutgoingMail.objects.get(kind="staff_digest").text
