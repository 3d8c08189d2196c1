"""What is measured of paging, on pages that rang, were acknowledged and climbed at known instants."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations import actions
from escalations.models import EscalationPolicy, Page, PageDelivery
from escalations.paging import numbers
from escalations.paging.engine import run_pass
from escalations.period import Period
from supportdesk.lib import clock
from tests import factories
from tickets import actions as ticket_actions
from tickets.models import Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db


def period(days: float = 7) -> Period:
    now = clock.now()
    return Period(now - timedelta(days=days), now)


def ring(rita: User, after: float = 0, **fields: Any) -> Page:
    """A page of a new request, which the engine sees so many seconds later."""
    ticket = factories.open_ticket(rita, **{"priority": Priority.URGENT, **fields})
    clock.move(timedelta(seconds=after))
    run_pass("test")
    return Page.objects.filter(ticket=ticket, kind="ticket").latest("pk")


def move(**length: float) -> None:
    clock.move(timedelta(**length))


def until(hour: int) -> None:
    """Move the clock on to the next such hour of UTC+1."""
    now = clock.now()
    then = now.replace(hour=hour - 1, minute=0, second=0, microsecond=0)
    clock.move((then if then > now else then + timedelta(days=1)) - now)


# --- Dwell ---------------------------------------------------------------------------------------------------------


def test_dwell_is_from_the_request_to_the_first_yes_of_a_provider(policy: EscalationPolicy, rita: User) -> None:
    for seconds in (2, 4, 90):
        page = ring(rita, after=seconds)
        move(minutes=2)
        assert page.deliveries.filter(accepted_at__isnull=False).exists()
    found = numbers.dwell(period())
    assert (found.pages, found.accepted, found.owed, found.within) == (3, 3, 3, 2)
    assert found.share == pytest.approx(2 / 3)
    assert found.p50 == pytest.approx(4, abs=1)
    assert found.worst == pytest.approx(90, abs=1)
    assert found.p95 == pytest.approx(4 + 0.9 * 86, abs=2), "between the two, as percentile_cont has it"


def test_a_page_that_no_provider_took_is_none_of_those_within(policy: EscalationPolicy, rita: User) -> None:
    ring(rita)
    factories.open_ticket(rita, priority=Priority.URGENT)
    from escalations.paging.advance import advance
    from escalations.paging.derive import derive

    derive(now=clock.now())
    advance(now=clock.now())
    assert numbers.dwell(period()).owed == 1, "its minute is not over yet"
    move(seconds=61)
    found = numbers.dwell(period())
    assert (found.pages, found.accepted, found.owed, found.within) == (2, 1, 2, 1)


def test_a_reply_at_night_is_measured_from_the_reply(policy: EscalationPolicy, rita: User, bo: User) -> None:
    page = ring(rita)
    ticket = Ticket.objects.get(pk=page.ticket_id)
    actions.acknowledge(page, by=bo, at=clock.now())
    ticket.refresh_from_db()
    ticket_actions.answer(ticket, body="Restart it.", submit_as=Status.PENDING, by=bo, at=clock.now())
    run_pass("test")
    move(hours=3)
    ticket.refresh_from_db()
    ticket_actions.reply(ticket, body="Yes, and no.", by=rita, at=clock.now())
    move(seconds=20)
    run_pass("test")
    assert Page.objects.filter(ticket=ticket).count() == 2
    assert numbers.dwell(period()).worst == pytest.approx(20, abs=1)


def test_fifteen_minutes_without_a_priority_are_no_dwell(policy: EscalationPolicy, rita: User) -> None:
    ring(rita, after=15 * 60 + 1, priority=None)
    worst = numbers.dwell(period()).worst
    assert worst is not None
    assert worst < 2


# --- Acknowledging -------------------------------------------------------------------------------------------------


def test_time_to_acknowledge_by_priority_and_region(policy: EscalationPolicy, rita: User, bo: User, ann: User) -> None:
    for person, priority, minutes in (
        (bo, Priority.URGENT, 1),
        (bo, Priority.URGENT, 3),
        (ann, Priority.HIGH, 4),
    ):
        page = ring(rita, priority=priority)
        actions.acknowledge(page, by=person, at=page.created_at + timedelta(minutes=minutes))
    move(minutes=10)
    found = numbers.answers(period())
    assert [(row.name, row.pages, row.median) for row in found.by_priority] == [
        ("Urgent", 2, 120.0),
        ("High", 1, 240.0),
    ]
    assert [(row.name, row.pages) for row in found.by_region] == [
        ("Americas", 1),
        ("Europe, Middle East and Africa", 2),
    ]
    assert found.all is not None
    assert (found.all.pages, found.all.median) == (3, 180.0)


def test_the_first_acknowledgement_counts(policy: EscalationPolicy, rita: User, bo: User, ann: User) -> None:
    page = ring(rita)
    actions.acknowledge(page, by=bo, at=page.created_at + timedelta(minutes=1))
    actions.escalate(page, by=bo, at=page.created_at + timedelta(minutes=2))
    actions.acknowledge(page, by=ann, at=page.created_at + timedelta(minutes=3))
    found = numbers.answers(period())
    assert found.all is not None
    assert (found.all.pages, found.all.median, found.by_region[0].name) == (1, 60.0, "Europe, Middle East and Africa")


# --- Whom it wakes -------------------------------------------------------------------------------------------------


def test_nights_are_those_of_the_person(policy: EscalationPolicy, rita: User, bo: User) -> None:
    User.objects.filter(pk=bo.pk).update(time_zone="Etc/GMT-1")
    User.objects.exclude(pk=bo.pk).update(time_zone="Australia/Sydney")
    for hour in (14, 23, 3):  # one by day, two in one night
        until(hour)
        page = ring(rita)
        actions.acknowledge(page, by=bo, at=clock.now())
        ticket_actions.answer(
            Ticket.objects.get(pk=page.ticket_id), body="We see to it.", submit_as=Status.OPEN, by=bo, at=clock.now()
        )
        run_pass("test")
    move(hours=1)
    load = next(row for row in numbers.loads(period()) if row.name == "Bo")
    assert (load.zone, load.pages, load.at_night, load.nights) == ("Etc/GMT-1", 3, 2, 1)


def test_one_page_by_two_ways_is_one_page_and_a_new_episode_another(page: Page, bo: User) -> None:
    assert page.deliveries.filter(person=bo, accepted_at__isnull=False).count() == 2
    assert [row.pages for row in numbers.loads(period()) if row.name == "Bo"] == [1]
    actions.acknowledge(page, by=bo, at=clock.now())
    Ticket.objects.filter(pk=page.ticket_id).update(assignee=None)
    move(minutes=31)
    run_pass("test")
    assert [row.pages for row in numbers.loads(period()) if row.name == "Bo"] == [2]


# --- Steps ---------------------------------------------------------------------------------------------------------


def test_steps_are_late_by_what_the_engine_was(page: Page) -> None:
    assert numbers.punctuality(period()).steps == 0, "a page's first step has no instant to be late of"
    move(minutes=5, seconds=2)
    run_pass("test")
    move(minutes=5, seconds=40)
    run_pass("test")
    found = numbers.punctuality(period())
    assert (found.steps, found.on_time, found.share) == (2, 1, 0.5)
    assert found.worst == pytest.approx(40, abs=1)


# --- The page ------------------------------------------------------------------------------------------------------


def test_tests_and_canaries_count_nowhere(policy: EscalationPolicy, bo: User, settings: Any) -> None:
    settings.SITE_URL = "http://127.0.0.1:9"
    actions.page_me(bo.contact_methods.get(kind="sms"), by=bo, at=clock.now())
    actions.begin_canary(at=clock.now())
    run_pass("test")
    assert PageDelivery.objects.filter(accepted_at__isnull=False).exists()
    move(minutes=1)
    assert numbers.dwell(period()).pages == 0
    assert numbers.loads(period()) == []
    assert numbers.answers(period()).all is None


def test_only_the_period_counts(page: Page, client_of: Callable[[User], Client], lea: User) -> None:
    move(days=10)
    assert numbers.dwell(period(7)).pages == 0
    assert numbers.dwell(period(30)).pages == 1
    assert "No pages in these days" in client_of(lea).get("/desk/on-call/numbers/?days=7").content.decode()
    for asked in ("", "?days=30", "?days=nonsense", "?days=400"):
        shown = client_of(lea).get(f"/desk/on-call/numbers/{asked}").content.decode()
        assert "From cause to phone" in shown
        assert '<a href="?days=30" aria-current="true">30 days</a>' in shown


def test_every_number_stands_with_its_definition(
    page: Page, bo: User, client_of: Callable[[User], Client], ada: User
) -> None:
    actions.acknowledge(page, by=bo, at=page.created_at + timedelta(minutes=2))
    move(minutes=3)
    shown = " ".join(client_of(ada).get("/desk/on-call/numbers/").content.decode().split())
    assert "100 %" in shown
    assert "1 of 1 pages." in shown
    assert '<th scope="row">Urgent</th><td class="num">1</td><td class="num">2 min</td>' in shown
    for definition in (
        "to the first message that a provider accepted",
        "to its first acknowledgement",
        "Night is 22:00 to 07:00 in the person's own time zone",
        "on time is within 10 s",
    ):
        assert definition in shown.replace("&#x27;", "'")


def test_the_page_costs_the_same_however_many_there_were(
    page: Page, rita: User, client_of: Callable[[User], Client], lea: User, count_queries: Callable[[], Any]
) -> None:
    client = client_of(lea)
    client.get("/desk/on-call/numbers/")
    with count_queries() as before:
        client.get("/desk/on-call/numbers/")
    for _ in range(5):
        ring(rita)
    with count_queries() as after:
        client.get("/desk/on-call/numbers/")
    assert len(after) == len(before)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0, "0 s"),
        (0.84, "0.8 s"),
        (42.4, "42 s"),
        (310, "5 min 10 s"),
        (7500, "2 h 5 min"),
        (90000, "1 d 1 h"),
    ],
)
def test_lengths_in_words(seconds: float | None, words: str) -> None:
    from escalations.figures import lasting

    assert lasting(seconds) == words


@pytest.mark.parametrize(("share", "words"), [(None, "–"), (1, "100 %"), (0.99999, "99.9 %"), (0.5, "50.0 %")])
def test_shares_in_words(share: float | None, words: str) -> None:
    from escalations.figures import percent

    assert percent(share) == words
