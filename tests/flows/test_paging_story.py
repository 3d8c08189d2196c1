"""Two nights of somebody on call: real processes, a phone-sized browser, a provider of messages, the clock moved."""

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.flows.desk import Desk, run_desk, wait_for
from tests.flows.window import Window
from tests.provider import Provider, Received

pytestmark = [pytest.mark.flow, pytest.mark.browser]

TOKEN = "story"
REPEATED_HOUR = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)  # 02:30 in Berlin, for the second time
TUESDAY_AT_THREE = datetime(2026, 10, 27, 2, 0, tzinfo=UTC)  # 03:00 in Berlin


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider(token=TOKEN).start()
    provider.accept_everything()
    yield provider
    provider.stop()


@pytest.fixture
def desk(provider: Provider, tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "desk"
    folder.mkdir()
    twilio = {
        "TWILIO_ACCOUNT_SID": "ACstory",
        "TWILIO_AUTH_TOKENS": TOKEN,
        "TWILIO_FROM": "+447700900999",
        "TWILIO_API_URL": provider.url,
        "PAGING_CANARY_MINUTES": "0",
    }
    with run_desk(folder, settings=twilio) as desk:
        desk.run("-m", "tests.flows.paging_cast", "2026-10-24T20:00", provider.url)
        desk.start_workers()
        desk.start_pager()
        yield desk


def move_to(desk: Desk, instant: datetime) -> None:
    said = desk.manage("demo_clock", "+0s")
    found = re.search(r"shows (\S+ \S+) UTC", said)
    assert found
    ahead = instant - datetime.fromisoformat(f"{found[1]}+00:00")
    assert ahead > timedelta()
    move(desk, ahead)


def move(desk: Desk, ahead: timedelta) -> None:
    minutes, seconds = divmod(int(ahead.total_seconds()), 60)
    desk.manage("demo_clock", f"+{minutes}m")
    desk.manage("demo_clock", f"+{seconds}s")


def submit_urgent(rita: Window, subject: str) -> int:
    page = rita.page
    page.goto("/requests/new/")
    page.get_by_label("Subject").fill(subject)
    page.get_by_label(re.compile("^Urgent")).check(force=True)
    page.get_by_label("Category").select_option(label="Server Issues")
    page.get_by_label("Environment").select_option(label="Production")
    page.get_by_label("Description").fill("Nobody can log in since the night's backup.")
    rita.press("Submit request")
    page.wait_for_url(re.compile(r"/requests/\d+/"))
    return int(re.search(r"/requests/(\d+)/", page.url)[1])  # type: ignore[index]


def texts(provider: Provider, number: int) -> list[Received]:
    return [one for one in provider.received if f"#{number}" in one.body and one.path.endswith("Messages.json")]


def calls(provider: Provider) -> list[Received]:
    return [one for one in provider.received if one.path.endswith("Calls.json")]


def numbers(desk: Desk) -> dict[str, str]:
    """Whose number is whose."""
    script = "from escalations.models import ContactMethod as C; import json; "
    script += "print(json.dumps({c.user.name: c.value for c in C.objects.filter(kind='sms')}))"
    return dict(json.loads(desk.manage("shell", "--no-imports", "-c", script)))


def answer_by_text(desk: Desk, provider: Provider, number: str, words: str) -> Any:
    form = {"From": number, "To": "+447700900999", "Body": words, "MessageSid": f"SM{uuid.uuid4().hex}"}
    return provider.post(f"{desk.url}/hooks/twilio/sms/", form)


def test_two_nights_on_call(browser: Any, desk: Desk, provider: Provider) -> None:
    phone_of = numbers(desk)
    rita = Window(browser, desk)
    rita.log_in("rita@northwind.example")

    # The repeated hour: it is the weekend in the Americas, whoever's region it is. He is rung, and once.
    move_to(desk, REPEATED_HOUR)
    weekend = submit_urgent(rita, "The backup broke the database")
    wait_for(lambda: texts(provider, weekend), seconds=20, what="the weekend's person is rung")
    assert answer_by_text(desk, provider, phone_of["Wes"], f"A {_code(texts(provider, weekend)[0])}") == 200
    _reply(browser, desk, "wes@desk.example", weekend)
    assert [one.to for one in texts(provider, weekend)] == [phone_of["Wes"]]

    # Tuesday, 03:00 in Berlin: Asia-Pacific's hours. Push and text at once, then calls.
    move_to(desk, TUESDAY_AT_THREE)
    number = submit_urgent(rita, "Nobody can log in")
    wait_for(lambda: texts(provider, number), seconds=20, what="Chi's text")
    assert texts(provider, number)[0].to == phone_of["Chi"]
    wait_for(lambda: [one for one in provider.received if one.path == "/push/chi"], seconds=20, what="Chi's push")
    assert not calls(provider)
    move(desk, timedelta(seconds=125))
    wait_for(lambda: calls(provider), seconds=20, what="Chi's phone rings")
    assert calls(provider)[0].to == phone_of["Chi"]

    # No answer: the next step rings the team, and Bo answers his text.
    move(desk, timedelta(seconds=180))
    wait_for(lambda: _to(provider, number, phone_of["Bo"]), seconds=20, what="Bo's text")
    bo = Window(browser, desk, phone=True)
    bo.log_in("bo@desk.example")
    code = _code(_to(provider, number, phone_of["Bo"])[0])
    assert answer_by_text(desk, provider, phone_of["Bo"], f"a{code}") == 200
    bo.page.goto(f"/desk/tickets/{number}/")
    bo.see("Bo acknowledged")
    rung = len(texts(provider, number))

    # He falls asleep again: when his acknowledgement expires it rings from the start, and his reply ends it.
    move(desk, timedelta(minutes=31))
    wait_for(lambda: len(_to(provider, number, phone_of["Chi"])) > 1, seconds=20, what="a new episode")
    assert len(texts(provider, number)) > rung
    bo.page.goto(f"/desk/tickets/{number}/")
    bo.page.locator("textarea[name=body]").fill("Restored: please try again.")
    bo.press("Send as Pending")
    bo.page.locator(".msg", has_text="Restored: please try again.").first.wait_for()
    wait_for(lambda: _is_over(bo, number), seconds=20, what="the page is over")
    silent = len(texts(provider, number))
    move(desk, timedelta(minutes=20))
    _let_the_engine_pass(desk)
    assert len(texts(provider, number)) == silent

    # The customer answers in the night: it rings again.
    rita.page.goto(f"/requests/{number}/")
    rita.page.get_by_label("Your reply").fill("Still nobody can.")
    rita.press("Send reply")
    wait_for(lambda: len(texts(provider, number)) > silent, seconds=20, what="it rings for the answer")
    assert rita.faults == [] == bo.faults


def _code(text: Received) -> str:
    found = re.search(r"Reply A (\d+) ", text.body)
    assert found, text.body
    return found[1]


def _to(provider: Provider, number: int, phone: str) -> list[Received]:
    return [one for one in texts(provider, number) if one.to == phone]


def _reply(browser: Any, desk: Desk, email: str, number: int) -> None:
    window = Window(browser, desk, phone=True)
    window.log_in(email)
    window.page.goto(f"/desk/tickets/{number}/")
    window.page.locator("textarea[name=body]").fill("Looking into it.")
    window.press("Send as Pending")
    window.see("Looking into it.")


def _is_over(window: Window, number: int) -> bool:
    window.page.goto(f"/desk/tickets/{number}/")
    return not window.page.locator(".alarm").count()


def _let_the_engine_pass(desk: Desk) -> None:
    desk.manage("pager", "--once")
