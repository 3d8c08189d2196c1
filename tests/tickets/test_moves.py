"""Every cell of the table of moves, for everybody: the law of the workflow, written down a second time.

The expectations are typed from the domain description, not computed from `states.MOVES`.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from accounts.models import User
from supportdesk.lib.errors import Conflict, NotAllowed
from tests import factories
from tickets import actions
from tickets.models import Participant, Priority, Ticket, TicketEvent
from tickets.states import Status

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
NEW, OPEN, PENDING, HOLD, SOLVED, CLOSED = Status
REFUSED = None

AGENTS = {"ann", "lea", "ada"}
CUSTOMERS = {"rita", "mona"}

# verb: (who may, {from: to}); a status that isn't named refuses.
TABLE: dict[str, tuple[set[str], dict[Status, Status]]] = {
    "assign": (AGENTS, {NEW: OPEN, OPEN: OPEN, PENDING: PENDING, HOLD: HOLD, SOLVED: SOLVED}),
    "unassign": (AGENTS, {NEW: NEW, OPEN: OPEN, PENDING: PENDING, HOLD: HOLD, SOLVED: SOLVED}),
    "answer_open": (AGENTS | {"sven"}, {NEW: OPEN, OPEN: OPEN, PENDING: PENDING, HOLD: HOLD, SOLVED: OPEN}),
    "answer_pending": (AGENTS, {NEW: PENDING, OPEN: PENDING, PENDING: PENDING, HOLD: PENDING, SOLVED: PENDING}),
    "answer_solved": (AGENTS, {NEW: SOLVED, OPEN: SOLVED, PENDING: SOLVED, HOLD: SOLVED, SOLVED: SOLVED}),
    "note": (AGENTS | {"sven"}, {status: status for status in Status}),
    "solve": (AGENTS, {NEW: SOLVED, OPEN: SOLVED, PENDING: SOLVED, HOLD: SOLVED}),
    "hold": (AGENTS, {OPEN: HOLD, PENDING: HOLD}),
    "unhold": (AGENTS, {HOLD: OPEN}),
    "reopen": (AGENTS | CUSTOMERS, {SOLVED: OPEN}),
    "edit": (AGENTS, {status: status for status in Status if status is not CLOSED}),
    "do_not_close": (AGENTS, {status: status for status in Status if status is not CLOSED}),
    "customer_reply": (
        CUSTOMERS | {"cora"},
        {NEW: NEW, OPEN: OPEN, PENDING: OPEN, HOLD: HOLD, SOLVED: OPEN, CLOSED: CLOSED},
    ),
    "mark_solved": (CUSTOMERS, {NEW: SOLVED, OPEN: SOLVED, PENDING: SOLVED, HOLD: SOLVED}),
    "raise_priority": (CUSTOMERS, {NEW: NEW, OPEN: OPEN, PENDING: PENDING, HOLD: HOLD}),
    "add_cc": (
        AGENTS | CUSTOMERS | {"sven"},
        {status: status for status in Status if status is not CLOSED},
    ),
}
EVERYBODY = ["rita", "tom", "mona", "cora", "sam", "fred", "ann", "lea", "sven", "pat", "ada"]

VERBS: dict[str, Callable[[Ticket, User, User], object]] = {
    "assign": lambda ticket, by, bo: actions.assign(ticket, by=by, to=bo, at=LATER),
    "unassign": lambda ticket, by, bo: actions.unassign(ticket, by=by, at=LATER),
    "answer_open": lambda ticket, by, bo: actions.answer(ticket, by=by, body="x", submit_as=OPEN, at=LATER),
    "answer_pending": lambda ticket, by, bo: actions.answer(ticket, by=by, body="x", submit_as=PENDING, at=LATER),
    "answer_solved": lambda ticket, by, bo: actions.answer(ticket, by=by, body="x", submit_as=SOLVED, at=LATER),
    "note": lambda ticket, by, bo: actions.add_note(ticket, by=by, body="x", at=LATER),
    "solve": lambda ticket, by, bo: actions.solve(ticket, by=by, at=LATER),
    "hold": lambda ticket, by, bo: actions.hold(ticket, by=by, reason="waits for the database team", at=LATER),
    "unhold": lambda ticket, by, bo: actions.unhold(ticket, by=by, at=LATER),
    "reopen": lambda ticket, by, bo: actions.reopen(ticket, by=by, at=LATER),
    "edit": lambda ticket, by, bo: actions.change_fields(ticket, by=by, changes={"subject": "Other"}, at=LATER),
    "do_not_close": lambda ticket, by, bo: actions.set_do_not_close(ticket, by=by, to=True, at=LATER),
    "customer_reply": lambda ticket, by, bo: actions.reply(ticket, by=by, body="x", at=LATER),
    "mark_solved": lambda ticket, by, bo: actions.mark_solved(ticket, by=by, at=LATER),
    "raise_priority": lambda ticket, by, bo: actions.raise_priority(
        ticket, by=by, to=Priority.URGENT, reason="All are out", at=LATER
    ),
    "add_cc": lambda ticket, by, bo: actions.add_cc(ticket, by=by, addresses=["new@other.example"], at=LATER),
}


def ticket_in(status: Status, *, rita: User, bo: User, cora: User) -> Ticket:
    """rita's ticket, brought to `status` by the verbs themselves, assigned to bo unless it is New."""
    ticket = factories.open_ticket(rita, at=AT, priority=Priority.NORMAL, cc=[cora.email])
    later = AT + timedelta(minutes=5)
    if status is not NEW:
        actions.answer(ticket, by=bo, body="We look into it.", submit_as=OPEN, at=later)
    if status is PENDING:
        actions.answer(ticket, by=bo, body="Which version?", submit_as=PENDING, at=later)
    if status is HOLD:
        actions.hold(ticket, by=bo, reason="waits", at=later)
    if status in {SOLVED, CLOSED}:
        actions.solve(ticket, by=bo, at=later)
    if status is CLOSED:
        assert actions.close_solved(ticket.pk, now=later + timedelta(hours=48))
    ticket.refresh_from_db()
    assert ticket.state is status
    return ticket


@pytest.fixture
def everybody(request: pytest.FixtureRequest, _defaults: None) -> dict[str, User]:
    cast = {name: request.getfixturevalue(name) for name in [*EVERYBODY, "bo"] if name != "cora"}
    return cast | {"cora": factories.person("cora@partner.example", "Cora")}


def outcome(verb: str, ticket: Ticket, by: User, bo: User) -> Status | None:
    """The status that `verb` leaves, None when it is refused; everything is undone."""
    with transaction.atomic():
        try:
            with transaction.atomic():
                VERBS[verb](ticket, by, bo)
            return Ticket.objects.get(pk=ticket.pk).state
        except (NotAllowed, Conflict):
            assert Ticket.objects.get(pk=ticket.pk).updated_at == ticket.updated_at
            return REFUSED
        finally:
            transaction.set_rollback(True)


@pytest.mark.parametrize("verb", TABLE)
def test_every_cell_of_the_table_of_moves(verb: str, everybody: dict[str, User]) -> None:
    allowed, moves = TABLE[verb]
    wrong = []
    for status in Status:
        ticket = ticket_in(status, rita=everybody["rita"], bo=everybody["bo"], cora=everybody["cora"])
        for name in EVERYBODY:
            expected = moves.get(status, REFUSED) if name in allowed else REFUSED
            if (verb, name, status) == ("answer_open", "sven", SOLVED):
                expected = SOLVED  # SET may reply, but not reopen
            found = outcome(verb, ticket, everybody[name], everybody["bo"])
            if found is not expected:
                wrong.append(f"{verb} by {name} from {status}: {found}, not {expected}")
    assert not wrong, "\n".join(wrong)


def test_unassigning_before_any_reply_makes_it_new_again(rita: User, ann: User) -> None:
    ticket = factories.open_ticket(rita, at=AT)
    actions.take(ticket, by=ann, at=LATER)
    actions.unassign(ticket, by=ann, at=LATER)
    ticket.refresh_from_db()
    assert ticket.state is NEW
    assert ticket.assignee is None


def test_who_answers_an_unassigned_ticket_takes_it(rita: User, ann: User, bo: User) -> None:
    ticket = factories.open_ticket(rita, at=AT)
    actions.answer(ticket, by=ann, body="Hello", submit_as=PENDING, at=LATER)
    actions.answer(ticket, by=bo, body="Hello again", submit_as=OPEN, at=LATER)
    ticket.refresh_from_db()
    assert ticket.assignee == ann


def test_a_reply_after_closed_opens_a_linked_follow_up_once(rita: User, bo: User) -> None:
    cora = factories.person("cora@partner.example", "Cora")
    closed = ticket_in(CLOSED, rita=rita, bo=bo, cora=cora)
    first = actions.reply(closed, by=rita, body="It is back", at=LATER, key="form-1")
    again = actions.reply(closed, by=rita, body="It is back", at=LATER, key="form-1")
    assert first == again
    assert first.ticket.follow_up_of == closed
    assert first.ticket.state is NEW
    assert first.ticket.organization == closed.organization
    assert [copy.email for copy in first.ticket.participants.all()] == [cora.email]
    assert TicketEvent.objects.filter(ticket=closed, kind="followed_up").count() == 1
    closed.refresh_from_db()
    assert closed.state is CLOSED


def test_on_hold_is_nothing_the_customer_could_notice(rita: User, ann: User) -> None:
    ticket = factories.open_ticket(rita, at=AT)
    actions.take(ticket, by=ann, at=AT + timedelta(minutes=1))
    ticket.refresh_from_db()
    before = (ticket.state_for_customer, ticket.public_updated_at)
    actions.hold(ticket, by=ann, reason="database team", at=LATER)
    actions.add_note(ticket, by=ann, body="asked them", at=LATER)
    ticket.refresh_from_db()
    assert (ticket.state_for_customer, ticket.public_updated_at) == before


def test_a_member_loses_own_requests_and_copies_with_the_membership(rita: User, tom: User, mona: User) -> None:
    """S054: removed people lose access at once, though they are still named on the ticket."""
    ticket = factories.open_ticket(rita, at=AT, cc=[tom.email])
    assert Ticket.objects.visible_to(tom).filter(pk=ticket.pk).exists()
    for person in (rita, tom):
        person.memberships.update(ended_at=LATER)
        assert not Ticket.objects.visible_to(person).filter(pk=ticket.pk).exists()
    assert Ticket.objects.visible_to(mona).filter(pk=ticket.pk).exists()
    assert not Participant.objects.current().filter(ticket=ticket).exists()


SEES = {
    "rita": True,
    "tom": False,
    "mona": True,
    "cora": True,
    "sam": False,
    "fred": False,
    "ann": True,
    "lea": True,
    "sven": True,
    "pat": False,
    "ada": True,
}


def test_who_sees_a_request(everybody: dict[str, User]) -> None:
    ticket = ticket_in(OPEN, rita=everybody["rita"], bo=everybody["bo"], cora=everybody["cora"])
    actions.add_note(ticket, by=everybody["ann"], body="secret", at=LATER)
    seen = {name: Ticket.objects.visible_to(everybody[name]).filter(pk=ticket.pk).exists() for name in EVERYBODY}
    assert seen == SEES
    for name in EVERYBODY:
        bodies = set(type(ticket.messages.first()).objects.visible_to(everybody[name]).values_list("body", flat=True))
        assert ("secret" in bodies) == (SEES[name] and everybody[name].is_desk), name


def test_somebody_deactivated_sees_nothing(rita: User) -> None:
    ticket = factories.open_ticket(rita, at=AT)
    rita.is_active = False
    rita.save(update_fields=["is_active"])
    assert not Ticket.objects.visible_to(rita).filter(pk=ticket.pk).exists()
