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


def submit_normal(window: Window, subject: str = SUBJECT) -> int:
    page = window.page
    page.get_by_label("Subject").fill(subject)
    page.get_by_label("Category").select_option(label="Desktop")
    page.get_by_label("Environment").select_option(label="Production")
    page.get_by_label("Description").fill("After each start the proxy has to be entered again.")
    window.press("Submit request")
    page.wait_for_url(re.compile(r"/requests/\d+/"))
    return int(re.search(r"/requests/(\d+)/", page.url)[1])  # type: ignore[index]


def warnings(desk: Desk, number: int) -> list[Any]:
    return [mail for mail in desk.mails("lea@desk.example", f"#{number}") if "First reply" in mail.as_string()]


def spans(window: Window, address: str) -> list[str]:
    """The stretches of the newest promise, as the page lists them."""
    window.page.goto(address)
    rows = window.page.locator(".spans").first.locator("tbody tr")
    return [" ".join(text.split()) for text in rows.all_inner_texts()]


def countdown(window: Window, subject: str) -> str:
    window.page.goto("/desk/")
    return str(window.page.locator("tr", has_text=subject).locator(".due-cell time").first.inner_text())


def order(window: Window) -> list[str]:
    """The subjects of the queue, as it stands."""
    window.page.goto("/desk/")
    return [text.split(" ", 1)[1] for text in window.page.locator("td.subject a").all_inner_texts()]


def test_sams_friday_afternoon(browser: Any, desk: Desk) -> None:
    people = {name: Window(browser, desk) for name in ("sam@contoso", "rita@northwind", "ann@desk", "ada@desk")}
    for name, window in people.items():
        window.log_in(f"{name}.example")
    sam, rita, ann, ada = people.values()
    number = friday(desk, sam, ann)
    weekend(desk, sam, rita)
    monday(desk, number, sam, ann)
    edited(desk, number, rita, ann, ada)
    assert "no difference" in desk.manage("rebuild_clocks", "--check")
    assert len(warnings(desk, number)) == 1
    assert sam.faults == rita.faults == ann.faults == []  # Django admin has no icon, which a browser asks for


def friday(desk: Desk, sam: Window, ann: Window) -> int:
    """16:30 in New York: eight business hours are half an hour of today and seven and a half of Monday."""
    move_to(desk, 4, "16:30", NEW_YORK)
    assert "First reply by Mon 16:3" in first_reply(sam, "Normal")
    number = submit_normal(sam)
    desk.start_workers()
    sam.see("We owe you a first answer by Mon 16:3")
    assert re.fullmatch(r"(8 h|7 h 5\d m) left", countdown(ann, SUBJECT))
    ann.page.goto(f"/desk/tickets/{number}/")
    ann.see("business hours New York")
    return number


def weekend(desk: Desk, sam: Window, rita: Window) -> None:
    """As the domain's examples have it."""
    move_to(desk, 4, "23:00", NEW_YORK)
    assert "First reply by Mon 01:00" in first_reply(sam, "Urgent")
    move_to(desk, 5, "10:00", BERLIN)
    assert "First reply by 11:00" in first_reply(rita, "Urgent")
    move_to(desk, 5, "10:00", NEW_YORK)
    assert "First reply by Mon 02:00" in first_reply(sam, "Urgent")


def monday(desk: Desk, number: int, sam: Window, ann: Window) -> None:
    """Three quarters are used up at 14:30: one warning; an answer as Pending meets it; sam's reply starts the next."""
    assert warnings(desk, number) == []
    move_to(desk, 0, "14:32", NEW_YORK)
    wait_for(lambda: warnings(desk, number), seconds=60, what="the warning")
    ann.page.goto(f"/desk/tickets/{number}/")
    ann.page.locator("textarea[name=body]").fill("Which version of the app?")
    ann.press("Send as Pending")
    ann.page.locator(".msg", has_text="Which version of the app?").first.wait_for()
    (only,) = spans(sam, f"/requests/{number}/promises/")
    assert re.search(r"Fri .*, 16:3\d E[SD]T Mon .*, 14:3\d E[SD]T ran The request was submitted", only), only
    assert re.search(r"(6 h( \d m)? ?){2}$", only), only

    sam.page.goto(f"/requests/{number}/")
    sam.page.get_by_label("Your reply").fill("5.9 on Windows 11")
    sam.press("Send reply")
    sam.see("we owe you a reply by Tue 14:3")
    (newest,) = spans(sam, f"/requests/{number}/promises/")
    assert "The customer wrote" in newest
    explained = sam.page.locator("main").inner_text()
    assert all(word in explained for word in ("Next reply", "Enterprise policy, version 1", "America/New_York"))


def edited(desk: Desk, number: int, rita: Window, ann: Window, ada: Window) -> None:
    """The admin tightens Enterprise, sees what it would mean, applies it to all, and the queue re-sorts."""
    first_reply(rita, "Normal")
    submit_normal(rita, "Sounds are gone")  # four business hours of Berlin: Tuesday 13:00 there, before sam's 14:3x
    assert order(ann) == ["Sounds are gone Rita", f"{SUBJECT} Sam"]
    page = ada.page
    page.goto("/admin/tickets/slapolicy/matrix/")
    cell = page.locator("tr", has_text="Normal").nth(2)  # of Enterprise, after Free and Professional
    cell.locator("input[name*=next_reply]").fill("2")
    ada.press("Preview")
    ada.see("1 open clock moves, 0 would breach at once")
    wait_for(lambda: backtested(ada), seconds=60, what="the backtest")
    page.locator("#scope-all").check()
    ada.press("Apply")
    wait_for(lambda: order(ann) == [f"{SUBJECT} Sam", "Sounds are gone Rita"], seconds=60, what="the queue re-sorts")
    assert re.fullmatch(r"1 h 5\d m left|2 h left", countdown(ann, SUBJECT))


def backtested(ada: Window) -> bool:
    ada.page.reload()
    return "100.0 %" in ada.page.locator("main, #content").first.inner_text()
