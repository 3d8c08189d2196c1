"""Escalating a ticket: a new record, with all that engineering needs to begin."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from accounts.models import User
from escalations.engineering import access
from escalations.engineering.actions.invite import add_follower, apply_rules
from escalations.engineering.actions.links import bring_in
from escalations.engineering.actions.moves import require, write
from escalations.engineering.events import Kind, record
from escalations.engineering.steps import Step
from escalations.models import CustomerUpdate, Escalation, Severity
from supportdesk.lib import text as words
from supportdesk.lib.errors import Invalid
from tickets.models import Category, Ticket

TEXT_BYTES = 64 * 1024


@dataclass(frozen=True)
class Problem:
    """What is known of it: the fields that a new record begins with."""

    title: str
    severity: int
    impact: str
    reproduction: str
    area: Category | None = None
    affected_versions: str = ""
    environment: str = ""
    logs: str = ""


@transaction.atomic
def request_escalation(
    ticket: Ticket, problem: Problem, *, by: User, text: str, at: datetime, key: str = ""
) -> Escalation:
    """Open a record for `ticket`, which waits On-hold from now on; its customer is told `text` (with variables).

    Raises NotAllowed, Invalid (the field), Conflict (the ticket's status, or an escalation of it is active).
    """
    require(access.may_request(by), "escalate tickets")
    Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)  # the same form twice at once: one waits here
    if key and (former := Escalation.objects.filter(requested_by=by, submission_key=key).first()):
        return former
    escalation = Escalation.objects.create(
        **checked(problem),
        step=Step.REQUESTED.value,
        step_since=at,
        news_at=at,
        owes_update=False,
        requested_by=by,
        created_at=at,
        updated_at=at,
        submission_key=key,
    )
    CustomerUpdate.objects.create(
        escalation=escalation,
        step=Step.REQUESTED.value,
        text=text,
        state=CustomerUpdate.State.SENT,
        created_at=at,
        sent_at=at,
        sent_by=by,
    )
    bring_in(escalation, ticket, by=by, text=text, at=at, key=key)
    write(escalation, at=at)
    record(escalation, Kind.REQUESTED, by=by, at=at, to_step=Step.REQUESTED.value, ticket=ticket.number)
    add_follower(escalation, by, by=by, at=at)
    apply_rules(escalation, at=at)
    return escalation


def checked(problem: Problem) -> dict[str, object]:
    """The columns, each checked; Invalid names the field."""
    if problem.severity not in Severity.values:
        raise Invalid("Choose how severe it is.", code="severity", field="severity")
    return {
        "title": needed(words.one_line(problem.title, field="title", most=200), "title", "Give it a title."),
        "severity": problem.severity,
        "impact": needed(_text(problem.impact, "impact"), "impact", "Say whom it hits, and how."),
        "reproduction": needed(
            _text(problem.reproduction, "reproduction"), "reproduction", "Say how to make it happen."
        ),
        "area": problem.area,
        "affected_versions": words.one_line(problem.affected_versions, field="affected_versions", most=200),
        "environment": words.one_line(problem.environment, field="environment", most=200),
        "logs": _text(problem.logs, "logs"),
    }


def needed(value: str, field: str, sentence: str) -> str:
    """`value`; Invalid with `sentence` where there is none."""
    if not value.strip():
        raise Invalid(sentence, code="required", field=field)
    return value


def _text(value: str, field: str) -> str:
    return words.body(value, field=field, most_bytes=TEXT_BYTES).strip()
