"""Who is told of what happened to a ticket, and in which words: events become mails, once each.

`audience` says who, `wording` says what, `writing` makes the rows that `tickets.mail.send` delivers.
"""

from tickets.notifications.writing import notify

__all__ = ["notify"]
