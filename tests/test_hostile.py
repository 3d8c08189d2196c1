"""What attackers send to every address: forged forms, impossible numbers, template code, forged log lines."""

import json
import logging
import time
from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from supportdesk.lib.logs import JsonFormatter
from tests import factories
from tests.test_access import Stage, addresses, stage  # noqa: F401 - the stage is a fixture
from tickets.models import Ticket, TicketEvent

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("body", ["form", "json as text/plain", "multipart"])
def test_s076_no_address_takes_a_forged_post(stage: Stage, rita: User, ann: User, ada: User, body: str) -> None:  # noqa: F811
    before = (Ticket.objects.values_list("status", "updated_at").get(pk=stage.ticket.pk), TicketEvent.objects.count())
    content = {
        "form": ("x=1", "application/x-www-form-urlencoded"),
        "json as text/plain": ('{"x": 1}', "text/plain"),
        "multipart": ("--b\r\n\r\n--b--", "multipart/form-data; boundary=b"),
    }[body]
    wrong = []
    for user in (rita, ann, ada):
        client = Client(enforce_csrf_checks=True, raise_request_exception=False)
        client.force_login(user)
        for name, pattern in addresses():
            if name.startswith("admin:") or pattern.pattern.regex.groupindex.keys() & {"key", "uidb36"}:
                continue
            for origin in ({}, {"HTTP_ORIGIN": "null"}, {"HTTP_ORIGIN": "http://testserver.evil.example"}):
                answer = client.post(stage.url(name, pattern), content[0], content_type=content[1], **origin)
                if answer.status_code not in {403, 404, 405, 415}:
                    wrong.append(f"{name} by {user}: {answer.status_code}")
                if any(header.startswith("Access-Control") for header in answer.headers):
                    wrong.append(f"{name}: answers other origins")
    assert not wrong, "\n".join(wrong)
    after = (Ticket.objects.values_list("status", "updated_at").get(pk=stage.ticket.pk), TicketEvent.objects.count())
    assert after == before


NUMBERS = ["99999999999999999999", "-1", "0", "1e5", "٣", "1%00", "1.0", " 1", "0x1", str(2**63), str(2**31)]


@pytest.mark.parametrize("number", NUMBERS)
def test_s106_impossible_numbers_are_404(
    rita: User, ann: User, client_of: Callable[[User], Client], number: str
) -> None:
    factories.open_ticket(rita)
    for user, prefix in (
        (rita, "/requests/"),
        (ann, "/desk/tickets/"),
        (ann, "/desk/pages/"),
        (rita, "/api/v1/tickets/"),
    ):
        browser = client_of(user)
        browser.get(f"{prefix}1000000000/")  # what a worker's first page of a kind costs isn't the number's doing
        started = time.monotonic()
        answer = browser.get(f"{prefix}{number}/")
        assert answer.status_code == 404, f"{prefix}{number}/"
        assert time.monotonic() - started < 1


HOSTILE_QUERIES = [
    "sort=id;select pg_sleep(5)",
    "sort=-organization__plan__name",
    'status="><script>alert(1)</script>',
    "status[]=open&status=nonsense",
    "priority=10000000000000000000000000000000000000000",
    "assignee=%00",
    "organization=' OR 1=1 --",
    "category=-1",
    "after=%F0%9F%98%80",
    "cursor=AAAA",
    "page=1000000000&page_size=100000",
    "view=__class__",
    "q=%00",
    "q=" + "x" * 5000,
]


@pytest.mark.parametrize("query", HOSTILE_QUERIES)
def test_s103_hostile_queries_are_refused_or_ignored(
    rita: User, ann: User, client_of: Callable[[User], Client], query: str
) -> None:
    factories.open_ticket(rita)
    for user, path in ((rita, "/requests/"), (ann, "/desk/"), (ann, "/api/v1/tickets/"), (rita, "/api/v1/tickets/")):
        started = time.monotonic()
        answer = client_of(user).get(f"{path}?{query}")
        assert answer.status_code in {200, 302, 400, 404}, f"{path}?{query}: {answer.status_code}"
        assert time.monotonic() - started < 2
        assert "json" in answer.headers["Content-Type"] or b"<script>alert" not in answer.content


TEMPLATES = ["{{ settings.SECRET_KEY }}", "{% debug %}", "{0.__class__}", "%(x)s", "${7*7}", "{{ 7|add:7 }}"]


@pytest.mark.parametrize("code", TEMPLATES)
def test_s107_template_code_is_printed_as_it_is(
    rita: User, ann: User, client_of: Callable[[User], Client], code: str
) -> None:
    from django.utils.html import escape

    ticket = factories.open_ticket(rita, subject=f"Look {code}", body=f"`{code}`")
    for user, path in ((rita, ticket.get_absolute_url()), (ann, ticket.desk_url)):
        page = client_of(user).get(path).content.decode()
        assert escape(f"Look {code}") in page
        assert f"<code>{escape(code)}</code>" in page


def test_s108_a_log_line_is_one_record_whatever_was_typed() -> None:
    typed = 'x"}\n{"level": "info", "message": "login ok"}\x1b[31m' + "a" * 50_000
    line = JsonFormatter().format(logging.LogRecord("security", logging.INFO, "", 0, "user %s", (typed,), None))
    assert "\n" not in line
    assert "\x1b" not in line
    assert len(line) < 20_000
    assert json.loads(line)["logger"] == "security"
