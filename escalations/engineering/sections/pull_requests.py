"""The pull requests of a record, as their hosts last told of them, and what they suggest."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest

from escalations.engineering import access
from escalations.engineering.forms.around import PullRequestForm
from escalations.engineering.pulls import Suggestion, suggestion
from escalations.engineering.steps import Move
from escalations.engineering.views.gate import viewer
from escalations.models import Escalation, PullRequest

_State, _Checks = PullRequest.State, PullRequest.Checks
_STATES = {
    _State.UNKNOWN: ("circle-dashed", "Not heard of yet", ""),
    _State.DRAFT: ("git-pull-request-draft", "Draft", ""),
    _State.OPEN: ("git-pull-request", "Open", ""),
    _State.MERGED: ("git-merge", "Merged", "ok"),
    _State.CLOSED: ("git-pull-request-closed", "Closed, not merged", "warn"),
}
_CHECKS = {
    _Checks.RUNNING: ("loader", "Checks run", ""),
    _Checks.PASSED: ("check", "Checks passed", "ok"),
    _Checks.FAILED: ("x", "Checks failed", "hot"),
}
_PREFILLED = {Move.TEST: "comes_with", Move.RELEASE: "version"}


@dataclass(frozen=True)
class Badge:
    """A word with an icon and a look."""

    icon: str
    word: str
    look: str


def context(escalation: Escalation, request: HttpRequest, *, form: PullRequestForm | None = None) -> dict[str, Any]:
    """One query."""
    pulls = list(escalation.pull_requests.filter(unlinked_at=None).select_related("host"))
    user = viewer(request)
    may_link = access.may_word(user) and escalation.merged_into_id is None
    suggested = suggestion(escalation, pulls)
    return {
        "pulls": [(pull, *_badges(pull)) for pull in pulls],
        "suggestion": suggested,
        "suggestion_href": _address(escalation, suggested) if suggested and access.may_move(user) else "",
        "may_link": may_link,
        "form": form or (PullRequestForm(auto_id="pull_%s") if may_link else None),
    }


def _badges(pull: PullRequest) -> tuple[Badge, Badge | None]:
    checks = _CHECKS.get(_Checks(pull.checks))
    return Badge(*_STATES[_State(pull.state)]), Badge(*checks) if checks else None


def _address(escalation: Escalation, suggested: Suggestion) -> str:
    """The form of the move that is suggested, with the version filled in where one is known."""
    given = {_PREFILLED[suggested.move]: suggested.version} if suggested.version else {}
    address = f"{escalation.get_absolute_url()}move/{suggested.move.value}/"
    return f"{address}?{urlencode(given)}" if given else address
