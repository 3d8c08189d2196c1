"""What came of a storm, counted from the provider's own log against the pages that were due."""

import json
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.storm.push import read
from escalations.models import Page, PageDelivery, PageEvent

SOON = 10.0
TIMED = "(10 s)"
WITHIN = 60.0
_NUMBER = re.compile(r"#(\d+)")
_TAKEN = {"accept", "reset"}
"""What reached its person, whatever the desk was told."""


@dataclass(frozen=True)
class Message:
    """One message that the provider accepted: `id` is the desk's own, `at` seconds since the epoch."""

    id: str
    at: float
    to: str
    answered: bool
    """Whether the provider's answer got back; the desk can't know of the others."""
    tickets: frozenset[int]
    """Those that its words name: all that it carried, unless they were too many to name."""


@dataclass
class Outcome:
    """`lost` tickets reached nobody; `needless` repeats had no ambiguity before them."""

    tickets: int
    lost: list[int]
    repeats: int
    needless: int
    most: int
    dwell: list[float]
    untouched: list[float]
    after_acknowledgement: int
    look_to_call: list[float]
    texts_a_minute: int
    unanswered: int


def messages(log: Path, keys: dict[str, str]) -> tuple[list[Message], Counter[str]]:
    """The accepted messages in the order of their arrival, and how often the provider did what."""
    found, did = [], Counter[str]()
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        did[entry["answered"]] += 1
        if entry["answered"] not in _TAKEN:
            continue
        number, words = _read(entry, keys)
        named = frozenset() if " more" in words else frozenset(map(int, _NUMBER.findall(words)))
        found.append(Message(number, entry["at"], entry["to"], entry["answered"] == "accept", named))
    return found, did


def _read(entry: dict[str, Any], keys: dict[str, str]) -> tuple[str, str]:
    """The desk's own id of a message, and its words."""
    if entry["path"] in keys:
        payload = read(entry["body"].encode("latin-1"), keys[entry["path"]])
        return str(payload["message"]), str(payload["title"])
    return str(entry["message"]), str(entry["body"])


def count(committed: dict[int, float], acknowledged: dict[int, float], sent: list[Message]) -> Outcome:
    """`committed` is when each ticket, `acknowledged` when each page's acknowledgement was on disk."""
    carried = _carried()
    pages = dict(Page.objects.filter(kind="ticket").values_list("pk", "ticket_id"))
    first, times = _arrivals(sent, carried, pages)
    by_ticket = {pages[page]: at for page, at in first.items() if page in pages}
    silenced = {pages[page] for page in acknowledged}
    ambiguous = _ambiguous()
    repeated = {key: number for key, number in times.items() if number > 1}
    touched = _touched()
    dwell = {ticket: at - committed[ticket] for ticket, at in by_ticket.items() if ticket in committed}
    return Outcome(
        tickets=len(committed),
        lost=sorted(set(committed) - set(by_ticket) - silenced),
        repeats=sum(number - 1 for number in repeated.values()),
        needless=sum(1 for key in repeated if key not in ambiguous),
        most=max(times.values(), default=0),
        dwell=sorted(dwell.values()),
        untouched=sorted(seconds for ticket, seconds in dwell.items() if ticket not in touched),
        after_acknowledgement=_after(acknowledged),
        look_to_call=_look_to_call(sent),
        texts_a_minute=_texts_a_minute(sent),
        unanswered=sum(not message.answered for message in sent),
    )


def _carried() -> dict[str, set[tuple[int, int]]]:
    """By message: the pages that it carried, each with its delivery; also of messages that were repeated since."""
    found: dict[str, set[tuple[int, int]]] = defaultdict(set)
    rows = PageDelivery.objects.filter(message__isnull=False, purpose="page")
    for message, page, delivery in rows.values_list("message", "page_id", "pk"):
        found[str(message)].add((page, delivery))
    for page, data in PageEvent.objects.filter(data__has_key="message").values_list("page_id", "data"):
        if data["purpose"] == "page":
            found[data["message"]].add((page, data["delivery"]))
    return found


def _arrivals(
    sent: Iterable[Message], carried: dict[str, set[tuple[int, int]]], pages: dict[int, int]
) -> tuple[dict[int, float], Counter[tuple[int, int]]]:
    """When each page first arrived anywhere, and how often each of its deliveries was made."""
    first: dict[int, float] = {}
    times: Counter[tuple[int, int]] = Counter()
    for message in sent:
        for page, delivery in carried.get(message.id, ()):
            if message.tickets and pages.get(page) not in message.tickets:
                continue  # it was repeated without this one
            first[page] = min(first.get(page, message.at), message.at)
            times[page, delivery] += 1
    return first, times


def _ambiguous() -> set[tuple[int, int]]:
    """Deliveries of which the desk noted that it can't know whether they had arrived."""
    events = PageEvent.objects.filter(kind="unknown").values_list("page_id", "data")
    return {(page, data["delivery"]) for page, data in events}


def _touched() -> set[int]:
    """Tickets whose first send was cut short: taken back from a dead engine, refused, or left unanswered."""
    rows = PageDelivery.objects.filter(attempt__gt=1) | PageDelivery.objects.filter(state="unknown")
    return set(rows.values_list("page__ticket_id", flat=True))


def _after(acknowledged: dict[int, float]) -> int:
    """Calls whose last look at the page came after its acknowledgement was committed."""
    rows = PageDelivery.objects.filter(purpose="page", page__in=acknowledged, looked_at__isnull=False)
    looks = rows.values_list("page_id", "looked_at")
    return sum(look.timestamp() > acknowledged[page] for page, look in looks)


def _look_to_call(sent: Iterable[Message]) -> list[float]:
    """Seconds from the last look to the provider's having the message."""
    looks = dict(PageDelivery.objects.filter(message__isnull=False).values_list("message", "looked_at"))
    known = {str(message): look for message, look in looks.items() if look is not None}
    return sorted(message.at - known[message.id].timestamp() for message in sent if message.id in known)


def _texts_a_minute(sent: Iterable[Message]) -> int:
    """The most texts that one number got within any sixty seconds."""
    by_number: dict[str, list[float]] = defaultdict(list)
    for message in sent:
        if message.to.startswith("+"):
            by_number[message.to].append(message.at)
    return max(
        (sum(begun <= at < begun + 60 for at in times) for times in by_number.values() for begun in times), default=0
    )


def percentile(seconds: list[float], share: float) -> float:
    """Of sorted values; 0 of none."""
    return seconds[min(len(seconds) - 1, int(len(seconds) * share))] if seconds else 0.0


def in_words(outcome: Outcome) -> list[tuple[str, str, bool | None]]:
    """What was promised, what was counted, and whether it holds (None: told for information)."""
    within = sum(seconds <= WITHIN for seconds in outcome.dwell) / max(1, len(outcome.dwell))
    return [
        ("pages lost (0)", f"{len(outcome.lost)} of {outcome.tickets}", not outcome.lost),
        ("repeats that nothing ambiguous came before (0)", str(outcome.needless), outcome.needless == 0),
        ("repeats after an ambiguous send", str(outcome.repeats), None),
        ("most times that one delivery was made (2)", str(outcome.most), outcome.most <= 2),
        (
            "calls whose last look came after the acknowledgement (0)",
            str(outcome.after_acknowledgement),
            outcome.after_acknowledgement == 0,
        ),
        ("commit to first acceptance, p50 (2 s)", f"{_p(outcome.dwell, 0.5)}", None),
        ("commit to first acceptance, p99, all", f"{_p(outcome.dwell, 0.99)}", None),
        (
            f"the same, p99 of those untouched by a kill or a fault {TIMED}",
            f"{_p(outcome.untouched, 0.99)} of {len(outcome.untouched)}",
            percentile(outcome.untouched, 0.99) <= SOON,
        ),
        ("accepted within 60 s", f"{within:.1%}", None),
        ("look to call, p99 (100 ms)", f"{percentile(outcome.look_to_call, 0.99) * 1000:.0f} ms", None),
        ("look to call, median", f"{statistics.median(outcome.look_to_call or [0]) * 1000:.0f} ms", None),
        ("most texts to one number within a minute", str(outcome.texts_a_minute), None),
    ]


def _p(seconds: list[float], share: float) -> str:
    return f"{percentile(seconds, share):.2f} s"
