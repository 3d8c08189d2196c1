"""What a mail or a post about a record says: what changed, where it stands, what comes next.

Not a word that a customer wrote: a mail of stakeholders goes far, and a chat channel further.
"""

from collections.abc import Callable

from django.conf import settings
from django.urls import reverse

from escalations.engineering import history
from escalations.engineering.notifications.audience import Reader, Why
from escalations.engineering.steps import RULES, Step
from escalations.models import Comment, Escalation, EscalationEvent, Involved
from tickets.notifications.wording import Letter, Link, Section, one_line

Kind = EscalationEvent.Kind
_EXCERPT = 600


def subject_of(escalation: Escalation) -> str:
    """The same for all mails of a record, so that they stand together."""
    return one_line(f"[{escalation.reference}] {escalation.title}")


def letter_to(reader: Reader, event: EscalationEvent, said: list[Section]) -> Letter:
    """The mail about `event`, its record loaded, for one reader; `said` is what was said in it. No query."""
    escalation = event.escalation
    return Letter(
        heading=f"{escalation.reference} {escalation.title}",
        lead=_lead(reader, event),
        facts=_facts(escalation),
        sections=said,
        next_line=coming(escalation),
        links=[
            Link(f"Open {escalation.reference}", escalation.public_address),
            Link("Choose what you are mailed", settings.SITE_URL + reverse("mail_choices")),
        ],
        why=f"You get this mail because {reader.why}. Write on the escalation: answers by mail are not read.",
    )


def post_about(event: EscalationEvent) -> str:
    """The same for a chat channel, in two lines."""
    escalation = event.escalation
    said = f"{history.line(event).text}. {escalation.at_step.label}. {coming(escalation)}".strip()
    return f"{escalation.reference} {one_line(escalation.title)}\n{said}\n{escalation.public_address}"


def _lead(reader: Reader, event: EscalationEvent) -> str:
    who = event.actor.display_name if event.actor else ""
    if reader.why is Why.NAMED:
        return f"{who} named you in the discussion."
    if event.kind != Kind.INVITED:
        return f"{history.line(event).text}."
    if event.data.get("team") in Involved.values:
        team = Involved(event.data["team"]).label
        return f"{who} brought {team} in." if who else f"A rule brought {team} in: {_because(event)}."
    return f"{who} brought you in."


def _because(event: EscalationEvent) -> str:
    """What the rule asks for, without the team that it names first."""
    return str(event.data.get("rule", "")).partition(": ")[2] or "it fits this escalation"


def _facts(escalation: Escalation) -> list[tuple[str, str]]:
    owner = escalation.owner.display_name if escalation.owner else "Nobody yet"
    return [("Step", escalation.at_step.label), ("Severity", escalation.get_severity_display()), ("Owner", owner)]


def said_in(event: EscalationEvent) -> list[Section]:
    """The beginning of a comment, which a colleague wrote; of other events nothing."""
    if event.kind != Kind.COMMENTED:
        return []
    comment = Comment.objects.filter(pk=event.data["comment"]).select_related("author").first()
    if comment is None:
        return []
    text = " ".join(comment.body.split())
    text = text if len(text) <= _EXCERPT else f"{text[:_EXCERPT].rstrip()} …"
    return [Section(f"{comment.author.display_name} wrote", [], before=text)]


_COMING: dict[Step, Callable[[Escalation], str]] = {
    Step.REQUESTED: lambda record: "SET reviews it.",
    Step.UNDER_REVIEW: lambda record: "SET confirms it as a fault of the product, or returns it with an answer.",
    Step.NEEDS_INFORMATION: lambda record: (
        f"{'the customers answer' if record.asks_customer else 'support answers'} SET's question."
    ),
    Step.CONFIRMED: lambda record: "SET plans how to mend it.",
    Step.PLANNED: lambda record: "the fix is made and tested.",
    Step.TESTED: lambda record: f"the fix is released{_with(record.comes_with)}.",
}


def coming(escalation: Escalation) -> str:
    """What comes next, in a sentence; empty where nothing does."""
    if escalation.merged_into_id is not None:
        return ""
    if escalation.owes_update:
        return f"Next: the customers are told {RULES[escalation.at_step].owes}."
    says = _COMING.get(escalation.at_step)
    return f"Next: {says(escalation)}" if says else ""


def _with(version: str) -> str:
    return f" with {version}" if version else ""
