"""What is known of the problem, and what engineering made of it: all that people wrote, as Markdown."""

from typing import Any

from django.http import HttpRequest
from django.utils.safestring import SafeString

from escalations.engineering.steps import Step
from escalations.models import Escalation
from supportdesk.lib.html import render_markdown

_TEXTS = {
    "answer": "Answer to the customers",
    "reason": "Reason",
    "plan": "Action plan",
    "evidence": "Evidence of the internal test",
    "impact": "Impact",
    "reproduction": "Reproduction steps",
    "logs": "Logs",
}


def context(escalation: Escalation, request: HttpRequest) -> dict[str, Any]:
    """No query."""
    texts = [(name, label, _shown(escalation, name)) for name, label in _TEXTS.items() if getattr(escalation, name)]
    return {
        "texts": texts,
        "question": render_markdown(escalation.question),
        "is_asked": escalation.at_step is Step.NEEDS_INFORMATION,
    }


def _shown(escalation: Escalation, name: str) -> SafeString:
    """Logs are mostly pasted as they are: a fence around them keeps their lines, unless they bring their own."""
    text: str = getattr(escalation, name)
    return render_markdown(f"~~~~~\n{text}\n~~~~~" if name == "logs" and "```" not in text else text)
