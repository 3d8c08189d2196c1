"""By which Message-IDs a mail client shows a ticket's mails as one conversation (RFC 5322, 3.6.4)."""

import re

from supportdesk.lib.mail import message_id
from tickets.models import IncomingMail, Ticket

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,200}@[!-;=?-~]{1,200}>")  # visible ASCII without < and >


def thread_of(ticket: Ticket) -> list[str]:
    """What a mail about the ticket refers to, the nearest last: the ticket's own id, which all its mails share; and
    the customer's, of the mail that opened it and of their last one. One query."""
    mails = IncomingMail.objects.filter(ticket=ticket, message__ticket=ticket, message__is_public=True)
    ids = mails.order_by("message__created_at", "message_id").values_list("internet_id", "message__from_staff")
    theirs = [found for found, from_staff in ids if not from_staff and _MESSAGE_ID.fullmatch(found)]
    return list(dict.fromkeys([message_id("ticket", ticket.number), *theirs[:1], *theirs[-1:]]))
