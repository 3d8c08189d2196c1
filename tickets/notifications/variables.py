"""What an admin may write into the mails to customers: plain text with names in double braces, filled by itself.

Nothing an admin or a customer typed is ever a template (S107): a name is looked up in a closed list, its value is put
in as it is, once, and what the value holds is not looked at again.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.conf import settings

from accounts.models import User
from supportdesk.lib.kept import Kept
from tickets.models import MailWording, Priority, TicketEvent
from tickets.notifications.audience import Kind, Recipient
from tickets.states import as_seen_by_customer

WORDED = (
    Kind.CREATED,
    Kind.ASKED,
    Kind.ANSWERED,
    Kind.ESCALATED,
    Kind.REPLIED,
    Kind.SOLVED,
    Kind.CLOSED,
    Kind.REMINDED,
    Kind.GAVE_UP_WAITING,
)
"""The kinds of mails whose texts are an admin's to change."""

NAMES = {
    "ticket_number": "4821",
    "subject": "Users are logged out",
    "requester_name": "Rita",
    "agent_name": "Bo",
    "organization": "Northwind",
    "priority": "Normal",
    "status": "Open",
    "vendor": "the vendor's name",
    "product": "the product's name",
    "portal_link": "the address of the request; for people without an account that of support",
    "what_happened": "the product's own first sentence",
    "what_next": "the product's own sentence on what comes next, with its times; often empty",
}
"""Each name with an example of its value, or what it stands for."""

_NAME = re.compile(r"\{\{ *([a-z_]+) *\}\}")


@dataclass(frozen=True)
class Texts:
    """What an admin made of one kind of mail; an empty text is the product's own."""

    lead: str = ""
    closing: str = ""


@Kept
def own_texts() -> Mapping[str, Texts]:
    """The texts that an admin wrote, by kind of mail."""
    return {row.kind: Texts(row.lead, row.closing) for row in MailWording.objects.all()}


def fill(text: str, values: Mapping[str, str]) -> str:
    """`text` with each name's value; a name without one stays as it is."""
    return _NAME.sub(lambda found: values.get(found[1], found[0]), text)


def fault_of(text: str, names: Collection[str] = tuple(NAMES)) -> str:
    """What is wrong with a text with variables, as a sentence that says how to mend it; empty where nothing is."""
    allowed = f"Allowed are {', '.join(f'{{{{{name}}}}}' for name in names)}."
    unknown = [name for name in _NAME.findall(text) if name not in names]
    if unknown:
        return f"{{{{{unknown[0]}}}}} is no variable. {allowed}"
    if "{" in _NAME.sub("", text) or "}" in _NAME.sub("", text):
        return f"Braces stand only around a variable, two on each side. {allowed}"
    return ""


def values_of(event: TicketEvent, recipient: Recipient, *, happened: str, next_line: str) -> dict[str, str]:
    """The names' values in a mail about `event` to `recipient`; each is one person's or the ticket's own words."""
    ticket = event.ticket
    agent = event.actor if event.actor and event.actor.is_desk else ticket.assignee
    return {
        "ticket_number": str(ticket.number),
        "subject": ticket.subject,
        "requester_name": ticket.requester.display_name,
        "agent_name": _name(agent),
        "organization": str(ticket.organization or ""),
        "priority": Priority(ticket.priority).label if ticket.priority else "not set yet",
        "status": as_seen_by_customer(ticket.state).label,
        "portal_link": ticket.public_address if recipient.user else settings.SUPPORT_EMAIL,
        "what_happened": happened,
        "what_next": next_line,
        **_ours(),
    }


def sample_values(*, happened: str, next_line: str) -> dict[str, str]:
    """Values for a look at a text where there is no request yet that it could be about."""
    address = f"{settings.SITE_URL}/requests/4821/"
    return {**NAMES, "portal_link": address, "what_happened": happened, "what_next": next_line, **_ours()}


def _ours() -> dict[str, str]:
    return {"vendor": settings.VENDOR_NAME, "product": settings.PRODUCT_NAME}


def _name(user: User | None) -> str:
    return user.display_name if user else f"{settings.VENDOR_NAME} Support"
