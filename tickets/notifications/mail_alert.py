"""Telling the leads that somebody pretends to be one of the staff (S005)."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import Role, User
from supportdesk.lib import queue
from supportdesk.lib.mail import message_id
from tickets.models import IncomingMail, OutgoingMail
from tickets.notifications.audience import Kind
from tickets.notifications.wording import Letter, Link

_AGAIN = timedelta(hours=1)


def alert_forged(mail: IncomingMail, *, at: datetime) -> int:
    """Mail every lead who had no such alert within the last hour, in the caller's transaction; their number."""
    told = OutgoingMail.objects.filter(kind=Kind.STAFF_MAIL_ALERT, created_at__gt=at - _AGAIN)
    leads = User.objects.active().filter(role=Role.LEAD).exclude(pk__in=told.values("to_user"))
    letter = _letter(mail)
    mails = [
        OutgoingMail(
            kind=Kind.STAFF_MAIL_ALERT,
            to_email=lead.email,
            to_user=lead,
            subject="A mail that pretends to come from the staff was quarantined",
            text=letter.as_text(),
            html=letter.as_html(),
            message_id=message_id("forged", mail.pk, lead.pk),
            next_attempt_at=Now(),
            created_at=at,
        )
        for lead in leads
    ]
    OutgoingMail.objects.bulk_create(mails)
    if mails:
        queue.wake("mail")
    return len(mails)


def _letter(mail: IncomingMail) -> Letter:
    return Letter(
        heading="A mail that pretends to come from the staff",
        lead="It could not be verified and is quarantined: nobody was answered, and nothing of it reached a customer.",
        facts=[
            ("Says it is from", mail.sender),
            ("Why it isn't believed", mail.explanation),
            ("Subject", mail.subject or "(no subject)"),
        ],
        links=[
            Link("Look at the mail", settings.SITE_URL + reverse("mail_detail", args=[mail.pk])),
            Link("Open Mail", settings.SITE_URL + reverse("mail_list")),
        ],
        why="You get this mail because you lead support. More of them within an hour are listed in Mail only.",
    )
