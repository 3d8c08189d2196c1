"""Which of a record's deadlines have passed, in the words of a badge."""

from datetime import datetime

from escalations.engineering.steps import Step
from escalations.models import Escalation


def overdue(escalation: Escalation, now: datetime) -> list[str]:
    """Such as `Review overdue`; empty while all is in time. No query."""
    waits = escalation.at_step is Step.NEEDS_INFORMATION
    deadlines = {
        "Review overdue": escalation.review_due_at,
        "Plan overdue": escalation.plan_due_at,
        "News overdue": escalation.news_due_at,
        "Answer overdue": escalation.question_due_at if waits else None,
    }
    return [words for words, due in deadlines.items() if due is not None and due <= now]
