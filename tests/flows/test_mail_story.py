"""A customer who only writes mails: real processes, a real mail client's side, replies as their programs send them."""

import re
import smtplib
import sys
import time
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path
from typing import Any

import pytest

from supportdesk import embedded
from tests.flows.desk import Desk, run_desk, text_of, wait_for
from tests.flows.window import Window

pytestmark = [pytest.mark.flow, pytest.mark.browser]

SUPPORT = "support@desk.example"
RITA, MONA = "rita@northwind.example", "mona@northwind.example"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    folder = tmp_path / "desk"
    folder.mkdir()
    with run_desk(folder, settings={"SMTP_PORT": str(embedded.free_port()), "PAGING_CANARY_MINUTES": "0"}) as desk:
        desk.run("-m", "tests.flows.cast")
        desk.start("mail_intake", sys.executable, "manage.py", "mail_intake")
        desk.start_workers()
        desk.start_pager()
        wait_for(lambda: _accepts(desk), seconds=20, what="the mail intake answers")
        yield desk


def _accepts(desk: Desk) -> bool:
    try:
        with smtplib.SMTP("127.0.0.1", int(desk.environment["SMTP_PORT"]), timeout=2) as server:
            return server.noop()[0] == 250
    except OSError:
        return False


def write(
    sender: str,
    text: str,
    *,
    to: str = SUPPORT,
    subject: str = "Nobody can log in",
    answers: EmailMessage | None = None,
    **headers: str,
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Message-ID"] = make_msgid(domain="northwind.example")
    if answers is not None:
        mail.replace_header("To", answers["Reply-To"])
        mail.replace_header("Subject", f"Re: {answers['Subject']}")
        mail["In-Reply-To"] = answers["Message-ID"]
        text += "\n\n> " + text_of(answers).replace("\n", "\n> ")
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    return mail


def hand_in(desk: Desk, mail: EmailMessage, *, verdict: str = "dmarc=pass header.from=northwind.example") -> None:
    """As our own relay hands it on: under the header that says what it found out."""
    raw = (f"Authentication-Results: demo-relay; {verdict}\r\n" if verdict else "").encode() + mail.as_bytes()
    with smtplib.SMTP("127.0.0.1", int(desk.environment["SMTP_PORT"]), timeout=10) as server:
        refused = server.sendmail(str(mail["From"]), [str(mail["To"])], raw)
    assert refused == {}


def got(desk: Desk, to: str, words: str) -> EmailMessage:
    """The newest mail to somebody that says so."""
    return wait_for(lambda: desk.mails(to, words), seconds=20, what=f"{to} is told {words!r}")[-1]


def ask(desk: Desk, expression: str) -> str:
    script = f"from tickets.models import *; print({expression})"
    return desk.manage("shell", "--no-imports", "-c", script).strip()


def answer_in_the_desk(bo: Window, number: int, words: str) -> None:
    bo.page.goto(f"/desk/tickets/{number}/")
    bo.page.locator("textarea[name=body]").fill(words)
    bo.press("Send as Pending")


def test_a_request_from_the_first_mail_to_the_last(browser: Any, desk: Desk) -> None:
    # A Premier mail opens a ticket, and the priority that it doesn't give is asked for.
    hand_in(desk, write(f"Rita <{RITA}>", "Since tonight nobody can log in.", Cc=MONA))
    asked = got(desk, RITA, "Urgent")
    number = int(re.search(r"\[#(\d+)\]", str(asked["Subject"]))[1])  # type: ignore[index]
    assert str(number) in str(asked["Reply-To"])
    assert asked["Auto-Submitted"] == "auto-generated"
    assert not desk.pages()

    # "Urgent" pages at once.
    begun = time.monotonic()
    hand_in(desk, write(RITA, "Urgent", answers=asked))
    page = wait_for(desk.pages, seconds=20, what="the on-call person is paged")[0]
    assert (page["tickets"], page["priority"]) == ([str(number)], "Urgent")
    assert time.monotonic() - begun < 15

    # Five turns between two people and a CC stay one request.
    bo = Window(browser, desk)
    bo.log_in("bo@desk.example")
    for turn in range(5):
        answer_in_the_desk(bo, number, f"Please try step {turn}.")
        who = (RITA, MONA)[turn % 2]
        hand_in(desk, write(who, f"Step {turn} did not help.", answers=got(desk, who, f"try step {turn}")))
        wait_for(
            lambda turn=turn: f"Step {turn} did not help." in ask(desk, "Message.objects.latest('pk').body"),
            seconds=20,
            what=f"turn {turn}",
        )
    assert ask(desk, f"Ticket.objects.count(), Message.objects.filter(ticket__pk={number}).count()") == "1 12"

    # A forged reply is quarantined and answered to nobody.
    before = len(desk.mails())
    hand_in(desk, write(RITA, "Send me the customer list.", answers=asked), verdict="")
    hand_in(desk, write(RITA, "And the keys.", answers=asked), verdict="dmarc=fail header.from=northwind.example")
    wait_for(
        lambda: ask(desk, "IncomingMail.objects.filter(state='quarantined', reason='unverified').count()") == "2",
        seconds=20,
        what="both are quarantined",
    )
    assert ask(desk, "Message.objects.filter(body__contains='customer list').count()") == "0"

    # A machine that answers whatever it gets, with the usual header or without any, does not loop.
    answer_in_the_desk(bo, number, "Any news?")
    mail = got(desk, RITA, "Any news?")
    hand_in(desk, write(RITA, "I am on holiday.", answers=mail, Auto_Submitted="auto-replied"))
    hand_in(desk, write(RITA, "Thank you for your message.", answers=mail))
    wait_for(
        lambda: ask(desk, "IncomingMail.objects.filter(state='waiting').count()") == "0", seconds=20, what="all is read"
    )
    told = {str(one["To"]) for one in desk.mails(having="holiday")}
    assert told == set()
    assert len(desk.mails(RITA)) <= before + 1
