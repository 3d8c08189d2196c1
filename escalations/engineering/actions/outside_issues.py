"""The same problem in other trackers: links, no more. Nothing is fetched from there."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.db import transaction

from accounts.models import User
from escalations.engineering import access
from escalations.engineering.actions.moves import locked, require, write
from escalations.engineering.actions.pull_requests import LONGEST_ADDRESS, refuse_merged
from escalations.engineering.code_hosts import issue_at
from escalations.engineering.events import Kind, record
from escalations.models import Escalation, OutsideIssue
from supportdesk.lib import text as words
from supportdesk.lib.errors import Conflict, Invalid

_is_address = URLValidator(schemes=["https"])


@transaction.atomic
def link_outside_issue(escalation: Escalation, url: str, *, label: str = "", by: User, at: datetime) -> OutsideIssue:
    """Link an issue by its https address; its kind and, unless `label` is given, its name are read from that.

    Raises NotAllowed, Invalid (`url`, `label`), Conflict (linked already, the record was merged into another).
    """
    escalation = locked(escalation, by=by)
    require(access.may_word(by), "link issues")
    refuse_merged(escalation)
    url = words.one_line(url, field="url", most=LONGEST_ADDRESS)
    label = words.one_line(label, field="label", most=100)
    issue = issue_at(url)
    if issue is None or not _is_one(url):
        raise Invalid("Paste the address of the issue, beginning with https://.", code="no_address", field="url")
    if escalation.outside_issues.filter(url=url).exists():
        raise Conflict("This issue is linked already.", code="linked_already", field="url")
    made = OutsideIssue.objects.create(
        escalation=escalation, kind=issue.kind, url=url, label=label or issue.label, linked_by=by, linked_at=at
    )
    write(escalation, at=at)
    record(escalation, Kind.OUTSIDE_LINK, by=by, at=at, what="linked", name=made.label, url=url)
    return made


@transaction.atomic
def unlink_outside_issue(issue: OutsideIssue, *, by: User, at: datetime) -> None:
    """Raises NotAllowed, Conflict (unlinked already)."""
    escalation = locked(issue.escalation, by=by)
    require(access.may_word(by), "unlink issues")
    gone, _ = OutsideIssue.objects.filter(pk=issue.pk).delete()
    if not gone:
        raise Conflict(f"{issue.label} was unlinked already.", code="unlinked")
    write(escalation, at=at)
    record(escalation, Kind.OUTSIDE_LINK, by=by, at=at, what="unlinked", name=issue.label, url=issue.url)


def _is_one(url: str) -> bool:
    try:
        _is_address(url)
    except ValidationError:
        return False
    return True
