"""Every page at both sizes in both themes: accessible, no wider than its window, quiet, self-contained."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import User
from escalations.models import Schedule
from tests.browser.conftest import DESKTOP, PHONE, Window
from tests.browser.looks import check
from tests.flows.desk import wait_for
from tickets.models import Ticket

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_pages_for_everybody(window: Callable[..., Window], _defaults: None) -> None:
    check(window, None, ["/", "/help/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"])


def test_pages_of_a_customer(window: Callable[..., Window], busy_desk: Ticket, rita: User) -> None:
    check(
        window,
        rita,
        [
            "/requests/",
            "/requests/new/",
            f"/requests/{busy_desk.number}/",
            f"/requests/{busy_desk.number}/promises/",
            "/profile/",
            "/account/mail/",
        ],
    )


def test_pages_that_links_in_mails_lead_to(
    window: Callable[..., Window], _defaults: None, rita: User, bo: User
) -> None:
    from supportdesk.lib import clock
    from tests import factories
    from tickets import actions, priority_ask, survey_link, tasks
    from tickets.models import Priority, Survey

    now = clock.now()
    unset, given = (factories.open_ticket(rita, priority=None) for _ in range(2))
    actions.set_priority(given, by=rita, to=Priority.URGENT, at=now)
    for _ in range(3):
        ticket = factories.open_ticket(rita)
        actions.solve(ticket, by=bo, at=now)
        actions.close_solved(ticket.pk, now=now + timedelta(hours=49))
    clock.move(timedelta(hours=80))
    tasks.send_surveys()
    asked, rated, over = Survey.objects.order_by("pk")
    actions.rate(rated.ticket, by=rita, rating="good", comment="Quick and kind.", at=clock.now())
    actions.rate(over.ticket, by=rita, rating="bad", comment="Slow.", at=clock.now())
    Survey.objects.filter(pk=over.pk).update(rated_at=now - timedelta(days=8))
    links = [priority_ask.link(unset, rita, to=Priority.HIGH), priority_ask.link(given, rita)]
    links += [survey_link.link(one, rating="good") for one in (asked, rated, over)]
    check(window, None, [*("/" + link.split("/", 3)[3] for link in links)])
    tickets = [unset, asked.ticket, rated.ticket, over.ticket]
    check(window, rita, [f"/requests/{ticket.number}/" for ticket in tickets])
    check(window, bo, [f"/desk/tickets/{ticket.number}/" for ticket in tickets])
    window_of_nobody = window(None, size=PHONE)
    shown = window_of_nobody.open("/" + links[0].split("/", 3)[3])
    shown.get_by_role("button", name="Set priority").click()
    shown.get_by_text("Thank you").wait_for()
    shown = window_of_nobody.open("/" + links[2].split("/", 3)[3])
    shown.get_by_label("What went well").fill("All of it")
    shown.get_by_role("button", name="Send").click()
    shown.get_by_text("Thank you").wait_for()
    assert window_of_nobody.faults == []


def test_pages_of_a_manager(window: Callable[..., Window], busy_desk: Ticket, mona: User) -> None:
    check(window, mona, ["/requests/", "/organisations/northwind/members/"])


def test_pages_of_somebody_with_nothing(window: Callable[..., Window], tom: User, fred: User) -> None:
    check(window, tom, ["/requests/"])
    check(window, fred, ["/requests/", "/requests/new/"])


def test_pages_of_an_agent(window: Callable[..., Window], busy_desk: Ticket, bo: User) -> None:
    page = busy_desk.paging_pages.get() if hasattr(busy_desk, "paging_pages") else None
    ticket = f"/desk/tickets/{busy_desk.number}/"
    paths = ["/desk/", ticket, f"{ticket}promises/", "/desk/tickets/new/", "/desk/on-call/", "/desk/notifications/"]
    paths.append("/account/mail/")
    check(window, bo, [*paths, f"/desk/pages/{page.pk}/"] if page else paths)


def test_a_ticket_whose_mails_did_not_arrive(window: Callable[..., Window], busy_desk: Ticket, bo: User) -> None:
    from supportdesk.lib import clock
    from tickets import actions, notifications
    from tickets.models import OutgoingMail
    from tickets.states import Status

    now = clock.now()
    actions.answer(busy_desk, by=bo, body="This way.", submit_as=Status.OPEN, at=now)
    notifications.notify(now=now)
    mails = list(OutgoingMail.objects.filter(ticket=busy_desk, kind="answered").order_by("pk"))
    OutgoingMail.objects.filter(pk=mails[0].pk).update(
        state="failed", next_attempt_at=None, last_error="550 5.1.1 <no.such.user.here@northwind.example>: no such user"
    )
    OutgoingMail.objects.filter(pk=mails[1].pk).update(last_error="451 come back later", attempts=1)
    check(window, bo, [f"/desk/tickets/{busy_desk.number}/"])


def test_pages_of_ones_own_contacts(window: Callable[..., Window], busy_desk: Ticket, bo: User, lea: User) -> None:
    from escalations import actions
    from escalations.models import ContactMethod
    from supportdesk.lib import clock

    now = clock.now()
    sms = ContactMethod.objects.get(user=bo, kind="sms")
    for kind, value in (("voice", "+447700900777"), ("email", "disabled@home.example")):
        actions.send_code(actions.add_contact(bo, kind=kind, value=value, by=bo, at=now), by=bo, at=now)
    ContactMethod.objects.filter(kind="email", value__startswith="disabled").update(disabled_at=now, disabled_why="no")
    actions.page_me(sms, by=bo, at=now)
    check(window, bo, ["/desk/on-call/contacts/"])
    check(window, lea, [f"/desk/on-call/contacts/{bo.pk}/"])


def test_pages_of_schedules(window: Callable[..., Window], ringing: Ticket, chi: User, ada: User) -> None:
    schedule = Schedule.objects.get()
    pages = ["", "new/", "new/?begin=local", "new/?begin=nothing", f"{schedule.pk}/", f"{schedule.pk}/delete/"]
    check(window, ada, [f"/desk/on-call/schedules/{page}" for page in pages])


def test_pages_of_a_lead(window: Callable[..., Window], busy_desk: Ticket, lea: User) -> None:
    check(window, lea, ["/desk/on-call/health/", "/desk/on-call/numbers/"])


def test_pages_of_mail(window: Callable[..., Window], busy_desk: Ticket, rita: User, lea: User) -> None:
    from supportdesk.lib import clock
    from tests import factories
    from tickets import actions

    where = {"ticket": busy_desk, "remarks": ["reply_to_differs"]}
    held = factories.incoming(subject="Re: " + "a very long subject of a customer " * 5, **where)
    forged = {"is_verified": False, "verdict": "desk.example; dmarc=fail header.from=other.example"}
    factories.incoming(state="quarantined", reason="unverified", explanation="DMARC says fail", **forged)
    mail = factories.by_mail(busy_desk, rita, remarks=["subject_changed", "cc_pending"])
    type(mail).objects.filter(pk=mail.pk).update(quoted_html="<blockquote>What was said before</blockquote>")
    actions.propose_cc(busy_desk, ["outsider@other.example"], by=rita, at=clock.now())
    paths = ["/desk/mail/", "/desk/mail/?show=bounce", f"/desk/mail/{held.pk}/", "/desk/mail/blocked/"]
    check(window, lea, ["/desk/mail/?q=nobody", *paths, f"/desk/tickets/{busy_desk.number}/"])
    actions.block_sender("@evil.example", by=lea, at=clock.now(), why="Advertises in every mail")
    actions.block_sender(held.sender, by=lea, at=clock.now())
    check(window, lea, [f"/desk/mail/{held.pk}/", "/desk/mail/blocked/"])
    check(window, rita, [f"/requests/{busy_desk.number}/"])


def test_pages_about_hours_on_call(window: Callable[..., Window], busy_desk: Ticket, bo: User, lea: User) -> None:
    from tests.browser import on_call_hours

    chosen = on_call_hours.fill(bo, lea)
    for user in (bo, lea):
        calendar = ["/desk/on-call/calendar/", "/desk/on-call/calendar/?view=month"]
        check(window, user, ["/desk/on-call/", *calendar, "/desk/on-call/mine/", *chosen])


def test_the_empty_desk(window: Callable[..., Window], ann: User) -> None:
    hours = ["/desk/on-call/calendar/", "/desk/on-call/mine/", "/desk/on-call/overrides/new/"]
    check(
        window,
        ann,
        ["/desk/", "/desk/on-call/", "/desk/on-call/contacts/", "/desk/pages/", "/desk/escalations/", *hours],
    )


def test_pages_of_a_page_that_rings(window: Callable[..., Window], busy_desk: Ticket, bo: User) -> None:
    from escalations.models import Page

    page = Page.objects.get(ticket=busy_desk).get_absolute_url()
    paths = [page, f"{page}hand-over/", f"{page}snooze/", "/desk/pages/", "/desk/on-call/devices/"]
    check(window, bo, [*paths, f"/desk/tickets/{busy_desk.number}/page/"])


def test_pages_on_a_registered_phone(
    window: Callable[..., Window], live_server: Any, busy_desk: Ticket, bo: User
) -> None:
    from django.conf import settings

    from escalations import actions
    from escalations.models import Page
    from supportdesk.lib import clock

    page = Page.objects.get(ticket=busy_desk).get_absolute_url()
    secret = actions.register_device(by=bo, name="Phone", at=clock.now())

    def on_phone(user: User | None, **look: object) -> Window:
        seen = window(None, **look)
        seen.context.add_cookies([{"name": settings.ON_CALL_COOKIE_NAME, "value": secret, "url": live_server.url}])
        return seen

    check(on_phone, None, [page, f"{page}hand-over/", "/desk/pages/"])
    seen = on_phone(None, size=PHONE, theme="dark")
    shown = seen.open(page)
    button = shown.locator("#acknowledge")
    box = button.bounding_box()
    assert box["y"] > PHONE["height"] * 0.6, "where the thumb is"
    assert box["y"] + box["height"] <= PHONE["height"]
    button.click()
    shown.get_by_text("Acknowledged by Bo").first.wait_for()


def test_s044_a_script_in_the_database_does_not_run(
    window: Callable[..., Window], ringing: Ticket, rita: User, bo: User
) -> None:
    """Whatever got past the sanitiser meets the content security policy."""
    evil = '<script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'"><b>still here</b>'
    ringing.messages.update(body_html=evil)
    for user, path in ((rita, f"/requests/{ringing.number}/"), (bo, f"/desk/tickets/{ringing.number}/")):
        seen = window(user)
        page = seen.open(path)
        page.get_by_text("still here").first.wait_for()
        assert page.title() != "owned"
        assert any("Content Security Policy" in fault for fault in seen.faults)


def test_s045_opening_a_ticket_asks_nobody_else(window: Callable[..., Window], rita: User, ann: User) -> None:
    from tests import factories

    body = "![x](http://third.example/a.png) <img src='http://third.example/b.png'> [c](http://third.example/c)"
    ticket = factories.open_ticket(rita, body=body)
    for user, path in ((rita, f"/requests/{ticket.number}/"), (ann, f"/desk/tickets/{ticket.number}/")):
        seen = window(user)
        seen.open(path).wait_for_load_state("networkidle")
        assert not [url for url in seen.asked if "third.example" in url]


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_deadline_leads_to_its_explanation_and_the_rest_of_the_row_to_the_ticket(
    window: Callable[..., Window], rita: User, bo: User, size: dict[str, int]
) -> None:
    from tests import factories

    ticket = factories.open_ticket(rita)
    for user, listed, address, due in (
        (bo, "/desk/?view=all", f"/desk/tickets/{ticket.number}/", ".due-cell a"),
        (rita, "/requests/", f"/requests/{ticket.number}/", ".list .sub a"),
    ):
        seen = window(user, size=size)
        link = seen.open(listed).locator(due)
        assert link.bounding_box()["height"] >= 24
        link.click()
        seen.page.wait_for_url(f"**{address}promises/**")
        seen.open(listed).locator("a.lead, a[data-open]").first.click()
        seen.page.wait_for_url(f"**{address}")
    seen = window(bo, size=size)
    row = seen.open("/desk/?view=all").locator("tbody tr")
    seen.page.keyboard.press("j")
    expect(seen.page.locator(f"#t{ticket.number}")).to_be_focused()
    if size is PHONE:
        row.click(position={"x": 40, "y": row.bounding_box()["height"] - 6})  # beside every link
        seen.page.wait_for_url(f"**/desk/tickets/{ticket.number}/")


def test_what_is_typed_before_the_scripts_have_come_is_kept(
    window: Callable[..., Window], _defaults: None, rita: User
) -> None:
    seen = window(rita)
    scripts: list[Any] = []

    def hold_back(script: Any) -> None:
        scripts.append(script)

    seen.page.route("**/js/forms*.js", hold_back)
    page = seen.open("/requests/new/")
    page.get_by_label("Subject").fill("Everybody is logged out")
    wait_for(lambda: page.title() and scripts, seconds=10, what="the script is asked for")
    scripts[0].continue_()
    page.get_by_text("Draft kept").wait_for()
    page.unroute("**/js/forms*.js")
    page = seen.open("/requests/new/")
    page.get_by_text("Draft restored").wait_for()
    expect(page.get_by_label("Subject")).to_have_value("Everybody is logged out")
    assert seen.faults == []
