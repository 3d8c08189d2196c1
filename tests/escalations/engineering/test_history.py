"""What a record's history says of everything that may happen to it: each event as its own verb writes it."""

from datetime import timedelta

import pytest

from accounts.models import User
from escalations.engineering import actions, defaults, replies
from escalations.engineering.history import line
from escalations.engineering.steps import Move
from escalations.engineering.watch import warn_all
from escalations.models import CodeHost, CustomerNotice, Escalation, EscalationEvent, EscalationLink, Involved
from escalations.paging import engineering as set_pages
from tests import factories
from tests.escalations.engineering.code_payloads import (
    github_merged,
    github_pull,
    github_release,
    github_run,
    send,
)
from tests.escalations.engineering.conftest import AT, GIVEN, MINUTE, TEXT, problem
from tickets import actions as ticket_actions
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
Kind = EscalationEvent.Kind
URL = "https://github.com/acme/server/pull/41"


def said(escalation: Escalation, *kinds: Kind) -> list[str]:
    rows = escalation.events.filter(kind__in=kinds).select_related("actor").order_by("at", "pk")
    return [line(event).text for event in rows]


def looks(escalation: Escalation, kind: Kind) -> list[str]:
    return [line(event).look for event in escalation.events.filter(kind=kind).select_related("actor").order_by("pk")]


def test_requesting_adding_joining_and_taking_out(
    record: Escalation, ritas: Ticket, sams: Ticket, ann: User, sven: User, pia: User
) -> None:
    issue = actions.publish_known_issue(record, actions.Notice("Logged out", "Sessions end."), by=sven, at=AT)
    pias = actions.report_known_issue(
        issue, by=pia, organization=pia.memberships.get().organization, priority=Priority.NORMAL, at=AT + MINUTE
    )
    actions.unlink(EscalationLink.objects.get(ticket=sams), by=ann, at=AT + 2 * MINUTE)
    assert said(record, Kind.REQUESTED, Kind.LINKED, Kind.UNLINKED) == [
        f"Ann requested it for #{ritas.pk}",
        f"Ann added #{sams.pk}",
        f"Pia is affected, too: #{pias.pk} was added",
        f"Ann took #{sams.pk} out",
    ]


def test_moving_and_telling(record: Escalation, ritas: Ticket, ann: User, sven: User) -> None:
    actions.take_step(record, Move.REVIEW, by=sven, given={}, at=AT + MINUTE)
    actions.take_step(record, Move.CONFIRM, by=sven, given=GIVEN[Move.CONFIRM], at=AT + 2 * MINUTE)
    notice = CustomerNotice.objects.get(link__ticket=ritas, update_of__step="confirmed")
    actions.hold_notice(notice, why="They asked to be called", by=ann, at=AT + 3 * MINUTE)
    actions.send_update(record, by=sven, at=AT + 4 * MINUTE)
    actions.release_notice(notice, by=ann, at=AT + 5 * MINUTE)
    assert said(record, Kind.MOVED, Kind.HELD_BACK, Kind.TOLD)[-5:] == [
        "Sven moved it to Under review",
        "Sven moved it to Confirmed",
        f"Ann holds back what the customer of #{ritas.pk} was to be told",
        "Sven told 1 customer, 1 held back (Confirmed)",
        f"Ann told the customer of #{ritas.pk} after all (Confirmed)",
    ]
    assert looks(record, Kind.HELD_BACK) == ["hot"]


def test_editing(record: Escalation, ritas: Ticket, ann: User, sven: User, lea: User) -> None:
    actions.edit(record, problem(title="Thrown out", severity=1, impact="Some users"), by=ann, at=AT)
    actions.give_to(record, owner=sven, backup=None, by=lea, at=AT + MINUTE)
    link = EscalationLink.objects.get(ticket=ritas)
    for number, to in enumerate(("solved", ""), start=2):
        actions.finish_ticket_as(link, to, by=ann, at=AT + number * MINUTE)
    assert said(record, Kind.EDITED) == [
        "Ann changed the title from “Sessions end after a minute” to “Thrown out”",
        "Ann changed the severity from Major to Critical",
        "Ann changed the impact",
        "Lea changed the owner from nobody to Sven",
        f"Ann decided how #{ritas.pk} ends: Solved at once",
        f"Ann decided how #{ritas.pk} ends: as the record says",
    ]


def test_what_customers_do(record: Escalation, ritas: Ticket, rita: User) -> None:
    ticket_actions.reply(ritas, by=rita, body="Any news?", at=AT + MINUTE)
    ticket_actions.mark_solved(ritas, by=rita, at=AT + 2 * MINUTE)
    replies.note_all(now=AT + 3 * MINUTE)
    assert said(record, Kind.CUSTOMER_REPLIED, Kind.CUSTOMER_SOLVED) == [
        f"Rita wrote on #{ritas.pk}",
        f"Rita says that #{ritas.pk} is solved",
    ]


def test_people(record: Escalation, ann: User, pat: User) -> None:
    defaults.load(at=AT)
    actions.edit(record, problem(severity=1), by=ann, at=AT)
    actions.invite_person(record, pat, by=ann, at=AT + MINUTE)
    actions.dismiss_team(record, Involved.PRODUCT, by=ann, at=AT + 2 * MINUTE)
    actions.dismiss_person(record, pat, by=ann, at=AT + 2 * MINUTE)
    actions.comment(record, by=ann, body="Well", at=AT + 3 * MINUTE)
    lines = said(record, Kind.INVITED, Kind.UNINVITED, Kind.COMMENTED)
    assert "The system brought Product in, as a rule says" in lines
    assert lines[-4:] == [
        "Ann brought Pat in",
        "Ann took Product out",
        "Ann took Pat out",
        "Ann wrote in the discussion",
    ]


def test_pull_requests(record: Escalation, github: CodeHost, sven: User) -> None:
    pull = actions.link_pull_request(record, URL, by=sven, at=AT)
    for key, (event, body) in enumerate(
        (
            ("pull_request", github_pull()),
            ("check_run", github_run("failure")),
            ("pull_request", github_merged()),
            ("release", github_release()),
        )
    ):
        assert send(github, event, body, key=str(key)).status_code == 200
    actions.unlink_pull_request(pull, by=sven, at=AT + MINUTE)
    rows = record.events.filter(kind=Kind.PULL_REQUEST).select_related("actor").order_by("pk")
    assert [(line(event).text, line(event).look) for event in rows] == [
        ("Sven linked the pull request acme/server#41", ""),
        ("Pull request acme/server#41 is open", ""),
        ("Pull request acme/server#41 failed its checks", "hot"),
        ("Pull request acme/server#41 was merged", ""),
        ("Pull request acme/server#41 came out with v9.11.2", ""),
        ("Sven unlinked the pull request acme/server#41", ""),
    ]


def test_issues_elsewhere(record: Escalation, ann: User) -> None:
    issue = actions.link_outside_issue(record, "https://jira.example.com/browse/MM-123", by=ann, at=AT)
    actions.unlink_outside_issue(issue, by=ann, at=AT + MINUTE)
    assert said(record, Kind.OUTSIDE_LINK) == ["Ann added the link to MM-123", "Ann removed the link to MM-123"]


def test_each_record_of_a_merge_says_its_own_side(record: Escalation, pia: User, ann: User, sven: User) -> None:
    other = actions.request_escalation(factories.open_ticket(pia, at=AT), problem(), by=ann, text=TEXT, at=AT)
    merged = actions.merge(other, record, by=sven, at=AT + MINUTE)
    actions.unmerge(merged, by=sven, at=AT + 2 * MINUTE)
    both = (Kind.MERGED, Kind.UNMERGED)
    assert said(record, *both) == [f"Sven merged {other.reference} into this", f"Sven took {other.reference} out again"]
    assert said(other, *both) == [
        f"Sven merged this into {record.reference}",
        f"Sven took this out of {record.reference} again",
    ]


def test_the_known_issue(record: Escalation, sven: User) -> None:
    notice = actions.Notice("Logged out", "Sessions end.")
    for number in (0, 1):
        actions.publish_known_issue(record, notice, by=sven, at=AT + number * MINUTE)
    actions.withdraw_known_issue(record, by=sven, at=AT + 2 * MINUTE)
    assert said(record, Kind.PUBLISHED) == [
        "Sven published the known issue: customers read it",
        "Sven changed the known issue that customers read",
        "Sven withdrew the known issue: customers read it no more",
    ]


def test_deadlines_are_near_and_over(_defaults: None, ritas: Ticket, ann: User, sven: User) -> None:
    defaults.load(at=AT - timedelta(days=1))
    record = actions.request_escalation(ritas, problem(), by=ann, text=TEXT, at=AT)
    for hours in (3, 4):
        warn_all(now=AT + timedelta(hours=hours))
    assert said(record, Kind.WARNED) == [
        "The review is due Mon 23 Nov 2026, 13:00 UTC",
        "The review is overdue: it was due Mon 23 Nov 2026, 13:00 UTC",
    ]
    assert looks(record, Kind.WARNED) == ["hot", "hot"]


def test_on_call_is_paged(rita: User, ann: User) -> None:
    urgent = factories.open_ticket(rita, priority=Priority.URGENT, at=AT)
    record = actions.request_escalation(urgent, problem(), by=ann, text=TEXT, at=AT)
    set_pages.derive(now=AT + MINUTE)
    assert said(record, Kind.PAGED) == ["On-call of SET is being paged: nobody has begun the review"]
