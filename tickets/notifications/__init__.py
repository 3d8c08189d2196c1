"""Who is told of what happened to a ticket, and in which words: events become mails, once each.

`audience` says who, `wording` says what, `writing` makes the rows that `tickets.mail.send` delivers. Warnings and
breaches of promises go another way (`promises`), since many of them go into one mail.
"""

from tickets.notifications.promises import mail_notices
from tickets.notifications.writing import notify

__all__ = ["mail_notices", "notify"]
