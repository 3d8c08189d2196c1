"""What is done to a ticket beside its conversation."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.test import Client

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.desk.page import fresh, hidden, text
from tickets import actions
from tickets.models import Category, Environment, Priority, Ticket
from tickets.states import Status

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
IN_PLACE = {"HX-Request": "true", "HX-Target": "rail"}


@pytest.fixture
def ticket(rita: User) -> Ticket:
    return factories.open_ticket(rita, at=clock.now() - timedelta(hours=1))


def address(ticket: Ticket, verb: str = "") -> str:
    return f"/desk/tickets/{ticket.number}/{verb}"


def undo_of(page: str) -> tuple[str, dict[str, str]]:
    """The address and the fields of the toast's Undo."""
    form = next(form for form in page.split("<form")[1:] if "Undo" in form.split("</form>")[0])
    pairs = [part.split('" value="') for part in form.split('<input type="hidden" name="')[1:]]
    fields = {name: value.split('"')[0] for name, value in pairs if name != "csrfmiddlewaretoken"}
    return form.split('action="')[1].split('"')[0], fields


def test_take_in_place_and_undo(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    page = browser.get(address(ticket))
    answer = browser.post(address(ticket, "take/"), hidden(page, "take/"), headers=IN_PLACE)
    body = answer.content.decode()
    assert answer.status_code == 200
    assert fresh(ticket).assignee == bo
    assert body.lstrip().startswith("<aside") or '<aside class="rail"' in body[:400]
    for part in (
        'id="news" class="stack tight" hx-swap-oob="true"',
        'id="alarm" hx-swap-oob="true"',
        "Assigned to you.",
    ):
        assert part in body
    assert 'value="open" id="seen-status" hx-swap-oob="true"' in body
    assert '<textarea name="body"' not in body  # what is being written stays in the page
    path, fields = undo_of(body)
    browser.post(path, fields)
    assert (fresh(ticket).assignee, fresh(ticket).state) == (None, Status.NEW)


def test_assign_to_a_colleague_and_to_nobody(ticket: Ticket, ann: User, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    answer = browser.post(address(ticket, "assign/"), {"assignee": ann.pk, "seen_assignee": ""})
    assert (answer.status_code, answer["Location"]) == (303, address(ticket))
    assert (fresh(ticket).assignee, fresh(ticket).state) == (ann, Status.OPEN)
    browser.post(address(ticket, "assign/"), {"assignee": "nobody", "seen_assignee": ann.pk})
    assert (fresh(ticket).assignee, fresh(ticket).state) == (None, Status.NEW)
    assert "Assigned to Ann. Undo" in text(browser.get(address(ticket)))


@pytest.mark.parametrize("assignee", ["rita", "sven", "99999999999999999999", "x", "\x00"])
def test_only_agents_are_assigned(
    assignee: str, ticket: Ticket, rita: User, sven: User, bo: User, client_of: ClientOf
) -> None:
    wanted = {"rita": str(rita.pk), "sven": str(sven.pk)}.get(assignee, assignee)
    answer = client_of(bo).post(address(ticket, "assign/"), {"assignee": wanted})
    assert answer.status_code == 400
    assert "Choose an agent." in text(answer)
    assert fresh(ticket).assignee is None


@pytest.mark.parametrize("verb", ["take/", "assign/"])
def test_s090_somebody_else_has_taken_it_meanwhile(
    verb: str, ticket: Ticket, ann: User, bo: User, lea: User, client_of: ClientOf
) -> None:
    browser = client_of(bo)
    form = hidden(browser.get(address(ticket)), verb)
    actions.take(ticket, by=ann, at=clock.now())
    refused = browser.post(address(ticket, verb), {**form, "assignee": lea.pk}, headers=IN_PLACE)
    assert refused.status_code == 409
    assert "This request was assigned to Ann meanwhile." in text(refused)
    assert fresh(ticket).assignee == ann
    again = hidden(refused, verb)
    assert again["seen_assignee"] == str(ann.pk)
    assert browser.post(address(ticket, verb), {**again, "assignee": lea.pk}).status_code == 303
    assert fresh(ticket).assignee == (bo if verb == "take/" else lea)


def test_s090_nobody_takes_away_what_was_given_to_another_meanwhile(
    ticket: Ticket, ann: User, bo: User, client_of: ClientOf
) -> None:
    actions.take(ticket, by=bo, at=clock.now())
    actions.assign(ticket, by=ann, to=ann, at=clock.now())
    answer = client_of(bo).post(address(ticket, "assign/"), {"assignee": "nobody", "seen_assignee": bo.pk})
    assert answer.status_code == 409
    assert fresh(ticket).assignee == ann


def test_solve_and_take_it_back(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    actions.take(ticket, by=bo, at=clock.now())
    browser = client_of(bo)
    answer = browser.post(address(ticket, "status/"), {"move": "solve", "seen_status": "open"}, headers=IN_PLACE)
    assert fresh(ticket).state is Status.SOLVED
    assert "Closes in 47 h" in text(answer) or "Closes in 2 days" in text(answer)
    path, fields = undo_of(answer.content.decode())
    browser.post(path, fields)
    assert fresh(ticket).state is Status.OPEN


def test_hold_wants_a_reason_and_shows_it(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    actions.take(ticket, by=bo, at=clock.now())
    browser = client_of(bo)
    refused = browser.post(address(ticket, "status/"), {"move": "hold", "reason": " "}, headers=IN_PLACE)
    assert refused.status_code == 400
    assert "Please say what the request waits for." in text(refused)
    assert '<details class="more" open>' in refused.content.decode()
    answer = browser.post(address(ticket, "status/"), {"move": "hold", "reason": "the database team"})
    assert answer.status_code == 303
    assert fresh(ticket).hold_reason == "the database team"
    assert "On hold: the database team" in text(browser.get(address(ticket)))
    browser.post(address(ticket, "status/"), {"move": "unhold"})
    assert fresh(ticket).state is Status.OPEN


def test_reopen(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    actions.solve(ticket, by=bo, at=clock.now())
    client_of(bo).post(address(ticket, "status/"), {"move": "reopen"})
    assert fresh(ticket).state is Status.OPEN


@pytest.mark.parametrize("move", ["close", "", "reopen", "unhold", "answer_open"])
def test_a_move_that_isnt_possible_is_refused_in_words(
    move: str, ticket: Ticket, bo: User, client_of: ClientOf
) -> None:
    answer = client_of(bo).post(address(ticket, "status/"), {"move": move})
    assert answer.status_code in {400, 409}
    assert 'role="alert"' in answer.content.decode()
    assert fresh(ticket).state is Status.NEW


def test_s090_a_status_that_was_changed_meanwhile_stays(
    ticket: Ticket, ann: User, bo: User, client_of: ClientOf
) -> None:
    actions.take(ticket, by=bo, at=clock.now())
    actions.answer(ticket, by=ann, body="Which?", submit_as=Status.PENDING, at=clock.now())
    answer = client_of(bo).post(address(ticket, "status/"), {"move": "solve", "seen_status": "open"})
    assert answer.status_code == 409
    assert "The status was changed from Open to Pending meanwhile." in text(answer)
    assert fresh(ticket).state is Status.PENDING


def edit(browser: Client, ticket: Ticket) -> dict[str, str]:
    """The form of the fields as the open page sends it when nothing was changed."""
    page = browser.get(f"{address(ticket)}?panel=fields")
    seen = hidden(page, "fields/")
    return {**seen, **{name.removeprefix("seen_"): value for name, value in seen.items() if name.startswith("seen_")}}


def test_every_field_can_be_edited(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    mobile = Category.objects.filter(concerns_mobile=True)[0]
    staging = Environment.objects.get(name="Staging")
    form = {
        **edit(browser, ticket),
        "subject": "Phones are logged out",
        "priority": "1",
        "category": str(mobile.pk),
        "environment": str(staging.pk),
        "product_version": "10.5.2",
        "mobile_version": "2.30",
        "mobile_device": str(__import__("tickets.models").models.MobileDevice.objects.all()[0].pk),
    }
    assert browser.post(address(ticket, "fields/"), form).status_code == 303
    found = fresh(ticket)
    assert (found.subject, found.priority, found.category, found.environment) == (
        "Phones are logged out",
        Priority.URGENT,
        mobile,
        staging,
    )
    assert (found.product_version, found.mobile_version) == ("10.5.2", "2.30")
    assert found.mobile_device is not None


def test_s090_only_what_was_changed_is_written(ticket: Ticket, ann: User, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    form = edit(browser, ticket)
    actions.change_fields(ticket, by=ann, changes={"priority": Priority.URGENT}, at=clock.now())
    assert browser.post(address(ticket, "fields/"), {**form, "product_version": "10.6"}).status_code == 303
    assert (fresh(ticket).priority, fresh(ticket).product_version) == (Priority.URGENT, "10.6")


def test_s090_the_same_field_changed_by_both(ticket: Ticket, ann: User, bo: User, client_of: ClientOf) -> None:
    """Nothing is written, the colleague's value is named beside the field, and what both left alone is as it is now."""
    browser = client_of(bo)
    form = edit(browser, ticket)
    changes = {"priority": Priority.URGENT, "subject": "By Ann"}
    actions.change_fields(ticket, by=ann, changes=changes, at=clock.now())
    refused = browser.post(
        address(ticket, "fields/"), {**form, "priority": "4", "product_version": "10.6"}, headers=IN_PLACE
    )
    assert refused.status_code == 409
    body = refused.content.decode()
    beside = body.split('id="fields_priority"')[1].split('id="fields_subject"')[0]
    assert "A colleague changed this to &#x27;Urgent&#x27; meanwhile." in beside
    assert '<option value="4" selected>' in beside
    assert 'value="By Ann"' in body
    assert 'value="10.6"' in body
    assert (fresh(ticket).priority, fresh(ticket).product_version) == (Priority.URGENT, "")
    again = {**hidden(refused, "fields/"), "subject": "By Ann", "priority": "4", "product_version": "10.6"}
    assert browser.post(address(ticket, "fields/"), again).status_code == 303
    found = fresh(ticket)
    assert (found.priority, found.product_version, found.subject) == (Priority.LOW, "10.6", "By Ann")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"subject": ""}, "Please give a subject."),
        ({"subject": "x" * 201}, "at most 200 characters"),
        ({"subject": "a\nb"}, "one line"),
        ({"priority": "5"}, "valid choice"),
        ({"priority": ""}, "required"),
        ({"category": "99999999999999999999"}, "valid choice"),
        ({"environment": "x"}, "valid choice"),
    ],
)
def test_a_wrong_field_is_told_beside_it(
    changes: dict[str, str], said: str, ticket: Ticket, bo: User, client_of: ClientOf
) -> None:
    answer = client_of(bo).post(address(ticket, "fields/"), changes)
    assert answer.status_code == 400
    assert said in text(answer)
    assert fresh(ticket).updated_at == ticket.updated_at


def test_nothing_changed_writes_nothing(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    assert browser.post(address(ticket, "fields/"), edit(browser, ticket)).status_code == 303
    assert fresh(ticket).updated_at == ticket.updated_at


def test_an_entry_that_is_offered_no_more_stays_where_it_is(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    Category.objects.filter(pk=ticket.category_id).update(is_active=False)
    Category.objects.filter(slug="mobile").update(is_active=False)
    browser = client_of(bo)
    body = browser.get(f"{address(ticket)}?panel=fields").content.decode()
    assert f'<option value="{ticket.category_id}" selected>' in body
    assert ">Mobile</option>" not in body.split('id="fields_category"')[1].split("</select>")[0]
    assert browser.post(address(ticket, "fields/"), {**edit(browser, ticket), "priority": "2"}).status_code == 303


def test_do_not_close_there_and_back(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    answer = browser.post(address(ticket, "do-not-close/"), {"do_not_close": "yes"}, headers=IN_PLACE)
    assert fresh(ticket).do_not_close
    assert "do not close" in text(answer)
    path, fields = undo_of(answer.content.decode())
    browser.post(path, fields)
    assert not fresh(ticket).do_not_close


def test_cc_added_refused_and_removed(ticket: Ticket, bo: User, sven: User, client_of: ClientOf) -> None:
    browser = client_of(sven)
    refused = browser.post(address(ticket, "cc/"), {"cc": "not an address"}, headers=IN_PLACE)
    assert refused.status_code == 400
    assert "is not an e-mail address" in text(refused)
    browser.post(address(ticket, "cc/"), {"cc": "Tom@northwind.example, x@partner.example"})
    copies = list(ticket.participants.all())
    assert [copy.email for copy in copies] == ["tom@northwind.example", "x@partner.example"]
    answer = client_of(bo).post(address(ticket, f"cc/{copies[0].pk}/remove/"), headers=IN_PLACE)
    assert "tom@northwind.example gets no more messages." in text(answer)
    other = factories.open_ticket(ticket.requester)
    assert client_of(bo).post(address(other, f"cc/{copies[1].pk}/remove/")).status_code == 404
    assert [copy.email for copy in ticket.participants.filter(removed_at=None)] == ["x@partner.example"]


def test_set_engineers_may_do_none_of_it(ticket: Ticket, sven: User, client_of: ClientOf) -> None:
    browser = client_of(sven)
    forms = {
        "take/": {},
        "assign/": {"assignee": "nobody"},
        "status/": {"move": "solve"},
        "fields/": {"subject": "x"},
        "do-not-close/": {"do_not_close": "yes"},
    }
    for verb, form in forms.items():
        assert browser.post(address(ticket, verb), form).status_code == 403, verb
    assert fresh(ticket).updated_at == ticket.updated_at


def test_verbs_are_posts(ticket: Ticket, bo: User, client_of: ClientOf) -> None:
    browser = client_of(bo)
    for verb in ("reply/", "note/", "take/", "assign/", "status/", "fields/", "do-not-close/", "cc/"):
        assert browser.get(address(ticket, verb)).status_code == 405
    assert browser.post(address(ticket)).status_code == 405
