"""GitLab's webhooks (docs.gitlab.com, "Webhook events"). Pure."""

from collections.abc import Callable

from packaging.version import InvalidVersion, Version

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
    part,
    repository,
)

_STATES = {"opened": State.OPEN, "locked": State.OPEN, "merged": State.MERGED, "closed": State.CLOSED}
_RESULTS = {
    **dict.fromkeys(("created", "waiting_for_resource", "preparing", "pending", "running"), Result.RUNNING),
    **dict.fromkeys(("success", "skipped"), Result.PASSED),
    **dict.fromkeys(("failed", "canceled"), Result.FAILED),
}
_TAGS = "refs/tags/"


def read(event: str, said: Json) -> News | None:
    reader = _READERS.get(event)
    return reader(said) if reader else None


def _repository(said: Json) -> str:
    return repository(part(said, "project").get("path_with_namespace"))


def _merge_request(said: Json) -> PullNews | None:
    about = part(said, "object_attributes")
    at, where, which = instant(about.get("updated_at")), _repository(said), number(about.get("iid"))
    named = about.get("state")
    state = _STATES.get(named) if isinstance(named, str) else None
    if at is None or state is None or not where or not which:
        return None
    if state is State.OPEN and (about.get("draft") is True or about.get("work_in_progress") is True):
        state = State.DRAFT
    merged = state is State.MERGED
    return PullNews(
        where,
        which,
        state,
        line(about.get("title"), TITLE),
        commit(part(about, "last_commit").get("id")),
        at,
        merged_at=(instant(about.get("merged_at")) or at) if merged else None,
        merge_commit=(commit(about.get("merge_commit_sha")) or commit(about.get("squash_commit_sha")))
        if merged
        else "",
    )


def _pipeline(said: Json) -> CheckNews | None:
    """The last pipeline of a kind (for the branch, for the merge request) counts."""
    about = part(said, "object_attributes")
    at = instant(about.get("finished_at")) or instant(about.get("created_at"))
    named = about.get("status")
    result = _RESULTS.get(named) if isinstance(named, str) else None
    where, sha = _repository(said), commit(about.get("sha"))
    if at is None or result is None or not where or not sha:
        return None
    which = number(part(said, "merge_request").get("iid"))
    name = f"pipeline {line(about.get('source'), NAME)}"[:NAME]
    return CheckNews(where, sha, name, result, at, (which,) if which else ())


def _release(said: Json) -> ReleaseNews | None:
    tag, where = line(said.get("tag"), NAME), _repository(said)
    if said.get("action") != "create" or not tag or not where or said.get("upcoming_release") is True:
        return None
    return ReleaseNews(where, tag, instant(said.get("released_at")), commit(part(said, "commit").get("id")))


def _tag_push(said: Json) -> ReleaseNews | None:
    """A tag is a release where it reads like a version that isn't one to try out."""
    ref, sha = line(said.get("ref"), NAME + len(_TAGS)), commit(said.get("checkout_sha"))
    tag, where = ref.removeprefix(_TAGS), _repository(said)
    if not ref.startswith(_TAGS) or not where or not sha or not _is_final(tag):
        return None  # without a commit it was taken away
    return ReleaseNews(where, tag, None, sha)


def _is_final(tag: str) -> bool:
    try:
        return not Version(tag).is_prerelease
    except InvalidVersion:
        return False


_READERS: dict[str, Callable[[Json], News | None]] = {
    "Merge Request Hook": _merge_request,
    "Pipeline Hook": _pipeline,
    "Release Hook": _release,
    "Tag Push Hook": _tag_push,
}
