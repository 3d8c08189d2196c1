"""The pages around engineering's escalations, at both sizes in both themes."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from accounts.models import Role, User
from escalations.engineering.steps import Move
from tests.browser.conftest import PHONE, Window
from tests.browser.looks import check
from tickets.models import Ticket

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_pages_of_what_engineering_owes(window: Callable[..., Window], _defaults: None, sam: User, lea: User) -> None:
    from escalations.engineering import actions
    from escalations.engineering.queues import QUEUES
    from supportdesk.lib import clock
    from tests import factories

    problem = actions.Problem("Sessions end after a minute, but only behind a proxy", 2, "All users", "Log in")
    bo = factories.staff("Bo", Role.AGENT, "Europe, Middle East and Africa")
    sven = factories.staff("Sven", Role.SET)
    now = clock.now()
    for asks in (True, False):
        ticket = factories.open_ticket(sam)
        record = actions.request_escalation(ticket, problem, by=bo, text="We look.", at=now)
        actions.take_step(record, Move.REVIEW, by=sven, given={}, at=now)
        asked = {"question": "Which proxy?", "question_due_at": now + timedelta(hours=9), "asks_customer": asks}
        actions.take_step(record, Move.ASK, by=sven, given=asked, at=now)
    folder = "/desk/escalations"
    check(window, lea, [f"{folder}/queues/", *(queue.address for queue in (QUEUES[0], QUEUES[3], QUEUES[6]))])
    check(window, lea, [f"{folder}/numbers/", f"{folder}/numbers/?days=90&behind=requested"])


def test_a_draft_that_somebody_overtook_is_no_newer_when_it_comes_back(
    window: Callable[..., Window], rita: User, sam: User, sven: User, ann: User
) -> None:
    from escalations.engineering import actions
    from escalations.models import Escalation
    from supportdesk.lib import clock
    from tests.browser import engineering

    _, owing, _ = engineering.fill(rita, sam, sven, ann)
    seen, there = window(ann), f"{owing}update/"
    seen.open(there).locator("#words textarea").fill("Ann's words")
    seen.page.get_by_text("Draft kept").wait_for()
    seen.page.close()
    record = Escalation.objects.get(pk=int(owing.strip("/").rsplit("-", 1)[1]))
    actions.word_update(record, text="Sven's words", by=sven, at=clock.now())
    seen.page = seen.context.new_page()
    page = seen.open(there)
    page.get_by_text("Draft restored").wait_for()
    page.get_by_role("button", name="Save the text").click()
    page.get_by_text("changed this escalation while you were at it").wait_for()
    expect(page.locator("#words textarea")).to_have_value("Ann's words")
    assert record.updates.get(state="owed").text == "Sven's words"
    page.locator("#words textarea").fill("Ann's better words")
    page.get_by_text("Draft kept").wait_for()
    actions.word_update(record, text="Sven's last words", by=sven, at=clock.now())
    page.goto(there)
    page.get_by_role("button", name="Discard").click()
    expect(page.locator("#words textarea")).to_have_value("Sven's last words")
    page.locator("#words textarea").fill("The words of both")
    page.get_by_role("button", name="Save the text").click()
    page.get_by_text("The text is saved.").wait_for()


def test_pages_of_people_around_an_escalation(
    window: Callable[..., Window], busy_desk: Ticket, bo: User, sven: User, pat: User, cleo: User
) -> None:
    from escalations.engineering import actions
    from escalations.models import Involved
    from supportdesk.lib import clock

    now = clock.now()
    problem = actions.Problem("Sessions end after a minute, with a longtokenwithoutaspace" * 2, 1, "All", "Log in")
    record = actions.request_escalation(busy_desk, problem, by=bo, text="We look into it.", at=now)
    actions.invite_team(record, Involved.PRODUCT, by=bo, at=now)
    actions.comment(record, by=sven, body="@bo which proxy?\n\n```\nupstream timed out\n```", at=now)
    here = record.get_absolute_url()
    check(window, bo, [here, f"{here}discussion/", "/desk/escalations/feed/"])
    check(window, pat, ["/", here, busy_desk.desk_url, "/desk/escalations/feed/", "/account/mail/"])
    check(window, cleo, ["/", "/desk/escalations/feed/"])


def test_pages_of_engineering_escalations(
    window: Callable[..., Window], rita: User, sam: User, sven: User, ann: User
) -> None:
    from tests.browser import engineering

    # Who gave no name is called by their address, which has nowhere to break either.
    User.objects.filter(pk=rita.pk).update(name="rita.montgomery-featherstone@customers.northwind.example")
    record, owing, telling = engineering.fill(rita, sam, sven, ann)
    moves = [f"{record}move/{move}/" for move in ("ask", "confirm", "return", "withdraw", "release")]
    paths = [
        record,
        f"{record}edit/",
        *moves,
        owing,
        f"{owing}update/",
        f"{owing}move/plan/",
        telling,
        f"{telling}update/",
    ]
    check(window, sven, ["/desk/escalations/", "/desk/escalations/all/", *paths])
    check(window, ann, ["/desk/escalations/?q=none+like+it", "/desk/escalations/all/?q=none", owing, f"{owing}update/"])


def test_pages_of_tickets_with_engineering_and_of_known_issues(
    window: Callable[..., Window], busy_desk: Ticket, rita: User, tom: User, bo: User, sven: User
) -> None:
    from escalations.engineering import actions, telling
    from supportdesk.lib import clock
    from tests import factories
    from tests.escalations.engineering.conftest import Move, brought_to, problem

    now = clock.now() - timedelta(hours=2)
    released, new = (factories.open_ticket(rita, product_version="9.5.1", at=now) for _ in range(2))
    first = actions.request_escalation(released, problem(), by=bo, text="We look.", at=now)
    brought_to(first, Move.RELEASE, by=sven, at=now)
    telling.tell_customers(now=clock.now())
    actions.take_step(first, Move.FAIL, by=sven, given={"reason": "It is back."}, at=clock.now())
    actions.send_update(first, by=sven, at=clock.now())
    telling.tell_customers(now=clock.now())
    told = actions.Notice("Everybody is logged out", "**Since** 9.5.", "workaround", "Set `x`.", "9.5", "9.11.2")
    issue = actions.publish_known_issue(first, told, by=sven, at=clock.now())
    escalate = f"/desk/tickets/{new.number}/escalate/"
    check(window, bo, [f"/desk/tickets/{released.number}/", escalate, f"{escalate}?into={first.reference}"])
    check(window, bo, [f"/desk/tickets/{released.number}/escalate/"])
    check(window, sven, [f"{first.get_absolute_url()}known-issue/", first.get_absolute_url()])
    check(window, rita, [f"/requests/{released.number}/", "/requests/", "/requests/known-issues/"])
    check(window, tom, [issue.get_absolute_url()])
    seen = window(tom, size=PHONE)
    page = seen.open("/requests/new/")
    page.get_by_label("Subject").press_sequentially("Logged out, everybody")
    page.get_by_role("heading", name="Is it yours?").wait_for()
    seen.open(issue.get_absolute_url()).get_by_role("button", name="This affects me too").click()
    seen.page.get_by_text("is about this known issue").wait_for()
    expect(seen.page.locator('[aria-current="step"]')).to_contain_text("Reported")
    assert seen.faults == []


def test_what_surrounds_an_escalation(window: Callable[..., Window], busy_desk: Ticket, sven: User, bo: User) -> None:
    """Pull requests, issues elsewhere and duplicates of a record; linking one in place."""
    from escalations.engineering import actions
    from escalations.models import CodeHost, PullRequest
    from supportdesk.lib import clock
    from tests import factories

    now, known = clock.now(), {"impact": "All", "reproduction": "Log in"}
    CodeHost.objects.create(name="GitHub", kind="github", address="https://github.com", repositories="acme/server")
    first, second, third = (factories.open_ticket(busy_desk.requester) for _ in range(3))
    records = [
        actions.request_escalation(ticket, actions.Problem(title, 2, **known), by=bo, text="We look.", at=now)
        for ticket, title in (
            (first, "Sessions end"),
            (second, "Sessions end early"),
            (third, "Thrown out of sessions"),
        )
    ]
    stays = records[0]
    actions.merge(records[1], stays, by=sven, at=now)
    for number, state, checks in ((1, "merged", "passed"), (2, "open", "failed"), (3, "unknown", "none")):
        url = f"https://github.com/acme/server/pull/{number}"
        pull = actions.link_pull_request(stays, url, by=sven, at=now)
        told = {"title": "Keep sessions in the new store " * 4, "merged_at": now, "release_tag": "v9.11.2"}
        PullRequest.objects.filter(pk=pull.pk).update(state=state, checks=checks, **told if number == 1 else {})
    actions.link_outside_issue(stays, "https://jira.example.com/browse/MM-1234", by=sven, at=now)
    check(window, sven, [one.get_absolute_url() for one in records])
    check(window, bo, [stays.get_absolute_url()])
    seen = window(sven)
    shown = seen.open(stays.get_absolute_url())
    section = shown.locator("#pull_requests")
    section.get_by_text("Link a pull request").click()
    section.get_by_label("Address of a pull request").fill("https://github.com/acme/other/pull/4")
    section.get_by_role("button", name="Link", exact=True).click()
    section.get_by_text("acme/other isn't a repository of GitHub").wait_for()
    section.get_by_label("Address of a pull request").fill("https://github.com/acme/server/pull/4")
    section.get_by_role("button", name="Link", exact=True).click()
    shown.get_by_text("acme/server#4 is linked.").wait_for()
    section.get_by_role("button", name="Unlink acme/server#4").click()
    shown.get_by_text("acme/server#4 is unlinked.").wait_for()
    refused = [fault for fault in seen.faults if "400 (Bad Request)" in fault]
    assert seen.faults == refused
    assert len(refused) == 1
