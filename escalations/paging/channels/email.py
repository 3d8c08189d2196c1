"""Pages by e-mail, through Django's mail backend."""

import smtplib

from django.core.mail import get_connection
from django.template.loader import render_to_string

from escalations.paging.channels.base import A_MINUTE, DeliveryError, PageText
from supportdesk.lib.mail import compose, message_id
from supportdesk.lib.signed_addresses import return_path

SECONDS = 5
_REFUSED_FOR_GOOD = range(500, 600)


class Email:
    """A mail with a link to the page's view; the link alone has no authority, and opening it acknowledges nothing."""

    gathers_for = A_MINUTE
    asks_for_code = False

    def deliver(self, message: PageText) -> str:
        mail = compose(
            to=message.to,
            subject=message.headline,
            text=f"{message.text}\n\n{message.url}\n",
            html=render_to_string("escalations/page_mail.html", {"message": message}),
            message_id=message_id("page", message.key),
            return_path=_return_path(message),
        )
        connection = get_connection(timeout=SECONDS)
        try:
            connection.open()
        except (OSError, smtplib.SMTPException) as failure:
            raise DeliveryError(f"the mail server does not answer: {failure}") from failure
        try:
            connection.send_messages([mail])
        except smtplib.SMTPRecipientsRefused as failure:
            code, why = next(iter(failure.recipients.values()))
            words = why.decode(errors="replace") if isinstance(why, bytes) else str(why)
            raise DeliveryError(f"{code} {words}", permanent=code in _REFUSED_FOR_GOOD) from failure
        except smtplib.SMTPServerDisconnected as failure:
            raise DeliveryError("the mail server hung up while it was being told", unknown=True) from failure
        except smtplib.SMTPException as failure:
            raise DeliveryError(f"the mail server refused: {failure}") from failure
        except OSError as failure:
            raise DeliveryError(f"no answer from the mail server: {failure}", unknown=True) from failure
        finally:
            connection.close()
        return str(mail.extra_headers["Message-ID"])


def _return_path(message: PageText) -> str:
    """Of the delivery that the message begins with; of the contact where it is no page, as a code is none."""
    delivery = message.key.partition(".")[0]
    return (
        return_path("page", int(delivery)) if delivery.isdecimal() else return_path("contact", message.contact_id or 0)
    )
