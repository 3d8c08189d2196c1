"""A promise from the form that makes it to the reply that keeps it: a weekend, real processes, the clock moved."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.flows.desk import Desk, run_desk, wait_for
from tests.flows.window import Window

pytestmark = [pytest.mark.flow, pytest.mark.browser]

NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
SUBJECT = "The desktop app forgets its proxy"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with run_desk(tmp_path_factory.mktemp("promises")) as desk:
        desk.run("-m", "tests.flows.cast")
        yield desk


def desk_time(desk: Desk) -> datetime:
    """What the desk's clock shows."""
    said = desk.manage("demo_clock", "+0s")
    found = re.search(r"shows (\S+ \S+) UTC", said)
    assert found
    return datetime.fromisoformat(f"{found[1]}+00:00")


def move_to(desk: Desk, weekday: int, clock_time: str, zone: ZoneInfo) -> None:
    """Move the desk's clock on to the next such local time, past the weeks in which clocks change; 0 is Monday."""
    now = desk_time(desk).astimezone(zone)
    hour, minute = map(int, clock_time.split(":"))
    there = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
    there += timedelta(days=(weekday - there.weekday()) % 7)
    if there <= now:
        there += timedelta(days=7)
    seconds = int((there.astimezone(ZoneInfo("UTC")) - now.astimezone(ZoneInfo("UTC"))).total_seconds()) + 1
    desk.manage("demo_clock", f"+{seconds // 60}m")
    desk.manage("demo_clock", f"+{seconds % 60}s")


def first_reply(window: Window, priority: str) -> str:
    """What the priority's card says."""
    window.page.goto("/requests/new/")
    card = window.page.locator(".pick label", has_text=priority).first
    return str(card.locator(".promise").inner_text())


def submit_normal(window: Window) -> int:
    page = window.page
    page.get_by_label("Subject").fill(SUBJECT)
    page.get_by_label("Category").select_option(label="Desktop")
    page.get_by_label("Environment").select_option(label="Production")
    page.get_by_label("Description").fill("After each start the proxy has to be entered again.")
    window.press("Submit request")
    page.wait_for_url(re.compile(r"/requests/\d+/"))
    return int(re.search(r"/requests/(\d+)/", page.url)[1])  # type: ignore[index]


def warnings(desk: Desk, number: int) -> list[Any]:
    return [mail for mail in desk.mails("lea@desk.example", f"#{number}") if "First reply" in mail.as_string()]


def test_sams_friday_afternoon(browser: Any, desk: Desk) -> None:
    sam, rita, ann = Window(browser, desk), Window(browser, desk), Window(browser, desk)
    for window, email in ((sam, "sam@contoso.example"), (rita, "rita@northwind.example"), (ann, "ann@desk.example")):
        window.log_in(email)

    # Friday 16:30 in New York: eight business hours are half an hour of today and seven and a half of Monday.
    move_to(desk, 4, "16:30", NEW_YORK)
    assert "First reply by Mon 16:3" in first_reply(sam, "Normal")
    number = submit_normal(sam)
    desk.start_workers()
    sam.see("We owe you a first answer by Mon 16:3")

    # The agent sees the same countdown.
    ann.page.goto("/desk/")
    row = ann.page.locator("tr", has_text=SUBJECT)
    assert re.search(r"(8 h|7 h 5\d m) left", row.inner_text()), row.inner_text()
    ann.page.goto(f"/desk/tickets/{number}/")
    ann.see("business hours New York")

    # The weekend, as the domain has it.
    move_to(desk, 4, "23:00", NEW_YORK)
    assert "First reply by Mon 01:00" in first_reply(sam, "Urgent")
    move_to(desk, 5, "10:00", BERLIN)
    assert "First reply by 11:00" in first_reply(rita, "Urgent")
    move_to(desk, 5, "10:00", NEW_YORK)
    assert "First reply by Mon 02:00" in first_reply(sam, "Urgent")

    # Three quarters are used up on Monday 14:30. Nobody was warned over the weekend; now it comes, once.
    assert warnings(desk, number) == []
    move_to(desk, 0, "14:32", NEW_YORK)
    wait_for(lambda: warnings(desk, number), seconds=60, what="the warning")

    # An answer as Pending meets it.
    ann.page.goto(f"/desk/tickets/{number}/")
    ann.page.locator("textarea[name=body]").fill("Which version of the app?")
    ann.press("Send as Pending")
    ann.page.locator(".msg", has_text="Which version of the app?").first.wait_for()
    ann.page.goto(f"/desk/tickets/{number}/promises/")
    ann.see("First reply")
    ann.see("met")

    # Sam's reply starts the next one, by mail or web alike, on the clock that stands still at weekends.
    sam.page.goto(f"/requests/{number}/")
    sam.page.get_by_label("Your reply").fill("5.9 on Windows 11")
    sam.press("Send reply")
    sam.see("we owe you a reply by Tue 14:3")
    sam.page.goto(f"/requests/{number}/promises/")
    explained = sam.page.locator("main").inner_text()
    assert "Next reply" in explained
    assert "Enterprise policy" in explained
    assert "Business hours" in explained
    assert re.search(r"16:3\d", explained)

    assert "no difference" in desk.manage("rebuild_clocks", "--check")
    assert len(warnings(desk, number)) == 1
    assert sam.faults == rita.faults == ann.faults == []
