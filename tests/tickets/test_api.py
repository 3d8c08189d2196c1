"""The first API: the same room through another door."""

import json
import logging
import os
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.http import HttpResponse
from django.test import Client

from accounts.models import Membership, Organization, User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.forms import file
from tickets import actions
from tickets.models import Channel, Message, Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
LIST = "/api/v1/tickets/"
STAFF_ONLY = {"assignee", "do_not_close"}


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita)


def post(browser: Client, path: str, body: Any, **headers: str) -> HttpResponse:
    data = body if isinstance(body, str | bytes) else json.dumps(body)
    return browser.post(path, data, content_type="application/json", headers=headers)


def words(**fields: Any) -> dict[str, Any]:
    filled = {
        "subject": "Users are logged out",
        "description": "Everybody, after a minute.",
        "priority": "high",
        "category": "server-issues",
        "environment": "Production",
    }
    return {**filled, **fields}


def is_problem(answer: HttpResponse, status: int, *fields: str) -> bool:
    body = answer.json()
    assert answer.status_code == status, body
    assert answer["Content-Type"] == "application/problem+json"
    assert {"type", "title", "status", "code"} <= set(body)
    assert set(fields) <= set(body.get("fields", {})), body
    return True


# --- Reading -------------------------------------------------------------------------------------------------------


def test_everybody_lists_what_they_may_see(
    rita: User, tom: User, mona: User, sam: User, ann: User, pat: User, ticket: Ticket, client_of: ClientOf
) -> None:
    seen = {person.name: client_of(person).get(LIST).json()["results"] for person in (rita, tom, mona, sam, ann, pat)}
    assert {name: [row["number"] for row in rows] for name, rows in seen.items()} == {
        "Rita": [ticket.number],
        "Tom": [],
        "Mona": [ticket.number],
        "Sam": [],
        "Ann": [ticket.number],
        "Pat": [],
    }
    assert not STAFF_ONLY & set(seen["Rita"][0])
    assert set(seen["Ann"][0]) >= STAFF_ONLY


def test_a_request_is_read_with_its_messages(rita: User, bo: User, ticket: Ticket, client_of: ClientOf) -> None:
    actions.answer(ticket, by=bo, body="Look **here**", submit_as=Status.PENDING, at=clock.now())
    answer = client_of(rita).get(f"{LIST}{ticket.number}/")
    body = answer.json()
    assert answer["Content-Type"] == "application/json; charset=utf-8"
    assert (body["number"], body["status"], body["priority"]) == (ticket.number, "pending", "normal")
    assert [message["body"] for message in body["messages"]] == [ticket.messages.first().body, "Look **here**"]
    assert body["messages"][1]["author"] == {"name": "Bo", "is_staff": True}


def test_s050_s052_a_customer_reads_neither_notes_nor_addresses_nor_what_is_internal(
    rita: User, mona: User, bo: User, ticket: Ticket, client_of: ClientOf
) -> None:
    actions.take(ticket, by=bo, at=clock.now())
    before = client_of(rita).get(f"{LIST}{ticket.number}/").json()["updated_at"]
    stored = actions.upload(bo, file=file("trace.log").file, name="trace.log", at=clock.now())
    actions.add_note(ticket, by=bo, body="Secret note", uploads=[stored.pk], at=clock.now())
    actions.hold(ticket, by=bo, reason="Secret reason", at=clock.now())
    for person in (rita, mona):
        for path in (LIST, f"{LIST}{ticket.number}/", f"{LIST}{ticket.number}/replies/"):
            text = client_of(person).get(path).content.decode()
            for secret in ("Secret", "trace.log", bo.email, rita.email, "hold", "password", "assignee"):
                assert secret not in text
    body = client_of(rita).get(f"{LIST}{ticket.number}/").json()
    assert (body["status"], body["updated_at"]) == ("open", before)
    notes = [
        message for message in client_of(bo).get(f"{LIST}{ticket.number}/").json()["messages"] if message["is_note"]
    ]
    assert [note["body"] for note in notes] == ["Secret note"]


def test_a_ticket_says_what_is_due_next_and_where_that_is_explained(
    rita: User, bo: User, ticket: Ticket, client_of: ClientOf
) -> None:
    for person in (rita, bo):
        for body in (
            client_of(person).get(f"{LIST}{ticket.number}/").json(),
            client_of(person).get(LIST).json()["results"][0],
        ):
            assert body["promises_url"] == f"http://testserver/api/v1/tickets/{ticket.number}/promises/"
            assert datetime.fromisoformat(body["next_due_at"]) == ticket.next_due_at
    explained = client_of(rita).get(body["promises_url"]).json()["results"]
    assert datetime.fromisoformat(explained[0]["due_at"]) == ticket.next_due_at
    actions.solve(ticket, by=bo, at=clock.now())
    assert client_of(rita).get(f"{LIST}{ticket.number}/").json()["next_due_at"] is None
    schema = Client().get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).json()
    told = schema["components"]["schemas"]["Ticket"]["properties"]
    assert told["next_due_at"]["nullable"] is True
    assert "deadline" in told["promises_url"]["description"]


def test_on_hold_is_found_under_open_and_is_no_status_of_customers(
    rita: User, bo: User, ticket: Ticket, client_of: ClientOf
) -> None:
    actions.take(ticket, by=bo, at=clock.now())
    actions.hold(ticket, by=bo, reason="engineering", at=clock.now())
    assert len(client_of(rita).get(LIST, {"status": "open"}).json()["results"]) == 1
    assert is_problem(client_of(rita).get(LIST, {"status": "on_hold"}), 400, "status")
    assert len(client_of(bo).get(LIST, {"status": "on_hold"}).json()["results"]) == 1
    assert client_of(bo).get(LIST, {"status": "open"}).json()["results"] == []


def test_the_list_is_filtered_ordered_and_paged_without_a_gap(rita: User, client_of: ClientOf) -> None:
    for number in range(7):
        factories.open_ticket(rita, priority=Priority.URGENT if number % 2 else Priority.LOW)
    browser = client_of(rita)
    assert len(browser.get(LIST, {"priority": "urgent"}).json()["results"]) == 3
    assert len(browser.get(LIST, {"priority": ["urgent", "low"]}).json()["results"]) == 7
    numbers, path = [], f"{LIST}?page_size=3&order=number"
    while path:
        page = browser.get(path).json()
        numbers += [row["number"] for row in page["results"]]
        path = page["next"]
    assert numbers == sorted(Ticket.objects.values_list("pk", flat=True))
    last = browser.get(LIST, {"page_size": 3}).json()
    second = browser.get(last["next"]).json()
    assert browser.get(second["previous"]).json()["results"] == last["results"]


def test_the_list_costs_the_same_number_of_queries_whatever_it_holds(
    rita: User, client_of: ClientOf, count_queries: Callable[[], Any]
) -> None:
    browser, counts = client_of(rita), []
    for _ in range(2):
        factories.open_ticket(rita)
        with count_queries() as queries:
            browser.get(LIST)
        counts.append(len(queries))
        for _ in range(5):
            factories.open_ticket(rita)
    assert counts[0] == counts[1] <= 6


def test_messages_are_paged_oldest_first(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    for number in range(4):
        actions.reply(ticket, by=rita, body=f"Reply {number}", at=clock.now())
    page = client_of(rita).get(f"{LIST}{ticket.number}/replies/", {"page_size": 3}).json()
    rest = client_of(rita).get(page["next"]).json()
    assert [message["body"] for message in page["results"] + rest["results"]][1:] == [f"Reply {n}" for n in range(4)]


# --- Submitting and replying ---------------------------------------------------------------------------------------


def test_a_request_is_submitted_with_copies_and_files(rita: User, client_of: ClientOf) -> None:
    browser = client_of(rita)
    upload = browser.post("/attachments/", {"file": file()}).json()["id"]
    answer = post(browser, LIST, words(cc=["ext@partner.example"], uploads=[upload], product_version="10.5.2"))
    ticket = Ticket.objects.get()
    assert answer.status_code == 201
    assert answer.json()["number"] == ticket.number
    assert answer.json()["messages"][0]["attachments"][0]["name"] == "server.log"
    assert (ticket.channel, ticket.priority, ticket.requester) == (Channel.API, Priority.HIGH, rita)
    assert ticket.participants.get().email == "ext@partner.example"


def test_who_has_several_organisations_says_which(rita: User, fabrikam: Organization, client_of: ClientOf) -> None:
    Membership.objects.create(user=rita, organization=fabrikam)
    assert is_problem(post(client_of(rita), LIST, words()), 400, "organization")
    assert post(client_of(rita), LIST, words(organization="fabrikam")).json()["organization"] == "fabrikam"


def test_the_plan_decides_and_the_staff_opens_requests_elsewhere(
    fred: User, ann: User, pat: User, client_of: ClientOf
) -> None:
    for person in (fred, ann, pat):
        assert is_problem(post(client_of(person), LIST, words()), 403)
    assert not Ticket.objects.exists()


def test_a_customer_replies_and_an_agent_says_what_becomes_of_it(
    rita: User, bo: User, ticket: Ticket, client_of: ClientOf
) -> None:
    path = f"{LIST}{ticket.number}/replies/"
    answer = post(client_of(bo), path, {"body": "Which version?", "submit_as": "pending"})
    assert (answer.status_code, answer.json()["from_staff"]) == (201, True)
    ticket.refresh_from_db()
    assert ticket.status == Status.PENDING
    assert post(client_of(rita), path, {"body": "10.5.2"}).status_code == 201
    ticket.refresh_from_db()
    assert ticket.status == Status.OPEN


def test_a_customer_does_not_say_what_becomes_of_it(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    answer = post(client_of(rita), f"{LIST}{ticket.number}/replies/", {"body": "Hi", "submit_as": "solved"})
    assert is_problem(answer, 400, "submit_as")


def test_an_agent_who_may_not_solve_is_refused(sven: User, ticket: Ticket, client_of: ClientOf) -> None:
    answer = post(client_of(sven), f"{LIST}{ticket.number}/replies/", {"body": "Hi", "submit_as": "solved"})
    assert is_problem(answer, 403)


@pytest.mark.parametrize("name", ["sam", "tom", "fred", "pat"])
def test_s048_a_stranger_gets_the_404_of_what_is_not_there(
    ticket: Ticket,
    client_of: ClientOf,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    browser = client_of(request.getfixturevalue(name))
    with caplog.at_level(logging.WARNING, "security"):
        theirs = browser.get(f"{LIST}{ticket.number}/")
    assert "authz.denied" in caplog.text
    unknown = browser.get(f"{LIST}999999/")
    assert is_problem(theirs, 404)
    assert theirs.content == unknown.content
    assert {**theirs.headers} == {**unknown.headers}
    assert is_problem(post(browser, f"{LIST}{ticket.number}/replies/", {"body": "Mine?"}), 404)
    assert browser.get("/api/v1/no-such-thing/").content == unknown.content
    assert ticket.messages.count() == 1


def test_s048_nothing_links_a_new_request_to_a_foreign_one(rita: User, sam: User, client_of: ClientOf) -> None:
    foreign = factories.open_ticket(sam)
    for field in ("related_to", "parent", "merge_into", "follow_up_of"):
        assert is_problem(post(client_of(rita), LIST, words(**{field: foreign.number})), 400, field)


def test_who_is_not_signed_in_is_told_so(ticket: Ticket) -> None:
    for path in (LIST, f"{LIST}{ticket.number}/", "/api/v1/no-such-thing/"):
        assert is_problem(Client().get(path), 401)
    assert is_problem(post(Client(), LIST, words()), 401)


def test_a_session_needs_the_csrf_token(rita: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(rita)
    assert is_problem(post(browser, LIST, words()), 403)
    assert not Ticket.objects.exists()


# --- Once ----------------------------------------------------------------------------------------------------------


def test_s089_the_same_key_gives_the_same_answer_and_other_words_a_conflict(rita: User, client_of: ClientOf) -> None:
    browser = client_of(rita)
    first, second = (post(browser, LIST, words(), **{"Idempotency-Key": "key-1"}) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    other = post(browser, LIST, words(description="Other"), **{"Idempotency-Key": "key-1"})
    assert is_problem(other, 409)
    path = f"{LIST}{first.json()['number']}/replies/"
    replies = [post(browser, path, {"body": "Once"}, **{"Idempotency-Key": "key-2"}) for _ in range(2)]
    assert replies[0].json() == replies[1].json()
    assert is_problem(post(browser, path, {"body": "Other"}, **{"Idempotency-Key": "key-2"}), 409)
    assert (Ticket.objects.count(), Message.objects.count()) == (1, 2)


@pytest.mark.parametrize("key", ["x" * 44, "with space", "ümlaut"])
def test_s089_a_key_that_can_not_be_kept_is_refused(rita: User, client_of: ClientOf, key: str) -> None:
    assert is_problem(post(client_of(rita), LIST, words(), **{"Idempotency-Key": key}), 400, "Idempotency-Key")


@pytest.mark.django_db(transaction=True)
def test_s089_the_same_key_twice_at_once_submits_once(rita: User, client_of: ClientOf) -> None:
    numbers = []
    browsers = [client_of(rita) for _ in range(4)]

    def send(browser: Client) -> None:
        try:
            numbers.append(post(browser, LIST, words(), **{"Idempotency-Key": "key-3"}).json()["number"])
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers == [Ticket.objects.get().number] * 4


# --- What is wrong -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("is_staff", True),
        ("internal", True),
        ("author", "ann@desk.example"),
        ("created_at", "2001-01-01T00:00:00Z"),
        ("assignee", 1),
        ("status", "closed"),
        ("requester", "ann@desk.example"),
        ("__class__", "x"),
        ('a" FROM auth_user--', 1),
    ],
)
def test_s051_s103_a_field_that_is_not_ours_is_named(rita: User, client_of: ClientOf, field: str, value: Any) -> None:
    assert is_problem(post(client_of(rita), LIST, words(**{field: value})), 400, field)
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("organization", "contoso"),
        ("organization", {"slug": "northwind"}),
        ("priority", "P1"),
        ("priority", 1),
        ("priority", ["urgent"]),
        ("subject", {"a": 1}),
        ("subject", ["x"]),
        ("subject", ""),
        ("subject", "x" * 201),
        ("subject", "Hi\r\nBcc: x@evil.example"),
        ("subject", "Hi\u2028there"),
        ("subject", "nul \x00"),
        ("description", "nul \x00"),
        ("description", "   "),
        ("description", "x" * (64 * 1024 + 1)),
        ("category", 10**40),
        ("environment", None),
        ("cc", "x@partner.example"),
        ("cc", [f"p{number}@partner.example" for number in range(11)]),
        ("cc", ["not-an-address"]),
        ("uploads", ["no-uuid"]),
        ("uploads", ["6f0a7a5e-4a0e-4f0e-9a52-2f4b3c1d0e9f"]),
        ("product_version", "x" * 41),
    ],
)
def test_s013_s019_s024_s051_what_can_not_be_taken_is_named(
    rita: User, contoso: Organization, client_of: ClientOf, field: str, value: Any
) -> None:
    assert is_problem(post(client_of(rita), LIST, words(**{field: value})), 400, field)
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        '{"subject": "a", "subject": "b"}',
        "{",
        "[]",
        "null",
        '"text"',
        b"\xff\xfe",
        "[" * 100_000,
        '{"subject": ' + "9" * 5_000 + "}",
        '{"subject": NaN}',
    ],
)
def test_s051_what_is_no_proper_json_is_a_400(rita: User, client_of: ClientOf, body: str | bytes) -> None:
    assert is_problem(post(client_of(rita), LIST, body), 400)


def test_a_body_above_any_sense_is_a_413(rita: User, client_of: ClientOf) -> None:
    assert is_problem(post(client_of(rita), LIST, words(description="x" * 1_100_000)), 413)


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/xml", "text/plain"])
def test_only_json_is_taken(rita: User, client_of: ClientOf, kind: str) -> None:
    assert is_problem(client_of(rita).post(LIST, b"x=1", content_type=kind), 415)


@pytest.mark.parametrize("number", ["99999999999999999999", "-1", "0", "1e5", "٣", "1%00", "1%20"])
def test_s106_a_number_that_can_not_be_is_a_404(rita: User, ticket: Ticket, client_of: ClientOf, number: str) -> None:
    assert client_of(rita).get(f"{LIST}{number}/").status_code == 404
    assert client_of(rita).get(f"/requests/{number}/").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        "id=" + "9" * 41,
        "page=1000000000",
        "page_size=abc",
        "page_size=-1",
        "order=id;select pg_sleep(5)",
        "order=password",
        "cursor=nonsense",
        "cursor=o99999999999999999999999",
        "cursor=o999999999999999999.1",
        "status=%00",
        "status=x",
        "priority=1",
        "q=x",
        "requester__password__startswith=a",
        "org=A&org=B",
    ],
)
def test_s103_s106_a_query_that_can_not_be_is_a_400(rita: User, client_of: ClientOf, query: str) -> None:
    assert is_problem(client_of(rita).get(f"{LIST}?{query}"), 400)


def test_s106_the_page_size_is_clamped(rita: User, client_of: ClientOf) -> None:
    assert client_of(rita).get(LIST, {"page_size": "100000"}).status_code == 200
    assert client_of(rita).get(LIST, {"page_size": "9" * 400}).status_code == 200


# --- Headers, schema -----------------------------------------------------------------------------------------------


def test_answers_run_nothing_and_are_not_kept(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    browser = client_of(rita)
    for answer in (browser.get(LIST), browser.get(f"{LIST}999999/"), post(browser, LIST, {})):
        assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer["Cache-Control"] == "no-store, private"
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in answer


def test_the_schema_names_every_address_and_its_page_runs_our_scripts_only(client_of: ClientOf) -> None:
    schema = Client().get("/api/schema/", headers={"Accept": "application/vnd.oai.openapi+json"}).content.decode()
    for path in ("/api/v1/tickets/", "/api/v1/tickets/{number}/", "/api/v1/tickets/{number}/replies/"):
        assert path in schema
    page = Client().get("/api/docs/")
    assert page.status_code == 200
    assert "script-src 'self'" in page["Content-Security-Policy"]
    assert "<script>" not in page.content.decode()


def test_the_schema_is_sound(_defaults: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", os.devnull)


def test_an_empty_request_by_mail_has_no_fields_to_name(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    Ticket.objects.filter(pk=ticket.pk).update(priority=None, category=None, environment=None)
    body = client_of(rita).get(f"{LIST}{ticket.number}/").json()
    assert (body["priority"], body["category"], body["environment"], body["mobile_device"]) == (None,) * 4


def test_what_is_seen_for_several_reasons_is_listed_once_and_in_order(
    rita: User, tom: User, mona: User, sam: User, client_of: ClientOf
) -> None:
    own = factories.open_ticket(mona, cc=[rita.email])
    hers = factories.open_ticket(rita, cc=[mona.email])
    toms, foreign = factories.open_ticket(tom), factories.open_ticket(sam, cc=[mona.email])
    factories.open_ticket(sam)
    browser, numbers, path = client_of(mona), [], f"{LIST}?page_size=1"
    while path:
        page = browser.get(path).json()
        numbers += [row["number"] for row in page["results"]]
        path = page["next"]
    assert numbers == [foreign.number, toms.number, hers.number, own.number]
    assert set(numbers) == set(Ticket.objects.visible_to(mona).values_list("pk", flat=True))
