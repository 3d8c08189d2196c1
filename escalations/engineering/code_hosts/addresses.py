"""What an address of a pull request or an issue says by itself; nothing is ever fetched from there. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from escalations.engineering.code_hosts.news import line, repository

_PULLS = {
    "github": re.compile(r"/(?P<where>[\w.-]+/[\w.-]+)/pull/(?P<number>[1-9]\d{0,8})(/.*)?", re.ASCII),
    "gitlab": re.compile(
        r"/(?P<where>[\w.-]+(?:/[\w.-]+)+?)(?:/-)?/merge_requests/(?P<number>[1-9]\d{0,8})(/.*)?", re.ASCII
    ),
}
_PATHS = {"github": "{where}/pull/{number}", "gitlab": "{where}/-/merge_requests/{number}"}
_ISSUES = (
    ("jira", re.compile(r".*/browse/(?P<label>[A-Z][A-Z0-9_]{1,20}-[1-9]\d{0,9})/?", re.ASCII)),
    ("gitlab", re.compile(r"/(?P<where>.+)/-/(?:issues|work_items)/(?P<number>\d{1,10})/?", re.ASCII)),
    ("github", re.compile(r"/(?P<where>[\w.-]+/[\w.-]+)/issues/(?P<number>\d{1,10})/?", re.ASCII)),
)


@dataclass(frozen=True)
class Place:
    """A pull request: its repository without regard to case, and the address without what doesn't belong to it."""

    repository: str
    number: int
    url: str


@dataclass(frozen=True)
class Issue:
    """An issue: whose tracker by the look of its address, and what to call it."""

    kind: str
    label: str


def place_at(url: str, *, kind: str, address: str) -> Place | None:
    """The pull request that `url` leads to on the host at `address`; None where it leads elsewhere."""
    theirs, ours = _split(url), _split(address.rstrip("/"))
    if theirs is None or ours is None or not _same_origin(theirs, ours) or not theirs.path.startswith(ours.path):
        return None
    found = _PULLS[kind].fullmatch(theirs.path.removeprefix(ours.path))
    where = repository(found["where"]) if found else ""
    if not found or not where:
        return None
    number = int(found["number"])
    path = _PATHS[kind].format(where=found["where"], number=number)
    return Place(where, number, f"{address.rstrip('/')}/{path}")


def is_on(url: str, address: str) -> bool:
    """Whether `url` leads to the host at `address`, wherever on it."""
    theirs, ours = _split(url), _split(address)
    return theirs is not None and ours is not None and _same_origin(theirs, ours)


def is_repository(path: str) -> bool:
    return bool(repository(path))


def issue_at(url: str) -> Issue | None:
    """None for what is no https address, or names a user or password."""
    parts = _split(url)
    if parts is None or parts.scheme != "https":
        return None
    for kind, pattern in _ISSUES:
        if found := pattern.fullmatch(parts.path):
            named = found.groupdict()
            return Issue(kind, line(named.get("label") or f"{named['where']}#{named['number']}", 100))
    return Issue("other", line(parts.hostname, 100))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url.strip())
        known = parts.scheme in ("http", "https") and parts.hostname and parts.username is None
        _ = parts.port
    except ValueError:
        return None
    return parts if known else None


def _same_origin(one: SplitResult, other: SplitResult) -> bool:
    return (one.hostname, _port(one)) == (other.hostname, _port(other))


def _port(parts: SplitResult) -> int | None:
    """Whether it is written with http or https is no matter: nothing is sent there."""
    return None if parts.port in (80, 443) else parts.port
