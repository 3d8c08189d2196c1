"""GitHub's webhooks (docs.github.com, "Webhook events and payloads"). Pure."""

from collections.abc import Callable
from datetime import datetime

from escalations.engineering.code_hosts.news import (
    NAME,
    TITLE,
    CheckNews,
    Json,
    News,
    PullNews,
    ReleaseNews,
    Result,
    State,
    commit,
    instant,
    line,
    number,
    numbers,
    part,
    repository,
)

_HARMLESS = ("success", "neutral", "skipped")
_STATUS = {"pending": Result.RUNNING, "success": Result.PASSED, "failure": Result.FAILED, "error": Result.FAILED}


def read(event: str, said: Json) -> News | None:
    reader = _READERS.get(event)
    return reader(said) if reader else None


def _repository(said: Json) -> str:
    return repository(part(said, "repository").get("full_name"))


def _pull_request(said: Json) -> PullNews | None:
    pull = part(said, "pull_request")
    at, state, where, which = (
        instant(pull.get("updated_at")),
        _state(pull),
        _repository(said),
        number(pull.get("number")),
    )
    if at is None or state is None or not where or not which:
        return None
    # Before it is merged the field names a commit that only tries the merge.
    merged = state is State.MERGED
    return PullNews(
        where,
        which,
        state,
        line(pull.get("title"), TITLE),
        commit(part(pull, "head").get("sha")),
        at,
        merged_at=(instant(pull.get("merged_at")) or at) if merged else None,
        merge_commit=commit(pull.get("merge_commit_sha")) if merged else "",
    )


def _state(pull: Json) -> State | None:
    if pull.get("merged") is True:
        return State.MERGED
    if pull.get("state") == "closed":
        return State.CLOSED
    if pull.get("state") != "open":
        return None
    return State.DRAFT if pull.get("draft") is True else State.OPEN


def _check_run(said: Json) -> CheckNews | None:
    run = part(said, "check_run")
    at = instant(run.get("completed_at")) or instant(run.get("started_at"))
    name = f"{_app(run)}/{line(run.get('name'), NAME)}"
    return _check(said, head=run.get("head_sha"), name=name, result=_result(run), at=at, pulls=run.get("pull_requests"))


def _check_suite(said: Json) -> CheckNews | None:
    """An app has several, one a workflow, so its key tells them apart; it keeps it when it runs again."""
    suite = part(said, "check_suite")
    key = suite.get("id")
    name = f"{_app(suite)}/suite {key if type(key) is int and 0 < key < 2**63 else ''}"
    at, pulls = instant(suite.get("updated_at")), suite.get("pull_requests")
    return _check(said, head=suite.get("head_sha"), name=name, result=_result(suite), at=at, pulls=pulls)


def _app(check: Json) -> str:
    return line(part(check, "app").get("slug"), NAME)


def _result(check: Json) -> Result | None:
    if check.get("status") != "completed":
        return Result.RUNNING if isinstance(check.get("status"), str) else None
    return Result.PASSED if check.get("conclusion") in _HARMLESS else Result.FAILED


def _status(said: Json) -> CheckNews | None:
    state = said.get("state")
    result = _STATUS.get(state) if isinstance(state, str) else None
    at, name = instant(said.get("updated_at")), f"status/{line(said.get('context'), NAME)}"
    return _check(said, head=said.get("sha"), name=name, result=result, at=at)


def _check(
    said: Json, *, head: object, name: str, result: Result | None, at: datetime | None, pulls: object = None
) -> CheckNews | None:
    where, sha = _repository(said), commit(head)
    if not where or not sha or result is None or at is None:
        return None
    return CheckNews(where, sha, name[:NAME], result, at, numbers(pulls, "number"))


def _release(said: Json) -> ReleaseNews | None:
    """A release for everybody: neither a draft nor one to try out."""
    release = part(said, "release")
    tag, where = line(release.get("tag_name"), NAME), _repository(said)
    is_out = said.get("action") in ("published", "released")
    if not is_out or not tag or not where or release.get("draft") or release.get("prerelease"):
        return None
    return ReleaseNews(where, tag, instant(release.get("published_at")), commit(release.get("target_commitish")))


_READERS: dict[str, Callable[[Json], News | None]] = {
    "pull_request": _pull_request,
    "check_run": _check_run,
    "check_suite": _check_suite,
    "status": _status,
    "release": _release,
}
