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
from supportdesk.lib.errors import Conflict, Invalid
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

    Once per `key`. Raises NotAllowed, Invalid (the field), Conflict (the ticket's status, an escalation of it is
    active, or the form was sent with other words).
    """
    require(access.may_request(by), "escalate tickets")
    Ticket.objects.select_for_update(of=("self",)).get(pk=ticket.pk)  # the same form twice at once: one waits here
    if former := _requested_before(by, key, ticket, problem, text):
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


def _requested_before(by: User, key: str, ticket: Ticket, problem: Problem, text: str) -> Escalation | None:
    """What this form began before (S089); what was edited since is no longer what the form said."""
    former = Escalation.objects.filter(requested_by=by, submission_key=key).first() if key else None
    if former is None:
        return None
    edited = set(former.events.filter(kind=Kind.EDITED).values_list("data__field", flat=True))
    facts = {name: value for name, value in checked(problem).items() if name not in edited}
    is_same = former.events.filter(kind=Kind.REQUESTED, data__ticket=ticket.number).exists()
    is_same = is_same and former.updates.order_by("pk").values_list("text", flat=True).first() == text
    if not is_same or any(getattr(former, name) != value for name, value in facts.items()):
        sentence = f"This form was already sent with other words and became {former.reference}. Change them there."
        raise Conflict(sentence, code="key_reused")
    return former


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
