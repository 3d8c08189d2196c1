"""A desk with something on every page, and windows of several people on it."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import expect

from accounts.models import User
from escalations import defaults as paging_defaults
from escalations.paging.engine import run_pass
from supportdesk.lib import clock
from tests import factories
from tickets import actions
from tickets.models import Priority, Ticket
from tickets.states import Status

expect.set_options(timeout=10_000)  # two cores, two workers and a browser each
DESKTOP = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
_AXE = Axe().axe_script
# Style sheets are fetched anew only for rules that none of these tags names.
_ALL = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "preload": False}
_COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"], "preload": False}
# Only what is wrong leaves the page: all that axe looked at is more than the page itself.
_FAULTS = """async (options) => {
    const found = await axe.run(document, { ...options, resultTypes: ["violations"] });
    const say = (fault, node) => `${fault.id}: ${node.target} ${node.html.slice(0, 120)}`;
    return found.violations.flatMap((fault) => fault.nodes.map((node) => say(fault, node)));
}"""


class Window:
    """A browser window; what goes wrong in its console and what it asks for are kept."""

    def __init__(self, browser: Any, url: str, user: User | None, *, size: dict[str, int], theme: str) -> None:
        self.context = browser.new_context(viewport=size, color_scheme=theme, base_url=url, reduced_motion="reduce")
        if user is not None:
            client = Client()
            client.force_login(user)
            session = client.cookies[settings.SESSION_COOKIE_NAME].value
            self.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": url}])
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.asked: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda line: self.faults.append(line.text) if line.type == "error" else None)
        self.page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path: str) -> Any:
        self.page.goto(path)
        return self.page

    def show(self, theme: str) -> None:
        """Change the theme of the page that is open, as its reader's system would."""
        self.page.emulate_media(color_scheme=theme)

    def accessibility_faults(self, *, colours_only: bool = False) -> list[str]:
        """What axe-core finds against WCAG 2.2 A and AA on the page that is open, as it looks now.

        `colours_only`: by the rules that a change of theme can break, for a page whose rest was looked at.
        """
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(_AXE)
        return list(self.page.evaluate(_FAULTS, _COLOURS if colours_only else _ALL))

    def overflow(self) -> int:
        """How many pixels the page is wider than its window."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))


@pytest.fixture
def window(browser: Any, live_server: Any) -> Iterator[Callable[..., Window]]:
    opened: list[Window] = []

    def make(user: User | None = None, *, size: dict[str, int] = DESKTOP, theme: str = "light") -> Window:
        opened.append(Window(browser, live_server.url, user, size=size, theme=theme))
        return opened[-1]

    yield make
    for each in opened:
        each.context.close()


@pytest.fixture
def ringing(rita: User, tom: User, ann: User, bo: User, lea: User) -> Ticket:
    """rita's urgent request, for which bo's phone rings now."""
    paging_defaults.load(on_call=[bo], staff=[bo, ann, lea])
    ticket = factories.open_ticket(rita, priority=Priority.URGENT, cc=[tom.email, "partner@consulting.example"])
    run_pass("test")
    return ticket


@pytest.fixture
def busy_desk(ringing: Ticket, rita: User, sam: User, bo: User) -> Ticket:
    """Requests in every status with several messages; returns the ringing one."""
    start = clock.now() - timedelta(days=2)
    for number, status in enumerate([*Status] * 2):
        ticket = factories.open_ticket(
            sam if number % 3 == 0 else rita,
            at=start + timedelta(minutes=number),
            priority=Priority.values[number % 4],
            subject=f"Question {number}: push notifications arrive late on some phones",
        )
        if status is not Status.NEW:
            _bring_to(ticket, status, by=bo, at=start + timedelta(hours=1))
    return ringing


def _bring_to(ticket: Ticket, status: Status, *, by: User, at: datetime) -> None:
    actions.answer(ticket, by=by, body="Which **version**?\n\n```\nlog line\n```", submit_as=Status.OPEN, at=at)
    actions.add_note(ticket, by=by, body="Looks like last week's.", at=at)
    if status is Status.PENDING:
        actions.answer(ticket, by=by, body="Please send the log.", submit_as=Status.PENDING, at=at)
    if status is Status.ON_HOLD:
        actions.hold(ticket, by=by, reason="database team", at=at)
    if status in {Status.SOLVED, Status.CLOSED}:
        actions.solve(ticket, by=by, at=at)
    if status is Status.CLOSED:
        ticket.refresh_from_db()
        assert ticket.close_due_at
        actions.close_solved(ticket.pk, now=ticket.close_due_at)
