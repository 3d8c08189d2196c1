"""What code hosts say, in their words, read into ours. Pure: bytes and addresses in, dataclasses out.

All of it comes from outside: whatever is in it, reading ends in news, in nothing, or in `Unreadable`.
"""

from escalations.engineering.code_hosts import github, gitlab
from escalations.engineering.code_hosts.addresses import Issue, Place, is_on, is_repository, issue_at, place_at
from escalations.engineering.code_hosts.news import CheckNews, News, PullNews, ReleaseNews, Result, State, Unreadable
from escalations.engineering.code_hosts.news import content as _content

__all__ = [
    "CheckNews",
    "Issue",
    "News",
    "Place",
    "PullNews",
    "ReleaseNews",
    "Result",
    "State",
    "Unreadable",
    "is_on",
    "is_repository",
    "issue_at",
    "place_at",
    "read",
]

_READERS = {"github": github.read, "gitlab": gitlab.read}


def read(kind: str, event: str, body: bytes) -> News | None:
    """What a webhook of a host of this kind says; None where it is nothing to us. Raises Unreadable for no JSON."""
    return _READERS[kind](event, _content(body))
