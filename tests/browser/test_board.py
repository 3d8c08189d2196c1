"""The board by mouse, by finger and by keyboard; and customers being told while somebody looks on."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from accounts.models import User
from escalations.engineering import telling
from escalations.engineering.board import ACTIVE_AT_ONCE
from escalations.models import Escalation
from supportdesk.lib import clock
from tests.browser import engineering
from tests.browser.conftest import DESKTOP, PHONE, Window

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def drag(page: Any, card: Any, lane: str) -> None:
    start, end = card.bounding_box(), page.locator(f'section[data-lane="{lane}"]').bounding_box()
    page.mouse.move(start["x"] + 30, start["y"] + 40)
    page.mouse.down()
    page.mouse.move(start["x"] + 60, start["y"] + 60, steps=3)
    page.mouse.move(end["x"] + end["width"] / 2, end["y"] + 80, steps=5)


def test_a_card_is_dragged_to_the_form_of_its_move_and_refused_where_there_is_none(
    window: Callable[..., Window], rita: User, sam: User, sven: User, ann: User
) -> None:
    record, owing, _ = engineering.fill(rita, sam, sven, ann)
    seen = window(sven)
    page = seen.open("/desk/escalations/")
    reviewed = page.locator("[data-card]", has=page.locator(f'a[href="{record}"]'))
    drag(page, reviewed, "confirmed")
    expect(page.locator('section[data-lane="confirmed"]')).to_contain_class("takes over")
    expect(page.locator('section[data-lane="released"]')).to_contain_class("refuses")
    page.mouse.up()
    page.wait_for_url(f"**{record}move/confirm/")
    seen.open("/desk/escalations/")
    drag(page, page.locator("[data-card]", has=page.locator(f'a[href="{owing}"]')), "planned")
    page.mouse.up()
    page.get_by_text("Its customers are still to be told.").wait_for()
    expect(page).to_have_url(re.compile("/desk/escalations/$"))
    assert seen.faults == []


def test_by_keyboard_cards_are_reached_and_moved(
    window: Callable[..., Window], rita: User, sam: User, sven: User, ann: User
) -> None:
    record, owing, _ = engineering.fill(rita, sam, sven, ann)
    seen = window(sven)
    page = seen.open("/desk/escalations/")
    page.locator(f'a[href="{record}"]').focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(f'a[href="{owing}"]').first).to_be_focused()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("m")
    page.get_by_role("link", name="Confirm: product issue").click()
    page.wait_for_url(f"**{record}move/confirm/")
    assert seen.faults == []


def test_on_a_phone_a_tab_chooses_the_step(
    window: Callable[..., Window], rita: User, sam: User, sven: User, ann: User
) -> None:
    _, owing, _ = engineering.fill(rita, sam, sven, ann)
    page = window(sven, size=PHONE).open("/desk/escalations/")
    expect(page.locator(f'a.lead[href="{owing}"]')).to_be_hidden()
    page.get_by_role("link", name="Confirmed 1").click()
    page.locator(f'a.lead[href="{owing}"]').wait_for()


def test_who_looks_on_sees_customers_being_told(
    window: Callable[..., Window], rita: User, sam: User, sven: User, ann: User
) -> None:
    _, owing, _ = engineering.fill(rita, sam, sven, ann)
    seen = window(sven)
    page = seen.open(f"{owing}update/")
    page.get_by_role("button", name="Tell after all").click()
    page.get_by_role("button", name="Tell 2 customers").wait_for()
    page.get_by_role("button", name="Tell 2 customers").click()
    page.get_by_text("Told 0 of 2").wait_for()
    telling.tell_customers(now=clock.now())
    page.get_by_text("Told 2 of 2").wait_for()
    page.get_by_text("Everybody was told.").wait_for()
    assert seen.faults == []


def test_the_preview_follows_what_is_typed(
    window: Callable[..., Window], rita: User, sam: User, sven: User, ann: User
) -> None:
    record, _, _ = engineering.fill(rita, sam, sven, ann)
    seen = window(sven)
    page = seen.open(f"{record}move/confirm/")
    page.get_by_label("What the customers are told").fill("Dear {{requester_name}}, it is ours.")
    page.get_by_text("Dear Rita, it is ours.").wait_for()
    assert seen.faults == []


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_rest_of_a_long_column_comes_in_place(
    window: Callable[..., Window], _defaults: None, sven: User, size: dict[str, int]
) -> None:
    now = clock.now()
    times = dict.fromkeys(("step_since", "news_at", "created_at", "updated_at"), now)
    Escalation.objects.bulk_create(
        Escalation(title=f"Fault {number}", severity=2, impact="All", reproduction="Wait", requested_by=sven, **times)
        for number in range(ACTIVE_AT_ONCE + 2)
    )
    seen = window(sven, size=size)
    page = seen.open("/desk/escalations/?step=requested")
    column = page.locator('section[data-lane="requested"]')
    expect(column.locator("[data-card]")).to_have_count(ACTIVE_AT_ONCE)
    column.get_by_role("link", name="2 more").focus()
    page.keyboard.press("Enter")
    expect(column.locator("[data-card]")).to_have_count(ACTIVE_AT_ONCE + 2)
    expect(column).to_be_focused()
    assert seen.overflow() <= 0
    assert not seen.accessibility_faults()
    assert seen.faults == []
