"""Pages by text message, answered by a short code."""

from django.conf import settings

from escalations.paging.channels import twilio_api
from escalations.paging.channels.base import A_MINUTE, PageText


class Sms:
    """A text through Twilio, which tells at our hook what became of it."""

    gathers_for = A_MINUTE
    asks_for_code = True

    def deliver(self, message: PageText) -> str:
        if not twilio_api.is_configured():
            return twilio_api.without_twilio(message)
        return twilio_api.create(
            lambda client: client.messages.create(
                to=message.to,
                from_=settings.TWILIO_FROM,
                body=message.text,
                status_callback=twilio_api.status_callback(message),
            )
        )
