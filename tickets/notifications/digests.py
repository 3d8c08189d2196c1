"""Once a day: what happened is put down for who chose so, and mailed together at eight in the morning, theirs.

An entry is settled in the transaction that writes its mail, with its reader's row locked, so that whatever dies and
however many work at it there is one mail; nobody reads in it of a ticket that they no longer see (S054).
"""

import secrets
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta

from django.db import transaction
from django.db.models.functions import Now

from accounts.models import User
from supportdesk.lib.mail import message_id
from tickets import access
from tickets.models import DigestEntry, OutgoingMail, Ticket, TicketEvent
from tickets.notifications.audience import Kind, Recipient
from tickets.notifications.digest_wording import letter_to, subject_of
from tickets.notifications.readers import locked_reader, mail_each
from tickets.notifications.wording import zone_of

KINDS = (Kind.DIGEST, Kind.STAFF_DIGEST)
_AT = time(8)
_MOST_PEOPLE = 500  # in one pass: the next comes within a minute


def put_down(event: TicketEvent, recipients: Iterable[Recipient], *, now: datetime) -> None:
    """Note `event` for the next digests of `recipients`, once for each, in the caller's transaction."""
    entries = [
        DigestEntry(
            event=event,
            user=recipient.user,
            kind=recipient.kind,
            due_at=next_morning(recipient.user, event.ticket, now=now),
        )
        for recipient in recipients
        if recipient.user is not None
    ]
    DigestEntry.objects.bulk_create(entries, ignore_conflicts=True)


def next_morning(reader: User, ticket: Ticket | None, *, now: datetime) -> datetime:
    """The next time that it is eight where the reader is, later than `now`."""
    zone = zone_of(reader, ticket)
    local = now.astimezone(zone)
    morning = datetime.combine(local.date(), _AT, tzinfo=zone)
    return morning if morning > local else datetime.combine(local.date() + timedelta(days=1), _AT, tzinfo=zone)


def mail_digests(*, now: datetime) -> int:
    """Write the mail of everybody whose digest is due; the number of mails."""
    due = DigestEntry.objects.filter(settled_at=None, due_at__lte=now).order_by("user")
    readers = due.values_list("user", flat=True).distinct()[:_MOST_PEOPLE]
    return mail_each(readers, _mail_to, what="digest", now=now)


@transaction.atomic
def _mail_to(pk: int, *, now: datetime) -> bool:
    """Settle one person's entries, by a mail if they still may read any; False when there is none."""
    reader = locked_reader(pk)
    if reader is None:
        return False
    rows = DigestEntry.objects.filter(user=reader, settled_at=None, due_at__lte=now)
    entries = list(rows.select_related("event__ticket__organization", "event__actor", "event__message").order_by("pk"))
    news = _readable(reader, entries)
    mail = _mail(reader, news, now=now) if news else None
    DigestEntry.objects.filter(pk__in=[entry.pk for entry in news]).update(mail=mail, settled_at=now)
    rest = {entry.pk for entry in entries} - {entry.pk for entry in news}
    DigestEntry.objects.filter(pk__in=rest).update(settled_at=now)
    return mail is not None


def _readable(reader: User, entries: Sequence[DigestEntry]) -> list[DigestEntry]:
    """The entries that the reader may still read; what was for the staff only while they are of it."""
    works = access.sees_desk(reader)
    mine = [entry for entry in entries if works or not Kind(entry.kind).is_for_staff]
    seen = Ticket.objects.visible_to(reader).filter(pk__in={entry.event.ticket_id for entry in mine})
    numbers = set(seen.values_list("pk", flat=True))
    return [entry for entry in mine if entry.event.ticket_id in numbers]


def _mail(reader: User, entries: Sequence[DigestEntry], *, now: datetime) -> OutgoingMail:
    news: dict[Ticket, list[DigestEntry]] = defaultdict(list)
    for entry in entries:
        news[entry.event.ticket].append(entry)
    letter = letter_to(reader, news)
    return OutgoingMail.objects.create(
        ticket=next(iter(news)) if len(news) == 1 else None,
        kind=Kind.STAFF_DIGEST if access.sees_desk(reader) else Kind.DIGEST,
        to_email=reader.email,
        to_user=reader,
        subject=subject_of(list(news)),
        text=letter.as_text(),
        html=letter.as_html(),
        message_id=message_id("digest", reader.pk, secrets.token_hex(8)),
        next_attempt_at=Now(),
        created_at=now,
    )


# --- At the last moment --------------------------------------------------------------------------------------------


def still_readable(mail: OutgoingMail) -> bool:
    """Whether its reader may still read of every ticket that a digest names."""
    assert mail.to_user is not None  # noqa: S101 - who has no account gets no digest
    named = set(DigestEntry.objects.filter(mail=mail).values_list("event__ticket", flat=True))
    return Ticket.objects.visible_to(mail.to_user).filter(pk__in=named).count() == len(named)


def write_anew(mail: OutgoingMail) -> None:
    """Let what a digest told that isn't sent be told by another, without what its reader may no longer read."""
    DigestEntry.objects.filter(mail=mail).update(mail=None, settled_at=None)
