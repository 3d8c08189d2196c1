"""What customers are told at each step: the texts proposed, and the names that may stand in them.

A text is plain Markdown with names in double braces, looked up in a closed list and put in once (S107). The words are
the customer's: no step, team or reference of ours.
"""

from collections.abc import Mapping

from django.conf import settings

from escalations.engineering.steps import Step
from escalations.engineering.versions import what_to_do
from escalations.models import CustomerUpdate, Escalation, EscalationLink
from tickets.notifications.variables import fault_of as fault_among
from tickets.notifications.variables import fill

NAMES = {
    "requester_name": "Rita",
    "organization": "Northwind",
    "ticket_number": "4821",
    "subject": "Users are logged out",
    "product": "the product's name",
    "vendor": "the vendor's name",
    "version": "the version with the fix",
    "your_version": "the version that they run",
    "upgrade": "what to do, by the version that they run",
    "question": "the question of the record",
    "answer": "the answer of the record",
}
"""Each name with an example of its value, or what it stands for."""

_HELLO = "Hello {{requester_name}},\n\n"
_TEXTS = {
    Step.REQUESTED: "our engineers now look into this. We tell you here what they find.",
    Step.UNDER_REVIEW: "our engineers now look into this. We tell you here what they find.",
    Step.NEEDS_INFORMATION: "our engineers need your help to go on:\n\n{{question}}",
    Step.CONFIRMED: "our engineers have confirmed this as a fault of {{product}}. Next they decide how to mend it;"
    " we tell you here.",
    Step.PLANNED: "our engineers know how to mend this and are at it. We tell you here once the fix is tested.",
    Step.TESTED: "the fix is made and has passed our own tests. It comes with {{product}} {{version}};"
    " we tell you here when you can download it.",
    Step.RELEASED: "the fix is in {{product}} {{version}}, which you can download now. {{upgrade}}",
    Step.RETURNED: "our engineers have looked into this.\n\n{{answer}}",
    Step.WITHDRAWN: "our engineers don't pursue this any further. We go on with it in support and come back to you.",
}
_FAILED = (
    "the fix that we told you of did not hold. We are sorry for that: our engineers are at it again, and we tell you"
    " here what comes of it."
)
_JOINING = {
    Step.CONFIRMED: "we know of this: our engineers have confirmed it as a fault of {{product}}. We tell you here"
    " what comes next.",
    Step.PLANNED: "we know of this: our engineers are mending it. We tell you here once the fix is tested.",
    Step.TESTED: "we know of this: the fix is made and comes with {{product}} {{version}}. We tell you here when you"
    " can download it.",
}


def proposed(step: Step, *, failed: bool = False) -> str:
    """The text that a step's update begins with."""
    return _HELLO + (_FAILED if failed else _TEXTS[step])


def proposed_for_joining(step: Step) -> str:
    """The text for a ticket that joins a record which has come so far already."""
    return _HELLO + _JOINING.get(step, _TEXTS[Step.REQUESTED])


def fault_of(text: str) -> str:
    """What is wrong with a text, as a sentence that says how to mend it; empty where nothing is."""
    return fault_among(text, NAMES)


def values_of(escalation: Escalation, link: EscalationLink) -> Mapping[str, str]:
    """What the names stand for in the words to one ticket's customer; nothing of another's."""
    ticket = link.ticket
    version = escalation.fixed_version or escalation.comes_with
    return {
        "requester_name": ticket.requester.display_name,
        "organization": ticket.organization.name if ticket.organization else "",
        "ticket_number": str(ticket.number),
        "subject": ticket.subject,
        "product": settings.PRODUCT_NAME,
        "vendor": settings.VENDOR_NAME,
        "version": version,
        "your_version": ticket.product_version or "your version",
        "upgrade": what_to_do(ticket.product_version, escalation.fixed_version),
        "question": escalation.question,
        "answer": escalation.answer,
    }


def written_to(update: CustomerUpdate, link: EscalationLink, *, own_text: str = "") -> str:
    """The message that the customer of `link` gets."""
    return fill(own_text or update.text, values_of(update.escalation, link)).strip()


def filled(text: str, escalation: Escalation, link: EscalationLink) -> str:
    return fill(text, values_of(escalation, link)).strip()
