"""What customers may read of a record, and their saying that it is theirs, too."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Organization, User
from escalations.engineering import access
from escalations.engineering.actions.links import join
from escalations.engineering.actions.moves import locked, require, require_active, write
from escalations.engineering.actions.request import TEXT_BYTES, needed
from escalations.engineering.events import Kind, record
from escalations.models import Escalation, EscalationLink, KnownIssue
from supportdesk.lib import text as words
from supportdesk.lib.errors import Conflict, Invalid
from tickets import actions as tickets
from tickets.models import Channel, Priority, Ticket

State = KnownIssue.State


@dataclass(frozen=True)
class Notice:
    """A known issue's own words, none of them the record's."""

    title: str
    text: str
    state: str = State.INVESTIGATING
    workaround: str = ""
    affected_versions: str = ""
    fixed_version: str = ""


@transaction.atomic
def publish_known_issue(
    escalation: Escalation, notice: Notice, *, by: User, at: datetime, seen_version: int | None = None
) -> KnownIssue:
    """Let customers read `notice`, in place of what they could read before.

    Raises NotAllowed, Invalid (the field), Conflict (changed since `seen_version`).
    """
    escalation = locked(escalation, by=by, seen_version=seen_version)
    require(access.may_publish(by), "publish known issues")
    issue = KnownIssue.objects.filter(escalation=escalation).first()
    what = "changed" if issue is not None and issue.published_at else "published"
    issue = issue or KnownIssue(escalation=escalation)
    for name, value in _checked(notice).items():
        setattr(issue, name, value)
    if what == "published":
        issue.published_at, issue.published_by = at, by
    issue.updated_at = at
    issue.save()
    write(escalation, at=at, rewords=True)
    record(escalation, Kind.PUBLISHED, by=by, at=at, what=what, state=issue.state)
    return issue


@transaction.atomic
def withdraw_known_issue(escalation: Escalation, *, by: User, at: datetime) -> None:
    """Customers read of it no more. Raises NotAllowed, Conflict (they don't)."""
    escalation = locked(escalation, by=by)
    require(access.may_publish(by), "withdraw known issues")
    changed = KnownIssue.objects.published().filter(escalation=escalation).update(published_at=None, updated_at=at)
    if not changed:
        raise Conflict("Customers don't see it.", code="not_published")
    write(escalation, at=at)
    record(escalation, Kind.PUBLISHED, by=by, at=at, what="withdrawn")


@transaction.atomic
def report_known_issue(
    issue: KnownIssue,
    *,
    by: User,
    organization: Organization | None,
    priority: Priority,
    at: datetime,
    version: str = "",
) -> Ticket:
    """Open a request of `by` that is in the issue's record; while it is unfinished, pressing again leads to it.

    Each of their organisations may have one.

    Raises NotAllowed (their plan), Invalid, Conflict (engineering is through with it).
    """
    known = KnownIssue.objects.select_related("escalation__merged_into", "escalation__area").get(pk=issue.pk)
    about = known.escalation.merged_into or known.escalation
    escalation = locked(about, by=None)  # who presses twice at once waits here
    if former := reported_by(by, escalation).filter(organization=organization).first():
        return former
    require_active(escalation)
    request = tickets.Request(
        subject=known.title,
        body=f"The known issue “{known.title}” affects us, too.",
        category=known.escalation.area,
        environment=None,
        priority=priority,
        product_version=version,
    )
    ticket = tickets.submit(by, by=by, organization=organization, request=request, channel=Channel.PORTAL, at=at)
    join(escalation, ticket, by=by, at=at)
    return ticket


def reported_by(customer: User, escalation: Escalation) -> QuerySet[Ticket]:
    """The customer's unfinished requests that are in the record already, the newest first."""
    links = EscalationLink.objects.standing().filter(escalation=escalation, ticket__requester=customer)
    return Ticket.objects.visible_to(customer).unfinished().filter(pk__in=links.values("ticket")).order_by("-pk")


def _checked(notice: Notice) -> dict[str, str]:
    """The columns, each checked; Invalid names the field."""
    said = asdict(notice)
    for name, most in (("title", 200), ("affected_versions", 200), ("fixed_version", 40)):
        said[name] = words.one_line(said[name], field=name, most=most)
    for name in ("text", "workaround"):
        said[name] = words.body(said[name], field=name, most_bytes=TEXT_BYTES).strip()
    if said["state"] not in State.values:
        raise Invalid("Choose one of the states.", code="unknown", field="state")
    needed(said["title"], "title", "Give it a title.")
    needed(said["text"], "text", "Write what customers are to know.")
    if said["state"] == State.WORKAROUND:
        needed(said["workaround"], "workaround", "Say what the workaround is.")
    if said["state"] == State.FIXED:
        needed(said["fixed_version"], "fixed_version", "Name the version that has the fix.")
    return said
