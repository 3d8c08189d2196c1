"""Reading what code hosts post, whatever is in it: news, nothing, or a refusal, and never a crash."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from escalations.engineering.code_hosts import Unreadable, issue_at, place_at, read
from tests.escalations.engineering.code_payloads import (
    HEAD,
    github_merged,
    github_release,
    github_run,
    gitlab_merge,
    gitlab_pipeline,
)

_leaf = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=30)
    | st.sampled_from(["2026-11-23T10:00:00Z", "0001-01-01T00:00:00+23:59", "9999-12-31", HEAD, "acme/server", "open"])
)
_value = st.recursive(_leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
_EVENTS = [
    ("github", "pull_request", github_merged()),
    ("github", "check_run", github_run()),
    ("github", "check_suite", {"check_suite": github_run()["check_run"] | {"updated_at": "2026-11-23T10:00:00Z"}}),
    ("github", "status", {"state": "success", "sha": HEAD, "updated_at": "2026-11-23T10:00:00Z", "context": "ci"}),
    ("github", "release", github_release()),
    ("gitlab", "Merge Request Hook", gitlab_merge("merged")),
    ("gitlab", "Pipeline Hook", gitlab_pipeline()),
    ("gitlab", "Release Hook", {"action": "create", "tag": "v1", "project": {"path_with_namespace": "a/b"}}),
    ("gitlab", "Tag Push Hook", {"ref": "refs/tags/v1", "project": {"path_with_namespace": "a/b"}}),
]


def _spoilt(content: Any, draw: Any) -> Any:
    """`content` with some of its values replaced by anything."""
    if draw(st.integers(0, 5)) == 0:
        return draw(_value)
    if isinstance(content, dict):
        return {name: _spoilt(value, draw) for name, value in content.items()}
    return content


@given(st.data(), st.sampled_from(_EVENTS))
@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
def test_reading_ends_in_news_or_in_nothing(data: st.DataObject, example: tuple[str, str, Any]) -> None:
    kind, event, content = example
    spoilt = {name: _spoilt(value, data.draw) for name, value in content.items()}
    news = read(kind, event, json.dumps(spoilt).encode("utf-8", "surrogatepass"))
    if news is not None:
        for text in (getattr(news, name, "") for name in ("repository", "title", "head", "tag", "name", "commit")):
            assert text.isprintable()
            assert "\x00" not in text
            text.encode()


@given(st.binary(max_size=200))
def test_whatever_isnt_an_object_is_unreadable(body: bytes) -> None:
    try:
        json_object = json.loads(body)
    except (ValueError, RecursionError):
        json_object = None
    if not isinstance(json_object, dict):
        with pytest.raises(Unreadable):
            read("github", "pull_request", body)


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 100_000, b'{"number": ' + b"9" * 5000 + b"}", b"\xff\xfe{"]
)
def test_bombs_are_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        read("github", "pull_request", body)


@given(st.text(max_size=300))
def test_no_address_breaks_the_reading_of_addresses(url: str) -> None:
    for text in (url, f"https://github.com/{url}", f"https://{url}/acme/server/pull/41"):
        for kind in ("github", "gitlab"):
            place = place_at(text, kind=kind, address="https://github.com")
            assert place is None or place.url.startswith("https://github.com/")
        issue = issue_at(text)
        assert issue is None or issue.label.isprintable()
