"""Somebody with a real browser."""

from typing import Any

from playwright.sync_api import expect

from tests.factories import PASSWORD
from tests.flows.desk import Desk

expect.set_options(timeout=10_000)


class Window:
    """One person's browser window."""

    def __init__(self, browser: Any, desk: Desk, *, phone: bool = False) -> None:
        size = {"width": 390, "height": 844} if phone else {"width": 1440, "height": 900}
        self.context = browser.new_context(viewport=size, base_url=desk.url)
        self.context.set_default_timeout(10_000)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)

    def log_in(self, email: str) -> None:
        self.page.goto("/accounts/login/")
        self.page.get_by_label("E-mail").fill(email)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(lambda url: "/accounts/" not in url)

    def see(self, text: str) -> None:
        self.page.get_by_text(text).first.wait_for(timeout=10_000)

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).first.click()
