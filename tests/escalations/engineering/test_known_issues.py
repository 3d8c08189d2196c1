"""Known issues: what engineering publishes of a record, and customers who say that it is theirs, too."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Membership, User
from escalations.engineering import actions, telling
from escalations.engineering.steps import Move
from escalations.models import Escalation, EscalationEvent, EscalationLink, KnownIssue
from supportdesk.lib import clock
from supportdesk.lib.errors import Conflict, Invalid, NotAllowed
from tests import factories
from tests.escalations.engineering.conftest import AT, MINUTE, brought_to
from tests.tickets.desk.page import text
from tests.tickets.forms import request_form
from tickets import actions as ticket_actions
from tickets.models import Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
LIST = "/requests/known-issues/"


def notice(**fields: str) -> actions.Notice:
    said = {"title": "Everybody is logged out", "text": "After the upgrade **sessions** end early."}
    return actions.Notice(**{**said, **fields})


@pytest.fixture
def issue(record: Escalation, sven: User) -> KnownIssue:
    return actions.publish_known_issue(record, notice(), by=sven, at=AT)


# --- Writing it ----------------------------------------------------------------------------------------------------


def test_it_is_published_changed_and_withdrawn_by_the_record_page(
    record: Escalation, sven: User, rita: User, client_of: ClientOf
) -> None:
    browser, page = client_of(sven), f"/desk/escalations/{record.reference}/known-issue/"
    said = {"title": "Logged out", "state": "workaround", "text": "Sessions end.", "workaround": "Restart `app`."}
    looked_at = browser.post(page, {**said, "preview": "yes"})
    assert "<code>app</code>" in looked_at.content.decode()
    assert not KnownIssue.objects.exists()
    answer = browser.post(page, {**said, "seen_version": record.version})
    assert answer.status_code == 303
    issue = KnownIssue.objects.get()
    assert "Restart app ." in text(client_of(rita).get(issue.get_absolute_url()))
    assert "Published" in text(browser.get(record.get_absolute_url()))
    browser.post(page, {**said, "title": "All are logged out", "state": "fixed", "fixed_version": "9.11.2"})
    assert "All are logged out" in text(client_of(rita).get(LIST))
    assert browser.post(f"{page}withdraw/").status_code == 303
    assert client_of(rita).get(issue.get_absolute_url()).status_code == 404
    assert "Withdrawn" in text(browser.get(record.get_absolute_url()))
    told = EscalationEvent.objects.filter(escalation=record, kind="published").values_list("data__what", flat=True)
    assert list(told) == ["published", "changed", "withdrawn"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"text": "\n"}, "text"),
        ({"state": "gone"}, "state"),
        ({"state": "workaround"}, "workaround"),
        ({"state": "fixed"}, "fixed_version"),
        ({"fixed_version": "x" * 41}, "fixed_version"),
    ],
)
def test_what_it_demands(
    record: Escalation, sven: User, client_of: ClientOf, fields: dict[str, str], field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        actions.publish_known_issue(record, notice(**fields), by=sven, at=AT)
    assert refusal.value.field == field
    said = {
        "title": "Logged out",
        "state": "investigating",
        "text": "Sessions end.",
        "affected_versions": "9.5 to 9.11",
    }
    answer = client_of(sven).post(f"/desk/escalations/{record.reference}/known-issue/", {**said, **fields})
    assert answer.status_code == 400
    assert "9.5 to 9.11" in answer.content.decode()
    assert f'id="id_{field}_error"' in answer.content.decode()


def test_who_may_publish(record: Escalation, ann: User, pat: User, rita: User, lea: User) -> None:
    for person in (ann, pat, rita):
        with pytest.raises(NotAllowed):
            actions.publish_known_issue(record, notice(), by=person, at=AT)
    actions.publish_known_issue(record, notice(), by=lea, at=AT)
    for person in (ann, pat, rita):
        with pytest.raises(NotAllowed):
            actions.withdraw_known_issue(record, by=person, at=AT)


def test_the_second_of_two_writers_is_told(record: Escalation, sven: User, lea: User, client_of: ClientOf) -> None:
    seen = record.version
    actions.publish_known_issue(record, notice(), by=lea, at=AT, seen_version=seen)
    said = {"title": "Mine", "state": "investigating", "text": "My text.", "seen_version": seen}
    answer = client_of(sven).post(f"/desk/escalations/{record.reference}/known-issue/", said)
    assert answer.status_code == 409
    assert "Lea changed this escalation" in text(answer)
    assert "My text." in text(answer)
    assert KnownIssue.objects.get().title == "Everybody is logged out"


def published(browser: Client, record: Escalation) -> str:
    page = browser.get(record.get_absolute_url(), headers={"HX-Request": "true", "HX-Target": "known_issue"})
    return text(page)


def test_the_record_says_when_what_customers_read_is_no_longer_true(
    record: Escalation, issue: KnownIssue, sven: User, client_of: ClientOf
) -> None:
    browser, do = client_of(sven), "Change the known issue, or withdraw it."
    assert do not in published(browser, record)
    brought_to(record, Move.RELEASE, by=sven)
    assert f"Customers read “We look into it”, and the fix is released. {do}" in published(browser, record)
    actions.publish_known_issue(record, notice(state="fixed", fixed_version="9.11.2"), by=sven, at=AT)
    assert do not in published(browser, record)
    actions.take_step(record, Move.FAIL, by=sven, given={"reason": "It comes back."}, at=AT + 9 * MINUTE)
    assert f"Customers read “Fixed in 9.11.2”, and no fix is released. {do}" in published(browser, record)
    actions.withdraw_known_issue(record, by=sven, at=AT + 9 * MINUTE)
    assert do not in published(browser, record)


# --- Reading it ----------------------------------------------------------------------------------------------------


def test_s048_only_what_is_published_exists_for_customers(
    record: Escalation, issue: KnownIssue, rita: User, sven: User, client_of: ClientOf
) -> None:
    browser = client_of(rita)
    assert "Everybody is logged out" in text(browser.get(LIST))
    actions.withdraw_known_issue(record, by=sven, at=AT)
    assert "Everybody is logged out" not in text(browser.get(LIST))
    unknown = [issue.get_absolute_url(), f"{LIST}{issue.pk + 1}/", f"{LIST}{10**25}/"]
    assert [browser.get(path).status_code for path in unknown] == [404] * 3
    assert browser.post(f"{issue.get_absolute_url()}affects-me/", {"priority": "3"}).status_code == 404
    assert not KnownIssue.objects.published().exists()
    with pytest.raises(Conflict):
        actions.withdraw_known_issue(record, by=sven, at=AT)


def test_s050_nothing_of_the_record_is_on_its_pages(
    record: Escalation, issue: KnownIssue, ritas: Ticket, tom: User, client_of: ClientOf
) -> None:
    browser = client_of(tom)
    for path in (LIST, issue.get_absolute_url(), f"{LIST}offered/?subject=logged+out+everybody", "/requests/"):
        page = browser.get(path).content.decode()
        assert "Everybody is logged out" in page
        for internal in (
            record.reference,
            record.title,
            "All users",
            "Contoso",
            "Sam",
            f"#{ritas.number}",
            "Sven",
            "Ann",
        ):
            assert internal not in page, (path, internal)


@pytest.mark.parametrize(
    ("subject", "is_offered"),
    [
        ("Users are logged out", True),
        ("session end after upgrade", True),
        ("sessions", False),  # one word
        ("Emoji don't load at all", False),
        ("", False),
        ("'; | & ! <->", False),
        ("logged\x00 out & everybody | x:*", True),
    ],
)
def test_it_is_offered_while_the_subject_is_written(
    issue: KnownIssue, rita: User, client_of: ClientOf, subject: str, is_offered: bool
) -> None:
    answer = client_of(rita).get(f"{LIST}offered/", {"subject": subject})
    assert ("Everybody is logged out" in text(answer)) == is_offered
    assert "<html" not in answer.content.decode()
    form = client_of(rita).post("/requests/new/", request_form(subject=subject, description=""))
    assert form.status_code == 400
    assert ("Everybody is logged out" in text(form)) == is_offered


def test_at_most_three_are_offered_the_best_first(
    record: Escalation, issue: KnownIssue, rita: User, sven: User
) -> None:
    from escalations.engineering.known_issues import offered

    for number in range(4):
        other = Escalation.objects.get(pk=record.pk)
        other.pk = None
        other.submission_key = ""
        other.save(force_insert=True)
        words = notice(title=f"Number {number}", text="Something about everybody.")
        actions.publish_known_issue(other, words, by=sven, at=AT)
    found = offered("everybody logged out")
    assert len(found) == 3
    assert found[0] == issue


def test_the_list_of_requests_names_what_may_be_behind_one_of_them(
    issue: KnownIssue, ritas: Ticket, rita: User, tom: User, record: Escalation, sven: User, client_of: ClientOf
) -> None:
    matching = "Known, and perhaps behind one of your requests: Everybody is logged out"
    assert matching not in text(client_of(rita).get("/requests/"))  # engineering has that one already
    factories.open_ticket(rita, subject="Logged out again")
    assert matching in text(client_of(rita).get("/requests/"))
    assert "The newest known issue: Everybody is logged out" in text(client_of(tom).get("/requests/"))
    actions.publish_known_issue(record, notice(state="fixed", fixed_version="9.11.2"), by=sven, at=AT)
    assert "Everybody is logged out" not in text(client_of(rita).get("/requests/"))


def test_without_the_portal_there_are_none(issue: KnownIssue, fred: User, client_of: ClientOf) -> None:
    for path in (LIST, issue.get_absolute_url(), f"{LIST}offered/?subject=logged+out+everybody"):
        assert client_of(fred).get(path).status_code == 403
    assert "Everybody is logged out" not in text(client_of(fred).get("/requests/"))


# --- It is theirs, too ---------------------------------------------------------------------------------------------


def report(browser: Client, issue: KnownIssue, **said: Any) -> Any:
    return browser.post(f"{issue.get_absolute_url()}affects-me/", {"priority": "3", **said})


def test_one_press_opens_a_request_that_is_in_the_record(
    record: Escalation, issue: KnownIssue, tom: User, ann: User, client_of: ClientOf
) -> None:
    browser = client_of(tom)
    answer = report(browser, issue, product_version="9.5.1")
    ticket = Ticket.objects.get(requester=tom)
    assert (answer.status_code, answer["Location"]) == (303, ticket.get_absolute_url())
    assert (ticket.subject, ticket.state, ticket.priority) == (issue.title, Status.NEW, Priority.NORMAL)
    assert (ticket.is_escalated, ticket.product_version) == (True, "9.5.1")
    assert ticket.category == record.area
    link = EscalationLink.objects.get(ticket=ticket)
    assert (link.escalation, link.linked_by) == (record, tom)
    page = text(browser.get(ticket.get_absolute_url()))
    assert "The known issue “Everybody is logged out” affects us, too." in page
    assert "Reported" in page
    assert f"Tom says that it is the same as {record.reference}" in text(client_of(ann).get(ticket.desk_url))
    again = report(browser, issue, priority="1")
    assert again["Location"] == ticket.get_absolute_url()
    assert Ticket.objects.filter(requester=tom).count() == 1
    assert f"#{ticket.number}" in text(browser.get(issue.get_absolute_url()))
    assert "This affects me too" not in text(browser.get(issue.get_absolute_url()))


def test_who_has_said_so_is_told_with_the_others(
    record: Escalation, issue: KnownIssue, tom: User, sven: User, client_of: ClientOf
) -> None:
    report(client_of(tom), issue)
    brought_to(record, Move.CONFIRM, by=sven, at=clock.now())
    telling.tell_customers(now=clock.now() + 9 * MINUTE)
    ticket = Ticket.objects.get(requester=tom)
    assert ticket.messages.filter(from_staff=True, body__contains="confirmed this as a fault").count() == 1


def test_once_it_is_finished_it_may_be_said_again(
    record: Escalation, issue: KnownIssue, tom: User, client_of: ClientOf
) -> None:
    report(client_of(tom), issue)
    first = Ticket.objects.get(requester=tom)
    ticket_actions.mark_solved(first, by=tom, at=clock.now())
    report(client_of(tom), issue)
    assert Ticket.objects.filter(requester=tom).count() == 2
    assert EscalationLink.objects.active().filter(ticket__requester=tom).count() == 2


@pytest.mark.django_db(transaction=True)
def test_s089_pressed_four_times_at_once_it_is_one_request(issue: KnownIssue, tom: User, client_of: ClientOf) -> None:
    found: list[str] = []

    def press() -> None:
        found.append(report(client_of(tom), issue)["Location"])
        connection.close()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert Ticket.objects.filter(requester=tom).count() == 1


def test_somebody_of_two_organisations_says_for_which(
    issue: KnownIssue, tom: User, contoso: Any, client_of: ClientOf
) -> None:
    Membership.objects.create(user=tom, organization=contoso)
    stranger = factories.organization("Fabrikam", "professional")
    browser = client_of(tom)
    assert report(browser, issue).status_code == 400
    assert report(browser, issue, organization=stranger.pk).status_code == 400
    assert report(browser, issue, organization=contoso.pk).status_code == 303
    assert Ticket.objects.get(requester=tom).organization == contoso


def test_each_of_somebodys_organisations_may_say_so_once(
    issue: KnownIssue, tom: User, contoso: Any, northwind: Any, client_of: ClientOf
) -> None:
    Membership.objects.create(user=tom, organization=contoso)
    browser, address = client_of(tom), issue.get_absolute_url()
    first = report(browser, issue, organization=contoso.pk)["Location"]
    page = browser.get(address)
    assert "You have told us" in text(page)
    assert f'<option value="{northwind.pk}" selected>' in page.content.decode()
    assert report(browser, issue, organization=contoso.pk)["Location"] == first
    assert report(browser, issue, organization=northwind.pk)["Location"] != first
    mine = Ticket.objects.filter(requester=tom)
    assert {ticket.organization for ticket in mine} == {contoso, northwind}
    assert mine.count() == 2
    assert "This affects me too" not in text(browser.get(address))


@pytest.mark.parametrize("wrong", [{"priority": ""}, {"priority": "9"}, {"product_version": "x" * 41}])
def test_what_is_wrong_is_said_on_the_page(
    issue: KnownIssue, tom: User, client_of: ClientOf, wrong: dict[str, str]
) -> None:
    answer = report(client_of(tom), issue, **wrong)
    assert answer.status_code == 400
    assert "Everybody is logged out" in text(answer)
    assert not Ticket.objects.filter(requester=tom).exists()


def test_of_what_engineering_is_through_with_nobody_opens_a_request(
    record: Escalation, issue: KnownIssue, tom: User, sven: User, client_of: ClientOf
) -> None:
    actions.take_step(record, Move.WITHDRAW, by=sven, given={"reason": "x"}, at=AT + MINUTE)
    browser = client_of(tom)
    assert "This affects me too" not in text(browser.get(issue.get_absolute_url()))
    answer = report(browser, issue)
    assert answer.status_code == 409
    assert not Ticket.objects.filter(requester=tom).exists()


def test_without_the_portal_nobody_reports(issue: KnownIssue, fred: User, client_of: ClientOf) -> None:
    assert report(client_of(fred), issue).status_code == 403
    assert not Ticket.objects.filter(requester=fred).exists()
