"""My contacts on a phone, by keyboard alone; and the worker that shows pages."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import User
from escalations.models import ContactMethod, NotificationRule
from tests.browser.conftest import PHONE, Window
from tests.escalations.test_push import Browser, PushService, service  # noqa: F401
from tests.flows.desk import wait_for

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HERE = "/desk/on-call/contacts/"


# Chromium can't reach its push service from here: what that would have said is given, and kept by the page.
_PUSH_MANAGER = """
  const made = %s;
  PushManager.prototype.subscribe = async () => ({ toJSON: () => made });
  PushManager.prototype.getSubscription = async () => localStorage.getItem("on")
    ? { endpoint: made.endpoint, unsubscribe: async () => localStorage.removeItem("on") } : null;
"""
# A tap that no hand made may open no window: where it would lead is kept instead.
_TAP = """async (action) => {
  self.clients.openWindow = async (address) => { self.led = address; };
  const [shown] = await self.registration.getNotifications({ tag: "page-1" });
  self.dispatchEvent(new NotificationEvent("notificationclick", { notification: shown, action }));
  for (let wait = 0; wait < 50 && !self.led; wait += 1) await new Promise((done) => setTimeout(done, 20));
  const led = self.led;
  self.led = undefined;
  await self.registration.showNotification(shown.title, { tag: shown.tag, data: shown.data });
  return led;
}"""
_SHOWN = """async () => (await (await navigator.serviceWorker.ready).getNotifications()).map((shown) =>
  [shown.title, shown.tag, shown.requireInteraction, shown.data.path, shown.actions.map((act) => act.title)])"""


def walk_to(page: Any, name: str) -> None:
    """Tab until the control of that name has the focus."""
    for _ in range(60):
        page.keyboard.press("Tab")
        named = page.evaluate(
            "(document.activeElement.labels?.[0] ?? document.activeElement).textContent.trim().replace(/\\s+/g, ' ')"
        )
        if named.startswith(name):
            return
    pytest.fail(f"nothing by the name of {name} can be reached by keyboard")


def test_a_number_is_added_verified_and_put_into_the_rules_by_keyboard(
    window: Callable[..., Window], ann: User, settings: Any, tmp_path: Any
) -> None:
    settings.PAGES_FILE = tmp_path / "pages.jsonl"
    seen = window(ann, size=PHONE)
    page = seen.open(HERE)
    walk_to(page, "Address or number")
    page.keyboard.type("+44 7700 900777")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=A code went to +447700900777")
    [line] = settings.PAGES_FILE.read_text().splitlines()
    code = re.search(r"\d{6}", json.loads(line)["text"])
    assert code
    walk_to(page, "Code that was sent")
    page.keyboard.type("000000" if code[0] != "000000" else "111111")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=That isn't the code. 4 more tries.")
    page.wait_for_selector("input[name=code]:focus")
    page.keyboard.press("Control+a")
    page.keyboard.type(code[0])
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Verified: pages can reach you")
    walk_to(page, "Use the suggested rules")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=The suggested rules are yours now")
    assert NotificationRule.objects.filter(user=ann).count() == 2
    assert seen.overflow() <= 0
    assert not [fault for fault in seen.faults if "400" not in fault]


def test_a_blocked_browser_is_told_what_to_do(window: Callable[..., Window], ann: User) -> None:
    """Headless Chromium refuses notifications unless it is told otherwise."""
    page = window(ann, size=PHONE).open(HERE)
    page.click("text=Show pages on this device")
    page.wait_for_selector("[data-push-said]:has-text('blocked in this browser')")
    expect(page.locator("[data-push-on]")).to_be_hidden()


def subscribed(window: Callable[..., Window], person: User, mine: Browser) -> Window:
    """A window in which the person turned notifications on; what the push service would have said is given."""
    seen = window(person, size=PHONE)
    seen.context.grant_permissions(["notifications"])
    keys = {name: mine.subscription[name] for name in ("p256dh", "auth")}
    seen.page.add_init_script(_PUSH_MANAGER % json.dumps({"endpoint": mine.endpoint, "keys": keys}))
    page = seen.open(HERE)
    page.click("text=Show pages on this device")
    page.wait_for_selector("text=This device shows pages from now on")
    page.evaluate("localStorage.setItem('on', 'yes')")
    return seen


def test_a_device_is_turned_on_known_again_and_removed(
    window: Callable[..., Window],
    ann: User,
    service: PushService,  # noqa: F811
) -> None:
    mine = service.browser()
    seen = subscribed(window, ann, mine)
    assert mine.read(service.asked[0][2])["path"] == HERE
    page = seen.open(HERE)
    page.wait_for_selector("text=This device shows your pages.")
    expect(page.locator("[data-this-device]")).to_be_visible()
    page.locator("form[data-remove] button").click()
    page.wait_for_selector("text=This device doesn't show your pages yet.")
    # Asked from here: the policy lets no page evaluate words, which waiting within it would do from the second look on.
    wait_for(lambda: page.evaluate("localStorage.getItem('on') === null"), seconds=10, what="the mark is gone")
    assert not ContactMethod.objects.kept().exists()
    assert not seen.faults


def test_the_worker_shows_a_page_and_a_newer_one_takes_its_place(
    window: Callable[..., Window],
    ann: User,
    service: PushService,  # noqa: F811
) -> None:
    seen = subscribed(window, ann, service.browser())
    tools = seen.context.new_cdp_session(seen.page)
    tools.send("ServiceWorker.enable")
    known: list[Any] = []
    tools.on("ServiceWorker.workerRegistrationUpdated", lambda told: known.extend(told["registrations"]))
    seen.page.evaluate("navigator.serviceWorker.ready")
    origin = seen.page.evaluate("location.origin")
    # Asked of the page, because the browser's news arrive only while something is asked of it.
    wait_for(lambda: seen.page.evaluate("1") and known, seconds=10, what="the worker is known")
    for title, tag in (("Urgent, Northwind: #1.", "page-1"), ("Repeat: #1.", "page-1"), ("High: #2.", "page-2")):
        data = json.dumps({"title": title, "path": f"/desk/pages/{tag[-1]}/", "tag": tag})
        push = {"origin": origin, "registrationId": known[-1]["registrationId"], "data": data}
        tools.send("ServiceWorker.deliverPushMessage", push)
        wait_for(lambda now=title: now in str(seen.page.evaluate(_SHOWN)), seconds=10, what=f"{title} is shown")
    shown = seen.page.evaluate(_SHOWN)
    assert sorted(shown) == [
        ["High: #2.", "page-2", True, "/desk/pages/2/", ["Acknowledge"]],
        ["Repeat: #1.", "page-1", True, "/desk/pages/1/", ["Acknowledge"]],
    ]
    [worker] = seen.context.service_workers
    for action in ("open", ""):
        assert worker.evaluate(_TAP, action) == f"{origin}/desk/pages/1/"
    assert not [url for url in seen.asked if "acknowledge" in url]
