"""From a ticket that support can't resolve to a released fix that two customers were told of: browsers, real processes.

The code host is `curl`, as docs/set-escalation.md says how.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import expect

from tests.flows.desk import Desk, run_desk, text_of, wait_for
from tests.flows.engineering_cast import SECRET
from tests.flows.window import Window

pytestmark = [pytest.mark.flow, pytest.mark.browser]

ROOT = Path(__file__).resolve().parent.parent.parent
PAYLOAD = ROOT / "docs" / "samples" / "github-merged.json"
RITA, SAM = "rita@northwind.example", "sam@contoso.example"
TOLD = {
    "looking": "our engineers now look into this",
    "confirmed": "confirmed this as a fault",
    "plan": "know how to mend this",
    "tested": "has passed our own tests",
    "released": "which you can download now",
}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "desk"
    folder.mkdir()
    with run_desk(folder, settings={"PAGING_CANARY_MINUTES": "0"}) as desk:
        desk.run("-m", "tests.flows.cast")
        desk.host = desk.run("-m", "tests.flows.engineering_cast").split()[-1]  # type: ignore[attr-defined]
        desk.start_workers()
        yield desk


def submit(window: Window, subject: str, version: str) -> str:
    page = window.page
    page.goto("/requests/new/")
    page.get_by_label("Subject").fill(subject)
    page.get_by_label(re.compile("^Normal")).check(force=True)
    page.get_by_label("Category").select_option(label="Server Issues")
    page.get_by_label("Environment").select_option(label="Production")
    page.get_by_label("Description").fill("Since the upgrade everybody is logged out after a minute.")
    page.get_by_label("Mattermost version").fill(version)
    window.press("Submit request")
    page.wait_for_url(re.compile(r"/requests/\d+/"))
    return re.search(r"/requests/(\d+)/", page.url)[1]  # type: ignore[index]


def move(window: Window, record: str, name: str, **typed: str) -> None:
    """One step by its button and its form."""
    window.page.goto(record)
    window.page.locator(f"#move-{name}").click()
    for label, value in typed.items():
        window.page.get_by_label(label.replace("_", " ")).fill(value)
    window.page.locator("#go").click()


def tell(window: Window, button: str = "Tell 2 customers") -> None:
    """What the step owes: the texts for each are there before anybody is told."""
    window.page.get_by_role("heading", name="Each gets").wait_for()
    window.see("Rita at Northwind")
    window.see("Sam at Contoso")
    window.press(button)
    window.see("told")


def hook(desk: Desk) -> str:
    """The code host calls, as the documentation says: the answer."""
    signed = f"$(openssl dgst -sha256 -hmac '{SECRET}' '{PAYLOAD}' | sed 's/.*= //')"
    call = (
        f"curl -sS {desk.url}/hooks/code/{desk.host}/ -H 'Content-Type: application/json'"  # type: ignore[attr-defined]
        f" -H 'X-GitHub-Event: pull_request' -H 'X-GitHub-Delivery: {uuid4()}'"
        f' -H "X-Hub-Signature-256: sha256={signed}" --data-binary @{PAYLOAD}'
    )
    return subprocess.run(["bash", "-c", call], capture_output=True, text=True, check=True, timeout=20).stdout


def mails(desk: Desk, to: str, what: str) -> int:
    return sum(TOLD[what] in " ".join(text_of(mail).split()) for mail in desk.mails(to))


def test_two_customers_hear_of_one_fix_at_every_step(browser: Any, desk: Desk) -> None:
    rita, sam, ann, sven = (Window(browser, desk) for _ in range(4))
    for window, email in ((rita, RITA), (sam, SAM), (ann, "ann@desk.example"), (sven, "sven@desk.example")):
        window.log_in(email)
    ritas, sams = submit(rita, "Everybody is logged out", "9.5.1"), submit(sam, "Logged out all the time", "9.11.3")

    # ann escalates the one into a record, and finds the record for the other.
    ann.page.goto(f"/desk/tickets/{ritas}/")
    ann.page.get_by_role("link", name="Escalate to SET").click()
    ann.press("Escalate to SET")
    ann.see("Say whom it hits")  # refused beside the field, and nothing typed is lost
    ann.page.get_by_label("Impact").fill("All users of both customers")
    ann.page.get_by_label("Reproduction steps").fill("Log in, wait a minute.")
    ann.press("Escalate to SET")
    ann.page.wait_for_url(re.compile(rf"/desk/tickets/{ritas}/"))
    ann.page.goto(f"/desk/tickets/{sams}/escalate/")
    ann.page.get_by_role("link", name=re.compile("Add to this one")).click()
    ann.page.locator("#escalate").click()
    ann.page.wait_for_url(re.compile(rf"/desk/tickets/{sams}/$"))
    ann.page.get_by_role("link", name=re.compile("SET-")).first.click()
    record = ann.page.url

    # sven reviews and confirms, brings Product and Customer Success in, and links the pull request.
    move(sven, record, "review")
    sven.page.goto(record)
    sven.page.locator("#move-confirm").click()
    sven.page.get_by_label("Product").check()
    sven.page.get_by_label("Customer Success").check()
    sven.page.locator("#go").click()
    tell(sven)
    sven.page.goto(record)
    sven.page.get_by_text("Link a pull request").click()
    sven.page.get_by_label("Address of a pull request").fill("https://github.com/acme/server/pull/41")
    sven.page.locator("#pull_requests").get_by_role("button", name="Link", exact=True).click()
    sven.see("acme/server#41 is linked.")
    for stakeholder in ("pat@desk.example", "cleo@desk.example"):
        wait_for(lambda to=stakeholder: desk.mails(to, "SET-"), seconds=30, what=f"{stakeholder} is told")

    # The plan: the next step is refused until the customers were told of this one.
    move(sven, record, "plan", **{"Action plan": "Keep the session in the new store."})
    sven.page.goto(f"{record}move/test/")
    sven.see("isn't complete before")
    sven.page.get_by_label("Evidence of the internal test").fill("Ran a day of load.")
    sven.page.get_by_label("Comes with version").fill("9.11.2")
    sven.page.locator("#go").click()
    sven.see("the customers were not told the plan")
    sven.page.goto(f"{record}update/")
    tell(sven)

    # The code host tells that it is merged; the record suggests the test and waits for sven.
    assert "changed" in hook(desk)
    sven.page.goto(record)
    sven.page.locator("#pull_requests").get_by_text("Merged", exact=True).wait_for()
    move(sven, record, "test", **{"Evidence of the internal test": "A day of load.", "Comes with version": "9.11.2"})
    tell(sven)

    # Released: sam is held back, which a queue shows, and told after all.
    move(sven, record, "release", Version_with_the_fix="9.11.2")
    letter = sven.page.locator("li.letter", has_text="Sam at Contoso")
    letter.locator("summary", has_text="Hold back").click()
    letter.get_by_label("Why not yet").fill("Their manager wants a call first")
    letter.get_by_role("button", name="Hold back").click()
    letter.get_by_text("held back", exact=True).wait_for()
    sven.press("Tell 1 customer")
    ann.page.goto("/desk/escalations/queues/fixed-untold/")
    ann.see("Their manager wants a call first")
    wait_for(lambda: mails(desk, RITA, "released"), seconds=30, what="rita is told of the release")
    assert mails(desk, SAM, "released") == 0
    sven.page.goto(f"{record}update/")
    sven.page.get_by_role("button", name=re.compile("^Tell now")).click()

    # Each of them was told once of each, in their own ticket and mailbox, with what it means for their version.
    for to, number, window in ((RITA, ritas, rita), (SAM, sams, sam)):
        wait_for(lambda to=to: mails(desk, to, "released"), seconds=30, what=f"{to} is told of the release")
        wait_for(
            lambda to=to: all(mails(desk, to, what) for what in TOLD), seconds=30, what=f"{to} is told of all steps"
        )
        assert {what: mails(desk, to, what) for what in TOLD} == dict.fromkeys(TOLD, 1)
        window.page.goto(f"/requests/{number}/")
        for words in TOLD.values():
            expect(window.page.locator("#conversation").get_by_text(words)).to_have_count(1)
        timeline = window.page.locator("#engineering")
        expect(timeline.locator("li").first).to_contain_text("Reported")
        expect(timeline.locator('[aria-current="step"]')).to_contain_text("Released")
        expect(window.page.locator("main")).not_to_contain_text(re.compile(r"SET-\d|Sustained|Under review|severity"))
    expect(rita.page.locator("main")).to_contain_text("upgrade to 9.11.2")
    expect(sam.page.locator("main")).to_contain_text("which has it already")
    assert "Contoso" not in rita.page.content()
    assert "Northwind" not in sam.page.content()

    # They are back with ann, who solves.
    ann.page.goto(f"/desk/tickets/{ritas}/")
    ann.page.get_by_text("Change without a reply").click()
    ann.page.locator("#move-solve").click()
    ann.page.locator("#rail").get_by_text("Solved").first.wait_for()
    assert not (rita.faults + sam.faults)
