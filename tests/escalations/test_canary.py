"""The canary: it leaves, goes through the whole chain, and comes back; nobody else can bring it back."""

import json
import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.models import User
from escalations import actions, tasks
from escalations.models import OutsideService, Page, PageDelivery, PageEvent
from escalations.paging import canary
from escalations.paging.channels.canary import signature
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict
from tests.at_once import at_once

HOOK = "/hooks/paging/canary/"


@pytest.fixture
def desk(settings: Any, live_server: Any) -> str:
    """A desk whose own address answers."""
    settings.SITE_URL = live_server.url
    return str(live_server.url)


@pytest.fixture
def lost_desk(settings: Any, db: None) -> None:
    """One whose own address answers nobody."""
    settings.SITE_URL = "http://127.0.0.1:9"


@pytest.fixture
def flying(lost_desk: None) -> PageDelivery:
    """A canary that was sent, and has not come back."""
    page = actions.begin_canary(at=clock.now())
    run_pass("test")
    return page.deliveries.get()


def sent(delivery: PageDelivery, *, secret: str = "", age: float = 0, **changed: Any) -> Any:
    """Its message at the door, as the channel would send it, but for what a test changes."""
    assert delivery.outside is not None
    content = {"page": delivery.page_id, "message": str(delivery.message), **changed}
    body, timestamp = json.dumps(content).encode(), str(int(time.time() - age))
    signed = signature(secret or delivery.outside.secret, message=str(delivery.message), timestamp=timestamp, body=body)
    headers = {
        "webhook-id": str(delivery.message),
        "webhook-timestamp": timestamp,
        "webhook-signature": signed,
    }
    return Client(enforce_csrf_checks=True).post(HOOK, body, content_type="application/json", headers=headers)


def state(page: Page) -> str:
    return Page.objects.get(pk=page.pk).state


@pytest.mark.django_db(transaction=True)
def test_it_goes_through_the_whole_chain_and_comes_back(desk: str) -> None:
    page = actions.begin_canary(at=clock.now())
    run_pass("test")
    assert state(page) == "ended"
    back = page.events.get(kind="delivered")
    assert 0 < back.data["seconds"] < 30
    assert page.events.get(kind="ended").data["why"] == f"came back after {back.data['seconds']:.1f} s"
    assert [row.state for row in page.deliveries.all()] == ["accepted"], "and nothing is sent to say that it is over"
    flight = canary.recent()[0]
    assert (flight.seconds, flight.flies) == (back.data["seconds"], False)


@pytest.mark.django_db(transaction=True)
def test_the_command_waits_for_it(desk: str, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    import threading

    def engine() -> None:
        time.sleep(0.3)
        run_pass("test")
        connection.close()

    thread = threading.Thread(target=engine)
    thread.start()
    call_command("paging_canary", wait=20)
    thread.join()
    assert "The canary came back after" in capsys.readouterr().out


@pytest.mark.django_db
def test_the_command_fails_when_it_does_not_come_back() -> None:
    with pytest.raises(CommandError, match="did not come back within 1 s"):
        call_command("paging_canary", wait=1)


def test_one_that_is_not_back_in_time_is_over_and_an_alarm(flying: PageDelivery, settings: Any) -> None:
    settings.PAGING_CANARY_MINUTES = 5
    assert flying.state == "pending"
    assert flying.error.startswith("the desk does not answer itself")
    clock.move(canary.WAITS + timedelta(seconds=1))
    run_pass("test")
    assert state(flying.page) == "ended"
    assert flying.page.events.get(kind="ended").data["why"] == "nobody answered it in time"
    assert [offence.text for offence in canary.missing(clock.now())] == [
        f"the canary of {flying.page.created_at:%H:%M} UTC did not come back within 120 s"
    ]
    assert canary.recent()[0].seconds is None


def test_silence_is_an_alarm_and_being_switched_off_is_not(db: None, settings: Any) -> None:
    """No canary ever left, and the desk was installed long ago."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE django_migrations SET applied = applied - interval '1 day' WHERE app = 'escalations'")
    settings.PAGING_CANARY_MINUTES = 0
    assert canary.missing(clock.now()) == []
    settings.PAGING_CANARY_MINUTES = 5
    with connection.cursor() as cursor:
        cursor.execute("SELECT now() - pg_postmaster_start_time() > interval '15 minutes'")
        row: Any = cursor.fetchone()
    assert bool(canary.missing(clock.now())) is row[0], "the database has only just begun"


def test_the_door_believes_the_desks_own_signature_only(flying: PageDelivery) -> None:
    assert sent(flying, secret="guessed").status_code == 403
    assert sent(flying, age=400).status_code == 403
    assert sent(flying, message=str(uuid.uuid4())).status_code == 403
    assert Client().post(HOOK, "{}", content_type="application/json").status_code == 403
    assert state(flying.page) == "ringing"
    assert sent(flying).status_code == 204
    assert state(flying.page) == "ended"


def test_without_a_secret_the_door_is_closed(flying: PageDelivery) -> None:
    OutsideService.objects.update(secret="")
    assert sent(flying, secret="").status_code == 403
    body = b"{}"
    headers = {"webhook-id": "", "webhook-timestamp": "1", "webhook-signature": "v1,"}
    assert Client().post(HOOK, body, content_type="application/json", headers=headers).status_code == 403


def test_a_second_time_changes_nothing(flying: PageDelivery) -> None:
    assert sent(flying).status_code == 204
    events = flying.page.events.count()
    assert sent(flying).status_code == 204
    assert flying.page.events.count() == events


def test_it_ends_no_other_page(flying: PageDelivery, page: Page) -> None:
    assert sent(flying, page=page.pk).status_code == 204
    assert (state(page), state(flying.page)) == ("ringing", "ringing")


def test_a_get_is_no_way_in(flying: PageDelivery, client_of: Callable[[User], Client], ada: User) -> None:
    assert client_of(ada).get(reverse("paging_canary_hook")).status_code == 405


@pytest.mark.django_db(transaction=True)
def test_two_beats_at_once_send_one() -> None:
    found = at_once(*[lambda: actions.begin_canary(at=clock.now())] * 3)
    assert sum(isinstance(result, Conflict) for result in found) == 2
    assert (Page.objects.count(), OutsideService.objects.count()) == (1, 1)


def test_beat_sends_one_every_five_minutes(lost_desk: None, settings: Any) -> None:
    settings.PAGING_CANARY_MINUTES = 0
    tasks.paging_canary()
    assert not Page.objects.exists()
    settings.PAGING_CANARY_MINUTES = 5
    for minutes, number in ((0, 1), (3, 1), (3, 2)):
        clock.move(timedelta(minutes=minutes))
        run_pass("test")
        tasks.paging_canary()
        assert Page.objects.count() == number


def test_old_ones_go_and_nothing_else_does(flying: PageDelivery, page: Page) -> None:
    sent(flying)
    clock.move(timedelta(days=6))
    tasks.paging_tidy()
    assert Page.objects.filter(pk=flying.page_id).exists()
    events = page.events.count()
    clock.move(timedelta(days=2))
    tasks.paging_tidy()
    assert not Page.objects.filter(pk=flying.page_id).exists()
    assert not PageEvent.objects.filter(page=flying.page_id).exists()
    assert page.events.count() == events


def test_it_stands_in_no_list_and_no_number(
    flying: PageDelivery, client_of: Callable[[User], Client], bo: User
) -> None:
    shown = client_of(bo).get("/desk/on-call/").content.decode()
    assert "Nothing rings" in shown
    assert "count hot" not in shown
    assert not Page.objects.real().exists()
    assert client_of(bo).get(f"/desk/pages/{flying.page_id}/").status_code == 404
    assert client_of(bo).post(f"/desk/pages/{flying.page_id}/acknowledge/").status_code == 404
