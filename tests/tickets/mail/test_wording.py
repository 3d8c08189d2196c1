"""The texts that an admin gives to the mails of the customers."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from tests import factories
from tickets import notifications
from tickets.models import MailWording, OutgoingMail, Ticket
from tickets.notifications.variables import NAMES, fault_of, fill

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
PARTNER = "partner@consulting.example"
ADD = "/admin/tickets/mailwording/add/"
PREVIEW = "/admin/tickets/mailwording/preview/"
ClientOf = Callable[[User], Client]

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin(ada: User, client_of: ClientOf) -> Client:
    return client_of(ada)


def word(kind: str = "created", **texts: str) -> MailWording:
    return MailWording.objects.create(kind=kind, updated_at=AT, **texts)


def mail_of(requester: User, **fields: object) -> OutgoingMail:
    factories.open_ticket(requester, at=AT, cc=[PARTNER], **fields)
    notifications.notify(now=AT)
    return OutgoingMail.objects.filter(kind="created", to_email=requester.email).order_by("-pk")[0]


def test_an_admins_texts_take_the_place_of_ours(rita: User, bo: User) -> None:
    word(lead="Hello {{requester_name}},\n{{ organization }} wrote about {{subject}}.", closing="{{what_next}} Bye.")
    mail = mail_of(rita)
    assert "Hello Rita,\nNorthwind wrote about Users are logged out.\n" in mail.text
    assert "Hello Rita,<br>Northwind wrote about Users are logged out.</p>" in mail.html
    for part in (mail.text, mail.html):
        assert "We have your request" not in part
        assert "First reply by Mon 23 Nov 2026, 14:00 CET (4 business hours). Bye." in part


def test_an_empty_text_is_the_products_own(rita: User, bo: User) -> None:
    word(lead="", closing="")
    assert "We have your request and will answer it." in mail_of(rita).text


def test_every_name_has_a_value(rita: User, bo: User) -> None:
    word(lead=" | ".join(f"{{{{{name}}}}}" for name in NAMES))
    said = mail_of(rita).text.partition("\n\n")[2].partition("\n")[0].split(" | ")
    number = Ticket.objects.get().number
    assert said[:6] == [str(number), "Users are logged out", "Rita", "Mattermost Support", "Northwind", "Normal"]
    assert said[6:] == [
        "New",
        "Mattermost",
        "Mattermost",
        f"http://testserver/requests/{number}/",
        "We have your request and will answer it.",
        "First reply by Mon 23 Nov 2026, 14:00 CET (4 business hours).",
    ]


def test_a_cc_without_an_account_gets_no_link(rita: User, bo: User) -> None:
    word(lead="See {{portal_link}}")
    mail_of(rita)
    mail = OutgoingMail.objects.get(to_email=PARTNER)
    assert "See support@desk.example" in mail.text
    assert "http://testserver" not in mail.text + mail.html


@pytest.mark.parametrize(
    "typed",
    ["{{ settings.SECRET_KEY }}", "{{vendor}}", "{% debug %}", "{0.__class__}", "%(x)s", "${7*7}", "<svg onload=x>"],
)
def test_s107_what_a_customer_typed_is_no_template_of_ours(rita: User, bo: User, typed: str) -> None:
    word(lead="About {{subject}}")
    mail = mail_of(rita, subject=typed)
    assert f"About {typed}\n" in mail.text
    assert "<svg" not in mail.html


def test_s107_a_text_in_the_table_is_no_template_either(rita: User, bo: User) -> None:
    word(lead="{{ settings.SECRET_KEY }} {% debug %} <b>bold</b>")
    mail = mail_of(rita)
    assert "{{ settings.SECRET_KEY }} {% debug %} <b>bold</b>" in mail.text
    assert "<b>bold" not in mail.html


@pytest.mark.parametrize(
    "text", ["{{nobody}}", "{{ settings.X }}", "{% if x %}", "{subject}", "{{subject}", "{{{subject}}}", "}", "{{}}"]
)
def test_what_is_no_variable_is_refused(text: str) -> None:
    assert "Allowed are {{ticket_number}}, {{subject}}," in fault_of(text)


def test_values_are_put_in_once() -> None:
    assert fill("{{subject}}{{ vendor }}", {"subject": "{{vendor}}", "vendor": "V"}) == "{{vendor}}V"
    assert fault_of("Dear {{requester_name}}, {{ what_next }}") == ""


# --- Django admin --------------------------------------------------------------------------------------------------


def test_an_admin_writes_a_text_and_the_log_says_so(admin: Client, ada: User) -> None:
    assert admin.get(ADD).status_code == 200
    answer = admin.post(ADD, {"kind": "created", "lead": "Hello {{requester_name}}", "closing": ""})
    assert answer.status_code == 302
    row = MailWording.objects.get()
    assert row.lead == "Hello {{requester_name}}"
    page = admin.get(f"/admin/tickets/mailwording/{row.pk}/change/").content.decode()
    assert 'placeholder="We have your request and will answer it."' in page
    assert "{{agent_name}}" in page
    admin.post(f"/admin/tickets/mailwording/{row.pk}/change/", {"lead": "", "closing": "Bye"})
    assert MailWording.objects.get().closing == "Bye"
    assert [entry.user for entry in LogEntry.objects.all()] == [ada, ada]
    assert 'value="created"' not in admin.get(ADD).content.decode()


def test_a_bad_variable_is_told_beside_its_field_and_nothing_typed_is_lost(admin: Client) -> None:
    answer = admin.post(ADD, {"kind": "created", "lead": "Hi {{nobody}}", "closing": "Bye {"})
    page = answer.content.decode()
    assert answer.context["adminform"].errors.keys() == {"lead", "closing"}
    assert "{{nobody}} is no variable. Allowed are {{ticket_number}}" in page
    assert "Hi {{nobody}}</textarea>" in page
    assert not MailWording.objects.exists()


@pytest.mark.parametrize("kind", ["created", "asked", "solved", "closed", "reminded", "gave_up_waiting", "replied"])
def test_a_preview_shows_both_parts_and_saves_nothing(admin: Client, kind: str) -> None:
    answer = admin.post(PREVIEW, {"kind": kind, "lead": "About {{subject}} & more", "closing": ""})
    page = answer.content.decode()
    assert "About Users are logged out &amp; more\n" in page  # the text
    assert "About Users are logged out &amp;amp; more&lt;/p&gt;" in page  # the HTML, in its frame
    assert "<iframe sandbox srcdoc=" in page
    assert "style-src 'self' 'unsafe-inline'" in answer["Content-Security-Policy"]
    assert not MailWording.objects.exists()


def test_a_preview_is_about_a_real_request_where_there_is_one(admin: Client, rita: User, bo: User) -> None:
    ticket = factories.open_ticket(rita, at=AT, subject='"><script>alert(1)</script>')
    word(lead="Saved")
    page = admin.post(f"{PREVIEW}?kind=created", {"lead": "Number {{ticket_number}}", "closing": ""}).content.decode()
    assert f"Number {ticket.number}\n" in page
    assert "<script>alert" not in page
    assert "Server Issues" in page


def test_a_preview_of_a_bad_text_says_what_is_wrong(admin: Client) -> None:
    answer = admin.post(PREVIEW, {"kind": "created", "lead": "{{nobody}}", "closing": ""})
    assert answer.status_code == 400
    assert "{{nobody}} is no variable." in answer.content.decode()
    assert admin.post(PREVIEW, {"kind": "staff_new"}).status_code == 400
    assert admin.get(PREVIEW).status_code == 405


def test_only_admins_write_them(bo: User, lea: User, client_of: ClientOf) -> None:
    for person in (bo, lea):
        assert client_of(person).get(ADD).status_code != 200
        assert client_of(person).post(PREVIEW, {"kind": "created"}).status_code != 200


def test_the_texts_cost_a_query_at_most(rita: User, bo: User, settings: object) -> None:
    def cost() -> int:
        factories.open_ticket(rita, at=AT)
        with CaptureQueriesContext(connection) as queries:
            notifications.notify(now=AT)
        return sum("mailwording" in query["sql"] for query in queries)

    settings.LISTS_SECONDS = 60  # type: ignore[attr-defined]
    assert cost() <= 1
    assert cost() == 0
