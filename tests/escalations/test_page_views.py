"""What a page shows while it lives, on the phone and on the ticket; the list, and *Acknowledge all*."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from escalations import actions, defaults
from escalations.models import ContactMethod, EscalationPolicy, OutsideService, Page, PageDelivery
from escalations.paging import outcome
from escalations.paging.channels import DeliveryError
from escalations.paging.channels.demo_phone import DemoPhone
from escalations.paging.engine import run_pass
from supportdesk.lib import clock, slots
from tests import factories
from tickets import actions as ticket_actions
from tickets.models import Priority, Ticket

pytestmark = pytest.mark.django_db
ClientOf = Callable[[User], Client]
PassTime = Callable[[float], None]
HTMX = {"HX-Request": "true"}


def shown(client: Client, page: Page, **headers: Any) -> str:
    return client.get(f"/desk/pages/{page.pk}/", headers=headers).content.decode()


def own(queries: CaptureQueriesContext) -> int:
    """How many there were, without the movable clock's: it asks anew after each second."""
    return len([query for query in queries if "lib_clockoffset" not in query["sql"]])


def test_it_says_who_is_rung_by_what_and_whom_it_rings_next(
    page: Page, bo: User, client_of: ClientOf, rita: User
) -> None:
    html = shown(client_of(bo), page)
    live = html[html.index("Who is rung") : html.index("What happened")]
    for words in ("Bo", "text message", "e-mail", "sent", "step 2 of 3", "Ann", "Lea", "4 m left"):
        assert words in live
    assert "Rita" not in live


def test_a_delivery_tells_how_far_it_got(page: Page, bo: User, client_of: ClientOf) -> None:
    client = client_of(bo)
    row = PageDelivery.objects.get(contact__kind="sms")
    outcome.confirmed(row.message, arrived=True, now=clock.now())
    assert "arrived" in shown(client, page)
    for state, words in {
        "failed": "failed: no such number",
        "unknown": "unknown whether it arrived",
        "pending": "about to be sent",
    }.items():
        PageDelivery.objects.filter(pk=row.pk).update(state=state, error="no such number", attempt=0)
        assert words in shown(client, page)


def test_what_waits_for_its_rule_says_until_when(
    policy: EscalationPolicy, ticket: Ticket, bo: User, client_of: ClientOf
) -> None:
    bo.notification_rules.filter(contact__kind="email").update(delay=120)
    run_pass("test")
    page = Page.objects.get()
    live = shown(client_of(bo), page)
    assert "waits until" in live
    assert PageDelivery.objects.filter(state="pending").count() == 1


def test_the_next_step_passes_over_whom_it_rings_already(
    policy: EscalationPolicy, ticket: Ticket, bo: User, ann: User, lea: User, client_of: ClientOf, pass_time: PassTime
) -> None:
    run_pass("test")
    pass_time(5.1)
    html = shown(client_of(bo), Page.objects.get())
    live = html[html.index("Who is rung") : html.index("What happened")]
    assert "step 1 of 3, round 2" in live, "the leads of step 3 ring already, with the team"
    assert "Ada" in live, "the catch-all list is added"


def test_a_service_outside_is_named_among_those_rung_next(
    policy: EscalationPolicy, ticket: Ticket, bo: User, client_of: ClientOf
) -> None:
    pagerduty = OutsideService.objects.create(name="PagerDuty EU", kind="pagerduty", secret="key")
    step = policy.steps.get(position=2)
    step.outside.add(pagerduty)
    run_pass("test")
    html = shown(client_of(bo), Page.objects.get())
    assert "PagerDuty EU" in html[html.index("Who is rung") :]


def test_it_is_swapped_only_when_something_happened(page: Page, bo: User, ann: User, client_of: ClientOf) -> None:
    client = client_of(bo)
    html = shown(client, page)
    address = html.partition('hx-get="')[2].partition('"')[0]
    assert client.get(address, headers=HTMX).status_code == 204
    actions.acknowledge(page, by=ann, at=clock.now())
    answer = client.get(address, headers=HTMX)
    assert answer.status_code == 200
    assert "Acknowledged by Ann" in answer.content.decode()


def test_a_page_that_is_over_no_longer_asks(page: Page, bo: User, rita: User, client_of: ClientOf) -> None:
    ticket_actions.mark_solved(page.ticket, by=rita, at=clock.now())
    run_pass("test")
    html = shown(client_of(bo), page)
    assert "hx-get" not in html.partition('id="page"')[2].partition(">")[0]
    for verb in ("Acknowledge", "Escalate", "Hand over", "Snooze"):
        assert f">{verb}<" not in html


def test_it_costs_as_many_queries_for_many_who_are_rung(
    page: Page, bo: User, rita: User, client_of: ClientOf, pass_time: PassTime, count_queries: Any
) -> None:
    client = client_of(bo)
    pass_time(5.1)
    shown(client, page)
    with count_queries() as few:
        shown(client, page)
    for number in range(5):
        defaults.make_reachable(factories.staff(f"More{number}", Role.AGENT), at=clock.now())
    ticket = factories.open_ticket(rita, priority=Priority.URGENT)
    pass_time(0)
    pass_time(5.1)
    other = Page.objects.get(ticket=ticket)
    with count_queries() as many:
        html = shown(client, other)
    assert "More4" in html[html.index("Who is rung") : html.index("What happened")]
    assert own(many) == own(few)


# --- A test ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def trial(policy: EscalationPolicy, bo: User) -> Page:
    page = actions.page_me(ContactMethod.objects.get(user=bo, kind="sms"), by=bo, at=clock.now())
    run_pass("test")
    return page


def test_a_test_says_so_and_is_over_once_it_is_answered(trial: Page, bo: User, client_of: ClientOf) -> None:
    client = client_of(bo)
    html = shown(client, trial)
    for words in ("A test, nothing is wrong", "Bo tests how pages arrive", "Ringing you", "text message"):
        assert words in html
    for verb in ("Escalate", "Hand over", "Snooze", "Open ticket"):
        assert f">{verb}<" not in html
    answer = client.post(f"/desk/pages/{trial.pk}/acknowledge/", follow=True).content.decode()
    assert "Over" in answer
    assert "Paging ended: it was answered" in answer
    trial.refresh_from_db()
    assert trial.state == Page.State.ENDED


def test_a_test_is_over_by_itself_and_never_climbs(
    trial: Page, rung: Callable[[], list[str]], pass_time: PassTime
) -> None:
    pass_time(9.9)
    trial.refresh_from_db()
    assert trial.is_ringing
    pass_time(0.2)
    trial.refresh_from_db()
    assert trial.state == Page.State.ENDED
    assert rung() == ["bo"]


@pytest.mark.parametrize("verb", ["hand-over", "snooze", "finish"])
def test_a_test_is_neither_handed_over_nor_put_aside(
    trial: Page, bo: User, ann: User, client_of: ClientOf, verb: str
) -> None:
    data = {"to": ann.pk, "lasting": "15", "reason": "no"}
    answer = client_of(bo).post(f"/desk/pages/{trial.pk}/{verb}/", data)
    assert answer.status_code in {303, 409}
    trial.refresh_from_db()
    assert trial.is_ringing


# --- On the ticket and in the queue --------------------------------------------------------------------------------


@pytest.fixture
def asking() -> Callable[[User], Any]:
    def make(user: User) -> Any:
        request = RequestFactory().get("/desk/")
        request.user = user
        return request

    return make


def test_the_alarm_says_it_in_a_line(page: Page, ticket: Ticket, bo: User, asking: Any) -> None:
    banner = slots.fill_one("ticket.alarm", ticket, asking(bo))
    for words in ("Bo: text message sent", "e-mail sent", "Next at", "Ann, Lea", f'href="/desk/pages/{page.pk}/"'):
        assert words in banner


def test_a_page_that_rang_many_for_long_is_still_told_in_a_few_lines(
    page: Page, ticket: Ticket, bo: User, asking: Any, client_of: ClientOf, pass_time: PassTime
) -> None:
    for _ in range(8):
        pass_time(15)
    banner = slots.fill_one("ticket.alarm", ticket, asking(bo))
    assert "and 1 more" in banner
    assert "text message" not in banner
    html = shown(client_of(bo), page)
    live = html[html.index("Who is rung") : html.index("What happened")]
    assert "Ringing you and 3 more" in html
    assert live.count("text message") == 4, "for each of the four the latest only"


def test_the_alarm_of_a_page_that_was_put_aside_says_until_when(
    page: Page, ticket: Ticket, bo: User, asking: Any
) -> None:
    actions.snooze(page, lasting=factories.minutes(30), reason="a call", by=bo, at=clock.now())
    banner = slots.fill_one("ticket.alarm", ticket, asking(bo))
    assert "Bo put the page aside until" in banner
    assert "Acknowledge" not in banner


def test_pages_by_hand_ring_in_the_queue_and_tell_their_story_apart(
    ticket: Ticket, sam: User, bo: User, ann: User, asking: Any
) -> None:
    other = factories.open_ticket(sam)
    for kind in (Page.Kind.BY_HAND, Page.Kind.SET):
        actions.page_by_hand(other, kind=kind, priority=Priority.URGENT, reason="Look", by=ann, at=clock.now())
    run_pass("test")
    row = slots.fill_one("queue.row", other, asking(bo))
    assert "by hand, ringing Bo" in row
    assert "SET, ringing" in row
    alarm = slots.fill_one("ticket.alarm", other, asking(bo))
    assert "By hand: Ringing Bo" in alarm
    history = slots.fill_one("ticket.timeline", other, asking(bo))
    assert "By hand: Ann paged on-call, Urgent: Look" in history
    assert "SET: Ann paged on-call, Urgent: Look" in history


def test_the_workspace_shows_the_way_to_page_by_hand_while_the_ticket_is_unfinished(
    ticket: Ticket, bo: User, sven: User, client_of: ClientOf
) -> None:
    address = f"/desk/tickets/{ticket.number}/"
    for person in (bo, sven):
        assert f'href="{address}page/"' in client_of(person).get(address).content.decode()
    ticket_actions.solve(ticket, by=bo, at=clock.now())
    assert f'href="{address}page/"' not in client_of(bo).get(address).content.decode()


# --- The list ------------------------------------------------------------------------------------------------------


@pytest.fixture
def three(ticket: Ticket, rita: User) -> list[Page]:
    """Three pages that ring bo."""
    factories.open_ticket(rita, priority=Priority.HIGH, subject="Second subject")
    factories.open_ticket(rita, priority=Priority.HIGH, subject="Third subject")
    run_pass("test")
    return list(Page.objects.order_by("pk"))


def test_the_list_shows_mine_first_and_all_of_them(three: list[Page], bo: User, ann: User, client_of: ClientOf) -> None:
    mine = client_of(bo).get("/desk/pages/").content.decode()
    for words in ("Secret subject", "Second subject", "Third subject", "Acknowledge all 3"):
        assert words in mine
    hers = client_of(ann).get("/desk/pages/").content.decode()
    assert "Nothing rings you." in hers
    assert hers.index("All pages") < hers.index("Third subject")
    assert "Acknowledge all" not in hers


def test_all_that_were_shown_are_acknowledged_and_what_came_after_rings_on(
    three: list[Page], bo: User, rita: User, client_of: ClientOf
) -> None:
    client = client_of(bo)
    html = client.get("/desk/pages/").content.decode()
    ids = [part.partition('"')[0] for part in html.split('name="page" value="')[1:]]
    late = factories.open_ticket(rita, priority=Priority.URGENT, subject="Fourth subject")
    run_pass("test")
    answer = client.post("/desk/pages/acknowledge/", {"page": ids}, follow=True)
    assert answer.redirect_chain == [("/desk/pages/", 303)]
    assert "3 pages acknowledged." in answer.content.decode()
    assert set(Page.objects.filter(state="acknowledged", acknowledged_by=bo)) == set(three)
    assert Page.objects.get(ticket=late).is_ringing


def test_only_what_rings_me_is_acknowledged_with_all(three: list[Page], ann: User, client_of: ClientOf) -> None:
    ids = [page.pk for page in three]
    answer = client_of(ann).post("/desk/pages/acknowledge/", {"page": ids}, follow=True)
    assert "None of them rang you any more." in answer.content.decode()
    assert Page.objects.ringing().count() == 3


@pytest.mark.parametrize("given", [["x"], ["-1"], ["9" * 40], ["²"], ["1; DROP"], [], ["0"]])
def test_what_is_no_page_is_passed_over(three: list[Page], bo: User, client_of: ClientOf, given: list[str]) -> None:
    assert client_of(bo).post("/desk/pages/acknowledge/", {"page": given}).status_code == 303
    assert Page.objects.ringing().count() == 3


def test_the_list_is_filtered_by_state(three: list[Page], bo: User, ann: User, client_of: ClientOf) -> None:
    actions.acknowledge(three[1], by=bo, at=clock.now())
    actions.snooze(three[2], lasting=factories.minutes(30), reason="a call", by=bo, at=clock.now())
    client = client_of(ann)
    for state, subjects in {
        "ringing": {"Secret"},
        "acknowledged": {"Second"},
        "snoozed": {"Third"},
        "open": {"Secret", "Second", "Third"},
        "ended": set(),
        "nonsense": {"Secret", "Second", "Third"},
    }.items():
        html = client.get(f"/desk/pages/?state={state}").content.decode()
        assert {name for name in ("Secret", "Second", "Third") if f"{name} subject" in html} == subjects, state
    assert "Nothing here" in client.get("/desk/pages/?state=ended").content.decode()


def test_a_long_list_comes_in_pages_and_a_strange_cursor_gives_the_first(
    policy: EscalationPolicy, rita: User, ann: User, client_of: ClientOf
) -> None:
    for number in range(52):
        factories.open_ticket(rita, priority=Priority.HIGH, subject=f"Subject {number:02}")
    run_pass("test")
    client = client_of(ann)
    first = client.get("/desk/pages/?state=ringing").content.decode()
    assert first.count('class="lead"') == 50
    older = first.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    second = client.get(f"/desk/pages/{older}").content.decode()
    assert second.count('class="lead"') == 2
    assert client.get("/desk/pages/?after=nonsense").content.decode().count('class="lead"') == 50


def test_the_list_costs_as_many_queries_for_many_pages(
    page: Page, rita: User, bo: User, client_of: ClientOf, count_queries: Any
) -> None:
    client = client_of(bo)
    client.get("/desk/pages/")
    with count_queries() as few:
        client.get("/desk/pages/")
    for _ in range(5):
        factories.open_ticket(rita, priority=Priority.HIGH)
    run_pass("test")
    with count_queries() as many:
        client.get("/desk/pages/")
    assert own(many) == own(few)


def test_a_message_that_holds_several_links_to_the_list(
    ticket: Ticket, rita: User, bo: User, phones: Callable[[], list[dict[str, Any]]], pass_time: PassTime
) -> None:
    run_pass("test")
    for _ in range(2):
        factories.open_ticket(rita, priority=Priority.URGENT)
    run_pass("test")
    pass_time(1.1)
    assert phones()[-1]["text"].endswith("/desk/pages/")


def test_tests_do_not_count_as_ringing_in_the_navigation(trial: Page, bo: User, asking: Any) -> None:
    assert slots.fill_one("desk.nav", bo, asking(bo)) == ""


def test_a_refused_message_is_shown_with_its_reason(
    policy: EscalationPolicy, ticket: Ticket, bo: User, client_of: ClientOf, monkeypatch: Any
) -> None:
    def refuse(self: DemoPhone, message: Any) -> str:
        raise DeliveryError("the number is out of service", permanent=True)

    monkeypatch.setattr(DemoPhone, "deliver", refuse)
    run_pass("test")
    html = shown(client_of(bo), Page.objects.get())
    assert "failed: the number is out of service" in html
