"""Keeping messages: once each, for good, and what our own last hop said with them."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from tests.at_once import at_once
from tests.tickets.mail.raw import raw, verdict
from tickets.mail.head import digest_of
from tickets.mail.store import store, verdict_of
from tickets.models import IncomingMail, MailState

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
RELAY = "demo-relay"


def keep(message: bytes, *to: str, door: str = "smtp", verdict: str = "") -> IncomingMail:
    recipients = to or ("support@desk.example",)
    return store(
        message, door=door, envelope_from="rita@northwind.example", envelope_to=recipients, verdict=verdict, at=AT
    )


def copies(words: str) -> int:
    """How many files hold these words: tests beside this one keep theirs in the same folder."""
    folder = Path(IncomingMail._meta.get_field("file").storage.location)  # type: ignore[union-attr]
    return sum(words.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def words() -> str:
    """What no other message says."""
    return f"{uuid.uuid4().hex}\r\n"


@pytest.mark.django_db
def test_a_message_is_kept_byte_by_byte_and_waits_to_be_read() -> None:
    message = raw(b"caf\xe9\0 and the rest\r\n")
    row = keep(message, verdict="demo-relay; none")
    row.refresh_from_db()
    assert row.file.read() == message
    assert (row.size, row.state, row.received_at, row.verdict) == (len(message), "waiting", AT, "demo-relay; none")
    assert row.next_attempt_at is not None
    assert "northwind" not in row.file.name


@pytest.mark.django_db
@pytest.mark.parametrize(
    "again",
    [
        lambda words: raw(words, above="Received: from elsewhere by another.example\r\nX-Spam: no\r\n"),
        lambda words: raw(words).replace(b"\r\n", b"\n"),
        lambda words: raw(words) + b"\r\n\r\n",
        lambda words: raw(words, Subject="Nobody can\r\n log in"),
        lambda words: raw(words, above=verdict()),
    ],
    ids=["trace fields", "line ends", "empty lines", "folding", "a verdict"],
)
def test_the_same_message_is_one_row(again: Callable[[str], bytes], words: str) -> None:
    first = keep(raw(words))
    assert keep(again(words), door="imap").pk == first.pk
    assert IncomingMail.objects.count() == 1
    assert copies(words.strip()) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    "other",
    [raw("Since noon.\r\n"), raw(Message_ID="<two@northwind.example>"), raw(From="Tom <tom@northwind.example>")],
    ids=["body", "id", "author"],
)
def test_another_message_is_another_row(other: bytes) -> None:
    assert keep(raw()).pk != keep(other).pk


@pytest.mark.django_db
def test_recipients_of_a_second_transaction_are_added() -> None:
    keep(raw(), "support+1@desk.example")
    row = keep(raw(), "support+2@desk.example", "Support+1@desk.example")
    row.refresh_from_db()
    assert row.envelope_to == ["support+1@desk.example", "support+2@desk.example"]


@pytest.mark.django_db
def test_a_verdict_is_added_while_it_waits_and_never_replaced() -> None:
    keep(raw())
    assert keep(raw(), verdict="demo-relay; dmarc=fail").verdict == "demo-relay; dmarc=fail"
    assert keep(raw(), verdict="demo-relay; dmarc=pass").verdict == "demo-relay; dmarc=fail"
    read = keep(raw("Another.\r\n"))
    IncomingMail.objects.filter(pk=read.pk).update(state=MailState.QUARANTINED, next_attempt_at=None)
    assert keep(raw("Another.\r\n"), verdict="demo-relay; dmarc=pass").verdict == ""


@pytest.mark.django_db(transaction=True)
def test_s022_the_same_message_by_three_doors_at_once_is_one_row(words: str) -> None:
    results = at_once(*(lambda door=door: keep(raw(words), door=door) for door in ("smtp", "webhook", "imap")))
    assert [type(result) for result in results] == [IncomingMail] * 3, results
    assert len({result.pk for result in results}) == 1
    assert IncomingMail.objects.count() == 1
    assert copies(words.strip()) == 1


@pytest.mark.django_db
def test_nothing_is_half_stored_when_the_database_refuses(words: str) -> None:
    with pytest.raises(DatabaseError), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE tickets_incomingmail ADD CONSTRAINT none_today CHECK (size < 0)")
        keep(raw(words))
    assert copies(words.strip()) == 0
    assert keep(raw(words)).pk


@pytest.mark.django_db
def test_nothing_is_stored_when_the_disk_refuses(settings: Any, tmp_path: Path) -> None:
    (tmp_path / "full").write_text("a file where a folder should be")
    storage = {"BACKEND": "django.core.files.storage.FileSystemStorage", "OPTIONS": {"location": tmp_path / "full"}}
    settings.STORAGES = {**settings.STORAGES, "default": storage}
    with pytest.raises(OSError, match="full"):
        keep(raw())
    assert not IncomingMail.objects.exists()


@pytest.mark.django_db
def test_odd_addresses_are_stored_as_text() -> None:
    row = keep(raw(), "support+\udcff\0@desk.example", "support+" + "x" * 400 + "@desk.example")
    row.refresh_from_db()
    assert row.envelope_to[0] == "support+?@desk.example"
    assert len(row.envelope_to[1]) == 320


def test_a_long_message_is_the_same_with_other_line_ends_wherever_they_fall() -> None:
    """It is read in pieces of 256 kB."""
    for shift in range(3):
        text = "x" * (256 * 1024 - 130 + shift) + "\r\n" * 200_000 + "end\r\n\r\n"
        digests = {digest_of(raw(body)) for body in (text, text.replace("\r\n", "\n"), text + "\r\n" * 300_000)}
        assert len(digests) == 1
        assert digest_of(raw(text.replace("end", "\nend"))) not in digests


def test_the_topmost_verdict_counts_if_it_is_ours() -> None:
    ours, forged = (
        verdict(results="dmarc=fail header.from=a.example"),
        verdict(results="dmarc=pass header.from=a.example"),
    )
    assert verdict_of(raw(above=ours + forged), authserv_id=RELAY) == "demo-relay; dmarc=fail header.from=a.example"
    assert verdict_of(raw(above=verdict("mx.evil.example") + forged), authserv_id=RELAY) == ""
    assert verdict_of(raw(above=verdict("demo-relay.evil.example")), authserv_id=RELAY) == ""
    assert verdict_of(raw(above=verdict("(x) demo-relay")), authserv_id=RELAY) == ""
    assert verdict_of(raw(), authserv_id=RELAY) == ""
    assert verdict_of(raw(above=ours), authserv_id="") == ""


def test_fields_that_are_no_verdict_are_none() -> None:
    results = "demo-relay; dmarc=pass header.from=a.example\r\n"
    others = [
        f"ARC-Authentication-Results: i=1; {results}",
        "Received-SPF: pass\r\n",
        f"X-Note: a\rAuthentication-Results: {results}",  # one line to the relay, which took nothing out
        f"Authentication-Results : {results}",
        f"X-Note: a\r\n Authentication-Results: {results}",
    ]
    assert [verdict_of(raw(above=other), authserv_id=RELAY) for other in others] == [""] * len(others)
    assert verdict_of(raw("\r\n" + verdict()), authserv_id=RELAY) == ""


def test_a_long_verdict_keeps_what_decides() -> None:
    passed = "; ".join(f"dkim=pass header.d=list{number}.example" for number in range(40))
    long = verdict_of(raw(above=verdict(results=f"{passed}; dmarc=fail header.from=a.example")), authserv_id=RELAY)
    assert long.startswith("demo-relay; dmarc=fail header.from=a.example; dkim=pass")
    assert 400 < len(long) <= 500
    assert verdict_of(raw(above=verdict(results="dkim=" + "x;" * 400)), authserv_id=RELAY) == ""


def test_a_folded_verdict_is_one_line() -> None:
    folded = "Authentication-Results: demo-relay 1;\r\n\tdmarc=pass\r\n  header.from=a.example\r\n"
    assert verdict_of(raw(above=folded), authserv_id=RELAY) == "demo-relay 1; dmarc=pass header.from=a.example"
