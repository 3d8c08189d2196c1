"""Files: stored at once, handed out to who sees their message, never opened in our origin."""

import logging
import struct
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.test import Client

from accounts.models import Membership, User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.forms import PNG, file, without_tokens
from tickets import actions, pictures
from tickets.models import Attachment, Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'
HTML = b"<!doctype html><script>alert(1)</script>"
PDF = b"%PDF-1.7\n1 0 obj\n<< /OpenAction << /S /JavaScript /JS (app.alert(1)) >> >>\n"


def upload(browser: Client, name: str = "server.log", content: bytes = b"a line\n") -> Attachment:
    answer = browser.post("/attachments/", {"file": file(name, content)})
    assert answer.status_code == 201, answer.content
    return Attachment.objects.get(pk=answer.json()["id"])


def sent(browser: Client, ticket: Ticket, name: str = "server.log", content: bytes = b"a line\n") -> Attachment:
    """A file that was sent with a reply."""
    stored = upload(browser, name, content)
    browser.post(f"/requests/{ticket.number}/reply/", {"body": "See the file", "uploads": [str(stored.pk)]})
    stored.refresh_from_db()
    assert stored.message_id is not None
    return stored


def body(answer: object) -> bytes:
    return b"".join(answer.streaming_content)  # type: ignore[attr-defined]


def png(width: int, height: int, *, text: bytes = b"") -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + (chunk(b"zTXt", text) if text else b"") + chunk(b"IEND", b"")


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita)


def test_an_upload_is_answered_with_what_the_form_needs(rita: User, client_of: ClientOf) -> None:
    answer = client_of(rita).post("/attachments/", {"file": file("shot.png", PNG)})
    stored = Attachment.objects.get()
    assert answer.status_code == 201
    assert answer.json() == {
        "id": str(stored.pk),
        "name": "shot.png",
        "size": len(PNG),
        "is_image": True,
        "discard_url": f"/attachments/{stored.pk}/discard/",
    }


def test_an_upload_is_its_owners_alone_until_it_is_sent(rita: User, tom: User, ann: User, client_of: ClientOf) -> None:
    stored = upload(client_of(rita))
    assert client_of(rita).get(f"/attachments/{stored.pk}/").status_code == 200
    for other in (tom, ann):
        assert client_of(other).get(f"/attachments/{stored.pk}/").status_code == 404
        assert client_of(other).post(f"/attachments/{stored.pk}/discard/").status_code == 404
    assert client_of(tom).post("/requests/new/", {"uploads": [str(stored.pk)]}).status_code == 400


def test_an_upload_can_be_thrown_away_and_its_bytes_go_too(
    rita: User, client_of: ClientOf, django_capture_on_commit_callbacks: Callable[..., object]
) -> None:
    stored = upload(client_of(rita))
    path = Path(stored.file.path)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[attr-defined]
        assert client_of(rita).post(f"/attachments/{stored.pk}/discard/").status_code == 204
    assert not Attachment.objects.exists()
    assert not path.exists()
    assert client_of(rita).post(f"/attachments/{stored.pk}/discard/").status_code == 404


def test_what_was_sent_stays(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    stored = sent(client_of(rita), ticket)
    answer = client_of(rita).post(f"/attachments/{stored.pk}/discard/")
    assert answer.status_code == 403
    assert "stays with its message" in answer.json()["detail"]


@pytest.mark.parametrize("path", ["/attachments/", "/markdown/preview/"])
def test_nobody_uploads_or_previews_without_being_signed_in(_defaults: None, path: str) -> None:
    assert Client().post(path, {"file": file(), "text": "x"}).status_code in {302, 401}
    assert not Attachment.objects.exists()


def test_an_upload_needs_the_csrf_token(rita: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(rita)
    assert browser.post("/attachments/", {"file": file()}).status_code == 403


def test_the_file_comes_back_as_it_went_with_its_name(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    stored = sent(client_of(rita), ticket, "Übersicht „Q3“.log", b"\x00\xff bytes")
    answer = client_of(rita).get(f"/attachments/{stored.pk}/")
    assert body(answer) == b"\x00\xff bytes"
    assert answer["Content-Disposition"].startswith("attachment; filename*=utf-8''%C3%9Cbersicht")


def test_a_message_without_its_file_on_disk_is_a_404(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    stored = sent(client_of(rita), ticket)
    Path(stored.file.path).unlink()
    assert client_of(rita).get(f"/attachments/{stored.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.svg", SVG),
        ("x.html", HTML),
        ("x.xhtml", b'<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>'),
        ("x.xml", b'<?xml version="1.0"?><?xml-stylesheet type="text/xsl" href="#x"?><a/>'),
        ("x.mht", b"MIME-Version: 1.0\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script>"),
        ("x.pdf", PDF),
        ("x.png", HTML),
        ("x.png.html", PNG),
    ],
)
def test_s029_no_upload_is_ever_opened_in_our_origin(
    rita: User, ann: User, ticket: Ticket, client_of: ClientOf, name: str, content: bytes
) -> None:
    stored = sent(client_of(rita), ticket, name, content)
    answer = client_of(ann).get(f"/attachments/{stored.pk}/")
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["Content-Type"] in {"application/octet-stream", "application/pdf", "image/png"}
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert body(answer) == content
    preview = client_of(ann).get(f"/attachments/{stored.pk}/preview/")
    assert preview.status_code == (200 if content == PNG else 404)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        (".htaccess", "htaccess"),
        ("\u200b.htaccess", "htaccess"),
        ("shell.php", "shell.php"),
        ("x.php.", "x.php"),
        ("web.config", "web.config"),
        ("..\\..\\evil.txt", "evil.txt"),
        ("C:\\temp\\evil.txt", "evil.txt"),
        ("CON", "CON"),
        ("a" * 4000 + ".log", None),
        ("a\r\nSet-Cookie: x=1.txt", "a  Set-Cookie: x=1.txt"),
    ],
)
def test_s030_a_name_is_a_label_and_the_file_lies_under_a_random_key(
    rita: User, client_of: ClientOf, name: str, label: str | None
) -> None:
    stored = actions.upload(rita, file=file("x", b"bytes").file, name=name, at=clock.now())
    if label is not None:
        assert stored.name == label
    assert len(stored.name.encode()) <= 255
    assert len(stored.file.name) == 41
    assert name.strip("./\\") not in stored.file.name
    answer = client_of(rita).get(f"/attachments/{stored.pk}/")
    assert body(answer) == b"bytes"
    assert "\n" not in answer["Content-Disposition"]


@pytest.mark.parametrize("prefix", ["/media/", "/attachments/", "/static/", "/var/attachments/", "/static/../"])
def test_s030_s032_no_storage_path_is_an_address(rita: User, client_of: ClientOf, prefix: str) -> None:
    stored = upload(client_of(rita))
    assert client_of(rita).get(f"{prefix}{stored.file.name}").status_code == 404
    assert Client().get(f"{prefix}{stored.file.name}").status_code == 404
    assert Path(stored.file.path).is_relative_to(django_settings.ATTACHMENT_DIR)
    assert Path(stored.file.path).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("kind", ["", "preview/"])
def test_s031_a_stranger_gets_the_404_of_a_random_id_and_leaves_a_trace(
    rita: User, sam: User, ticket: Ticket, client_of: ClientOf, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    stored = sent(client_of(rita), ticket, "shot.png", PNG)
    stranger = client_of(sam)
    with caplog.at_level(logging.WARNING, "security"):
        theirs = stranger.get(f"/attachments/{stored.pk}/{kind}")
    assert "authz.denied" in caplog.text
    caplog.clear()
    unknown = stranger.get(f"/attachments/{uuid.uuid4()}/{kind}")
    assert "authz.denied" not in caplog.text
    assert (theirs.status_code, unknown.status_code) == (404, 404)
    assert without_tokens(theirs) == without_tokens(unknown)


def test_s031_each_download_asks_again_who_may(rita: User, tom: User, ticket: Ticket, client_of: ClientOf) -> None:
    stored = sent(client_of(rita), ticket)
    actions.add_cc(ticket, by=rita, addresses=[tom.email], at=clock.now())
    assert client_of(tom).get(f"/attachments/{stored.pk}/").status_code == 200
    actions.remove_cc(ticket.participants.get(), by=rita, at=clock.now())
    assert client_of(tom).get(f"/attachments/{stored.pk}/").status_code == 404
    browser = client_of(rita)
    Membership.objects.filter(user=rita).update(ended_at=clock.now())
    assert browser.get(f"/attachments/{stored.pk}/").status_code == 404


def test_s032_files_are_never_cached_and_never_anonymous(rita: User, ticket: Ticket, client_of: ClientOf) -> None:
    stored = sent(client_of(rita), ticket, "shot.png", PNG)
    for path in (f"/attachments/{stored.pk}/", f"/attachments/{stored.pk}/preview/"):
        assert client_of(rita).get(path)["Cache-Control"] == "private, no-store"
        assert Client().get(path).status_code == 302


def test_s050_the_file_of_a_note_is_not_there_for_customers(
    rita: User, mona: User, bo: User, ticket: Ticket, client_of: ClientOf
) -> None:
    stored = actions.upload(bo, file=file("trace.log").file, name="trace.log", at=clock.now())
    actions.add_note(ticket, by=bo, body="Secret", uploads=[stored.pk], at=clock.now())
    assert client_of(bo).get(f"/attachments/{stored.pk}/").status_code == 200
    for customer in (rita, mona):
        assert client_of(customer).get(f"/attachments/{stored.pk}/").status_code == 404
        assert "trace.log" not in client_of(customer).get(f"/requests/{ticket.number}/").content.decode()


@pytest.mark.parametrize("name", ["empty.log", "empty.png", ""])
def test_s033_an_empty_file_is_refused_in_a_sentence(rita: User, client_of: ClientOf, name: str) -> None:
    answer = client_of(rita).post("/attachments/", {"file": file(name or "x", b"")})
    assert answer.status_code == 400
    assert answer.json()["detail"].endswith("is empty.")


def test_s033_a_file_above_the_limit_is_refused_in_a_sentence(
    rita: User, client_of: ClientOf, settings: object
) -> None:
    settings.ATTACHMENT_MAX_BYTES = 1024 * 1024  # type: ignore[attr-defined]
    answer = client_of(rita).post("/attachments/", {"file": file("big.log", b"x" * (1024 * 1024 + 1))})
    assert answer.status_code == 400
    assert answer.json()["detail"] == "big.log is too large: at most 1 MB."


def test_s033_a_body_above_the_limit_is_not_even_read(rita: User, client_of: ClientOf) -> None:
    answer = client_of(rita).post(
        "/attachments/",
        b"",
        content_type="multipart/form-data; boundary=x",
        headers={"Content-Length": str(django_settings.BODY_MAX_BYTES + 1)},
    )
    assert answer.status_code == 413


@pytest.mark.parametrize("files", [[], [b"1", b"2"], [b"1", b"2", b"3"]])
def test_an_upload_is_one_file(rita: User, client_of: ClientOf, files: list[bytes]) -> None:
    parts = [file(f"{number}.log", content) for number, content in enumerate(files)]
    answer = client_of(rita).post("/attachments/", {"file": parts} if parts else {"text": "x"})
    assert (answer.status_code, answer.json()) == (400, {"detail": "Send one file at a time."})


@pytest.mark.parametrize(
    "content",
    [
        png(50_000, 50_000),
        png(1, 100_000),
        png(0, 10),
        b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\0" * 200,
        b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xff" * 6,
        b"\xff\xd8\xff\xe0" + b"\0" * 100,
        b"SIMPLE  =                    T" + b" " * 200,
        b"8BPS\0\1" + b"\0" * 200,
        b"PK\x03\x04" + b"\0" * 200,
    ],
)
def test_s034_what_could_burst_a_decoder_has_no_preview_but_can_be_saved(
    rita: User, client_of: ClientOf, content: bytes
) -> None:
    stored = upload(client_of(rita), "shot.png", content)
    assert not stored.is_image
    assert client_of(rita).get(f"/attachments/{stored.pk}/preview/").status_code == 404
    assert body(client_of(rita).get(f"/attachments/{stored.pk}/")) == content


def test_s034_a_picture_above_5_mb_has_no_preview(rita: User, client_of: ClientOf) -> None:
    stored = upload(client_of(rita), "shot.png", png(10, 10, text=b"\0" * pictures.MOST_BYTES))
    assert not stored.is_image


@pytest.mark.parametrize(
    ("head", "size"),
    [
        (png(640, 480), (640, 480)),
        (b"GIF89a" + struct.pack("<HH", 12, 34), (12, 34)),
        (b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x7f\x02\x00\xdf\x01\x00", (640, 480)),
        (b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9d\x01\x2a" + struct.pack("<HH", 320, 240), (320, 240)),
        (b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + ((99) | (49 << 14)).to_bytes(4, "little"), (100, 50)),
        (b"\xff\xd8\xff\xe0\0\x04ab\xff\xff\xc2\0\x11\x08" + struct.pack(">HH", 480, 640) + b"\x03", (640, 480)),
        (b"\x89PNG\r\n\x1a\n", None),
        (b"\xff\xd8\xff\xe0\0\x00", None),
        (b"", None),
    ],
)
def test_the_size_of_a_picture_is_read_from_its_header(head: bytes, size: tuple[int, int] | None) -> None:
    assert pictures.size_of(head) == size


@pytest.mark.parametrize("name", ['"><svg onload=alert(1)>.png', "<script>alert(1)</script>.log", "' onclick='x.log"])
def test_s043_a_file_name_is_escaped_wherever_it_stands(
    rita: User, ticket: Ticket, client_of: ClientOf, name: str
) -> None:
    stored = actions.upload(rita, file=file("x", PNG).file, name=name, at=clock.now())
    actions.reply(ticket, by=rita, body="See", uploads=[stored.pk], at=clock.now())
    page = client_of(rita).get(f"/requests/{ticket.number}/").content.decode()
    assert "<svg onload" not in page
    assert "<script>alert" not in page
    assert "' onclick='x" not in page
