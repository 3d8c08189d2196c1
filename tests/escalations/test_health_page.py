"""The health page: green when all is well, everything that is wrong by name, and for leads and admins only."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from escalations import actions
from escalations.models import ContactMethod, EscalationPolicy, Leave, OutsideService, Page, PageDelivery
from escalations.paging import shifts, watcher
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories
from tickets.models import Priority

pytestmark = pytest.mark.django_db

URL = "/desk/on-call/health/"


@pytest.fixture(autouse=True)
def _no_canary(settings: Any) -> None:
    settings.PAGING_CANARY_MINUTES = 0


@pytest.fixture
def well(policy: EscalationPolicy) -> None:
    shifts.materialise(now=clock.now())
    run_pass("test")


@pytest.fixture
def shown(client_of: Callable[[User], Client], lea: User) -> Callable[[], str]:
    """The page as the lead sees it, as one line."""

    def read() -> str:
        answer = client_of(lea).get(URL)
        assert answer.status_code == 200
        return " ".join(answer.content.decode().split())

    return read


def test_all_is_well(well: None, shown: Callable[[], str]) -> None:
    watcher.look(now=clock.now())
    page = shown()
    assert "All is well." in page
    assert page.count('<span class="badge ok">holds</span>') == 16
    assert "test@" in page, "the engine"
    assert "badge hot" not in page
    assert "Somebody who can be reached is on call at every moment of the next 14 days." in page


def test_nothing_is_there_yet(shown: Callable[[], str]) -> None:
    page = shown()
    for sentence in (
        "No engine has run within a day.",
        "No watcher has looked within a day.",
        "None has left yet.",
        "Nobody takes turns yet.",
        "Nothing was due to go out.",
        "There has been none.",
    ):
        assert sentence in page


def test_without_a_watcher_nothing_is_green(well: None, shown: Callable[[], str]) -> None:
    page = shown()
    assert "The watcher does not run." in page
    assert "All is well." not in page


def test_what_is_broken_leads_to_its_page(page: Page, shown: Callable[[], str]) -> None:
    clock.move(timedelta(minutes=6))
    html = shown()
    assert "Something is wrong with paging." in html
    assert f'<a href="/desk/pages/{page.pk}/">page {page.pk} for #{page.ticket_id} has a step overdue</a>' in html


def test_alarms_open_and_over(well: None, bo: User, shown: Callable[[], str]) -> None:
    contact = bo.contact_methods.get(kind="sms")
    ContactMethod.objects.filter(pk=contact.pk).update(disabled_at=clock.now(), disabled_why="no such number")
    watcher.look(now=clock.now())
    page = shown()
    assert "Open alarms" in page
    assert "Leads and admins were told" in page
    assert f"{contact.value} is no longer used since" in page
    assert "no such number" in page
    assert '<span class="count hot">2<span class="vh"> alarms</span></span>' in page, "in the navigation"
    ContactMethod.objects.update(disabled_at=None)
    watcher.look(now=clock.now())
    page = shown()
    assert "Open alarms" not in page
    assert "Bo has fewer than two verified contacts" in page.partition("Alarms that are over")[2]


def test_gaps_ahead_by_how_soon(well: None, bo: User, shown: Callable[[], str]) -> None:
    now = clock.now()
    for hours in (20, 100):
        Leave.objects.create(user=bo, starts_at=now + timedelta(hours=hours), ends_at=now + timedelta(hours=hours + 5))
    ahead = shown().partition("Coverage ahead")[2]
    assert ahead.count("within 72 h") == 1
    assert ahead.count("within 14 days") == 1


def test_messages_by_channel_with_the_last_error(
    policy: EscalationPolicy, rita: User, settings: Any, tmp_path: Path, shown: Callable[[], str]
) -> None:
    (tmp_path / "file").touch()
    settings.PAGES_FILE = tmp_path / "file" / "pages.jsonl"
    factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    page = shown()
    assert "the demo phone&#x27;s file can&#x27;t be written" in page
    row = page.partition('<th scope="row">e-mail</th>')[2]
    assert row.startswith('<td class="num">1</td><td class="num">0</td><td class="num">0</td>')


def test_canaries_with_their_time(db: None, settings: Any, shown: Callable[[], str]) -> None:
    settings.SITE_URL = "http://127.0.0.1:9"
    page = actions.begin_canary(at=clock.now())
    assert "under way" in shown()
    run_pass("test")
    row = PageDelivery.objects.get()
    assert row.message is not None
    assert actions.end_canary(page.pk, message=row.message, at=page.created_at + timedelta(seconds=0.8))
    assert "back after 0.8 s" in shown()


def test_a_service_that_refuses_us(db: None, shown: Callable[[], str]) -> None:
    OutsideService.objects.create(
        name="PagerDuty", kind="pagerduty", secret="x", disabled_at=clock.now(), disabled_why="no such key"
    )
    page = shown()
    assert "PagerDuty</b> is no longer used" in page
    assert "no such key" in page


def test_it_refreshes_itself(well: None, client_of: Callable[[User], Client], ada: User) -> None:
    answer = client_of(ada).get(URL, headers={"HX-Request": "true"})
    assert answer.content.decode().startswith('\n<div class="pad stack loose" id="paging-health"')
    assert "HX-Request" in answer.headers["Vary"]


def test_who_may_not_look(well: None, client_of: Callable[[User], Client], bo: User, sven: User, rita: User) -> None:
    for address in (URL, "/desk/on-call/numbers/"):
        assert client_of(bo).get(address).status_code == 403
        assert client_of(sven).get(address).status_code == 403
        assert client_of(rita).get(address).status_code == 404
        assert Client().get(address).status_code == 302
    assert "Paging health" not in client_of(bo).get("/desk/on-call/").content.decode()


def test_the_way_there_is_in_the_navigation(well: None, client_of: Callable[[User], Client], lea: User) -> None:
    assert f'<a href="{URL}">' in client_of(lea).get("/desk/on-call/").content.decode()


def test_a_page_costs_the_same_however_much_is_wrong(
    page: Page, rita: User, client_of: Callable[[User], Client], lea: User, count_queries: Callable[[], Any]
) -> None:
    client = client_of(lea)
    client.get(URL)
    with count_queries() as before:
        client.get(URL)
    for _ in range(6):
        factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    clock.move(timedelta(minutes=20))
    with count_queries() as after:
        client.get(URL)
    assert len(after) <= len(before) + 2
