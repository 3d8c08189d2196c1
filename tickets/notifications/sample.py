"""A mail as it would be with an admin's texts: about a real request where there is one, to look at before saving."""

from django.conf import settings

from tickets.models import TicketEvent
from tickets.notifications.audience import Kind, Part, Recipient, customer_kind
from tickets.notifications.variables import Texts, fill, sample_values
from tickets.notifications.wording import Letter, Link, letter_to

_LOOKED_AT = 200

OWN = {
    Kind.CREATED: ("We have your request and will answer it.", "First reply by Mon 23 Nov 2026, 14:00 CET (4 hours)."),
    Kind.ASKED: ("Bo asks for more information on your request.", "We go on as soon as we have the answer."),
    Kind.ANSWERED: ("Bo replied to your request.", ""),
    Kind.ESCALATED: ("Bo handed your request to our engineers.", ""),
    Kind.REPLIED: ("Rita replied to the request.", ""),
    Kind.SOLVED: (
        "Bo replied and marked your request as solved.",
        "If that is not so, reply or reopen it before Wed 25 Nov 2026, 11:00 CET. Then it is closed.",
    ),
    Kind.CLOSED: ("Your request is closed now.", "If it comes back, a reply in the portal opens a follow-up request."),
    Kind.REMINDED: (
        "We still wait for an answer on your request.",
        "Without an answer it counts as solved from Wed 2 Dec 2026, 11:00 CET on.",
    ),
    Kind.GAVE_UP_WAITING: ("We marked your request as solved, because no answer came.", ""),
}
"""What the product says by itself, by way of example: the first sentence and the closing one."""


def letter_with(kind: Kind, texts: Texts) -> Letter:
    """The mail to a requester with `texts`: about what last happened of its kind, or about an invented request."""
    rows = TicketEvent.objects.select_related(
        "actor", "message__author", "ticket__requester__region", "ticket__assignee", "ticket__organization__plan"
    )
    for event in rows.order_by("-pk")[:_LOOKED_AT]:
        if customer_kind(event) is kind:
            requester = event.ticket.requester
            return letter_to(Recipient(kind, Part.REQUESTER, requester.email, requester), event, texts=texts)
    return _invented(kind, texts)


def _invented(kind: Kind, texts: Texts) -> Letter:
    lead, closing = OWN[kind]
    values = sample_values(happened=lead, next_line=closing)
    return Letter(
        heading=f"#{values['ticket_number']} {values['subject']}",
        lead=fill(texts.lead, values) or lead,
        facts=[("Request", f"#{values['ticket_number']}"), ("Status", "Open"), ("Priority", "Normal")],
        next_line=fill(texts.closing, values) or closing,
        links=[Link("Open the request", f"{settings.SITE_URL}/requests/{values['ticket_number']}/")],
        answer="Reply to this mail to add to the request.",
        why="You get this mail because it is your request.",
    )
