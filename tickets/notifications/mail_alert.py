"""Telling the leads that somebody writes in the staff's name: such mail is quarantined, and they look into it."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import Role, User
from supportdesk.lib import queue
from supportdesk.lib.mail import message_id
from supportdesk.lib.tags import exact
from tickets.models import IncomingMail, OutgoingMail
from tickets.notifications.audience import Kind
from tickets.notifications.wording import Letter, Link, zone_of

QUIET = timedelta(hours=1)
"""So long a lead hears of no other: a flood of forged mails is one piece of news."""


def alert_forged(mail: IncomingMail, *, at: datetime) -> int:
    """Tell each lead of `mail`, which claims to come from the staff and was quarantined; the number of mails.

    The mail says nothing that its forger wrote but the claimed address.
    """
    leads = User.objects.active().filter(role=Role.LEAD).order_by("pk").values_list("pk", flat=True)
    told = sum(_tell(pk, mail, at=at) for pk in list(leads))
    if told:
        queue.wake("mail")
    return told


@transaction.atomic
def _tell(pk: int, mail: IncomingMail, *, at: datetime) -> bool:
    """The person's row is locked meanwhile, so that two messages at once are one mail."""
    lead = User.objects.select_for_update(of=("self",), no_key=True).select_related("region").get(pk=pk)
    told = OutgoingMail.objects.filter(event=None, to_email=lead.email, kind=Kind.STAFF_MAIL_ALERT)
    lately = told.filter(created_at__gt=at - QUIET)
    if lately.exists():
        return False
    letter = _letter(lead, mail)
    OutgoingMail.objects.create(
        kind=Kind.STAFF_MAIL_ALERT,
        to_email=lead.email,
        to_user=lead,
        subject="A mail in the staff's name was quarantined",
        text=letter.as_text(),
        html=letter.as_html(),
        message_id=message_id("forged", mail.pk, lead.pk),
        next_attempt_at=Now(),
        created_at=at,
    )
    return True


def _letter(lead: User, mail: IncomingMail) -> Letter:
    return Letter(
        heading="A mail in the staff's name was quarantined",
        lead="It claims to come from a member of the staff, and nothing proves it. Nobody was told of it, and it "
        "changed nothing.",
        facts=[
            ("Claims to be from", mail.sender or "nobody"),
            ("Received", exact(mail.received_at.astimezone(zone_of(lead)))),
        ],
        next_line="Further ones within the hour aren't told of: look at the quarantine.",
        links=[Link("Look at the mail", settings.SITE_URL + reverse("mail_detail", args=[mail.pk]))],
        why="You get this mail because you lead support.",
    )
