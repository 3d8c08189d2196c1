"""Which known issues a customer is shown: published ones alone, whatever else a record holds."""

from dataclasses import dataclass

from accounts.models import User
from escalations.engineering.matching import matching_issues, words_of
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
