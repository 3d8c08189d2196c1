"""What is read from raw messages: the shapes that mail programs give them, and what is made to break a reader."""

import json
import time
import tracemalloc
from pathlib import Path

import pytest

from tests.tickets.mail.messages import FIXTURES, NAMES, attached, fixture, mail, nested
from tickets.mail.parse import parse, with_images
from tickets.mail.parsed import Parsed
from tickets.mail.reply_line import REPLY_LINE

EXPECTED = json.loads((FIXTURES / "expected.json").read_text())
SUNGLASSES, FAMILY = "😎", "👩‍👩‍👧"


def summary(parsed: Parsed) -> dict[str, object]:
    """A message as `expected.json` tells it: what isn't there is left out, long texts are cut."""
    told = {
        "sender": f"{parsed.sender.name} <{parsed.sender.email}>" if parsed.sender else "",
        "subject": parsed.subject,
        "text": parsed.text[:300],
        "html": parsed.html[:300],
        "quoted": parsed.quoted_text[:80],
        "files": [f"{part.name}, {part.size}{', inline' if part.is_inline else ''}" for part in parsed.parts],
        "references": list(parsed.references),
        "automatic": parsed.automatic,
        "remarks": list(parsed.remarks),
        "report": parsed.report
        and [getattr(parsed.report, n) for n in ("kind", "recipient", "is_permanent", "status", "original_message_id")],
    }
    return {name: value for name, value in told.items() if value}


@pytest.mark.parametrize("name", NAMES)
def test_a_fixture_is_read_as_expected(name: str, tmp_path: Path) -> None:
    assert summary(parse(fixture(name), tmp_path)) == EXPECTED[name]


def test_every_expectation_has_its_fixture() -> None:
    assert len(NAMES) >= 44
    assert sorted(EXPECTED) == NAMES


# --- Headers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "email", "name"),
    [
        ("Rita <RITA@Northwind.Example>", "rita@northwind.example", "Rita"),
        ('"Bell, Rita" <rita@northwind.example>', "rita@northwind.example", "Bell, Rita"),
        ("Bell, Rita <rita@northwind.example>", "rita@northwind.example", "Rita"),
        ('"agent@desk.example" <rita@northwind.example>', "rita@northwind.example", "agent@desk.example"),
        ("=?utf-8?Q?Ren=C3=A9e=2C_x?= <r@northwind.example>", "r@northwind.example", "Renée, x"),
        ("rita@northwind.example (Rita (at) work)", "rita@northwind.example", "Rita at work"),
    ],
)
def test_a_sender_is_read(written: str, email: str, name: str, tmp_path: Path) -> None:
    sender = parse(mail(From=written), tmp_path).sender
    assert sender is not None
    assert (sender.email, sender.name) == (email, name)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "Rita",
        "rita@northwind.example, agent@desk.example",
        "Rita <rita@northwind.example> <agent@desk.example>",
        "rita@northwind.example <agent@desk.example>, x@y.example",
        "agent@desk.example)bob@evil.example",
        "rita@nörthwind.example",
        "rita@northwind.example@evil.example",
        "ſupport@desk.example",
    ],
)
def test_a_sender_that_isnt_one_address_is_none(written: str, tmp_path: Path) -> None:
    assert parse(mail(From=written), tmp_path).sender is None


def test_references_are_nearest_first_and_at_most_fifty(tmp_path: Path) -> None:
    chain = " ".join(f"<{n}@x.example>" for n in range(100))
    parsed = parse(mail(In_Reply_To="<99@x.example>", References=chain), tmp_path)
    assert parsed.references[:3] == ("<99@x.example>", "<98@x.example>", "<97@x.example>")
    assert len(parsed.references) == 50


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Auto-Submitted", "auto-generated"),
        ("Auto-Submitted", "auto-replied; owner-email=x"),
        ("Precedence", "bulk"),
        ("Precedence", "junk"),
        ("Precedence", "auto_reply"),
        ("X-Auto-Response-Suppress", "All"),
        ("X-Autoreply", "yes"),
        ("X-Autorespond", "yes"),
        ("X-Loop", "rita"),
        ("List-Id", "<users.lists.example>"),
        ("List-Unsubscribe", "<mailto:x@lists.example>"),
        ("Return-Path", "<>"),
        ("From", "MAILER-DAEMON@mx.example"),
        ("From", "No-Reply@shop.example"),
        ("Content-Type", "multipart/report; boundary=x"),
    ],
)
def test_s011_a_machines_mail_is_told_by_the_header_that_says_so(name: str, value: str, tmp_path: Path) -> None:
    found = parse(mail(**{name: value}), tmp_path).automatic
    assert found.startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("name", "value"), [("Auto-Submitted", "no"), ("Precedence", "first-class"), ("Return-Path", "<rita@x.example>")]
)
def test_s011_a_persons_mail_is_not_automatic(name: str, value: str, tmp_path: Path) -> None:
    assert parse(mail(**{name: value}), tmp_path).automatic == ""


# --- Made to break a reader ----------------------------------------------------------------------------------------


def test_s019_nul_vanishes_from_every_text(tmp_path: Path) -> None:
    parsed = parse(fixture("nuls"), tmp_path)
    assert (parsed.subject, parsed.text, parsed.parts[0].name) == ("Null", "Text here", "ab.txt")
    assert parsed.sender is not None
    assert parsed.sender.name == "Rita"
    html = parse(mail(b"<p>a\x00b&#0;</p>", Content_Type="text/html"), tmp_path)
    assert "\x00" not in html.text + html.html


@pytest.mark.parametrize(
    "charset",
    ["x-unknown", "utf-7", "rot13", "zip", "bz2", "hex", "base64", "idna", "punycode", "uu", "gr\xfc\xdfe", "\ud800"],
)
def test_s020_no_charset_but_the_allowed_is_used(charset: str, tmp_path: Path) -> None:
    head = mail(Content_Type=f"text/plain; charset={charset!s}".encode("utf-8", "replace").decode())
    parsed = parse(head.removesuffix(b"Hello\n") + "Grüße +AGE-\n".encode() + b"\xff", tmp_path)
    assert parsed.text == "Grüße +AGE-\n\ufffd"


def test_s020_a_body_that_doesnt_match_its_charset_keeps_what_does(tmp_path: Path) -> None:
    assert parse(fixture("charset_wrong"), tmp_path).text == "Gr\ufffd\ufffde"


@pytest.mark.parametrize(
    "raw",
    [
        nested(2000),
        attached(500),
        mail(b"--x\n\na\n" * 501, Content_Type="multipart/mixed; boundary=x"),
        mail(b"x" * (40 * 1024 * 1024 + 1)),
    ],
    ids=["levels", "attached", "parts", "size"],
)
def test_s021_over_the_limits_the_headers_are_read(raw: bytes, tmp_path: Path) -> None:
    begun = time.process_time()
    tracemalloc.start()
    parsed = parse(raw, tmp_path)
    _, most_memory = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.process_time() - begun < 2
    assert most_memory < 64 * 1024 * 1024
    assert (parsed.subject, parsed.text, parsed.remarks) == ("Hello", "(message too complex)", ("too_complex",))
    assert parsed.sender is not None


def test_s021_fifty_levels_are_read(tmp_path: Path) -> None:
    assert parse(nested(50), tmp_path).text == "the core"
    assert parse(nested(51), tmp_path).remarks == ("too_complex",)


@pytest.mark.parametrize("opening", ["<div>", "<b>", "<table><tr><td>", "<blockquote type=cite>"])
def test_s021_html_that_nests_without_end_is_read_as_text(opening: str, tmp_path: Path) -> None:
    begun = time.process_time()
    parsed = parse(mail(f"{opening * 20_000}the core".encode(), Content_Type="text/html"), tmp_path)
    assert time.process_time() - begun < 2
    assert "the core" in parsed.text
    assert parsed.html == ""


@pytest.mark.parametrize(
    "line",
    ["On " * 20_000, "From: \n" * 9_000, "> " * 30_000, "Von:Gesendet:" * 4_000, "On a wrote\n" * 5_000, "-" * 60_000],
)
def test_s021_text_made_to_slow_patterns_down_is_split_fast(line: str, tmp_path: Path) -> None:
    begun = time.process_time()
    parse(mail(line.encode()), tmp_path)
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    "value", ["(" * 100_000, '"\\' * 50_000, "<" * 100_000, "a@b.example," * 9_000, "=?a?b?" * 20_000]
)
def test_s021_addresses_made_to_slow_a_reader_down_are_read_fast(value: str, tmp_path: Path) -> None:
    begun = time.process_time()
    parse(mail(From=value, To=value, Subject=value, References=value, Content_Type=value), tmp_path)
    assert time.process_time() - begun < 2


def test_s023_what_is_missing_is_empty(tmp_path: Path) -> None:
    for name in ("no_from_no_date", "zero_bytes", "no_headers"):
        parsed = parse(fixture(name), tmp_path)
        assert parsed.sender is None
        assert parsed.message_id == ""
    assert parse(b"", tmp_path).text == parse(fixture("empty_body"), tmp_path).text == "(no text)"
    assert parse(fixture("eight_bit_headers"), tmp_path).subject == "Straße"


@pytest.mark.parametrize(
    "subject",
    [
        "Hi\n Bcc: x@evil.example",
        "=?utf-8?Q?Hi=0D=0ABcc:_x@evil.example?=",
        "Hi\u2028Bcc: x@evil.example",
        "Hi\x85Bcc: x@evil.example",
    ],
)
def test_s024_a_subject_is_one_line(subject: str, tmp_path: Path) -> None:
    assert parse(mail(Subject=subject), tmp_path).subject == "Hi Bcc: x@evil.example"
    named = parse(
        mail(From=f"{subject.replace(chr(10), '')} <rita@northwind.example>".replace(": x@evil.example", "")), tmp_path
    )
    assert named.sender is None or named.sender.name.splitlines() == [named.sender.name]


@pytest.mark.parametrize(
    ("emoji", "kept"), [(SUNGLASSES, 254), (FAMILY, 254), ("e\u0301", 254), ("🇩🇪", 254), ("👍🏽", 254)]
)
def test_s024_a_long_subject_is_cut_between_graphemes(emoji: str, kept: int, tmp_path: Path) -> None:
    begun = time.process_time()
    subject = parse(mail(Subject="x" * 254 + emoji + "y" * 100_000), tmp_path).subject
    assert subject == "x" * 254 + (emoji if len(emoji) == 1 else "")
    folded = parse(mail(Subject="\n ".join(["word"] * 10_000)), tmp_path).subject
    assert len(folded) <= 255
    assert time.process_time() - begun < 1


def test_s025_a_winmail_is_unpacked_or_kept_as_it_is(tmp_path: Path) -> None:
    parsed = parse(fixture("winmail"), tmp_path)
    assert parsed.text == "The plan is attached."
    assert parsed.parts[0].path.read_bytes() == b"the plan\n"
    broken = parse(fixture("winmail_truncated"), tmp_path)
    assert (broken.text, broken.parts[0].name) == ("See the plan.", "winmail.dat")
    named = parse(fixture("winmail_bad_name"), tmp_path)
    assert named.parts[0].path.parent == tmp_path


def test_s042_nothing_of_html_acts_or_loads(tmp_path: Path) -> None:
    html = parse(fixture("dangerous_html"), tmp_path).html
    for word in ("javascript", "iframe", "form", "style", "meta", "base", "id=", "class=", "data:", "onload", "<img"):
        assert word not in html
    assert 'href="https://ok.example/"' in html


def test_pictures_are_shown_from_where_they_lie(tmp_path: Path) -> None:
    html = parse(fixture("inline_image"), tmp_path).html
    shown = with_images(html, {"pic1@x": "/attachments/7/"})
    assert '<img src="/attachments/7/" alt="screen">' in shown
    assert "cid:" not in shown
    assert "<img" not in with_images(html, {})
    forged = '<img src="/logout/"><img src="https://x.example/p.png"><a href="/logout/">x</a><a href="cid:pic1@x">y</a>'
    assert with_images(forged, {"pic1@x": "/attachments/7/"}).count("logout") == 0


def test_what_stands_below_our_reply_line_is_ours(tmp_path: Path) -> None:
    parsed = parse(mail(f"Thanks!\n\n{REPLY_LINE}\nOur words\n".encode()), tmp_path)
    assert parsed.text == "Thanks!"
    assert parsed.quoted_text.endswith("Our words")


def test_long_html_gives_way_to_text(tmp_path: Path) -> None:
    parsed = parse(mail(b"<p>" + b"word " * 120_000 + b"</p>", Content_Type="text/html"), tmp_path)
    assert parsed.html == ""
    assert parsed.text.startswith("word word")
    assert parsed.remarks == ("text_cut",)
    assert len(parsed.text.encode()) <= 60 * 1024
    assert parsed.parts[-1].name == "message.txt"


@pytest.mark.parametrize(
    ("written", "own"),
    [
        (
            "Point one\nFrom: 10.1\nTo: 10.2\nThat is the upgrade.",
            "Point one\nFrom: 10.1\nTo: 10.2\nThat is the upgrade.",
        ),
        ("Data: 12\nKhartoum is down\n- one\n- two", "Data: 12\nKhartoum is down\n- one\n- two"),
        ("    indented\n\tcode", "    indented\n\tcode"),
        ("> only a quotation", "> only a quotation"),
        ("On Monday it broke. I wrote:\nnothing", "On Monday it broke. I wrote:\nnothing"),
    ],
)
def test_what_only_looks_quoted_stays(written: str, own: str, tmp_path: Path) -> None:
    assert parse(mail(written.encode()), tmp_path).text == own
