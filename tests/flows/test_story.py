"""The whole story, in a browser, without a mock: an urgent request from registration to its follow-up."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.factories import PASSWORD
from tests.flows.desk import Desk, run_desk, text_of, wait_for
from tests.flows.window import Window

pytestmark = [pytest.mark.flow, pytest.mark.browser]

SUBJECT = "All users logged out after upgrade to 10.5.2"
NOTE = "Same stack as last week, asking engineering."
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001"
    "a5f645400000000049454e44ae426082"
)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with run_desk(tmp_path_factory.mktemp("story")) as desk:
        desk.run("-m", "tests.flows.cast")
        desk.start_workers()
        desk.start_pager()
        yield desk


def register(window: Window, desk: Desk, email: str) -> None:
    """Sign up, open the mailed link, confirm by its button, log in."""
    page = window.page
    page.goto("/accounts/signup/")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Your name").fill("Rita Lang")
    page.locator("input[type=password]").nth(0).fill(PASSWORD)
    if page.locator("input[type=password]").count() > 1:
        page.locator("input[type=password]").nth(1).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    mail = wait_for(lambda: desk.mails(to=email, having="/accounts/confirm-email/"), seconds=30, what="the mail")[-1]
    link = re.search(r"http\S+/accounts/confirm-email/\S+", text_of(mail))
    assert link
    page.goto(link[0])
    page.get_by_role("button", name="Confirm").click()
    page.wait_for_url(lambda url: "/confirm-email/" not in url)
    window.log_in(email)


def submit_urgent(window: Window, screenshot: Path) -> int:
    page = window.page
    page.goto("/requests/new/")
    page.get_by_label("Subject").fill(SUBJECT)
    page.get_by_label(re.compile("^Urgent")).check(force=True)
    page.get_by_label("Category").select_option(label="Server Issues")
    page.get_by_label("Environment").select_option(label="Production")
    page.get_by_label("Description").fill("Since 09:02 **everybody** is logged out.\n\n```\ncipher: failed\n```")
    page.get_by_label("Mattermost version").fill("10.5.2")
    page.get_by_label("CC").fill("partner@consulting.example")
    page.locator("input[type=file]").first.set_input_files(screenshot)
    page.get_by_text("login-loop.png").first.wait_for()
    page.locator("input[name=uploads]").first.wait_for(state="attached", timeout=10_000)
    window.press("Submit request")
    page.wait_for_url(re.compile(r"/requests/\d+/"))
    window.see(SUBJECT)
    return int(re.search(r"/requests/(\d+)/", page.url)[1])  # type: ignore[index]


def test_an_urgent_request_from_registration_to_its_follow_up(browser: Any, desk: Desk, tmp_path: Path) -> None:
    screenshot = tmp_path / "login-loop.png"
    screenshot.write_bytes(PNG)
    rita, bo = Window(browser, desk), Window(browser, desk, phone=True)
    register(rita, desk, "rita.lang@northwind.example")
    number = submit_urgent(rita, screenshot)

    # The on-call person's phone rings, and says nothing of what the request says.
    page = wait_for(lambda: _pages_of(desk, number), seconds=10, what="the demo phone rings")[0]
    assert page["person"] == "bo@desk.example"
    assert SUBJECT not in str(page["text"])

    # bo acknowledges on a phone-sized page, and it stops ringing.
    bo.log_in("bo@desk.example")
    bo.page.goto(f"/desk/tickets/{number}/")
    bo.press("Acknowledge")
    bo.see("Acknowledged")
    rung = len(_pages_of(desk, number))

    # bo asks; rita is mailed and answers; bo notes and solves; rita sees it and reopens; bo solves again.
    _answer(bo, number, "Which database do you run?", "Send as Pending")
    mail = wait_for(lambda: desk.mails("rita.lang@", "Which database"), seconds=30, what="the question by mail")[0]
    assert f"#{number}" in str(mail["Subject"])
    _customer(rita, number, "Pending")
    assert len(_pages_of(desk, number)) == rung
    rita.page.get_by_label("Your reply").fill("PostgreSQL 16")
    rita.press("Send reply")
    rita.see("PostgreSQL 16")
    _customer(rita, number, "Open")
    # Her unanswered message starts a new episode.
    wait_for(lambda: len(_pages_of(desk, number)) > rung, seconds=10, what="the phone rings for the answer")
    _note(bo, number, NOTE)
    _answer(bo, number, "Restore the old key.", "Send as Solved")
    _customer(rita, number, "Solved")
    rita.press("Reopen")
    rita.page.locator(".chip", has_text="Open").first.wait_for()
    _customer(rita, number, "Open")
    _answer(bo, number, "And restart it.", "Send as Solved")
    # 48 hours pass; it is Closed; a later reply opens a follow-up.
    desk.manage("demo_clock", "+48h")
    desk.sweep()
    wait_for(lambda: _is(rita, number, "Closed"), seconds=20, what="closed after 48 hours")
    rita.page.get_by_label("Your reply").fill("It is back.")
    rita.press("Send reply")
    rita.page.wait_for_url(lambda url: bool(re.search(r"/requests/\d+/", url)) and f"/{number}/" not in url)
    rita.see(f"#{number}")

    # The CC got the public mails and no note; nobody outside the staff did.
    copies = wait_for(lambda: desk.mails("partner@", "And restart it."), seconds=30, what="the CC's copy")
    assert copies
    assert desk.mails("partner@", "Which database")
    assert not desk.mails("partner@", NOTE)
    assert not desk.mails("rita.lang@", NOTE)
    assert rita.faults == [] == bo.faults


def _pages_of(desk: Desk, number: int) -> list[dict[str, object]]:
    return [page for page in desk.pages() if str(number) in page["tickets"]]  # type: ignore[operator]


def _answer(window: Window, number: int, text: str, button: str) -> None:
    window.page.goto(f"/desk/tickets/{number}/")
    window.page.locator("textarea[name=body]").fill(text)
    window.press(button)
    window.page.locator(".msg", has_text=text).first.wait_for(timeout=10_000)


def _note(window: Window, number: int, text: str) -> None:
    window.page.goto(f"/desk/tickets/{number}/")
    window.page.locator("label", has_text="Internal note").click()
    window.page.locator("textarea[name=body]").fill(text)
    window.press("Add note")
    window.page.locator(".msg.note", has_text=text).first.wait_for(timeout=10_000)


def _is(window: Window, number: int, status: str) -> bool:
    window.page.goto(f"/requests/{number}/")
    return bool(window.page.locator(".chip", has_text=status).first.is_visible())


def _customer(window: Window, number: int, status: str) -> None:
    wait_for(lambda: _is(window, number, status), seconds=10, what=f"the customer sees {status}")
