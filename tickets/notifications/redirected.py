"""The answer to mail under a plan that opens no requests by mail: where to go instead."""

from django.conf import settings
from django.urls import reverse

from accounts import mail


def answer_redirected(address: str, *, has_portal: bool) -> None:
    """Point whoever wrote to the portal, or to where people find answers by themselves.

    Nothing of what they wrote is in it (S014), and a mailbox gets ten an hour at most.
    """
    places = [
        ("Documentation", settings.DOCUMENTATION_URL),
        ("Forum", settings.FORUM_URL),
        ("Community", settings.COMMUNITY_URL),
    ]
    mail.post(
        "tickets/email/mail_redirected",
        to=address,
        has_portal=has_portal,
        portal=settings.SITE_URL + reverse("request_new"),
        help=settings.SITE_URL + reverse("help"),
        places=[(name, place) for name, place in places if place],
    )
