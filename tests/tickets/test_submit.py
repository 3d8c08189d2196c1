"""*Submit a request* in the portal."""

import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from accounts.models import Membership, Organization, User
from tests import factories
from tests.factories import promise
from tests.tickets.forms import PNG, file, request_form
from tickets.models import Attachment, Category, EventKind, MobileDevice, Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
FORM = "/requests/new/"


def test_a_request_with_every_field_is_opened_and_shown(rita: User, client_of: ClientOf) -> None:
    browser = client_of(rita)
    device = MobileDevice.objects.get(name="iPhone")
    form = request_form(
        subject="  Crash on start ",
        priority="1",
        category=Category.objects.get(slug="mobile").pk,
        mobile_version="2.20.1",
        mobile_device=device.pk,
        cc="tom@northwind.example, Ext@Partner.example\nthird@partner.example",
        files=[file(), file("shot.png", PNG)],
    )
    answer = browser.post(FORM, form)
    ticket = Ticket.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/requests/{ticket.number}/")
    assert (ticket.subject, ticket.priority, ticket.status) == ("Crash on start", Priority.URGENT, Status.NEW)
    assert (ticket.mobile_version, ticket.mobile_device, ticket.product_version) == ("2.20.1", device, "10.5.2")
    assert [copy.email for copy in ticket.participants.all()] == [
        "tom@northwind.example",
        "ext@partner.example",
        "third@partner.example",
    ]
    assert [file.name for file in ticket.messages.get().attachments.all()] == ["server.log", "shot.png"]
    assert ticket.events.get().kind == EventKind.CREATED
    page = browser.get(answer["Location"]).content.decode()
    assert f"Request #{ticket.number} was submitted" in page
    assert "Crash on start" in page


def test_only_somebody_with_several_organisations_is_asked_for_one(
    rita: User, fabrikam: Organization, client_of: ClientOf
) -> None:
    assert 'name="organization"' not in client_of(rita).get(FORM).content.decode()
    Membership.objects.create(user=rita, organization=fabrikam)
    rita.last_organization = fabrikam
    rita.save(update_fields=["last_organization"])
    page = client_of(rita).get(FORM).content.decode()
    assert f'<option value="{fabrikam.pk}" selected>Fabrikam</option>' in page
    client_of(rita).post(FORM, request_form(organization=fabrikam.pk))
    assert Ticket.objects.get().organization == fabrikam


def test_a_foreign_organisation_is_refused(
    rita: User, fabrikam: Organization, contoso: Organization, client_of: ClientOf
) -> None:
    Membership.objects.create(user=rita, organization=fabrikam)
    answer = client_of(rita).post(FORM, request_form(organization=contoso.pk))
    assert answer.status_code == 400
    assert not Ticket.objects.exists()


def test_a_plan_without_portal_leads_to_the_self_service_options(fred: User, client_of: ClientOf) -> None:
    page = client_of(fred).get(FORM)
    assert page.status_code == 200
    assert settings.FORUM_URL in page.content.decode()
    answer = client_of(fred).post(FORM, request_form())
    assert answer.status_code == 403
    assert not Ticket.objects.exists()


def test_the_staff_is_sent_to_its_own_form(ann: User, client_of: ClientOf) -> None:
    assert client_of(ann).get(FORM)["Location"] == "/desk/tickets/new/"
    assert client_of(ann).post(FORM, request_form()).status_code == 404
    assert not Ticket.objects.exists()


def test_nobody_submits_without_being_signed_in(_defaults: None) -> None:
    answer = Client().get(FORM)
    assert (answer.status_code, answer["Location"]) == (302, f"/accounts/login/?next={FORM}")


def test_each_priority_says_what_the_plan_promises_as_a_time_on_the_customers_clock(
    rita: User, sam: User, pia: User, client_of: ClientOf, time_machine: Any
) -> None:
    time_machine.move_to(datetime(2026, 11, 20, 21, 30, tzinfo=UTC), tick=False)  # Friday 16:30 in New York
    assert "First reply by 23:30 (1 hour, around the clock)" in client_of(rita).get(FORM).content.decode()
    page = client_of(sam).get(FORM).content.decode()
    assert "First reply by 18:30 (2 hours, day and night on weekdays)" in page
    assert "First reply by Mon 16:30 (1 business day)" in page
    assert "First reply by Mon 13:00 (4 business hours)" in client_of(pia).get(FORM).content.decode()


def test_without_a_promise_there_is_no_promise_line(rita: User, client_of: ClientOf) -> None:
    promise("premier", {})
    page = client_of(rita).get(FORM).content.decode()
    assert "First reply by" not in page
    assert "If submitted now" not in page


def test_it_says_once_that_promised_times_count_from_now(rita: User, client_of: ClientOf) -> None:
    page = client_of(rita).get(FORM).content.decode()
    assert page.count("If submitted now") == 1
    assert 'aria-describedby="promises_note"><legend>Priority' in page
    assert 'id="promises_note"' in page
    assert "nojs-only" not in page.split('class="pick"')[1].split("</fieldset>")[0]


def test_without_scripts_the_promises_of_each_organisation_are_named(
    rita: User, contoso: Organization, client_of: ClientOf, time_machine: Any
) -> None:
    time_machine.move_to(datetime(2026, 11, 20, 14, 30, tzinfo=UTC), tick=False)
    Membership.objects.create(user=rita, organization=contoso)
    cards = client_of(rita).get(FORM).content.decode().split('class="pick"')[1].split("</fieldset>")[0]
    plain = re.findall(r'<span class="promise nojs-only">([^<]*)</span>', cards)
    assert {line.partition(" (")[0].partition(":")[0] for line in plain} == {"Northwind", "Contoso"}
    assert "Contoso: First reply by 17:30 (2 hours, day and night on weekdays)" in plain
    assert "Northwind: First reply by 16:30 (1 hour, around the clock)" in plain
    scripted = re.findall(r'<span class="promise js-only" data-shown-when="organization=\d+"( hidden)?>', cards)
    assert len(scripted) == len(plain) == 2 * scripted.count(" hidden")


def test_the_guidance_of_the_chosen_category_stands_beside_the_form(rita: User, client_of: ClientOf) -> None:
    category = Category.objects.get(slug="server-issues")
    category.guidance = "Send the **server log**"
    category.save(update_fields=["guidance"])
    page = client_of(rita).get(FORM, {"category": category.pk}).content.decode()
    assert f'data-shown-when="category={category.pk}"><h2>Server Issues: what helps us</h2>' in page
    assert "<strong>server log</strong>" in page
    assert f'data-shown-when="category={category.pk}" hidden>' in client_of(rita).get(FORM).content.decode()


def test_errors_stand_beside_their_fields_and_nothing_typed_is_lost(rita: User, client_of: ClientOf) -> None:
    form = request_form(
        subject="", category="", cc="not-an-address", description="Typed with care", files=[file("kept.log")]
    )
    answer = client_of(rita).post(FORM, form)
    page = answer.content.decode()
    assert answer.status_code == 400
    assert "Please give a subject." in page
    assert "Please choose a category." in page
    assert "&#x27;not-an-address&#x27; is not an e-mail address." in page
    assert "Typed with care" in page
    upload = Attachment.objects.get()
    assert f'name="uploads" value="{upload.pk}"' in page
    assert "kept.log" in page
    client_of(rita).post(FORM, request_form(uploads=[str(upload.pk)]))
    assert list(Ticket.objects.get().messages.get().attachments.all()) == [upload]


def test_an_upload_that_is_gone_is_said_beside_the_files(rita: User, client_of: ClientOf) -> None:
    answer = client_of(rita).post(FORM, request_form(uploads=["6f0a7a5e-4a0e-4f0e-9a52-2f4b3c1d0e9f"]))
    assert answer.status_code == 400
    assert "A file is no longer there." in answer.content.decode()
    assert not Ticket.objects.exists()


def test_a_category_that_was_switched_off_is_no_longer_taken(rita: User, client_of: ClientOf) -> None:
    form = request_form()
    Category.objects.filter(pk=form["category"]).update(is_active=False)
    assert client_of(rita).post(FORM, form).status_code == 400
    assert not Ticket.objects.exists()


def test_sending_the_same_form_twice_opens_one_request(rita: User, client_of: ClientOf) -> None:
    form = request_form(key="nonce-1")
    first, second = (client_of(rita).post(FORM, form) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Ticket.objects.count() == 1


def test_the_same_form_with_other_words_is_a_conflict_that_keeps_them(rita: User, client_of: ClientOf) -> None:
    client_of(rita).post(FORM, request_form(key="nonce-1"))
    answer = client_of(rita).post(FORM, request_form(key="nonce-1", description="Something else"))
    assert answer.status_code == 409
    assert "This form was already sent with other text." in answer.content.decode()
    assert "Something else" in answer.content.decode()
    assert Ticket.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_s089_the_same_form_twice_at_once_opens_one_request(rita: User, client_of: ClientOf) -> None:
    form, addresses = request_form(key="nonce-2"), []
    browsers = [client_of(rita) for _ in range(4)]

    def send(browser: Client) -> None:
        try:
            addresses.append(browser.post(FORM, form)["Location"])
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(browser,)) for browser in browsers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ticket = Ticket.objects.get()
    assert addresses == [f"/requests/{ticket.number}/"] * 4
    assert ticket.messages.count() == 1
    assert ticket.events.count() == 1


@pytest.mark.django_db(transaction=True)
def test_s089_parallel_requests_get_numbers_of_their_own(
    rita: User, tom: User, sam: User, pia: User, client_of: ClientOf
) -> None:
    people = [rita, tom, sam, pia] * 3

    def send(person: User, number: int) -> None:
        try:
            client_of(person).post(FORM, request_form(subject=f"Number {number}", key=f"k{number}"))
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(person, number)) for number, person in enumerate(people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Ticket.objects.count() == len(people)
    for number, person in enumerate(people):
        ticket = Ticket.objects.get(subject=f"Number {number}")
        assert ticket.requester == person
        assert ticket.organization in Organization.objects.of_member(person)


@pytest.mark.parametrize("count", [11, 50, 200])
def test_s013_more_than_ten_addresses_in_cc_are_a_form_error(rita: User, client_of: ClientOf, count: int) -> None:
    addresses = " ".join(f"p{number}@partner.example" for number in range(count))
    answer = client_of(rita).post(FORM, request_form(cc=addresses))
    assert answer.status_code == 400
    assert "At most 10 addresses in CC." in answer.content.decode()
    assert not Ticket.objects.exists()


@pytest.mark.parametrize("field", ["subject", "description", "product_version", "mobile_version", "cc", "category"])
def test_s019_nul_is_a_form_error(rita: User, client_of: ClientOf, field: str) -> None:
    answer = client_of(rita).post(FORM, request_form(**{field: "with\x00nul"}))
    assert answer.status_code == 400
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    "subject",
    [
        "Hi\r\nBcc: x@evil.example",
        "Hi\nBcc: x@evil.example",
        "Hi\u2028there",
        "Hi\u0085there",
        "Hi\x1b[31m",
        "🦄" * 201,
    ],
)
def test_s024_a_subject_of_more_than_a_line_is_a_form_error(rita: User, client_of: ClientOf, subject: str) -> None:
    answer = client_of(rita).post(FORM, request_form(subject=subject))
    assert answer.status_code == 400
    assert not Ticket.objects.exists()


def test_s024_a_huge_subject_is_a_form_error(rita: User, client_of: ClientOf) -> None:
    answer = client_of(rita).post(FORM, request_form(subject="🦄 " * 25_000))
    assert answer.status_code == 400
    assert "This is too long: at most 200 characters." in answer.content.decode()


@pytest.mark.parametrize("size", [64 * 1024 + 1, 200_000, 900_000])
def test_s105_a_description_above_64_kb_is_a_form_error(rita: User, client_of: ClientOf, size: int) -> None:
    answer = client_of(rita).post(FORM, request_form(description="[" * size))
    assert answer.status_code == 400
    assert "at most 64 kB" in answer.content.decode()


def test_s033_an_empty_file_is_a_form_error_that_keeps_the_text(rita: User, client_of: ClientOf) -> None:
    answer = client_of(rita).post(FORM, request_form(description="Typed with care", files=[file("void.log", b"")]))
    assert answer.status_code == 400
    assert "void.log is empty." in answer.content.decode()
    assert "Typed with care" in answer.content.decode()


def test_s033_too_many_files_or_fields_are_refused(rita: User, client_of: ClientOf) -> None:
    files = [file(f"{number}.log") for number in range(settings.ATTACHMENT_MAX_COUNT + 1)]
    assert client_of(rita).post(FORM, request_form(files=files)).status_code in {400, 413}
    fields = {f"f{number}": "x" for number in range(settings.DATA_UPLOAD_MAX_NUMBER_FIELDS + 1)}
    assert client_of(rita).post(FORM, {**request_form(), **fields}).status_code in {400, 413}
    assert not Ticket.objects.exists()


def test_s051_fields_that_are_not_the_customers_change_nothing(
    rita: User, contoso: Organization, ann: User, client_of: ClientOf
) -> None:
    extra = {
        "organization": contoso.pk,
        "requester": ann.pk,
        "assignee": ann.pk,
        "status": "closed",
        "internal": "1",
        "is_staff": "1",
        "created_at": "2001-01-01",
        "do_not_close": "on",
    }
    client_of(rita).post(FORM, request_form(**extra))
    ticket = Ticket.objects.get()
    assert (ticket.requester, ticket.assignee, ticket.status, ticket.do_not_close) == (rita, None, Status.NEW, False)
    assert ticket.organization != contoso
    assert ticket.created_at.year > 2001
    assert ticket.messages.get().is_public


@pytest.mark.parametrize("value", ["0", "5", "P1", "-1", "1; drop table", "٣"])
def test_s051_a_priority_that_does_not_exist_is_a_form_error(rita: User, client_of: ClientOf, value: str) -> None:
    assert client_of(rita).post(FORM, request_form(priority=value)).status_code == 400
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    "text", ["{{ settings.SECRET_KEY }}", "{% debug %}", "{0.__class__}", "%(x)s", "${7*7}", "{% load desk %}"]
)
def test_s107_templates_in_a_subject_and_text_are_printed_literally(rita: User, client_of: ClientOf, text: str) -> None:
    ticket = factories.open_ticket(rita, subject=text, body=f"`{text}`")
    page = client_of(rita).get(f"/requests/{ticket.number}/").content.decode()
    assert f"<h1>{text}</h1>" in page
    assert f"<code>{text}</code>" in page
