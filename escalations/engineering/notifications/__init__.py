"""Who is told of what happened to a record: events become mails and posts to chat channels, once each.

`audience` says who, `wording` says what, `writing` makes the rows; `tickets.mail.send` and `chat` deliver them.
"""

from escalations.engineering.notifications.writing import notify

__all__ = ["notify"]
