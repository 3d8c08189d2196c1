"""Mail by a provider's webhook: posts in the provider's own shape, checked by django-anymail."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from supportdesk import checks
from tests.at_once import at_once
from tests.tickets.mail.raw import raw, verdict
from tests.tickets.mail.test_store import keep
from tickets.models import IncomingMail

pytestmark = pytest.mark.django_db
KEY, SECRET = "signing-key", "mail:a-long-password"
SIGNED_IN = {"HTTP_AUTHORIZATION": f"Basic {base64.b64encode(SECRET.encode()).decode()}"}
MAILGUN, POSTMARK = "/anymail/mailgun/inbound_mime/", "/anymail/postmark/inbound/"


@pytest.fixture
def mailgun(settings: Any) -> None:
    settings.MAIL_PROVIDER = "mailgun"
    settings.ANYMAIL = {"MAILGUN_API_KEY": "key", "MAILGUN_WEBHOOK_SIGNING_KEY": KEY}


@pytest.fixture
def postmark(settings: Any) -> None:
    settings.MAIL_PROVIDER, settings.MAIL_PROVIDER_AUTH_SERVER = "postmark", "mx.provider.example"
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "token", "WEBHOOK_SECRET": SECRET}


def form_of(message: bytes, *, key: str = KEY, to: str = "support@desk.example") -> tuple[bytes, str]:
    """What Mailgun posts for a route that forwards to an address with "mime" in it, signed; and its content type."""
    token, timestamp = "0123456789", str(int(datetime.now(UTC).timestamp()))
    signature = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    fields = {
        "recipient": to.encode(),
        "sender": b"rita@northwind.example",
        "timestamp": timestamp.encode(),
        "token": token.encode(),
        "signature": signature.encode(),
        "body-mime": message,
    }
    parts = [
        b'--limit\r\nContent-Disposition: form-data; name="' + name.encode() + b'"\r\n\r\n' + value + b"\r\n"
        for name, value in fields.items()
    ]
    return b"".join([*parts, b"--limit--\r\n"]), "multipart/form-data; boundary=limit"


def post(message: bytes, **more: str) -> Any:
    body, content_type = form_of(message, **more)
    return Client(enforce_csrf_checks=True).post(MAILGUN, body, content_type=content_type)


def post_json(event: dict[str, Any], path: str = POSTMARK, **headers: str) -> Any:
    return Client().post(path, json.dumps(event), content_type="application/json", **(headers or SIGNED_IN))


def only() -> IncomingMail:
    return IncomingMail.objects.get()


@pytest.mark.usefixtures("mailgun")
def test_a_signed_post_is_stored_byte_by_byte() -> None:
    message = raw(b"caf\xe9\0\r\n" + b"x" * 3_000_000 + b"\r\n")
    assert post(message, to="support+7-x@desk.example").status_code == 200
    assert only().file.read() == message
    assert (only().door, only().envelope_from) == ("webhook", "rita@northwind.example")
    assert only().envelope_to == ["support+7-x@desk.example", "support@desk.example"]


@pytest.mark.usefixtures("mailgun")
def test_s085_without_the_right_signature_nothing_is_stored(caplog: pytest.LogCaptureFixture) -> None:
    assert post(raw(), key="another").status_code == 403
    assert Client().post(MAILGUN, {"body-mime": "x"}).status_code == 403
    assert Client().post(MAILGUN, "{", content_type="application/json").status_code == 403
    assert Client().post(MAILGUN, b"x", content_type="multipart/form-data").status_code == 400
    assert Client().get(MAILGUN).status_code == 405
    assert not IncomingMail.objects.exists()
    assert KEY not in caplog.text
    assert "Nobody can log in" not in caplog.text


@pytest.mark.usefixtures("mailgun")
def test_the_same_post_again_is_taken_and_is_the_same_row() -> None:
    assert [post(raw()).status_code for _ in range(3)] == [200, 200, 200]
    assert IncomingMail.objects.count() == 1


@pytest.mark.usefixtures("mailgun")
def test_a_form_in_percent_signs_is_read_too() -> None:
    body, _ = form_of(b"")
    fields = [part.split(b'"')[1:3] for part in body.split(b"--limit")[1:-2]]
    pairs = [name + b"=" + value.strip() for name, value in fields]
    pairs.append(b"body-mime=From:+rita@northwind.example%0D%0A%0D%0Acaf%E9")
    assert Client().post(MAILGUN, b"&".join(pairs), content_type="application/x-www-form-urlencoded").status_code == 200
    assert only().file.read() == b"From: rita@northwind.example\r\n\r\ncaf\xe9"


@pytest.mark.usefixtures("mailgun")
def test_what_cant_be_stored_is_to_be_posted_again() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE tickets_incomingmail RENAME TO away")
        try:
            connection.savepoint_commit(connection.savepoint())
            point = connection.savepoint()
            assert post(raw()).status_code == 503
            connection.savepoint_rollback(point)
        finally:
            cursor.execute("ALTER TABLE away RENAME TO tickets_incomingmail")
    assert post(raw()).status_code == 200


@pytest.mark.usefixtures("mailgun")
def test_a_message_larger_than_any_that_is_taken_is_413(settings: Any) -> None:
    settings.MAIL_BODY_MAX_BYTES = 1000
    assert post(raw("x" * 1000)).status_code == 413


@pytest.mark.usefixtures("postmark")
def test_the_original_is_kept_where_the_provider_posts_it() -> None:
    message = raw(above=verdict("mx.provider.example"))
    event = {"RawEmail": message.decode(), "OriginalRecipient": "support+9-x@desk.example", "MessageID": "1"}
    assert post_json(event).status_code == 200
    assert only().file.read() == message
    assert only().verdict == "mx.provider.example; dmarc=pass header.from=northwind.example"


@pytest.mark.usefixtures("postmark")
def test_a_message_of_fields_is_put_together() -> None:
    event = {
        "FromFull": {"Email": "rita@northwind.example", "Name": "Rita"},
        "ToFull": [{"Email": "support@desk.example", "Name": ""}],
        "Subject": "Grüße",
        "TextBody": "Ein Gruß",
        "HtmlBody": "<p>Ein Gruß</p>",
        "Headers": [
            {"Name": "Return-Path", "Value": "<rita@northwind.example>"},
            {"Name": "Authentication-Results", "Value": "mx.evil.example; dmarc=pass"},
        ],
        "Attachments": [{"Name": "a.txt", "ContentType": "text/plain", "Content": "aGVsbG8="}],
    }
    assert [post_json(event).status_code for _ in range(2)] == [200, 200]
    kept = message_from_bytes(only().file.read(), policy=policy.default)
    assert [part.get_content().strip() for part in kept.walk() if not part.is_multipart()] == [
        "Ein Gruß",
        "<p>Ein Gruß</p>",
        "hello",
    ]
    assert (only().verdict, only().envelope_to) == ("", ["support@desk.example"])


@pytest.mark.usefixtures("postmark")
def test_the_password_is_asked_for() -> None:
    assert post_json({"RawEmail": raw().decode()}, HTTP_AUTHORIZATION="Basic eDp5").status_code == 403
    assert not IncomingMail.objects.exists()
    assert post_json({"RawEmail": raw().decode()}, HTTP_X_NONE="").status_code == 403


def test_no_other_provider_is_there(settings: Any, postmark: None) -> None:
    event = {"RawEmail": raw().decode()}
    assert post_json(event, path="/anymail/sparkpost/inbound/").status_code == 404
    assert post_json(event, path="/anymail/postmark/nothing/").status_code == 404
    settings.ANYMAIL = {"POSTMARK_SERVER_TOKEN": "token"}
    assert post_json(event).status_code == 404
    settings.MAIL_PROVIDER = ""
    assert post_json(event).status_code == 404


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("mailgun")
def test_s022_posted_twice_and_fetched_at_once_is_one_row() -> None:
    results = at_once(
        lambda: post(raw()).status_code, lambda: post(raw()).status_code, lambda: keep(raw(), door="imap")
    )
    assert results[:2] == [200, 200]
    assert isinstance(results[2], IncomingMail)
    assert IncomingMail.objects.count() == 1


def test_half_a_configuration_stops_the_desk(settings: Any) -> None:
    def found() -> set[str]:
        return {str(problem.id) for problem in [*checks.mail_provider_is_whole(None), *checks.relays_are_known(None)]}

    assert found() == set()
    settings.MAIL_PROVIDER, settings.ANYMAIL = "mailjet", {"MAILJET_API_KEY": "x"}
    assert found() == {"desk.E040", "desk.E041", "desk.W040"}
    settings.ANYMAIL = {"MAILJET_API_KEY": "x", "MAILJET_SECRET_KEY": "y", "WEBHOOK_SECRET": "word"}
    assert found() == {"desk.E042", "desk.W040"}
    settings.MAIL_PROVIDER = ""
    settings.MAIL_AUTH_SERVER = ""
    assert found() == {"desk.E044"}
