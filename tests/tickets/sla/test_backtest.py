"""Looking back: what 90 days would have been under an edit, compared with a replay that the test does itself."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, time, timedelta

import pytest
from django.test import Client

from accounts.models import Organization, User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.sla.editing import MATRIX, address, apply, draft_of, fields_of
from tickets import actions
from tickets.models import (
    BusinessCalendar,
    EventKind,
    PolicyDraft,
    Priority,
    SlaClock,
    SlaPolicy,
    Ticket,
    TicketEvent,
)
from tickets.sla import backtest, publish, retarget, sweep
from tickets.states import Status
from tickets.tasks import retarget_clocks

pytestmark = pytest.mark.django_db

EDIT = {
    ("premier", "first_reply", 1): ("25", "minutes"),
    ("premier", "first_reply", 2): ("3", "hours"),
    ("premier", "next_reply", 1): ("40", "minutes"),
    ("premier", "next_reply", 2): ("", "hours"),
    ("premier", "resolution", 1): ("5", "hours"),
}
FIRST = {Priority.URGENT: timedelta(minutes=25), Priority.HIGH: timedelta(hours=3)}
NEXT = {Priority.URGENT: timedelta(minutes=40)}
RESOLUTION = {Priority.URGENT: timedelta(hours=5)}


def _story(by: User, ann: User, at: datetime, priority: Priority, minutes: list[int]) -> Ticket:
    """Answered after so many minutes, asked again, answered, and so on; then solved. Nothing for what is left open."""
    ticket = factories.open_ticket(by, at=at, priority=priority)
    for number, pause in enumerate(minutes):
        if number:
            at += timedelta(minutes=5)
            actions.reply(ticket, by=by, body="And now?", at=at)
        at += timedelta(minutes=pause)
        actions.answer(ticket, by=ann, body="We look.", submit_as=Status.OPEN, at=at)
    if minutes:
        actions.solve(ticket, by=ann, at=at + timedelta(minutes=90))
    return ticket


@pytest.fixture
def past(rita: User, sam: User, ann: User) -> list[Ticket]:
    now = clock.now()
    found = [
        _story(rita, ann, now - timedelta(days=days), priority, minutes)
        for days, priority, minutes in (
            (3, Priority.URGENT, [20, 30]),
            (9, Priority.URGENT, [30, 45, 200]),
            (20, Priority.URGENT, [70, 10]),
            (40, Priority.HIGH, [100, 10]),
            (41, Priority.HIGH, [150]),
            (60, Priority.HIGH, [200, 300]),
            (89, Priority.URGENT, [24]),
            (100, Priority.URGENT, [10]),
        )
    ]
    found.append(_story(sam, ann, now - timedelta(days=5), Priority.URGENT, [50]))
    found.append(_story(rita, ann, now - timedelta(minutes=28), Priority.URGENT, []))
    sweep.act(now=now)
    return found


Counts = Counter[tuple[str, int, str]]


def _by_hand(until: datetime) -> Counts:
    """Each promise of Northwind's tickets by its events: from asking to answering, all around the clock."""
    found: Counts = Counter()
    since = until - timedelta(days=90)

    def count(promise: str, ticket: Ticket, start: datetime, end: datetime | None, limit: timedelta | None) -> None:
        broke = limit is not None and (end or until) > start + limit
        settled = end if not broke else start + limit
        if limit is not None and settled is not None and (settled >= since or (end and end >= since)):
            found[promise, ticket.priority or 0, "broken" if broke else "kept"] += 1

    for ticket in Ticket.objects.filter(organization__name="Northwind"):
        priority = Priority(ticket.priority or 0)
        asked, promise = ticket.created_at, "first_reply"
        limit: timedelta | None = FIRST[priority]
        waiting, solved = True, None
        for event in TicketEvent.objects.filter(ticket=ticket).order_by("id"):
            if event.kind == EventKind.CUSTOMER_REPLIED and not waiting:
                waiting, asked, promise, limit = True, event.at, "next_reply", NEXT.get(priority)
            elif event.kind == EventKind.ANSWERED and waiting:
                count(promise, ticket, asked, event.at, limit)
                waiting = False
            elif event.kind == EventKind.SOLVED:
                solved = event.at
        if waiting:
            count(promise, ticket, asked, None, limit)
        count("resolution", ticket, ticket.created_at, solved, RESOLUTION.get(priority))
    return found


def _told(draft: PolicyDraft, side: str) -> Counts:
    draft.refresh_from_db()
    policy = SlaPolicy.objects.get(plan__slug="premier")
    found: Counts = Counter()
    for row in backtest.results(draft)[policy.pk]:
        if row.promise is not None and row.promise != "regular_update":
            share = getattr(row, side)
            found[row.promise.value, row.priority, "kept"] += share.kept
            found[row.promise.value, row.priority, "broken"] += share.broken
    return +found


def test_the_backtest_is_a_replay_of_the_events_under_the_new_policy(
    past: list[Ticket], admin: Client, no_difference: Callable[[], None]
) -> None:
    draft = draft_of(admin, EDIT)
    assert "Waits for a worker" in admin.get(address(draft)).content.decode()
    kept = list(SlaClock.objects.order_by("pk").values())
    retarget_clocks()
    by_hand = _by_hand(draft.made_at)
    assert _told(draft, "after") == by_hand
    assert by_hand["first_reply", 1, "broken"] == 3
    assert by_hand["resolution", 1, "broken"] == 1
    assert list(SlaClock.objects.order_by("pk").values()) == kept
    assert draft.backtested_at
    assert draft.backtest_done == draft.backtest_total == 8  # not Contoso's, nor what was over before
    no_difference()


def test_before_is_what_the_reports_say(past: list[Ticket], admin: Client) -> None:
    draft = draft_of(admin, EDIT)
    retarget_clocks()
    rows = SlaClock.objects.settled_between(draft.made_at - timedelta(days=90), draft.made_at)
    rows = rows.filter(terms__plan__slug="premier").exclude(promise="regular_update")
    said: Counts = Counter()
    for row in rows.attainment(("promise", "priority")):
        said[row["promise"], row["priority"], "kept"] = row["kept"]
        said[row["promise"], row["priority"], "broken"] = row["broken"]
    assert _told(draft, "before") == +said
    page = admin.get(address(draft)).content.decode()
    assert "%" in page
    assert "data-refresh" not in page


def test_it_goes_on_where_it_stopped(past: list[Ticket], admin: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = draft_of(admin, EDIT)
    monkeypatch.setattr(backtest, "BATCH", 3)
    assert backtest.batch(draft.pk, now=clock.now()) == 3  # and then it dies
    draft.refresh_from_db()
    assert (draft.backtest_done, draft.backtest_total, draft.backtested_at) == (3, 8, None)
    page = admin.get(address(draft)).content.decode()
    assert "3 of 8 requests replayed" in page
    assert 'role="status" id="backtest-said" data-inside>Requests are being replayed.</p>' in page
    assert "aria-live" not in page.split('id="backtest"')[1]
    assert backtest.work(now=clock.now()) == 5
    assert "data-inside>Every request of these days was replayed.</p>" in admin.get(address(draft)).content.decode()
    assert backtest.work(now=clock.now()) == 0
    assert _told(draft, "after") == _by_hand(draft.made_at)


def test_it_goes_on_after_the_draft_was_applied(past: list[Ticket], admin: Client) -> None:
    draft = draft_of(admin, EDIT)
    apply(admin, draft, "all")
    retarget.work(now=clock.now())
    backtest.work(now=clock.now())
    after = _told(draft, "after")
    assert after == _by_hand(draft.made_at)


def test_a_history_that_makes_no_sense_is_stepped_over(past: list[Ticket], admin: Client) -> None:
    draft = draft_of(admin, EDIT)
    TicketEvent.objects.filter(ticket=past[0], kind=EventKind.CREATED).update(data={"terms": 999_999})
    retarget_clocks()
    draft.refresh_from_db()
    assert draft.backtested_at
    assert sum(_told(draft, "after").values()) > 0


def test_a_draft_whose_calendar_is_gone_says_so_and_is_not_tried_again(
    past: list[Ticket], northwind: Organization, admin: Client, caplog: pytest.LogCaptureFixture
) -> None:
    hours = BusinessCalendar.objects.create(name="Short hours")
    hours.spans.create(weekday=0, starts=time(9), ends=time(17))
    publish.calendar(hours, by=None, at=clock.now())
    policy = SlaPolicy.objects.get(plan=northwind.plan)
    broken = draft_of(admin, EDIT, **{f"p{policy.pk}-calendar": str(hours.pk)})
    hours.delete()
    draft = draft_of(admin, EDIT)
    retarget_clocks()
    page = admin.get(address(broken)).content.decode()
    assert "Could not be reckoned: A calendar that this draft names is gone." in page
    assert "data-refresh" not in page
    assert _told(draft, "after") == _by_hand(draft.made_at), "the next one is looked back on all the same"
    caplog.clear()
    retarget_clocks()
    assert not caplog.text


def test_a_draft_that_cannot_be_read_says_where_to_look(past: list[Ticket], admin: Client) -> None:
    draft = draft_of(admin, EDIT)
    PolicyDraft.objects.update(content={"1": {}})
    assert backtest.work(now=clock.now()) == 0
    draft.refresh_from_db()
    assert draft.backtested_at
    assert "log" in draft.backtest[backtest.FAILED]
    assert backtest.results(draft) == {}


def test_an_organisations_own_policy_looks_back_at_all_of_its_requests(
    past: list[Ticket], northwind: Organization, admin: Client
) -> None:
    """Also at those from before it had one."""
    admin.post("/admin/tickets/slapolicy/add/", {"organization": northwind.pk})
    own = SlaPolicy.objects.get(organization=northwind)
    url = f"{MATRIX}?policy={own.pk}"
    changed = {f"p{own.pk}-first_reply-1_number": "25", f"p{own.pk}-first_reply-1_unit": "minutes"}
    admin.post(url, {**fields_of(admin.get(url)), **changed})
    draft = PolicyDraft.objects.latest("pk")
    retarget_clocks()
    draft.refresh_from_db()
    found = {(row.promise, row.priority): row for row in backtest.results(draft)[own.pk]}
    by_hand = _by_hand(draft.made_at)
    urgent = found["first_reply", 1].after
    assert (urgent.kept, urgent.broken) == (
        by_hand["first_reply", 1, "kept"],
        by_hand["first_reply", 1, "broken"],
    )
    assert found["first_reply", 1].before.broken == 1
