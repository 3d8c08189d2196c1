"""The matrix of promises and its drafts in a real browser."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import User
from supportdesk.lib import clock
from tests import factories
from tests.tickets.sla.editing import MATRIX, cell
from tickets.sla import backtest, retarget

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_ada_edits_looks_and_applies(rita: User, ada: User, window: Callable[..., Any], theme: str) -> None:
    factories.open_ticket(rita, at=clock.now() - factories.minutes(45), priority=1)
    view = window(ada, theme=theme)
    page = view.open(MATRIX)
    assert view.overflow() <= 0
    assert not view.accessibility_faults()
    number = page.locator(f"input[name={cell('premier', 'first_reply', 1)}_number]")
    number.fill("half")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("Give a number such as 4")).to_be_visible()
    expect(number).to_have_value("half")
    assert not view.accessibility_faults()
    number.fill("0.5")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("1 open clock moves, 1 would breach at once")).to_be_visible()
    assert view.overflow() <= 0
    assert not view.accessibility_faults()
    page.get_by_label("All", exact=True).check()
    page.get_by_label("Note").fill("Quicker")
    said = page.locator("#backtest").get_by_role("status")
    said.evaluate("it => it.wasHere = true")
    backtest.work(now=clock.now())
    page.locator("#backtest:not([data-refresh])").wait_for()
    assert said.evaluate("it => it.wasHere")
    expect(said).to_have_text("Every request of these days was replayed.")
    expect(page.get_by_label("Note")).to_have_value("Quicker")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("under way")).to_be_visible()
    retarget.work(now=clock.now())
    page.locator("#progress:not([data-refresh])").wait_for()
    expect(page.get_by_text("1 of 1")).to_be_visible()
    assert not view.accessibility_faults()
