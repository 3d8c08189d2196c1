"""The answer to a mail that opened no request, because its sender's plan opens none by mail."""

from django.conf import settings
from django.urls import reverse

from accounts import mail


def answer_redirected(address: str, *, has_portal: bool) -> None:
    """Point `address` to the portal, or, where the plan comes without it, to where answers are found.

    Nothing that was written to us is in it (S010). How often somebody hears it is the caller's business.
    """
    mail.post(
        "tickets/email/mail_redirected",
        to=address,
        has_portal=has_portal,
        portal=settings.SITE_URL + reverse("request_new"),
        help=settings.SITE_URL + reverse("help"),
        documentation=settings.DOCUMENTATION_URL,
        forum=settings.FORUM_URL,
    )
