"""Which known issues a customer is shown: published ones alone, whatever else a record holds; and whether they hold."""

from dataclasses import dataclass
from typing import Any

from accounts.models import User
from escalations.engineering.matching import matching_issues, words_of
from escalations.engineering.steps import Step
from escalations.models import KnownIssue
from tickets.models import Ticket

_FEWEST_WORDS, _MOST_OFFERED = 2, 3
_MOST_REQUESTS = 10


@dataclass(frozen=True)
class Listed:
    """`is_match`: they share words with an unfinished request of the person."""

    issues: list[KnownIssue]
    is_match: bool


def offered(subject: str) -> list[KnownIssue]:
    """At most three that a request with this subject may be about; none before it has two words."""
    subject = subject.replace("\x00", "")[:200]
    if len(words_of(subject)) < _FEWEST_WORDS:
        return []
    return list(matching_issues(KnownIssue.objects.published(), subject)[:_MOST_OFFERED])


def listed_for(person: User) -> Listed | None:
    """The unfixed ones that may be behind the person's unfinished requests, else the newest; None where none is."""
    newest = KnownIssue.objects.published().unfixed().first()
    if newest is None:
        return None
    # Those that are with engineering show on their own pages what is known.
    requests = Ticket.objects.visible_to(person).filter(requester=person, escalated_at=None).unfinished()
    subjects = " ".join(requests.order_by("-pk").values_list("subject", flat=True)[:_MOST_REQUESTS])
    found = list(matching_issues(KnownIssue.objects.published().unfixed(), subjects)[:_MOST_OFFERED])
    return Listed(found or [newest], bool(found))


def why_untrue(issue: Any) -> str:
    """What is wrong with it, for the staff; `issue` comes from `with_truth` and is untrue."""
    if issue.state == KnownIssue.State.FIXED:
        return f"Customers read “{issue.get_state_display()} in {issue.fixed_version}”, and no fix is released."
    reads = f"Customers read “{issue.get_state_display()}”"
    if issue.record_step == Step.RELEASED:
        return f"{reads}, and the fix is released."
    return f"{reads}, and engineering is through with it: {Step(issue.record_step).label}."


def what_mends(issue: Any) -> str:
    """What makes it true, or takes it away; once nobody works on it, there is nothing true to change it to."""
    if issue.record_step == Step.WITHDRAWN:
        return "Withdraw the known issue"
    if issue.record_step == Step.RETURNED:
        return "Withdraw the known issue, or name a workaround"
    return "Change the known issue, or withdraw it"
