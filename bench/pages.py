"""How long pages take, as multiples of the reference page, and how many a second two workers answer."""

import itertools
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from bench.cast import Cast
from bench.client import Browser, at_once, median, percentile
from bench.desk import Desk
from bench.report import Figure, ms

ROUNDS = 24
REQUESTS_PER_ROUND = 15
DEPTH = 20
_THROUGHPUT_ROUNDS = 5
_THROUGHPUT_SECONDS = 4.0
_OLDER = re.compile(rb'href="(\?[^"]*page=o[^"]*)"')


@dataclass(frozen=True)
class Page:
    """What is asked for, by whom, and how many times the reference's p50 and p95 it may take."""

    name: str
    port: int
    session: str
    paths: Iterator[str]
    p50: float = 0.0
    p95: float = 0.0


def pages(desk: Desk, cast: Cast) -> list[Page]:
    """The reference first."""
    staff, customer, manager = ((desk.port, session) for session in (cast.agent, cast.requester, cast.manager))
    managed = f"/requests/?of=org-{cast.managed}"
    cycle = itertools.cycle
    return [
        Page("reference", desk.reference_port, cast.reference, cycle(["/"])),
        Page("queue", *staff, cycle(["/desk/"]), 3, 6),
        Page(f"queue, {DEPTH}th page", *staff, cycle([deep(*staff, "/desk/")]), 3, 6),
        Page("queue, filtered", *staff, cycle(filtered(cast)), 3, 6),
        Page("queue, all tickets by next promise", *staff, cycle(["/desk/?view=all&sort=due"]), 3, 6),
        Page("queue, all tickets by update", *staff, cycle(["/desk/?view=all&sort=updated"]), 3, 6),
        Page("request list, requester", *customer, cycle(["/requests/"]), 3, 6),
        Page("request list, manager", *manager, cycle([managed]), 3, 6),
        Page(f"request list, manager, {DEPTH}th page", *manager, cycle([deep(*manager, managed)]), 3, 6),
        Page("ticket page", *staff, cycle([f"/desk/tickets/{number}/" for number in cast.tickets]), 2, 5),
        Page("request page", *manager, cycle([f"/requests/{number}/" for number in cast.managed_tickets]), 2, 5),
    ]


def filtered(cast: Cast) -> list[str]:
    """What agents narrow the queue by, alone and together."""
    queries = ["status=open&priority=2", f"category={cast.category}", "assignee=me", "assignee=nobody&sort=newest"]
    queries += ["organization=Company+1", "view=premier&priority=1", "view=all&organization=Company+1&status=closed"]
    queries += [f"view=all&category={cast.category}&sort=updated", "view=waiting&sort=oldest", "sort=due&priority=2"]
    return [f"/desk/?{query}" for query in queries]


def deep(port: int, session: str, path: str) -> str:
    """The address of the page that one gets to by following *Older* (or *Next*) DEPTH - 1 times."""
    with Browser(port, session) as browser:
        here = path
        for _ in range(DEPTH - 1):
            older = _OLDER.search(browser.get(here, compressed=False).body)
            if older is None:
                break
            here = path.partition("?")[0] + older[1].decode().replace("&amp;", "&")
        return here


def times(wanted: list[Page], *, rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Seconds of each request by page, one at a time; in rounds, so that the machine's moods meet all pages alike."""
    seconds: dict[str, list[float]] = {page.name: [] for page in wanted}
    dice = random.Random(7)
    for page in wanted:
        warm_up(page)
    for _ in range(rounds):
        for page in dice.sample(wanted, len(wanted)):
            with Browser(page.port, page.session) as browser:
                browser.get(next(page.paths))  # opens the connection, which no later request pays for
                seconds[page.name] += [browser.get(next(page.paths)).seconds for _ in range(REQUESTS_PER_ROUND)]
    return seconds


def warm_up(page: Page) -> None:
    """Reach every thread of both workers."""
    browsers = [Browser(page.port, page.session) for _ in range(16)]
    paths = [next(page.paths) for _ in browsers]
    at_once(len(browsers), lambda number: int(bool(browsers[number].get(paths[number]))), seconds=1.0)
    for browser in browsers:
        browser.connection.close()


def time_figures(wanted: list[Page], *, rounds: int = ROUNDS) -> list[Figure]:
    seconds = times(wanted, rounds=rounds)
    reference, *others = wanted
    base = [percentile(seconds[reference.name], percent) for percent in (50, 95)]
    figures = [Figure("reference page, p50 and p95", "", f"{ms(base[0])}, {ms(base[1])}")]
    for page in others:
        for percent, limit, unit in ((50, page.p50, base[0]), (95, page.p95, base[1])):
            found = percentile(seconds[page.name], percent)
            figures.append(
                Figure(
                    f"{page.name}, p{percent}",
                    f"≤ {limit:.0f} × reference",
                    f"{ms(found)}, {found / unit:.2f} ×",
                    found <= limit * unit,
                )
            )
    return figures


def throughput_figures(wanted: list[Page]) -> list[Figure]:
    """Pages a second at concurrency 8: the median of some turns."""
    chosen = [page for page in wanted if page.name in {"reference", "queue", "ticket page"}]
    rates: dict[str, list[float]] = {page.name: [] for page in chosen}
    for page in chosen:
        warm_up(page)
    for _ in range(_THROUGHPUT_ROUNDS):
        for page in chosen:
            rates[page.name].append(_rate(page))
    return [
        Figure(
            f"{name} at concurrency 8",
            "≥ 60/s" if name != "reference" else "",
            f"{median(found):.0f}/s",
            None if name == "reference" else median(found) >= 60,
        )
        for name, found in rates.items()
    ]


def _rate(page: Page) -> float:
    browsers = [Browser(page.port, page.session) for _ in range(8)]

    def work(number: int) -> int:
        browsers[number].get(next(page.paths))
        return 1

    found = at_once(8, work, seconds=_THROUGHPUT_SECONDS)
    for browser in browsers:
        browser.connection.close()
    return found
