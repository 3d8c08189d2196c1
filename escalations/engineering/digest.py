"""The queues by mail: each lead, and SET's, gets them once a day at eight in the morning, theirs; nothing if all are
empty.

A row for each person and day says that it was seen to, whether there was anything to mail or not: whatever dies, and
however many work at it, there is one mail at most, and what turns up at noon is tomorrow's.
"""

from datetime import date, datetime, time

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.urls import reverse

from accounts.models import User
from escalations.engineering.access import leads, sees_queues
from escalations.engineering.queues import QUEUES, Item, Queue, count_all, in_words
from escalations.models import QueueDigest
from supportdesk.lib.mail import message_id
from supportdesk.lib.tags import exact
from tickets.models import OutgoingMail
from tickets.notifications.audience import Kind
from tickets.notifications.readers import locked_reader, mail_each
from tickets.notifications.wording import Item as Line
from tickets.notifications.wording import Letter, Link, Section, one_line, zone_of

_FROM, _UNTIL = time(8), time(12)
_LISTED = 10


def mail_all(*, now: datetime) -> int:
    """Write the mail of every lead whose morning it is; the number of mails."""
    return mail_each(_whose_morning_it_is(now), _mail_to, what="engineering digest", now=now)


def _whose_morning_it_is(now: datetime) -> list[int]:
    people = [lead for lead in leads().select_related("region").order_by("pk") if _is_morning(lead, now)]
    days = {lead.pk: _day(lead, now) for lead in people}
    rows = QueueDigest.objects.filter(user__in=days, day__in=set(days.values()))
    done = set(rows.values_list("user", "day"))
    return [pk for pk, day in days.items() if (pk, day) not in done]


def _is_morning(reader: User, now: datetime) -> bool:
    return _FROM <= now.astimezone(zone_of(reader)).time() < _UNTIL


def _day(reader: User, now: datetime) -> date:
    return now.astimezone(zone_of(reader)).date()


@transaction.atomic
def _mail_to(pk: int, *, now: datetime) -> bool:
    """See to one person's morning; False when there is nothing to mail, or another worker did."""
    reader = locked_reader(pk)
    if reader is None or not reader.is_active or not sees_queues(reader):
        return False
    _, is_new = QueueDigest.objects.get_or_create(user=reader, day=_day(reader, now))
    counts = count_all(now=now) if is_new else {}
    waiting = [queue for queue in QUEUES if counts.get(queue.slug)]
    if waiting:
        _write(reader, waiting, counts, now=now)
    return bool(waiting)


def _write(reader: User, waiting: list[Queue], counts: dict[str, int], *, now: datetime) -> None:
    letter = letter_to(reader, waiting, counts, now=now)
    OutgoingMail.objects.create(
        kind=Kind.STAFF_ENGINEERING_DIGEST,
        to_email=reader.email,
        to_user=reader,
        subject=subject_of(waiting, counts),
        text=letter.as_text(),
        html=letter.as_html(),
        message_id=message_id("engineering-digest", reader.pk, _day(reader, now)),
        next_attempt_at=Now(),
        created_at=now,
    )


def subject_of(waiting: list[Queue], counts: dict[str, int]) -> str:
    """`Engineering: updates owed 2; review overdue 1`."""
    parts = [f"{queue.title.lower()} {in_words(counts[queue.slug])}" for queue in waiting]
    return one_line(f"Engineering: {'; '.join(parts)}")


def letter_to(reader: User, waiting: list[Queue], counts: dict[str, int], *, now: datetime) -> Letter:
    """The mail for `reader`, in their time zone: of each queue what waits longest, with the way to it."""
    return Letter(
        heading="Engineering: owed and overdue",
        lead="This waits this morning, the oldest of each first.",
        sections=[_section(reader, queue, counts[queue.slug], now) for queue in waiting],
        links=[Link("Open the queues", settings.SITE_URL + reverse("escalation_queues"))],
        why="You get this mail in the morning, when something waits, because you lead support or engineering.",
    )


def _section(reader: User, queue: Queue, count: int, now: datetime) -> Section:
    rows = queue.listed(now).order_by("sort_at", "pk")[:_LISTED]
    items = [_line(reader, queue.item(row)) for row in rows]
    title = f"{queue.title}: {in_words(count)}"
    return Section(title, items, max(count - len(items), 0), queue.promise)


def _line(reader: User, item: Item) -> Line:
    record, at = item.escalation, exact(item.since.astimezone(zone_of(reader)))
    about = f"{record.reference} {record.title}"
    if item.ticket is not None:
        about = f"{about}, #{item.ticket.number}"
    due = f"Due {at}" if item.is_due else f"Since {at}"
    return Line(Link(one_line(about), record.public_address), f"{item.says} {due}. Next: {item.next_step}.")
