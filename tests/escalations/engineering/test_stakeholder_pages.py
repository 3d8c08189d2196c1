"""What stakeholders come to: the records they are brought into, the tickets in these, and nothing else."""

from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Role, User
from escalations.engineering import actions, telling
from escalations.engineering.steps import Move
from escalations.models import Escalation, EscalationLink, Involved
from tests import factories
from tests.escalations.engineering.conftest import AT, MINUTE, TEXT, brought_to, problem
from tickets import actions as ticket_actions
from tickets.models import Attachment, EventKind, Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]


@pytest.fixture
def brought(record: Escalation, ann: User, cleo: User) -> Escalation:
    """A record that Customer Success is in."""
    actions.invite_team(record, Involved.CUSTOMER_SUCCESS, by=ann, at=AT)
    return record


@pytest.fixture
def cleos(cleo: User, client_of: ClientOf) -> Client:
    return client_of(cleo)


def test_who_is_brought_in_reads_the_record_and_its_tickets(
    brought: Escalation, ritas: Ticket, sams: Ticket, cleos: Client
) -> None:
    assert cleos.get(brought.get_absolute_url()).status_code == 200
    for ticket in (ritas, sams):
        page = cleos.get(ticket.desk_url)
        assert page.status_code == 200
        assert ticket.subject in page.content.decode()


def test_they_are_shown_nothing_that_they_can_not_do(brought: Escalation, ritas: Ticket, cleos: Client) -> None:
    page = cleos.get(ritas.desk_url).content.decode()
    for address in ("/reply/", "/take/", "/assign/", "/status/", "/fields/", "/cc/", "/promises/", "/desk/?", "/page/"):
        assert address not in page, address
    assert "Add note" in page
    assert "the ticket is Closed" not in page
    record = cleos.get(brought.get_absolute_url()).content.decode()
    assert "Bring in" not in record
    assert "Take out" not in record


def test_they_are_led_to_the_tickets_that_they_may_open(
    brought: Escalation, ritas: Ticket, sams: Ticket, cleos: Client, ann: User, sven: User
) -> None:
    brought_to(brought, Move.CONFIRM, by=sven)
    pages = (brought.get_absolute_url(), f"{brought.get_absolute_url()}update/")
    for page in pages:
        assert f'href="{ritas.desk_url}"' in cleos.get(page).content.decode(), page
    actions.unlink(EscalationLink.objects.get(ticket=sams), by=ann, at=AT + 9 * MINUTE)
    for page in pages:
        assert f'href="{sams.desk_url}"' not in cleos.get(page).content.decode(), page


def test_they_add_a_note_that_moves_nothing(brought: Escalation, ritas: Ticket, cleo: User, cleos: Client) -> None:
    before = Ticket.objects.get(pk=ritas.pk)
    answer = cleos.post(f"{ritas.desk_url}note/", {"body": "They renew in March.", "mode": "note", "key": "k"})
    assert answer.status_code == 303
    note = ritas.messages.get(author=cleo)
    assert (note.is_public, note.body) == (False, "They renew in March.")
    after = Ticket.objects.get(pk=ritas.pk)
    assert (after.status, after.assignee) == (before.status, before.assignee)
    assert ritas.events.filter(kind=EventKind.NOTED, actor=cleo).count() == 1


def test_they_get_the_files_of_these_tickets_alone(
    brought: Escalation, rita: User, ritas: Ticket, cleos: Client, ann: User
) -> None:
    shown, other = (
        ticket_actions.upload(rita, file=SimpleUploadedFile("a.log", b"words"), name="a.log", at=AT) for _ in range(2)
    )
    ticket_actions.reply(ritas, by=rita, body="See the log.", uploads=[shown.pk], at=AT + MINUTE)
    elsewhere = factories.open_ticket(rita, uploads=[other.pk])
    assert cleos.get(f"/attachments/{shown.pk}/").status_code == 200
    assert cleos.get(f"/attachments/{other.pk}/").status_code == 404
    assert Attachment.objects.filter(message__ticket=elsewhere).exists()


def test_s048_a_ticket_that_is_in_no_record_of_theirs_is_a_404(brought: Escalation, rita: User, cleos: Client) -> None:
    other = factories.open_ticket(rita)
    answers = [cleos.get(other.desk_url), cleos.get("/desk/tickets/999999/")]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert cleos.post(f"{other.desk_url}note/", {"body": "Hello"}).status_code == 404
    assert not other.messages.filter(body="Hello").exists()


@pytest.mark.parametrize("how", ["team", "person", "ticket"])
def test_s054_what_is_taken_away_is_gone_at_once(
    record: Escalation, ritas: Ticket, ann: User, cleo: User, cleos: Client, how: str
) -> None:
    if how == "person":
        actions.invite_person(record, cleo, by=ann, at=AT)
    else:
        actions.invite_team(record, Involved.CUSTOMER_SUCCESS, by=ann, at=AT)
    assert cleos.get(ritas.desk_url).status_code == 200
    if how == "team":
        actions.dismiss_team(record, Involved.CUSTOMER_SUCCESS, by=ann, at=AT + MINUTE)
    elif how == "person":
        actions.dismiss_person(record, cleo, by=ann, at=AT + MINUTE)
    else:
        actions.unlink(EscalationLink.objects.get(ticket=ritas), by=ann, at=AT + MINUTE)
    assert cleos.get(ritas.desk_url).status_code == 404
    assert cleos.post(f"{ritas.desk_url}note/", {"body": "Late words"}).status_code == 404
    assert not ritas.messages.filter(body="Late words").exists()
    assert cleos.get(record.get_absolute_url()).status_code == (200 if how == "ticket" else 404)
    assert cleos.post(f"{record.get_absolute_url()}discussion/", {"body": "Late"}).status_code == (
        303 if how == "ticket" else 404
    )


@pytest.mark.parametrize("part", ["comment", "follow", "mute"])
def test_s054_who_took_part_goes_with_their_team_unless_brought_in_by_name(
    brought: Escalation, ritas: Ticket, ann: User, cleo: User, cleos: Client, client_of: ClientOf, part: str
) -> None:
    cora = factories.staff("Cora", Role.CUSTOMER_SUCCESS)
    actions.invite_person(brought, cora, by=ann, at=AT)
    at = brought.get_absolute_url()
    asked = {"comment": ("discussion/", {"body": "Seen"})}.get(part, ("follow/", {"to": part}))
    assert cleos.post(at + asked[0], asked[1]).status_code == 303
    actions.dismiss_team(brought, Involved.CUSTOMER_SUCCESS, by=ann, at=AT + MINUTE)
    for address in (at, ritas.desk_url):
        assert cleos.get(address).status_code == 404, address
        assert client_of(cora).get(address).status_code == 200, address
    assert brought.followers.filter(user=ann).exists()


def test_s049_the_list_of_tickets_holds_what_they_see(brought: Escalation, rita: User, cleos: Client) -> None:
    factories.open_ticket(rita)
    listed = cleos.get("/api/v1/tickets/").json()["results"]
    assert sorted(row["number"] for row in listed) == sorted(brought.links.values_list("ticket", flat=True))


def test_pat_who_was_not_brought_in_sees_nothing(
    brought: Escalation, ritas: Ticket, pat: User, client_of: ClientOf
) -> None:
    client = client_of(pat)
    for address in (brought.get_absolute_url(), ritas.desk_url, f"{brought.get_absolute_url()}discussion/"):
        assert client.get(address).status_code == 404, address
    assert client.get("/api/v1/tickets/").json()["results"] == []
    assert brought.title not in client.get("/desk/escalations/").content.decode()
    assert brought.title not in client.get("/desk/escalations/feed/").content.decode()


def test_the_way_from_home_and_round(brought: Escalation, cleos: Client) -> None:
    page = cleos.get("/", follow=True)
    html = page.content.decode()
    assert page.redirect_chain == [("/desk/escalations/", 302)]
    assert brought.title in html
    for elsewhere in ("/desk/on-call/", "/desk/pages/", 'href="/desk/"', "/desk/mail/", "?view="):
        assert elsewhere not in html, elsewhere
    assert "/desk/escalations/feed/" in html


def test_they_choose_what_they_are_mailed(cleo: User, cleos: Client) -> None:
    page = cleos.get("/account/mail/").content.decode()
    assert "Escalations that I follow" in page
    assert "New requests for my team" not in page
    assert cleos.post("/account/mail/", {"escalations": "never", "discussions": "each"}).status_code == 302
    assert [(row.topic, row.how) for row in cleo.mail_choices.all()] == [("escalations", "never")]


def test_beside_a_ticket_stands_no_record_that_they_are_not_in(
    brought: Escalation, ritas: Ticket, ann: User, sven: User, cleos: Client, client_of: ClientOf
) -> None:
    """A ticket that went back from their record waits in another by now."""
    brought_to(brought, Move.RELEASE, by=sven)
    telling.tell_customers(now=AT + 9 * MINUTE)
    ritas.refresh_from_db()
    secret = problem(title="Tokens can be guessed")
    other = actions.request_escalation(ritas, secret, by=ann, text=TEXT, at=AT + 10 * MINUTE)
    page = cleos.get(ritas.desk_url).content.decode()
    card = page.split('id="engineering"', 1)[1].split("</section>", 1)[0]
    assert brought.reference in card
    assert other.title not in page
    assert other.get_absolute_url() not in page
    assert other.title in client_of(ann).get(ritas.desk_url).content.decode()
    actions.invite_team(other, Involved.CUSTOMER_SUCCESS, by=ann, at=AT + 11 * MINUTE)
    assert other.title in cleos.get(ritas.desk_url).content.decode()


def test_s054_what_a_ticket_that_was_taken_out_is_told_is_not_theirs(
    brought: Escalation, ritas: Ticket, sams: Ticket, ann: User, sven: User, cleos: Client, client_of: ClientOf
) -> None:
    brought_to(brought, Move.CONFIRM, by=sven)
    telling.tell_customers(now=AT + 5 * MINUTE)
    there = f"{brought.get_absolute_url()}update/"
    assert "Told 2 of 2" in cleos.get(there).content.decode()
    actions.unlink(EscalationLink.objects.get(ticket=sams), by=ann, at=AT + 9 * MINUTE)
    for address in (there, f"{there}?find=contoso", f"{there}?of={brought.updates.get(step='requested').pk}"):
        html = cleos.get(address).content.decode()
        assert "Contoso" not in html, address
        assert f"#{sams.pk}" not in html, address
        assert "Told 1 of 1" in html, address
    assert "Rita at Northwind" in cleos.get(there).content.decode()
    assert "Told 2 of 2" not in cleos.get(brought.get_absolute_url()).content.decode()
    assert "Contoso" in client_of(ann).get(there).content.decode()
    assert "Told 2 of 2" in client_of(ann).get(there).content.decode()


def test_a_merge_names_the_other_record_only_to_who_sees_it(
    brought: Escalation, other: Escalation, ann: User, sven: User, cleos: Client, client_of: ClientOf
) -> None:
    actions.merge(other, brought, by=sven, at=AT + MINUTE)
    here = brought.get_absolute_url()
    duplicates = cleos.get(here, HTTP_HX_REQUEST="true", HTTP_HX_TARGET="duplicates").content.decode()
    assert "Another escalation" in duplicates
    assert other.reference not in duplicates
    for html in (duplicates, cleos.get(here).content.decode()):
        assert other.title not in html
        assert other.get_absolute_url() not in html
    assert str(other) in client_of(ann).get(here).content.decode()


def test_what_a_record_was_merged_into_is_named_only_to_who_sees_it(
    brought: Escalation, other: Escalation, ann: User, cleo: User, sven: User, cleos: Client, client_of: ClientOf
) -> None:
    actions.merge(brought, other, by=sven, at=AT + MINUTE)
    here = brought.get_absolute_url()
    named = f'Merged into <a class="link" href="{other.get_absolute_url()}">{other}</a>'
    html = cleos.get(here).content.decode()
    for goes_on in (". Its tickets are there", " by Sven, "):
        assert f"{named}{goes_on}" in html, "its people came along"
    actions.dismiss_team(other, Involved.CUSTOMER_SUCCESS, by=ann, at=AT + 2 * MINUTE)
    html = cleos.get(here).content.decode()
    for goes_on in (". Its tickets are there", " by Sven, "):
        assert f"Merged into another escalation{goes_on}" in html
    assert other.title not in html
    assert other.get_absolute_url() not in html
    assert str(other) in client_of(ann).get(here).content.decode()
