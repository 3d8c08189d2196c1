"""Who is told of what happened to a ticket, and in which words: events become mails, once each.

`audience` says who, `wording` says what, `writing` makes the rows that `tickets.mail.send` delivers. Warnings and
breaches of promises go another way (`promises`), since many of them go into one mail. `topics` is what people may
choose of, `digests` is for who chose one mail a day, `unsubscribe` the way out.
"""

from tickets.notifications.digests import mail_digests
from tickets.notifications.mail_alert import alert_forged
from tickets.notifications.promises import mail_notices
from tickets.notifications.redirected import answer_redirected
from tickets.notifications.unsubscribe import is_one_click, unsubscribe_link
from tickets.notifications.writing import notify

__all__ = [
    "alert_forged",
    "answer_redirected",
    "is_one_click",
    "mail_digests",
    "mail_notices",
    "notify",
    "unsubscribe_link",
]
