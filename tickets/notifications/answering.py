"""Who may answer a mail by mail: its wording and its headers go by the same."""

from accounts.access import may_use_portal
from accounts.models import User
from tickets.models import Ticket
from tickets.notifications.audience import Kind

# An answer of the staff goes to the customer, and who answers a note means it for the colleagues.
_NOT_ANSWERED = {Kind.STAFF_NOTED, Kind.STAFF_PROMISES, Kind.STAFF_MAIL_ALERT}


def may_answer_by_mail(kind: Kind, reader: User | None, ticket: Ticket | None) -> bool:
    """Whether an answer to this mail becomes a message of the ticket.

    The customer's side, under every plan that may use the portal; of the staff who has chosen so, and never to notes.
    """
    if ticket is None or kind in _NOT_ANSWERED:
        return False
    if kind.is_for_staff:
        return reader is not None and reader.answers_by_mail
    return may_use_portal(reader or ticket.requester, ticket.organization)
