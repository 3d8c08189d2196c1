"""What news of a pull request change about it, and what a merged or released fix suggests: it never acts by itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from escalations.engineering.code_hosts import CheckNews, News, PullNews, ReleaseNews, Result
from escalations.engineering.steps import Move, Step
from escalations.models import Escalation, PullRequest

State, Checks = PullRequest.State, PullRequest.Checks
_MOST_CHECKS = 100
_NOTEWORTHY = ("state", "checks", "release_tag")


@dataclass(frozen=True)
class Suggestion:
    """The move that comes next by the look of it: `sentence` says why, `since` when that was."""

    move: Move
    sentence: str
    since: datetime | None
    version: str = ""


def changes(pull: PullRequest, news: News, *, at: datetime) -> dict[str, Any]:
    """The columns that `news`, received `at`, change; none where they are older than what is known, or no news."""
    match news:
        case PullNews():
            found = _by_pull(pull, news)
        case CheckNews():
            found = _by_check(pull, news)
        case ReleaseNews():
            found = _by_release(pull, news, news.at or at)
    return {name: value for name, value in found.items() if getattr(pull, name) != value}


def noteworthy(pull: PullRequest, new: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """What a record's history says of it, old and new; checks that begin to run are no news."""
    told = {name: (getattr(pull, name), new[name]) for name in _NOTEWORTHY if name in new}
    if new.get("checks") not in {Checks.PASSED, Checks.FAILED}:
        told.pop("checks", None)
    return told


def _by_pull(pull: PullRequest, news: PullNews) -> dict[str, Any]:
    # Within one second of the host's clock the order is not told; but what was merged stays so.
    if pull.host_updated_at is not None and news.at < pull.host_updated_at:
        return {}
    if pull.state == State.MERGED and news.state.value != State.MERGED:
        return {}
    found: dict[str, Any] = {
        "state": State(news.state.value),
        "title": news.title or pull.title,
        "host_updated_at": news.at,
        "merged_at": news.merged_at if pull.merged_at is None else pull.merged_at,
        "merge_commit": news.merge_commit or pull.merge_commit,
    }
    if news.head and news.head != pull.head:
        found |= {"head": news.head, "checks": Checks.NONE, "checks_updated_at": None, "check_results": {}}
    return found


def _by_check(pull: PullRequest, news: CheckNews) -> dict[str, Any]:
    if pull.head and pull.head != news.head:
        return {}
    known = dict(pull.check_results)
    _, since = known.get(news.name, ("", ""))
    if since and news.at < datetime.fromisoformat(since):
        return {}
    if news.name not in known and len(known) >= _MOST_CHECKS:
        return {}
    known[news.name] = [news.result.value, news.at.isoformat()]
    return {
        "head": news.head,
        "check_results": known,
        "checks": _together({result for result, _ in known.values()}),
        "checks_updated_at": max(news.at, pull.checks_updated_at or news.at),
    }


def _together(results: set[str]) -> PullRequest.Checks:
    """Of all checks of the head: one that failed is not made good by another that passed."""
    worst = next(result for result in (Result.FAILED, Result.RUNNING, Result.PASSED) if result.value in results)
    return Checks(worst.value)


def _by_release(pull: PullRequest, news: ReleaseNews, out_at: datetime) -> dict[str, Any]:
    """Its first release after it was merged: no more is known without asking the host."""
    if pull.state != State.MERGED or pull.release_tag or pull.merged_at is None:
        return {}
    is_in_it = pull.merged_at <= out_at or (news.commit and news.commit == pull.merge_commit)
    return {"release_tag": news.tag} if is_in_it else {}


def suggestion(escalation: Escalation, pulls: Iterable[PullRequest]) -> Suggestion | None:
    """What to do next by its linked pull requests, once all that aren't given up are merged; None while not.

    Nothing is suggested while customers are still to be told of the present step.
    """
    left = [pull for pull in pulls if pull.state != State.CLOSED]
    if not left or escalation.owes_update or not escalation.is_active:
        return None
    if any(pull.state != State.MERGED for pull in left):
        return None
    merged_at = max((pull.merged_at for pull in left if pull.merged_at), default=None)
    tag = left[-1].release_tag if all(pull.release_tag for pull in left) else ""
    if escalation.at_step is Step.PLANNED:
        sentence = f"The fix is merged, and in {tag}." if tag else "The fix is merged."
        return Suggestion(Move.TEST, f"{sentence} Test it, then say what came of it.", merged_at, as_version(tag))
    if escalation.at_step is Step.TESTED and tag:
        sentence = f"{tag} is out, and by its time it holds the fix. Check that it can be downloaded, then release."
        return Suggestion(Move.RELEASE, sentence, merged_at, as_version(tag))
    return None


def as_version(tag: str) -> str:
    """`v9.11.2` is called 9.11.2 by customers."""
    return tag[1:] if tag[:1] in {"v", "V"} and tag[1:2].isdigit() else tag


def in_words(data: dict[str, Any]) -> str:
    """What an event about a pull request says: `acme/server#41 was merged`."""
    name, what = data.get("name", "A pull request"), data.get("what")
    if what in {"linked", "unlinked"}:
        return f"{what} the pull request {name}"
    new = data.get("new", {})
    parts = [_STATE_WORDS.get(str(new.get("state")), ""), _CHECK_WORDS.get(str(new.get("checks")), "")]
    parts.append(f"came out with {new['release_tag']}" if new.get("release_tag") else "")
    return f"{name} {' and '.join(filter(None, parts)) or 'changed'}"


_STATE_WORDS = {
    "draft": "became a draft",
    "open": "is open",
    "merged": "was merged",
    "closed": "was closed without merging",
}
_CHECK_WORDS = {"passed": "passed its checks", "failed": "failed its checks"}
