"""An admin builds the three-region schedule from nothing, sees the gap that changes of clocks leave, and mends it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import expect

from accounts.models import User
from escalations import defaults
from escalations.models import CoverageGap, Schedule
from supportdesk.lib import clock
from tests.browser.conftest import DESKTOP, PHONE, Window

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

REGIONS = [
    # name, zone, hours on its own clock: they meet exactly in the northern winter
    ("Asia-Pacific", "Australia/Sydney", "11:00", "19:00", "Chi"),
    ("Europe", "Europe/Berlin", "09:00", "17:00", "Bo"),
    ("Americas", "America/New_York", "11:00", "19:00", "Ann"),
]


@pytest.fixture
def _november(ann: User, bo: User, chi: User, ada: User) -> None:
    clock.move(datetime(2026, 11, 24, 12, tzinfo=UTC) - clock.now())
    for person in (ann, bo, chi, ada):
        defaults.make_reachable(person, at=clock.now())


def build_from_nothing(page: Any) -> None:
    page.get_by_role("link", name="New schedule").click()
    page.get_by_role("link", name="From nothing").click()
    page.get_by_label("Name", exact=True).fill("Follow the sun")
    page.get_by_label("Purpose").fill("Around the clock, by region.")
    for number, (name, zone, starts, ends, person) in enumerate(REGIONS):
        page.get_by_role("button", name="Add a layer").click()
        layer = page.locator("fieldset.layer").nth(number)
        expect(layer.get_by_label("Name")).to_be_focused()
        layer.get_by_label("Name").fill(name)
        layer.get_by_label("Time zone").fill(zone)
        layer.get_by_label("Turn 1", exact=True).select_option(label=person)
        layer.get_by_role("button", name="Add hours").click()
        expect(layer.get_by_label("From")).to_be_focused()
        layer.get_by_label("From").fill(starts)
        layer.get_by_label("Until").fill(ends)
        layer.get_by_label("Until").blur()


@pytest.mark.parametrize("mend", ["Keep all hours in UTC", "Add an hour at both ends"])
def test_ada_builds_sees_the_gap_and_mends_it(
    _november: None, ada: User, window: Callable[..., Window], mend: str
) -> None:
    seen = window(ada)
    page = seen.open("/desk/on-call/schedules/")
    build_from_nothing(page)
    preview = page.locator("#preview")
    red = preview.locator(".notice.urgent")
    expect(red).to_contain_text("For 420 h of the next year nobody is on call.")
    expect(red).to_contain_text("New York's clocks change on 14 March: nobody from 23:00 to 00:00 UTC, 20 times")
    expect(preview.locator("tr.gap-row")).to_contain_text("Nobody: no layer names anybody")
    expect(preview.locator("rect.gap")).not_to_have_count(0)
    assert not seen.accessibility_faults()
    page.get_by_role("button", name="Save schedule").click()
    why = page.get_by_label("Why the gaps may stay")
    expect(page.get_by_text("There are hours in which nobody is on call.")).to_be_visible()
    expect(why).to_be_focused()
    expect(page.get_by_label("Purpose")).to_have_value("Around the clock, by region.")
    assert not Schedule.objects.exists()
    assert not seen.accessibility_faults()
    page.get_by_role("button", name=mend).click()
    expect(preview).to_contain_text("No gaps.")
    expect(red).to_have_count(0)
    expect(preview.locator("tr.gap-row, rect.gap")).to_have_count(0)
    page.get_by_role("button", name="Save schedule").click()
    page.wait_for_url(re.compile(r"/desk/on-call/schedules/$"))
    row = page.get_by_role("listitem").filter(has_text="Follow the sun")
    expect(row).to_contain_text("3 layers")
    expect(row).to_contain_text("No gaps ahead")
    expect(row).to_contain_text("Bo")
    assert not CoverageGap.objects.exists()
    # What a browser says of the refusal that it was answered with is no fault of the page's.
    assert not [fault for fault in seen.faults if "400 (Bad Request)" not in fault]


def test_without_scripts_it_takes_a_button(
    _november: None, ada: User, bo: User, browser: Any, live_server: Any
) -> None:

    client = Client()
    client.force_login(ada)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context = browser.new_context(java_script_enabled=False, base_url=live_server.url)
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto("/desk/on-call/schedules/new/?begin=weekly")
    page.get_by_label("Name", exact=True).first.fill("Weekly")
    page.get_by_role("button", name="Add a person").click()
    expect(page.get_by_label("Name", exact=True).first).to_have_value("Weekly")
    page.get_by_label("Turn 1", exact=True).select_option(label="Bo")
    page.get_by_label("Turn 2", exact=True).select_option(label="Ann")
    page.get_by_role("button", name="Check and preview").click()
    expect(page.get_by_text("No gaps.")).to_be_visible()
    page.get_by_role("button", name="Save schedule").click()
    expect(page.get_by_role("link", name="Weekly")).to_be_visible()
    assert [member.user.name for member in Schedule.objects.get().layers.get().members.all()] == ["Bo", "Ann"]
    context.close()


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_editor_fits_its_window_with_gaps_and_errors_shown(
    _november: None, ada: User, window: Callable[..., Window], size: dict[str, int]
) -> None:
    seen = window(ada, size=size, theme="dark")
    page = seen.open("/desk/on-call/schedules/new/?begin=sun")
    page.get_by_label("Until").first.fill("06:00")
    page.get_by_label("Until").first.blur()
    page.get_by_role("button", name="Check and preview").click()
    expect(page.get_by_text("Give the schedule a name.").first).to_be_visible()
    expect(page.locator("#id_name")).to_be_focused()
    assert seen.overflow() <= 0
    assert not seen.accessibility_faults()
    page.locator("#id_name").fill("Sun")
    page.locator("#id_name").blur()
    expect(page.locator("#preview .notice.urgent").first).to_contain_text("nobody is on call")
    assert seen.overflow() <= 0
    assert not seen.accessibility_faults()
