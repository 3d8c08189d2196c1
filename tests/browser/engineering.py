"""Records in several states for the windows to look at; they come through the verbs."""

from datetime import timedelta

from accounts.models import User
from escalations.engineering import actions
from escalations.engineering.steps import Move
from escalations.models import CustomerNotice, Escalation, EscalationLink
from supportdesk.lib import clock
from tests import factories
from tests.escalations.engineering.conftest import brought_to

_LONG = "server.public.sessions.SessionStore.getByTokenOrRefreshToken"
_TEXT = "Hello {{requester_name}}, our engineers look into #{{ticket_number}}."


def fill(rita: User, sam: User, sven: User, ann: User) -> tuple[str, str, str]:
    """The addresses of one under review, one that owes its customers a word, and one that tells them now."""
    reviewed, owing, telling = (_record(number, rita, sam, ann) for number in range(3))
    then = clock.now() - timedelta(hours=1)
    brought_to(reviewed, Move.REVIEW, by=sven, at=then)
    EscalationLink.objects.filter(escalation=reviewed).update(replied_at=clock.now())
    brought_to(owing, Move.CONFIRM, by=sven, at=then, send=False)
    brought_to(telling, Move.RELEASE, by=sven, at=then, send=False)
    for record in (owing, telling):
        notice = CustomerNotice.objects.filter(update_of__escalation=record, state="owed").earliest("pk")
        actions.hold_notice(notice, why="They asked to be called first", by=ann, at=clock.now())
    actions.send_update(telling, by=sven, at=clock.now())
    late = CustomerNotice.objects.filter(update_of__escalation=telling, state="due")
    late.update(last_error="The ticket could not be locked.", attempts=2)
    return reviewed.get_absolute_url(), owing.get_absolute_url(), telling.get_absolute_url()


def _record(number: int, rita: User, sam: User, ann: User) -> Escalation:
    tickets = [factories.open_ticket(person, subject=f"Logged out {number}") for person in (rita, sam)]
    facts = actions.Problem(
        title=f"Sessions end after a minute, number {number}: {_LONG}",
        severity=number + 1,
        impact="Everybody who logs in through the **proxy**",
        reproduction="1. Log in\n2. Wait",
        logs="2026-11-23 10:12:01 ERROR session: the token was not found in the store of sessions " * 3,
        affected_versions="9.5 to 10.1",
    )
    record = actions.request_escalation(tickets[0], facts, by=ann, text=_TEXT, at=clock.now() - timedelta(hours=2))
    for ticket in tickets[1:]:
        actions.add_ticket(record, ticket, by=ann, text=_TEXT, at=clock.now() - timedelta(hours=2))
    return record
