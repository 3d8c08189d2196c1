"""The request form, fetched and sent by several people at once, and how soon an urgent one rings."""

import html
import itertools
import json
import re
import time
from datetime import UTC, datetime

from django.utils import timezone

from accounts.models import Role, User
from bench.cast import CSRF, Cast
from bench.client import Browser, at_once, percentile
from bench.desk import Desk
from bench.report import Figure, ms
from tickets.models import OutgoingMail, Ticket, TicketEvent

_AT_ONCE = 4
_SECONDS = 15.0
_PAGES = 30
_KEY = re.compile(rb'name="key" value="([^"]+)"')
_NUMBER = re.compile(r"/requests/(\d+)/")
_TEXT = "Since the upgrade **everybody** is logged out after a minute.\n\n```\n09:42:17 session expired\n```\n"


def submit(browser: Browser, cast: Cast, *, priority: int) -> tuple[int, float]:
    """Get the form, send it, and return the new ticket's number and the seconds that both took."""
    form = browser.get("/requests/new/", compressed=False)
    key = _KEY.search(form.body)
    fields = {
        "key": html.unescape(key[1].decode()) if key else "",
        "subject": "Everybody is logged out",
        "priority": priority,
        "category": cast.category,
        "environment": cast.environment,
        "description": _TEXT,
        "product_version": "10.5.2",
    }
    sent = browser.post("/requests/new/", fields)
    number = _NUMBER.search(sent.location)
    if number is None:
        raise RuntimeError(f"A submitted form led to {sent.location!r}.")
    return int(number[1]), form.seconds + sent.seconds


def submit_figures(desk: Desk, cast: Cast) -> list[Figure]:
    """Form and submission at concurrency 4, each by another person than the one before."""
    seconds: list[float] = []
    turns = [itertools.cycle(cast.submitters[number::_AT_ONCE]) for number in range(_AT_ONCE)]
    browsers = {session: Browser(desk.port, session, csrf=CSRF) for session in cast.submitters}

    def work(number: int) -> int:
        seconds.append(submit(browsers[next(turns[number])], cast, priority=3)[1])
        return 1

    for browser in browsers.values():
        submit(browser, cast, priority=3)
    rate = at_once(_AT_ONCE, work, seconds=_SECONDS)
    for browser in browsers.values():
        browser.connection.close()
    return [
        Figure(f"form and submit at concurrency {_AT_ONCE}", "≥ 40/s", f"{rate:.1f}/s", rate >= 40),
        Figure("form and submit, both together, p95", "", ms(percentile(seconds, 95))),
    ]


def phone_figures(desk: Desk, cast: Cast) -> list[Figure]:
    """From the ticket's own instant, before its commit, to the line in the demo phone's file, looked for every 5 ms."""
    _switch_paging_on()
    _forget_mails()
    desk.start_workers()
    _ring(desk, cast, cast.premier[0])  # the workers are up and warm
    took = [_ring(desk, cast, session) for session in itertools.islice(itertools.cycle(cast.premier), _PAGES)]
    desk.stop_workers()
    p50, p95 = percentile(took, 50), percentile(took, 95)
    shown = f"p50 {p50:.2f} s, p95 {p95:.2f} s, longest {max(took):.2f} s of {len(took)}"
    return [Figure("ticket committed → demo phone, p95", "≤ 3 s", shown, p95 <= 3)]


def _switch_paging_on() -> None:
    from escalations import defaults

    agents = list(User.objects.filter(role=Role.AGENT).order_by("pk")[:3])
    defaults.load(on_call=agents, active_from=timezone.now())


def _forget_mails() -> None:
    """Those of tickets submitted earlier without workers; a kept folder may have thousands."""
    now = timezone.now()
    TicketEvent.objects.filter(notified_at=None).update(notified_at=now)
    queued = OutgoingMail.objects.filter(state=OutgoingMail.State.QUEUED)
    queued.update(state=OutgoingMail.State.CANCELLED, next_attempt_at=None)


def _ring(desk: Desk, cast: Cast, session: str) -> float:
    """Seconds from submission to the phone of one Urgent ticket."""
    with Browser(desk.port, session, csrf=CSRF) as browser:
        number, _ = submit(browser, cast, priority=1)
    until = time.monotonic() + 60
    while str(number) not in _rung(desk):
        if time.monotonic() > until:
            raise RuntimeError(f"The phone did not ring for #{number} within 60 s.")
        time.sleep(0.005)
    rung_at = datetime.now(UTC)
    time.sleep(0.3)  # one ticket after the other, none in the other's wake
    return (rung_at - Ticket.objects.get(pk=number).created_at).total_seconds()


def _rung(desk: Desk) -> set[str]:
    if not desk.pages_file.exists():
        return set()
    return {number for line in desk.pages_file.read_text().splitlines() for number in json.loads(line)["tickets"]}
