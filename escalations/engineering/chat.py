"""Delivering posts to the teams' chat channels. At least once: the row waits until the service took it.

A worker claims a row by putting its next attempt off for `_LEASE`, commits, and then talks to the service, outside of
any transaction. Dying in between it leaves the row to the next.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.models import Role, User
from escalations.engineering.notifications.audience import teams_told
from escalations.models import ChannelPost, TeamChannel
from escalations.paging.channels import DeliveryError
from escalations.paging.channels.chat import Unusable, hand_over
from supportdesk.lib import clock, queue
from supportdesk.lib.mail import message_id
from tickets.models import OutgoingMail
from tickets.notifications.audience import Kind
from tickets.notifications.wording import Letter, one_line

logger = logging.getLogger(__name__)

_LEASE = timedelta(minutes=1)
_RETRY_AFTER = [timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 360, 360, 360, 360)]


def deliver_due() -> int:
    """Send what is due, oldest first; the number sent. Returns when nothing is left."""
    sent = 0
    while post := _claim():
        sent += _deliver(post)
    return sent


@transaction.atomic
def _claim() -> ChannelPost | None:
    due = ChannelPost.objects.filter(next_attempt_at__lte=Now(), channel__disabled_at=None)
    rows = due.select_for_update(of=("self",), skip_locked=True).order_by("next_attempt_at", "pk")
    post = rows.select_related("channel", "event__escalation").first()
    if post is not None:
        mine = ChannelPost.objects.filter(pk=post.pk)
        mine.update(next_attempt_at=Now() + _LEASE, attempts=F("attempts") + 1)
        post.refresh_from_db(fields=["attempts", "next_attempt_at"])
    return post


def _deliver(post: ChannelPost) -> bool:
    if post.channel.team not in teams_told(post.event.escalation):  # taken out meanwhile (S054)
        _finish(post, last_error="Its team is no longer in.")
        return False
    try:
        hand_over(post.channel.address, post.text)
    except DeliveryError as failure:
        _put_off(post, failure)
        return False
    _finish(post, sent_at=Now())
    return True


def _finish(post: ChannelPost, **changes: object) -> None:
    ChannelPost.objects.filter(pk=post.pk).update(next_attempt_at=None, **changes)


def _put_off(post: ChannelPost, failure: DeliveryError) -> None:
    """Try again later; a channel that can't be used, or has taken nothing for a day, is put out of use."""
    why = str(failure)[:200]
    logger.warning("post %s was not taken (attempt %s): %s", post.pk, post.attempts, why)
    if isinstance(failure, Unusable) or post.attempts > len(_RETRY_AFTER):
        disable(post.channel, why=why)
        return
    mine = ChannelPost.objects.filter(pk=post.pk, attempts=post.attempts, next_attempt_at=post.next_attempt_at)
    mine.update(next_attempt_at=Now() + _RETRY_AFTER[post.attempts - 1], last_error=why)


@transaction.atomic
def disable(channel: TeamChannel, *, why: str) -> None:
    """Put the channel out of use until an admin mends it, drop what waits for it, and tell admins and leads once."""
    now = clock.now()
    rows = TeamChannel.objects.filter(pk=channel.pk, disabled_at=None)
    if not rows.update(disabled_at=now, disabled_why=why):
        return
    channel.posts.filter(next_attempt_at__isnull=False).update(next_attempt_at=None, last_error=why)
    people = User.objects.active().filter(role__in=(Role.LEAD, Role.ADMIN)).order_by("pk")
    letter = Letter(
        heading=f"The chat channel {channel.name} is out of use",
        lead=f"{channel.get_team_display()} is no longer told of its escalations in {channel.name}.",
        facts=[("What it says", why)],
        next_line="An admin can mend its address in the administration, and take it into use again.",
        why="You get this mail because you look after the desk.",
    )
    OutgoingMail.objects.bulk_create(
        OutgoingMail(
            kind=Kind.STAFF_ESCALATION,
            to_email=person.email,
            to_user=person,
            subject=one_line(letter.heading),
            text=letter.as_text(),
            html=letter.as_html(),
            message_id=message_id("channel", channel.pk, int(now.timestamp()), person.pk),
            next_attempt_at=Now(),
            created_at=now,
        )
        for person in people
    )
    queue.wake("mail")
