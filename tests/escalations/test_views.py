"""The page's view, the on-call page, the banner on the ticket; scanners, forged posts, strangers (S048, S075, S076)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from escalations import actions
from escalations.models import EngineHeartbeat, EscalationPolicy, Layer, LayerMember, Page, PageEvent, Schedule
from escalations.paging.engine import run_pass
from supportdesk.lib import clock, slots
from tests import factories
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


def address(page: Page, verb: str = "") -> str:
    return f"/desk/pages/{page.pk}/{verb}"


def test_it_names_the_ticket_and_offers_one_big_button(page: Page, bo: User, client_of: ClientOf) -> None:
    html = client_of(bo).get(address(page)).content.decode()
    for words in ("Ringing you", "Secret subject", "Northwind", "Urgent", "Acknowledge", "Open ticket", "Escalate"):
        assert words in html
    assert "Paging Bo (step 1 of 3)" in html
    assert "Sent to Bo by text message" in html


def test_the_button_acknowledges_and_the_second_is_told_so_with_200(
    page: Page, bo: User, ann: User, client_of: ClientOf
) -> None:
    first = client_of(bo).post(address(page, "acknowledge/"), follow=True)
    assert first.redirect_chain == [(address(page), 303)]
    assert "Acknowledged by Bo" in first.content.decode()
    second = client_of(ann).post(address(page, "acknowledge/"))
    assert second.status_code == 200
    assert f"Already acknowledged by Bo at {clock.now():%H:}" in second.content.decode()
    assert PageEvent.objects.filter(kind="acknowledged").count() == 1


def test_from_the_ticket_it_goes_back_to_the_ticket_and_nowhere_else(page: Page, bo: User, client_of: ClientOf) -> None:
    there = f"/desk/tickets/{page.ticket_id}/"
    assert client_of(bo).post(address(page, "escalate/"), {"next": there})["Location"] == there
    elsewhere = client_of(bo).post(address(page, "acknowledge/"), {"next": "https://evil.example/"})
    assert elsewhere["Location"] == address(page)


def test_mail_scanners_acknowledge_nothing_and_see_nothing(page: Page, pass_time: Callable[[float], None]) -> None:
    scanner = Client()
    for method in (scanner.head, scanner.get):
        for verb in ("", "acknowledge/", "escalate/"):
            answer = method(address(page, verb))
            assert answer.status_code in {302, 405}
            assert b"Secret" not in answer.content
            assert b"Northwind" not in answer.content
    login = scanner.get(address(page))
    assert login["Location"] == f"/accounts/login/?next={address(page)}"
    assert scanner.post(address(page, "acknowledge/"))["Location"] == login["Location"]
    pass_time(5.1)
    page.refresh_from_db()
    assert page.is_ringing
    assert page.step == 2, "it climbed on time"


def test_opening_it_signed_in_acknowledges_nothing_either(page: Page, bo: User, client_of: ClientOf) -> None:
    client_of(bo).get(address(page))
    assert client_of(bo).get(address(page, "acknowledge/")).status_code == 405
    page.refresh_from_db()
    assert page.is_ringing


@pytest.mark.parametrize("verb", ["acknowledge/", "escalate/"])
def test_a_forged_post_changes_nothing(page: Page, bo: User, verb: str) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(bo)
    assert browser.post(address(page, verb)).status_code == 403
    forged = browser.post(address(page, verb), '{"a": "b"}', content_type="text/plain", headers={"Origin": "null"})
    assert forged.status_code == 403
    page.refresh_from_db()
    assert page.is_ringing
    assert not PageEvent.objects.filter(actor=bo).exists()


@pytest.mark.parametrize("who", ["rita", "tom", "sam", "pat"])
def test_for_others_there_is_no_such_page(page: Page, client_of: ClientOf, request: Any, who: str) -> None:
    somebody = client_of(request.getfixturevalue(who))
    unknown = somebody.get("/desk/pages/999999/")
    assert unknown.status_code == 404
    for path, method in [
        (address(page), somebody.get),
        (address(page, "acknowledge/"), somebody.post),
        (address(page, "escalate/"), somebody.post),
        ("/desk/on-call/", somebody.get),
    ]:
        answer = method(path)
        assert answer.status_code == 404
        assert b"Secret" not in answer.content
    page.refresh_from_db()
    assert page.is_ringing


def test_an_unknown_page_is_404_for_agents_too(bo: User, client_of: ClientOf, policy: EscalationPolicy) -> None:
    assert client_of(bo).get("/desk/pages/999999/").status_code == 404
    assert client_of(bo).post("/desk/pages/999999/acknowledge/").status_code == 404


def test_htmx_gets_the_fragment_of_the_same_address(page: Page, bo: User, client_of: ClientOf) -> None:
    answer = client_of(bo).get(address(page), headers={"HX-Request": "true"})
    assert b"<html" not in answer.content
    assert b"Secret subject" in answer.content
    assert "HX-Request" in answer["Vary"]


def test_a_page_that_is_over_says_so(page: Page, bo: User, client_of: ClientOf) -> None:
    Ticket.objects.filter(pk=page.ticket_id).update(priority=Priority.LOW)
    run_pass("test")
    html = client_of(bo).get(address(page)).content.decode()
    assert "Paging ended: the priority is Low" in html
    assert "Acknowledge</button>" not in html
    answer = client_of(bo).post(address(page, "acknowledge/"), follow=True)
    assert "This page is over" in answer.content.decode()


def test_on_call_says_who_how_and_until_when(page: Page, ann: User, client_of: ClientOf) -> None:
    html = client_of(ann).get("/desk/on-call/").content.decode()
    for words in ("Support on-call", "Bo", "text message", "e-mail", "there", "Secret subject", "step 1 of 3"):
        assert words in html
    assert "The paging engine does not run" not in html


def test_on_call_without_anything_says_what_will_be_there(ada: User, client_of: ClientOf) -> None:
    html = client_of(ada).get("/desk/on-call/").content.decode()
    for words in ("No schedule yet", "Add a schedule", "Nothing rings", "engine does not run", "No escalation policy"):
        assert words in html


def test_on_call_costs_as_many_queries_for_many_pages(
    page: Page, rita: User, bo: User, client_of: ClientOf, count_queries: Any
) -> None:
    client = client_of(bo)
    client.get("/desk/on-call/")
    with count_queries() as few:
        client.get("/desk/on-call/")
    for _ in range(5):
        factories.open_ticket(rita, priority=Priority.HIGH)
    run_pass("test")
    with count_queries() as many:
        client.get("/desk/on-call/")
    assert _own(many) == _own(few)


def _own(queries: CaptureQueriesContext) -> int:
    """How many there were, without the movable clock's: it asks anew after each second."""
    return len([query for query in queries if "lib_clockoffset" not in query["sql"]])


# --- On the pages of tickets ---------------------------------------------------------------------------------------


@pytest.fixture
def request_of() -> Callable[[User], Any]:
    def make(user: User) -> Any:
        request = RequestFactory().get("/desk/")
        request.user = user
        return request

    return make


def test_the_ticket_shows_the_alarm_and_the_history(page: Page, ticket: Ticket, bo: User, request_of: Any) -> None:
    banner = slots.fill_one("ticket.alarm", ticket, request_of(bo))
    assert "Ringing Bo, step 1 of 3" in banner
    assert f'action="{address(page, "acknowledge/")}"' in banner
    history = slots.fill_one("ticket.timeline", ticket, request_of(bo))
    assert history.index("Began to page: Urgent") < history.index("Paging Bo (step 1 of 3)") < history.index("Sent to")
    actions.acknowledge(page, by=bo, at=clock.now())
    assert "Bo acknowledged" in slots.fill_one("ticket.alarm", ticket, request_of(bo))
    assert "Bo acknowledged and took the ticket" in slots.fill_one("ticket.timeline", ticket, request_of(bo))


def test_customers_and_stakeholders_learn_nothing_of_paging(
    page: Page, ticket: Ticket, rita: User, pat: User, request_of: Any
) -> None:
    for somebody in (rita, pat):
        for slot in ("ticket.alarm", "ticket.timeline", "queue.row"):
            assert slots.fill_one(slot, ticket, request_of(somebody)) == ""
        for slot in ("desk.nav", "desk.top"):
            assert slots.fill_one(slot, somebody, request_of(somebody)) == ""


def test_a_queue_of_rows_costs_two_queries(page: Page, rita: User, bo: User, request_of: Any) -> None:
    for _ in range(4):
        factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    rows = list(Ticket.objects.all())
    with CaptureQueriesContext(
        connection,
    ) as queries:
        filled = slots.fill("queue.row", rows, request_of(bo))
    assert len(queries) == 2
    assert len(filled) == 5
    assert all("ringing Bo" in html for html in filled.values())


def test_the_desk_shows_how_many_ring_and_who_is_on_call(page: Page, ann: User, request_of: Any) -> None:
    assert ">1<" in slots.fill_one("desk.nav", ann, request_of(ann))
    with CaptureQueriesContext(connection) as queries:
        assert "Bo" in slots.fill_one("desk.top", ann, request_of(ann))
    assert _own(queries) <= 6


def test_names_are_escaped(page: Page, ticket: Ticket, bo: User, request_of: Any) -> None:
    User.objects.filter(pk=bo.pk).update(name="<b>Bo")
    for slot, subject in (("ticket.alarm", ticket), ("queue.row", ticket), ("desk.top", bo)):
        assert "<b>Bo" not in slots.fill_one(slot, subject, request_of(bo))


# --- Health --------------------------------------------------------------------------------------------------------


def test_health_of_paging(db: None, policy: EscalationPolicy) -> None:
    stranger = Client()
    assert stranger.get("/healthz/paging").status_code == 503
    run_pass("test")
    assert stranger.get("/healthz/paging").status_code == 200
    clock.move(timedelta(hours=48))
    assert stranger.get("/healthz/paging").status_code == 200, "the database's clock, which nobody moves"
    beat = EngineHeartbeat.objects.get()
    EngineHeartbeat.objects.update(finished_at=beat.finished_at - timedelta(seconds=15.5))
    answer = stranger.get("/healthz/paging")
    assert (answer.status_code, answer.json()["status"]) == (503, "stopped")


def test_a_pass_that_fails_leaves_no_heartbeat(db: None, policy: EscalationPolicy, monkeypatch: Any) -> None:
    from escalations.paging import engine

    monkeypatch.setattr(engine, "advance", lambda now: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run_pass("test")
    assert not EngineHeartbeat.objects.exists()


def test_the_standbys_own_check_asks_for_the_standby_of_this_host(db: None, policy: EscalationPolicy) -> None:
    run_pass("worker")
    with pytest.raises(CommandError):
        call_command("pager", "--check")
    call_command("pager", "--once")
    call_command("pager", "--check")


def test_another_duty_does_not_hide_that_support_has_nobody(
    policy: EscalationPolicy, bo: User, sven: User, ann: User, client_of: ClientOf
) -> None:
    other = Schedule.objects.create(name="A duty of others")
    layer = Layer.objects.create(schedule=other, name="Theirs", anchor=clock.now().date())
    LayerMember.objects.create(layer=layer, user=sven)
    Layer.objects.exclude(pk=layer.pk).delete()
    assert "Nobody is on call" in client_of(ann).get("/desk/").content.decode()


def test_whose_session_is_over_comes_back_to_the_page_of_the_form(policy: EscalationPolicy) -> None:
    asked = Client().post("/desk/on-call/leave/", headers={"referer": "http://testserver/desk/on-call/mine/"})
    assert asked["Location"] == "/accounts/login/?next=/desk/on-call/mine/"
    elsewhere = Client().post("/desk/on-call/leave/", headers={"referer": "http://evil.example/desk/"})
    assert elsewhere["Location"] == "/accounts/login/?next=/desk/on-call/"
