"""What is left of a promise, in words."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.utils import timezone

from tickets.models import SlaClock
from tickets.sla import terms as sla_terms
from tickets.sla import week
from tickets.sla.calendar import ALL_DAY
from tickets.sla.countdown import Countdown, countdown, duration, of_each, zone_label
from tickets.sla.promises import HoursKind, Promise

NEW_YORK = ZoneInfo("America/New_York")
NINE_TO_FIVE = sla_terms.Calendar("", (((9 * 3600, 17 * 3600),),) * 5 + ((), ()))
CLOCK, BUSINESS = HoursKind.AROUND_THE_CLOCK, HoursKind.BUSINESS


class Unsaved(sla_terms.Terms):
    """Terms that no row keeps."""

    @property
    def agreed(self) -> sla_terms.Terms:
        return self


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """Of November 2026, in New York: the 20th is a Friday."""
    return datetime(2026, 11, day, hour, minute, tzinfo=NEW_YORK)


def told(
    minutes: int,
    kind: HoursKind,
    *,
    started: datetime,
    now: datetime,
    weekends: bool = False,
    warns: tuple[int, ...] = (75,),
    **fields: Any,
) -> Countdown:
    terms = Unsaved(
        {(Promise.FIRST_REPLY, 1): (minutes, kind)},
        NINE_TO_FIVE,
        sla_terms.Place("America/New_York"),
        weekends,
        warn_percent=warns,
    )
    target = terms.target(Promise.FIRST_REPLY, 1)
    assert target is not None
    running = {"running_since": started, "due_at": target.hours.add(started, target.length)} | fields
    clock = SlaClock(ticket_id=1, promise="first_reply", priority=1, started_at=started, **running)
    SlaClock._meta.get_field("terms").set_cached_value(clock, terms)
    with timezone.override(NEW_YORK):
        found = countdown(clock, now)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("seconds", "in_days", "words"),
    [
        (0, False, "under a minute"),
        (59, True, "under a minute"),
        (60, False, "1 m"),
        (45 * 60 + 59, False, "45 m"),
        (-12 * 60, False, "12 m"),
        (3600, False, "1 h"),
        (72 * 60, False, "1 h 12 m"),
        (48 * 3600, True, "48 h"),
        (48 * 3600 + 60, True, "2 d"),
        (76 * 3600 + 59 * 60, True, "3 d 4 h"),
        (76 * 3600, False, "76 h"),
    ],
)
def test_lengths_of_time(seconds: int, in_days: bool, words: str) -> None:
    assert duration(seconds, in_days=in_days) == words


def test_zones_are_called_by_their_city() -> None:
    names = ["America/New_York", "UTC", "America/Argentina/Buenos_Aires"]
    assert list(map(zone_label, names)) == ["New York", "UTC", "Buenos Aires"]


def test_while_the_hours_run() -> None:
    found = told(480, BUSINESS, started=local(20, 16, 30), now=local(23, 15, 18))
    assert found.words == "1 h 12 m left, business hours New York"
    assert (found.look, found.runs, found.until, found.resumes) == ("warning", True, local(23, 17), None)


def test_outside_of_them_it_says_when_they_go_on() -> None:
    found = told(480, BUSINESS, started=local(20, 18), now=local(21, 10))
    assert found.words == "8 h left, business hours New York, resumes Mon 09:00"
    assert (found.look, found.runs, found.resumes) == ("calm", False, local(23, 9))
    assert found.hours_shortly == "resumes Mon 09:00"


def test_what_is_late_counts_on_while_the_hours_are_closed() -> None:
    found = told(480, BUSINESS, started=local(19, 16), now=local(21, 10))  # due Friday 16:00, now Saturday 10:00
    assert (found.words, found.look, found.runs) == ("18 h late, business hours New York", "breached", True)
    assert (found.until, found.resumes) == (None, None)


def test_around_the_clock() -> None:
    found = told(60, CLOCK, started=local(21, 10), now=local(21, 11, 12), weekends=True)
    assert (found.words, found.look, found.until) == ("12 m late, around the clock", "breached", None)
    assert told(4 * 1440, CLOCK, started=local(21, 10), now=local(21, 11), weekends=True).time == "3 d 23 h left"


def test_day_and_night_but_not_on_weekends() -> None:
    found = told(120, CLOCK, started=local(20, 23), now=local(20, 23, 30))
    assert found.words == "1 h 30 m left, day and night on weekdays, New York"
    assert found.until == local(21, 0)
    found = told(120, CLOCK, started=local(21, 10), now=local(21, 10))
    assert found.words == "2 h left, day and night on weekdays, New York, resumes Mon 00:00"
    assert found.clock.due_at == local(23, 2)


@pytest.mark.parametrize(
    ("warns", "minute", "look"),
    [
        ((75,), 44, "calm"),
        ((75,), 45, "warning"),
        ((50, 90), 30, "warning"),
        ((), 45, "warning"),
        ((75,), 60, "breached"),
    ],
)
def test_it_warns_from_the_first_percentage(warns: tuple[int, ...], minute: int, look: str) -> None:
    found = told(60, CLOCK, started=local(20, 10), now=local(20, 10) + timedelta(minutes=minute), warns=warns)
    assert found.look == look


@pytest.mark.parametrize(
    ("why", "words"),
    [
        ("pending", "3 h left, around the clock, paused while we wait for the customer"),
        ("kept_open", "3 h left, around the clock, paused while we wait for the customer"),
        ("not_begun", "3 h left, around the clock, paused until work on it begins"),
    ],
)
def test_a_paused_one_says_for_whom(why: str, words: str) -> None:
    standing = {"running_since": None, "due_at": None, "used": timedelta(hours=1), "spans": [{"why": why}]}
    found = told(240, CLOCK, started=local(20, 10), now=local(22, 10), weekends=True, **standing)
    assert (found.words, found.look, found.runs) == (words, "paused", False)
    assert found.words_for("you") == words.replace("the customer", "you")


def test_what_has_ended_or_was_never_promised_has_none() -> None:
    clock = told(60, CLOCK, started=local(20, 10), now=local(20, 10)).clock
    clock.priority = 4
    assert countdown(clock, local(20, 10)) is None
    clock.priority, clock.ended_at = 1, local(20, 11)
    assert countdown(clock, local(20, 11)) is None


def test_of_several_the_one_that_is_due_first_counts_and_a_paused_one_only_for_want_of_another() -> None:
    standing = {"running_since": None, "due_at": None, "spans": [{"why": "pending"}]}
    late = told(240, CLOCK, started=local(20, 10), now=local(20, 10)).clock
    soon = told(60, CLOCK, started=local(20, 10), now=local(20, 10)).clock
    paused = told(60, CLOCK, started=local(20, 10), now=local(20, 10), **standing).clock
    for order in ([late, soon, paused], [paused, soon, late], [soon, paused, late]):
        assert of_each(order, local(20, 10))[1].clock is soon
    assert of_each([paused], local(20, 10))[1].look == "paused"


def test_a_browser_counts_in_the_same_words() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node was not found on this machine.")
    source = (Path(settings.BASE_DIR) / "static/js/core.js").read_text()
    words = re.search(r"function inWords.*?\n}\n", source, re.DOTALL)
    assert words
    cases = [
        (sign * size, days)
        for size in (0, 1, 59, 60, 3599, 3600, 4320, 172_800, 172_860, 273_600)
        for sign in (1, -1)
        for days in (True, False)
    ]
    script = f"{words[0]}\nconsole.log(JSON.stringify({json.dumps(cases)}.map(([s, d]) => inWords(s, d))))"
    said = json.loads(subprocess.run([node, "-e", script], capture_output=True, check=True).stdout)
    assert said == [f"{duration(size, in_days=days)} {'late' if size <= 0 else 'left'}" for size, days in cases]


def test_weeks_in_words() -> None:
    span, lunch = ((9 * 3600, 17 * 3600),), ((9 * 3600, 12 * 3600), (13 * 3600, 17 * 3600 + 1800))
    assert list(week.in_words([span] * 5 + [(), ()])) == ["Monday to Friday 09:00 to 17:00"]
    assert list(week.in_words([lunch, lunch, span, (), (), (), ((22 * 3600, 6 * 3600),)])) == [
        "Monday and Tuesday 09:00 to 12:00 and 13:00 to 17:30",
        "Wednesday 09:00 to 17:00",
        "Sunday 22:00 to 06:00 the next day",
    ]
    assert list(week.in_words([ALL_DAY] * 7)) == ["Every day, day and night"]
    assert week.day_in_words(((10 * 3600, 0),)) == "Open 10:00 to 24:00"
    assert week.day_in_words(()) == "Closed"


def test_an_instant_in_another_zone_is_the_same() -> None:
    found = told(60, CLOCK, started=local(20, 10), now=local(20, 10, 15).astimezone(UTC))
    assert found.time == "45 m left"
