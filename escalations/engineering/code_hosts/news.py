"""What is heard of pull requests, whichever host says it, and how its values are taken from untrusted JSON. Pure."""

import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

Json = dict[str, Any]

_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
_REPOSITORY = re.compile(r"[\w.-]{1,100}(/[\w.-]{1,100}){1,20}", re.ASCII)
_LONGEST_REPOSITORY = 200
_LARGEST = 2**31 - 1
_YEARS = range(2000, 2200)
TITLE, NAME = 300, 100


class State(StrEnum):
    """Of a pull request; the values are those of the column."""

    DRAFT = "draft"
    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


class Result(StrEnum):
    """Of a check; the values are those of the column."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"


@dataclass(frozen=True)
class PullNews:
    """How a pull request stood `at` this time of the host's; `head` is its last commit."""

    repository: str
    number: int
    state: State
    title: str
    head: str
    at: datetime
    merged_at: datetime | None = None
    merge_commit: str = ""


@dataclass(frozen=True)
class CheckNews:
    """What the check `name` has to say of one commit; `numbers` are pull requests that it names."""

    repository: str
    head: str
    name: str
    result: Result
    at: datetime
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class ReleaseNews:
    """A version that is out; `at` None where the host doesn't say when, `commit` where it names one."""

    repository: str
    tag: str
    at: datetime | None = None
    commit: str = ""


News = PullNews | CheckNews | ReleaseNews


class Unreadable(ValueError):
    """This is no JSON object."""


def content(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as failure:
        raise Unreadable from failure
    if not isinstance(found, dict):
        raise Unreadable
    return found


def part(found: Any, *names: str) -> Json:
    """The object under these names, an empty one where there is none."""
    for name in names:
        found = found.get(name) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def line(value: object, most: int) -> str:
    """One line that may be stored and shown: without control, invisible and unpaired characters; else empty."""
    if not isinstance(value, str):
        return ""
    shown = "".join(letter if letter.isprintable() else " " for letter in value[: most * 4])
    return " ".join(shown.split())[:most]


def commit(value: object) -> str:
    return value if isinstance(value, str) and _COMMIT.fullmatch(value) else ""


def repository(value: object) -> str:
    """Its path as it is compared, without regard to case; empty for what is none."""
    if not isinstance(value, str) or len(value) > _LONGEST_REPOSITORY or not _REPOSITORY.fullmatch(value):
        return ""
    return value.casefold()


def number(value: object) -> int:
    """A pull request's; 0 for what is none. True is no number here."""
    return value if type(value) is int and 0 < value <= _LARGEST else 0


def numbers(value: object, name: str) -> tuple[int, ...]:
    """Those that the objects of a list have under `name`."""
    rows = value[:20] if isinstance(value, list) else []
    return tuple(found for row in rows if (found := number(part(row).get(name))))


def instant(value: object) -> datetime | None:
    """ISO 8601, or GitLab's `2026-11-23 09:00:00 UTC` and `… +0100`; None without a zone or far from our days."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    text = value.replace(" UTC", "+00:00").replace(" +", "+").replace(" -", "-")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None and found.year in _YEARS else None
