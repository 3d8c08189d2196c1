"""Records that stories begin with; they come through the verbs, as everything does."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from escalations.engineering import actions
from escalations.engineering.steps import Move
from escalations.models import CodeHost, Escalation, EscalationLink, PullRequest
from tests import factories
from tests.escalations.engineering.code_payloads import SECRET
from tickets.models import Ticket

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
TEXT = "Hello {{requester_name}}, our engineers look into #{{ticket_number}}."


def problem(**fields: object) -> actions.Problem:
    """What an agent knows of it."""
    known = {"title": "Sessions end after a minute", "severity": 2, "impact": "All users", "reproduction": "Log in"}
    return actions.Problem(**{**known, **fields})  # type: ignore[arg-type]


def pull_request(escalation: Escalation, by: User) -> PullRequest:
    host, _ = CodeHost.objects.get_or_create(
        name="GitHub",
        defaults={"kind": "github", "address": "https://github.com", "repositories": "acme/server"},
    )
    return PullRequest.objects.create(
        escalation=escalation,
        host=host,
        repository="acme/server",
        number=41,
        url="https://github.com/acme/server/pull/41",
        linked_by=by,
        linked_at=AT,
    )


GIVEN = {
    Move.REVIEW: {},
    Move.CONFIRM: {"teams": []},
    Move.PLAN: {"plan": "Keep the session in the new store."},
    Move.TEST: {"evidence": "Ran the load test for a day.", "comes_with": "9.11.2"},
    Move.RELEASE: {"version": "9.11.2"},
}


def brought_to(escalation: Escalation, last: Move, *, by: User, at: datetime = AT, send: bool = True) -> Escalation:
    """The record after all moves up to `last`; what each owes is sent but for the last's, as `send` says."""
    if not escalation.pull_requests.exists():
        pull_request(escalation, by)
    for what, given in GIVEN.items():
        at += MINUTE
        actions.take_step(escalation, what, by=by, given=given, at=at)
        escalation.refresh_from_db()
        if escalation.owes_update and (what is not last or send):
            actions.send_update(escalation, by=by, at=at)
            escalation.refresh_from_db()
        if what is last:
            break
    return escalation


@pytest.fixture
def ritas(rita: User) -> Ticket:
    """Rita's ticket at Northwind, Premier."""
    return factories.open_ticket(rita, at=AT - timedelta(hours=1), product_version="9.5.1")


@pytest.fixture
def sams(sam: User) -> Ticket:
    """Sam's at Contoso: about the same, of another organisation."""
    return factories.open_ticket(sam, at=AT - timedelta(hours=1), subject="Logged out all the time")


@pytest.fixture
def record(ritas: Ticket, sams: Ticket, ann: User) -> Escalation:
    """One record with both tickets, as ann escalated them."""
    escalation = actions.request_escalation(ritas, problem(), by=ann, text=TEXT, at=AT)
    actions.add_ticket(escalation, sams, by=ann, text=TEXT, at=AT)
    escalation.refresh_from_db()
    return escalation


@pytest.fixture
def many(record: Escalation, rita: User, ann: User) -> Escalation:
    """`record` with sixty tickets more, of which nothing is asked but to be there."""
    columns = {
        "requester": rita,
        "organization": rita.memberships.get().organization,
        "channel": "portal",
        "opened_by": rita,
    }
    times = dict.fromkeys(("created_at", "updated_at", "public_updated_at", "status_changed_at"), AT)
    tickets = Ticket.objects.bulk_create(Ticket(subject=f"Also {n}", **columns, **times) for n in range(60))
    EscalationLink.objects.bulk_create(
        EscalationLink(escalation=record, ticket=ticket, linked_by=ann, linked_at=AT) for ticket in tickets
    )
    return record


def page_queries(captured: CaptureQueriesContext) -> int:
    """The queries of a page, without the moved clock's, which is read again each second."""
    return sum("clockoffset" not in query["sql"] for query in captured.captured_queries)


@pytest.fixture
def github(db: None) -> CodeHost:
    return CodeHost.objects.create(
        name="GitHub", kind="github", address="https://github.com", secrets=SECRET, repositories="acme/server"
    )


@pytest.fixture
def gitlab(db: None) -> CodeHost:
    return CodeHost.objects.create(
        name="GitLab",
        kind="gitlab",
        address="https://git.acme.example/code",
        secrets=SECRET,
        repositories="Acme/Sub/Server",
    )


@pytest.fixture
def pias(pia: User) -> Ticket:
    return factories.open_ticket(pia, at=AT - timedelta(hours=1), subject="Thrown out again")


@pytest.fixture
def other(record: Escalation, pias: Ticket, ann: User) -> Escalation:
    """Another record about the same, with a ticket of a third organisation."""
    same = problem(title="Users are thrown out of sessions")
    return actions.request_escalation(pias, same, by=ann, text=TEXT, at=AT)
